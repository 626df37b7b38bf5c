//! Labs on the kernel's network: hosts and devices in network namespaces, devices as processes.
//!
//! A lab is a tree of processes of its own. The first ([`isolation`]) makes the namespaces and starts the second
//! ([`lab_process`]), which is process 1 of the lab: the kernel ends whatever is in the lab when it ends, and it ends
//! when the runner does. It lives in the namespace of the links, a switch with a bridge for each subnet, and gives each
//! host and device a network namespace that is plugged into it ([`model::lab::topology`] says how).
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod capture;
mod isolation;
mod lab_process;
mod permission;
mod process;
mod program;
pub mod registry;
mod shell;
mod surroundings;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use parking_lot::Mutex;
use tokio::net::UnixStream;

pub use self::isolation::isolate;
pub use self::lab_process::serve;
use self::process::LabProcess;
use self::program::ProgramPki;
use self::registry::LabFolder;
pub use self::registry::leftovers;
pub use self::shell::{NotRun, run_in};
use model::lab::Lab;
use simulated::channel::Channel;
use simulated::client::Builtin;
use simulated::connector::Connections;
use simulated::control::{Ask, Built, Order, Reply};
use simulated::exit::LabPart;
use simulated::mock_pki::MockPki;
use simulated::sim_device::LabDevice;
use simulated::{ConsoleDriver, image_of, refuse_real_things, without_network};
use testbed::{
    Client, Driver, DriverName, KeySupply, LabOptions, OpenLabs, Remains, Resource, Testbed,
    TestbedError,
};

/// Labs on the kernel's network.
pub struct Netns {
    options: LabOptions,
    state: Arc<State>,
}

/// What is remembered from one lab to the next.
#[derive(Default)]
struct State {
    labs: OpenLabs,
    /// Those that were closed, and are kept.
    kept: Mutex<Vec<LabProcess>>,
    /// Whether what others left was removed.
    swept: OnceLock<()>,
}

impl Netns {
    /// The driver; nothing is started yet.
    pub fn new(options: LabOptions) -> Self {
        Self { options, state: Arc::default() }
    }
}

#[async_trait]
impl Driver for Netns {
    async fn probe(&self) -> Result<(), TestbedError> {
        let (process, _) = self.start(&Lab::default(), None).await?;
        process.end().await;
        Ok(())
    }

    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        refuse_real_things(lab, DriverName::Netns)?;
        if !lab.is_networked() {
            return without_network(lab, self.options.client);
        }
        self.stand(lab, id).await.map(|(_, testbed)| testbed)
    }

    fn remains(&self) -> Remains {
        let kept = self.state.kept.lock().iter().map(LabProcess::kept).collect();
        Remains { complaints: self.state.labs.complaints(), kept, ..Remains::default() }
    }

    async fn settle(&self) -> Remains {
        let kept = std::mem::take(&mut *self.state.kept.lock());
        for lab in &kept {
            lab.tell_to_end();
        }
        for lab in kept {
            lab.end().await;
        }
        Remains { complaints: self.state.labs.settled().await, ..Remains::default() }
    }
}

#[async_trait]
impl ConsoleDriver for Netns {
    async fn console(
        &self,
        lab: &Lab,
        device: &str,
        id: &str,
    ) -> Result<(RemoteConsole, Testbed), TestbedError> {
        refuse_real_things(lab, DriverName::Netns)?;
        let (built, testbed) = self.stand(lab, id).await?;
        match console(&built, device).await {
            Ok(console) => Ok((console, testbed)),
            Err(error) => {
                testbed.close().await;
                Err(error)
            }
        }
    }
}

impl Netns {
    async fn stand(&self, lab: &Lab, id: &str) -> Result<(Built, Testbed), TestbedError> {
        let options = &self.options;
        // Before a lab is made for nothing.
        if let Some((host, image)) = lab.images().next() {
            let what = image_of(host, image);
            return Err(TestbedError::NotSupported { driver: DriverName::Netns, what });
        }
        if let Some(missing) = options.client.missing() {
            let origin = missing.origin.to_owned();
            return Err(TestbedError::NotInstalled { program: missing.program, origin });
        }
        let (mut process, built) = self.start(lab, captures(options, id)?).await?;
        process.stands(id, &built);
        match furnish(lab, options, &built, process.channel()).await {
            Ok(mut testbed) => {
                let state = options.keep.then(|| Arc::clone(&self.state));
                testbed.resources.push(Box::new(Standing { process, kept_by: state }));
                Ok((built, testbed))
            }
            Err(error) => {
                process.end().await;
                Err(error)
            }
        }
    }

