//! Labs on the kernel's network: hosts and devices in network namespaces, devices as processes.

mod folder;
mod kept;
mod process;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use async_trait::async_trait;
use dut_sim::console::Shell;
use dut_sim::remote::RemoteConsole;
use tokio::net::UnixStream;

use self::folder::LabFolder;
pub(super) use self::folder::{remove_if_dead, those_of_the_dead};
pub(super) use self::kept::{end_kept, kept};
use self::process::LabProcess;
pub(super) use self::process::settled;
use super::channel::{Channel, Witness};
use super::lab_device::LabDevice;
use super::lab_pki::LabPkiLine;
use crate::client::Builtin;
use crate::control::{Ask, Built, Order, Reply};
use crate::lab::Lab;
use crate::netns::registry;
use crate::remote_pki::RemotePki;
use crate::run::{Bench, BenchError, Client, Driver, KeySupply, LabOptions, Resource};

/// Whether this process has removed what others left.
static SWEPT: Once = Once::new();

/// Removes what runners that were killed could not.
fn sweep() {
    folder::remove_those_of_the_dead();
    forget_the_gone();
}

/// Removes the files by which other terminals would find labs that are gone.
pub(super) fn forget_the_gone() {
    // Whoever asks for the labs that stand finds files of others and removes them.
    let _ = registry::entries();
}

/// Builds `lab` in processes of its own.
pub(super) async fn build(lab: &Lab, options: &LabOptions) -> Result<Bench, BenchError> {
    stand(lab, options).await.map(|(_, bench)| bench)
}

/// Builds `lab`, and connects once more to the console of its device of that name.
pub(super) async fn build_for_console(
    lab: &Lab,
    device: &str,
    options: &LabOptions,
) -> Result<(Shell, Bench), BenchError> {
    let (built, bench) = stand(lab, options).await?;
    match console(&built, device).await {
        Ok(console) => Ok((console, bench)),
        Err(error) => {
            bench.close().await;
            Err(error)
        }
    }
}

async fn stand(lab: &Lab, options: &LabOptions) -> Result<(Built, Bench), BenchError> {
    // Before a lab is made for nothing.
    if let Some((host, image)) = lab.images().next() {
        let what = super::image_of(host, image);
        return Err(BenchError::NotSupported { driver: Driver::Netns, what });
    }
    if let Some(missing) = options.client.missing() {
        let origin = missing.origin.to_owned();
        return Err(BenchError::NotInstalled { program: missing.program, origin });
    }
    let (mut process, built) = start(lab, options).await?;
    process.stands(&options.id, &built, options.keep);
    match furnish(lab, options, &built, process.channel()).await {
        Ok(mut bench) => {
            bench.resources.push(Box::new(process));
            Ok((built, bench))
        }
        Err(error) => {
            process.end().await;
            Err(error)
        }
    }
}

async fn console(built: &Built, device: &str) -> Result<Shell, BenchError> {
    let broken = |reason: String| BenchError::Device { name: device.to_owned(), reason };
    let console = built.consoles.get(device).ok_or_else(|| broken("it has no console".into()))?;
    let stream = connect(console).await.map_err(broken)?;
    let console = RemoteConsole::attach(stream).await;
    let console = console.map_err(|error| broken(error.to_string()))?;
    Ok(Shell::There(Arc::new(console)))
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
) -> Result<Bench, BenchError> {
    let mut bench = Bench::default();
    for name in &built.pkis {
        let pki = RemotePki::new(LabPkiLine::new(name, Arc::clone(channel)));
        bench.pkis.insert(name.clone(), Arc::new(pki));
    }
    if lab.programs().next().is_none() {
        bench.keys = KeySupply::Shared;
    }
    if options.client == Client::Builtin {
        bench.client = Some(Arc::new(Builtin::new(bench.pkis.clone())));
    }
    for (name, console) in &built.consoles {
        let witness: Arc<dyn Witness> = Arc::<Channel>::clone(channel);
        let stream = connect(console).await;
        let device = LabDevice::start(lab, name, stream, options, witness).await?;
        bench.devices.insert(name.clone(), Arc::new(device));
    }
    Ok(bench)
}

/// Tries what every lab needs, and leaves nothing behind.
pub(super) async fn probe(options: &LabOptions) -> Result<(), BenchError> {
    let options = LabOptions { captures: None, ..options.clone() };
    let (process, _) = start(&Lab::default(), &options).await?;
    process.end().await;
    Ok(())
}

async fn start(lab: &Lab, options: &LabOptions) -> Result<(LabProcess, Built), BenchError> {
    let broken = |reason: String| BenchError::Network { reason };
    SWEPT.call_once(sweep);
    let folder =
        LabFolder::new().map_err(|error| broken(format!("no folder for the lab: {error}")))?;
    let sceplab = program(options)?;
    let order = Order {
        lab: lab.clone(),
        folder: folder.path().to_owned(),
        sceplab: sceplab.clone(),
        captures: captures(options)?,
    };
    let process = LabProcess::start(&sceplab, folder)?;
    let limit = process::building_limit(lab);
    let asked = process.channel().ask(Ask::Build(Box::new(order)), limit).await;
    match asked {
        Ok(Reply::Built(Ok(built))) => Ok((process, built)),
        Ok(Reply::Built(Err(error))) => {
            process.end().await;
            Err(error)
        }
        Ok(_) => Err(broken("the lab process gave an answer that fits no question".to_owned())),
        Err(lost) => {
            process.end().await;
            Err(lost.into_bench_error())
        }
    }
}

/// The folder that the lab's captures are left in, made.
fn captures(options: &LabOptions) -> Result<Option<PathBuf>, BenchError> {
    let Some(folder) = &options.captures else { return Ok(None) };
    let folder = folder.join(file_name(&options.id));
    std::fs::create_dir_all(&folder).and_then(|()| folder.canonicalize()).map(Some).map_err(
        |error| {
            let reason = format!("captures cannot be left in `{}`: {error}", folder.display());
            BenchError::Network { reason }
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
fn program(options: &LabOptions) -> Result<PathBuf, BenchError> {
    match &options.sceplab {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map_err(|error| {
            let reason = format!("it is not known where the program `sceplab` is: {error}");
            BenchError::Network { reason }
        }),
    }
}

#[async_trait]
impl Resource for LabProcess {
    async fn close(self: Box<Self>) {
        if self.is_to_be_kept() {
            kept::keep(*self);
        } else {
            self.end().await;
        }
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
