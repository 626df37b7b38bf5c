//! Labs on the kernel's network: hosts and devices in network namespaces, devices as processes.
//!
//! A lab is a tree of processes. The first ([`isolation`]) creates the namespaces and starts the second ([`lab_process`]),
//! which is process 1 of the lab: when it ends, the kernel ends all processes in the lab, and it ends when the runner does.
//! It runs in the namespace of the links, a switch with a bridge for each subnet, and gives each host and device a network
//! namespace that is connected to it ([`model::lab::topology`] says how).
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod capture;
mod isolation;
mod lab_process;
mod links;
mod permission;
mod process;
mod program;
pub mod registry;
mod shell;
mod surroundings;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use parking_lot::Mutex;
use scep::clock::Stopwatch;
use tokio::net::UnixStream;

pub use self::isolation::isolate;
pub use self::lab_process::serve;
use self::links::LabLinks;
use self::process::LabProcess;
use self::program::ProgramPki;
pub use self::registry::leftovers;
pub use self::shell::{NotRun, run_in};
use self::wire::LabWire;
use model::lab::Lab;
use recording::Part;
use simulated::channel::Channel;
use simulated::client::Builtin;
use simulated::connector::Connections;
use simulated::control::{Built, LabSpec, Operation, Reply};
use simulated::exit::LabPart;
use simulated::mock_pki::MockPki;
use simulated::sim_device::LabDevice;
use simulated::{
    ConsoleDriver, image_of, refuse_clock_of_programs, refuse_live_lab, refuse_recorded,
    without_network,
};
use testbed::links::Links;
use testbed::{
    Client, Driver, DriverName, KeyStore, LabOptions, OpenLabs, Remains, Resource, Testbed,
    TestbedError,
};

/// Labs on the kernel's network.
pub struct Netns {
    options: LabOptions,
    state: Arc<State>,
}