    async fn start(
        &self,
        lab: &Lab,
        captures: Option<PathBuf>,
    ) -> Result<(LabProcess, Built), TestbedError> {
        let broken = |reason: String| TestbedError::Network { reason };
        self.state.swept.get_or_init(registry::remove_those_of_the_dead);
        let folder =
            LabFolder::new().map_err(|error| broken(format!("no folder for the lab: {error}")))?;
        let sceplab = program(&self.options)?;
        let order = Order {
            lab: lab.clone(),
            folder: folder.path().to_owned(),
            sceplab: sceplab.clone(),
            captures,
        };
        let process = LabProcess::start(&sceplab, folder, self.state.labs.open())?;
        let limit = process::building_limit(lab);
        let error = match process.channel().ask(Ask::Build(Box::new(order)), limit).await {
            Ok(Reply::Built(Ok(built))) => return Ok((process, built)),
            Ok(Reply::Built(Err(error))) => error,
            Ok(_) => broken("the lab process gave an answer that fits no question".to_owned()),
            Err(lost) => lost.into_testbed_error(),
        };
        process.end().await;
        Err(error)
    }
}

/// The processes of a lab that stands; its driver keeps them when the lab is closed, if it was asked to.
struct Standing {
    process: LabProcess,
    kept_by: Option<Arc<State>>,
}

#[async_trait]
impl Resource for Standing {
    async fn close(self: Box<Self>) {
        match self.kept_by {
            Some(state) => state.kept.lock().push(self.process),
            None => self.process.end().await,
        }
    }
}

async fn console(built: &Built, device: &str) -> Result<RemoteConsole, TestbedError> {
    let broken = |reason: String| TestbedError::Device { name: device.to_owned(), reason };
    let console = built.consoles.get(device).ok_or_else(|| broken("it has no console".into()))?;
    let stream = connect(console).await.map_err(broken)?;
    let console = RemoteConsole::attach(stream).await;
    console.map_err(|error| broken(error.to_string()))
}

async fn connect(console: &Path) -> Result<UnixStream, String> {
    let stream = UnixStream::connect(console).await;
    stream.map_err(|error| format!("its console cannot be reached: {error}"))
}

/// What is in a lab that stands, behind the harness's seams.
async fn furnish(
    lab: &Lab,
    options: &LabOptions,
    built: &Built,
    channel: &Arc<Channel>,
) -> Result<Testbed, TestbedError> {
    let mut testbed = Testbed::default();
    for (name, control) in &built.controls {
        let part = LabPart::new(name, channel.exits());
        let pki = MockPki::in_lab(lab, name, Connections::within_lab(control.clone()), part);
        testbed.pkis.insert(name.clone(), Arc::new(pki));
    }
    for (host, _) in lab.programs() {
        let pki = ProgramPki { host: host.to_owned(), channel: Arc::clone(channel) };
        testbed.pkis.insert(host.to_owned(), Arc::new(pki));
    }
    if lab.programs().next().is_none() {
        testbed.keys = KeySupply::Shared;
    }
    if options.client == Client::Builtin {
        testbed.client = Some(Arc::new(Builtin::new(testbed.pkis.clone())));
    }
    for (name, console) in &built.consoles {
        let (stream, part) = (connect(console).await, LabPart::new(name, channel.exits()));
        let device = LabDevice::start(lab, name, stream, options, part).await?;
        testbed.devices.insert(name.clone(), Arc::new(device));
    }
    Ok(testbed)
}

/// The folder that the lab's captures are left in, made.
fn captures(options: &LabOptions, id: &str) -> Result<Option<PathBuf>, TestbedError> {
    let Some(folder) = &options.captures else { return Ok(None) };
    let folder = folder.join(file_name(id));
    std::fs::create_dir_all(&folder).and_then(|()| folder.canonicalize()).map(Some).map_err(
        |error| {
            let reason = format!("captures cannot be left in `{}`: {error}", folder.display());
            TestbedError::Network { reason }
        },
    )
}

/// A scenario's id as the name of one file.
fn file_name(id: &str) -> String {
    let plain = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_' | '.' | '@' | '+');
    let name: String = id.chars().map(|char| if plain(char) { char } else { '-' }).collect();
    match name.trim_start_matches('.') {
        "" => "lab".to_owned(),
        name => name.to_owned(),
    }
}

/// The program that labs are processes of: this one, unless the options name it.
fn program(options: &LabOptions) -> Result<PathBuf, TestbedError> {
    match &options.sceplab {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map_err(|error| {
            let reason = format!("it is not known where the program `sceplab` is: {error}");
            TestbedError::Network { reason }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_becomes_one_name_below_a_folder() {
        assert_eq!(file_name("scep/linux-pki"), "scep-linux-pki");
        assert_eq!(file_name("../a b"), "-a-b");
        assert_eq!(file_name(".."), "lab");
        assert_eq!(file_name(""), "lab");
    }
}
