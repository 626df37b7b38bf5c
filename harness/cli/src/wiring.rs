//! The one place that names the concrete drivers.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diagnostics::visible;

#[cfg(feature = "docker")]
use driver_docker::Docker;
pub(crate) use driver_live::live_pki::{Challenges, LivePki, NdesAdmin};
pub(crate) use driver_live::ssh_device::answer_ssh;
pub(crate) use driver_live::{TargetOptions, Targets, Used, used};
#[cfg(target_os = "linux")]
use driver_netns::Netns;
#[cfg(target_os = "linux")]
pub(crate) use driver_netns::{NotRun, registry, run_in};
use driver_virtual::Virtual;
pub(crate) use driver_virtual::in_the_virtual_lab;
pub(crate) use driver_virtual::loopback::Loopback;
use files::Stale;
use process::guard::{self, LeftProcess};
use simulated::ConsoleDriver;
use testbed::leftovers::{Found, Leftover, Removable, Removal, RemovalError, State};
use testbed::{Driver, DriverName, LabOptions, TestbedError};
use tokio::time::{Instant, sleep};

/// Makes the driver of this name.
///
/// # Errors
/// If the driver needs another operating system, or was not built in.
pub(crate) fn driver(
    name: DriverName,
    options: LabOptions,
    targets: Targets,
) -> Result<Arc<dyn Driver>, TestbedError> {
    match name {
        DriverName::Live => Ok(Arc::new(targets)),
        built => Ok(console_driver(built, options)?),
    }
}

/// Makes the driver of this name, if its devices have a console.
///
/// # Errors
/// As [`driver`], and if the devices are real, because these have their own console.
pub(crate) fn console_driver(
    name: DriverName,
    options: LabOptions,
) -> Result<Arc<dyn ConsoleDriver>, TestbedError> {
    Ok(match name {
        DriverName::Virtual => Arc::new(Virtual::new(options)),
        #[cfg(target_os = "linux")]
        DriverName::Netns => Arc::new(Netns::new(options)),
        #[cfg(feature = "docker")]
        DriverName::Docker => Arc::new(Docker::new(options)),
        DriverName::Live => {
            let what = "a console: a real device has its own, by `ssh`".to_owned();
            return Err(TestbedError::NotSupported { driver: name, what });
        }
        #[cfg_attr(
            all(target_os = "linux", feature = "docker"),
            expect(
                unreachable_patterns,
                reason = "Linux with the feature `docker` has all drivers"
            )
        )]
        missing => return Err(unavailable(missing)),
    })
}

fn unavailable(driver: DriverName) -> TestbedError {
    if driver == DriverName::Docker {
        let reason = "this `sceplab` was built without the feature `docker`; \
                      `cargo run --release --features docker -- run …` has it";
        return TestbedError::NoEngine { reason: reason.to_owned() };
    }
    TestbedError::NotSupported { driver, what: "this operating system".to_owned() }
}

/// This program, also if its file has been replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Makes programs that are started from now on end with this process.
pub(crate) fn guard_programs() {
    let arguments = ["lab-process", LabRole::Guard.as_str(), "--"];
    if cfg!(target_os = "linux") {
        guard::install(OWN_PROGRAM.into(), arguments.map(OsString::from).to_vec());
    }
}

/// The beginnings of the names of temporary folders.
const FOLDERS: [&str; 4] =
    ["sceplab-client-", "sceplab-scep-", "sceplab-ssh-", crate::bundles::TEMPORARY];

/// Leftovers of killed runs with every driver.
pub(crate) async fn leftovers() -> Found {
    let mut found = on_engine().await;
    found.leftovers.extend(guard::leftovers().into_iter().map(left_process));
    let folders = FOLDERS.iter().flat_map(|prefix| Stale::all(&std::env::temp_dir(), prefix));
    found.leftovers.extend(folders.map(Leftover::folder));
    #[cfg(target_os = "linux")]
    found.leftovers.extend(driver_netns::leftovers());
    found
}

fn left_process(process: LeftProcess) -> Leftover {
    let what = format!("process {} `{}`", process.id, visible(&process.program));
    Leftover { what, state: State::Dead, thing: Box::new(Killable(process)) }
}

/// A program whose guard was killed.
struct Killable(LeftProcess);

#[async_trait]
impl Removable for Killable {
    async fn remove(&self) -> Result<Removal, RemovalError> {
        let deadline = Instant::now() + KILL_LIMIT;
        while self.0.is_alive() {
            self.0.end();
            if Instant::now() > deadline {
                return Err(RemovalError::Alive(self.0.id));
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(Removal::Removed)
    }
}

/// Time for a killed process to end.
const KILL_LIMIT: Duration = Duration::from_secs(2);

#[cfg(feature = "docker")]
async fn on_engine() -> Found {
    driver_docker::find_leftovers().await
}

#[cfg(not(feature = "docker"))]
#[expect(clippy::unused_async, reason = "only the other variant waits, for an engine")]
async fn on_engine() -> Found {
    let why =
        "this `sceplab` was built without the feature `docker`, and does not look for containers";
    Found { nothing_there: Some(why.to_owned()), ..Found::default() }
}

scep::named! {
    /// Role of a process of a lab.
    LabRole, "role" {
        /// The process that makes the namespaces of a lab.
        Isolating = "isolating";
        /// The process within the namespaces.
        Inner = "inner";
        /// Process 1 of a container of a lab.
        InContainer = "in-container";
        /// The process that removes containers after the runner has ended.
        Reaper = "reaper";
        /// The process that ends a program with everything that it started.
        Guard = "guard";
        /// The child of a guard, and parent of the program.
        Parent = "parent";
    }
}

/// Runs a process of a lab until the lab ends.
///
/// # Errors
/// If the lab cannot be made, or the driver is not built in.
pub(crate) fn run_lab_process(role: LabRole, command: &[OsString]) -> io::Result<ExitCode> {
    match role {
        #[cfg(target_os = "linux")]
        LabRole::Isolating => driver_netns::isolate(),
        #[cfg(target_os = "linux")]
        LabRole::Inner => driver_netns::serve(),
        #[cfg(all(target_os = "linux", feature = "docker"))]
        LabRole::InContainer => driver_docker::in_container::serve().map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "docker")]
        LabRole::Reaper => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let reaped = runtime.block_on(driver_docker::leftovers::reap());
            runtime.shutdown_background();
            reaped.map(|()| ExitCode::SUCCESS)
        }
        #[cfg(target_os = "linux")]
        LabRole::Guard | LabRole::Parent => match command {
            [program, arguments @ ..] if role == LabRole::Guard => {
                let parent = ["lab-process", LabRole::Parent.as_str(), "--"];
                guard::run((Path::new(OWN_PROGRAM), &parent), program, arguments)
            }
            [program, arguments @ ..] => guard::run_parent(program, arguments),
            [] => Err(io::Error::other("a guard needs a program")),
        },
        #[cfg_attr(
            all(target_os = "linux", feature = "docker"),
            expect(unreachable_patterns, reason = "Linux with the feature `docker` has all roles")
        )]
        _ => Err(io::Error::other(
            "this `sceplab` has no such labs: they need Linux, and labs of containers the feature `docker`",
        )),
    }
}