/// The state that all labs of the driver share.
#[derive(Default)]
struct State {
    labs: OpenLabs,
    /// The labs that were closed, and are kept.
    kept: Mutex<Vec<LabProcess>>,
    /// Set once the folders of killed runners have been removed.
    swept: OnceLock<()>,
    /// The keys that `scep` steps and clients have certified; labs of mock CAs alone share them, because making keys takes most of the time.
    keys: KeyStore,
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
        let (process, _) = self.start(&Lab::default(), Outputs::default()).await?;
        process.end().await;
        Ok(())
    }

    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        refuse_live_lab(lab, DriverName::Netns)?;
        refuse_clock_of_programs(lab, self.options.client, DriverName::Netns)?;
        if !lab.is_networked() {
            return without_network(lab, id, &self.options, &self.state.keys).await;
        }
        self.build_network(lab, id).await.map(|(_, testbed)| testbed)
    }

    fn remains(&self) -> Remains {
        let kept = self.state.kept.lock().iter().map(LabProcess::kept).collect();
        Remains { complaints: self.state.labs.complaints(), kept, ..Remains::default() }
    }

    async fn settle(&self) -> Remains {
        let kept = std::mem::take(&mut *self.state.kept.lock());
        for lab in &kept {
            lab.request_end();
        }
        for lab in kept {
            lab.end().await;
        }
        let complaints = self.state.labs.settled().await;
        let captures = self.state.labs.take_captures();
        Remains { complaints, captures, ..Remains::default() }
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
        refuse_live_lab(lab, DriverName::Netns)?;
        refuse_clock_of_programs(lab, self.options.client, DriverName::Netns)?;
        let (built, testbed) = self.build_network(lab, id).await?;
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
    async fn build_network(&self, lab: &Lab, id: &str) -> Result<(Built, Testbed), TestbedError> {
        let options = &self.options;
        // Checked before the lab is built in vain.
        refuse_recorded(lab, DriverName::Netns)?;
        if let Some((host, image)) = lab.images().next() {
            let what = image_of(host, image);
            return Err(TestbedError::NotSupported { driver: DriverName::Netns, what });
        }
        if let Some(missing) = options.client.missing() {
            let origin = missing.origin.to_owned();
            return Err(TestbedError::NotInstalled { program: missing.program, origin });
        }
        let (lab, begun) = (&lab.begun(), Stopwatch::start());
        let (mut process, built) = self.start(lab, Outputs::of(options, id)).await?;
        process.register(id, &built);
        let keys = &self.state.keys;
        match fill_testbed(lab, options, keys, &built, process.channel()).await {
            Ok(mut testbed) => {
                let state = options.keep.then(|| Arc::clone(&self.state));
                testbed.begun = Some(begun);
                testbed.resources.push(Box::new(NetworkLab { process, kept_by: state }));
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
        outputs: Outputs,
    ) -> Result<(LabProcess, Built), TestbedError> {
        let broken = |reason: String| TestbedError::Network { reason };
        self.state.swept.get_or_init(registry::remove_dead_folders);
        let folder = registry::new_folder()
            .map_err(|error| broken(format!("no folder for the lab: {error}")))?;
        let sceplab = program(&self.options)?;
        let spec = LabSpec {
            lab: lab.clone(),
            folder: folder.path().to_owned(),
            sceplab: sceplab.clone(),
            captures: outputs.captures,
            messages: outputs.messages,
        };
        let entry = self.state.labs.open();
        if let Some(reason) = outputs.missing_captures {
            entry.miss_capture(reason);
        }
        let process = LabProcess::start(&sceplab, folder, entry)?;
        let limit = process::building_limit(lab);
        let error = match process.channel().request(Operation::Build(Box::new(spec)), limit).await {
            Ok(Reply::Built(Ok(built))) => return Ok((process, built)),
            Ok(Reply::Built(Err(error))) => error,
            Ok(_) => {
                broken("the lab process sent a reply that does not fit the request".to_owned())
            }
            Err(error) => error.into_testbed_error(),
        };
        process.end().await;
        Err(error)
    }
}

/// The processes of a built lab. When the lab is closed, `kept_by` takes them if the driver was asked to keep labs.
struct NetworkLab {
    process: LabProcess,
    kept_by: Option<Arc<State>>,
}

#[async_trait]
impl Resource for NetworkLab {
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
    stream.map_err(|error| format!("the device's console cannot be reached: {error}"))
}

/// Makes the devices, PKIs and client of a built lab available as a testbed.
async fn fill_testbed(
    lab: &Lab,
    options: &LabOptions,
    keys: &KeyStore,
    built: &Built,
    channel: &Arc<Channel>,
) -> Result<Testbed, TestbedError> {
    let links: Arc<dyn Links> = Arc::new(LabLinks(Arc::clone(channel)));
    let mut testbed = Testbed {
        clock: lab.clock(),
        links: Some(links),
        wire: Some(Arc::new(LabWire(Arc::clone(channel)))),
        ..Testbed::default()
    };
    for (name, control) in &built.controls {
        let part = LabPart::new(name, channel.exits());
        let pki = MockPki::in_lab(lab, name, Connections::within_lab(control.clone()), part);
        testbed.pkis.insert(name.clone(), Arc::new(pki));
    }
    for (host, _) in lab.programs() {
        let pki = ProgramPki { host: host.to_owned(), channel: Arc::clone(channel) };
        testbed.pkis.insert(host.to_owned(), Arc::new(pki));
    }
    testbed.keys = if lab.programs().next().is_none() {
        keys.clone()
    } else {
        // A PKI other than the mock CA may refuse to certify a key twice.
        keys.with_new_names()
    };
    if options.client == Client::Builtin {
        testbed.client = Some(Arc::new(Builtin::new(
            testbed.pkis.clone(),
            testbed.clock.clone(),
            testbed.keys.clone(),
        )));
    }
    for (name, console) in &built.consoles {
        let (stream, part) = (connect(console).await, LabPart::new(name, channel.exits()));
        let device = LabDevice::start(lab, name, stream, options, part).await?;
        testbed.devices.insert(name.clone(), Arc::new(device));
    }
    Ok(testbed)
}

/// The folders that a lab process writes to.
#[derive(Default)]
struct Outputs {
    captures: Option<PathBuf>,
    /// Why there are no captures, although they are wanted.
    missing_captures: Option<String>,
    messages: Option<Part>,
}

impl Outputs {
    /// Makes the folders that are wanted for the lab `id`. The lab works without those that cannot be made.
    fn of(options: &LabOptions, id: &str) -> Self {
        let messages = options.messages.as_ref().and_then(|folder| folder.part(id));
        let (captures, missing_captures) = match options.capture_folder(id) {
            Ok(captures) => (captures, None),
            Err(reason) => (None, Some(reason)),
        };
        Self { captures, missing_captures, messages }
    }
}

/// The program that the processes of a lab run: the one in the options, or this one.
fn program(options: &LabOptions) -> Result<PathBuf, TestbedError> {
    match &options.sceplab {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map_err(|error| {
            let reason = format!("the path of the program `sceplab` is unknown: {error}");
            TestbedError::Network { reason }
        }),
    }
}
