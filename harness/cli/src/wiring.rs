//! The one place that names the concrete drivers.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

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
use simulated::ConsoleDriver;
use testbed::leftovers::Found;
use testbed::{Driver, DriverName, LabOptions, TestbedError};

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
        DriverName::Virtual => Arc::new(Virtual::new(options.client)),
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

/// Leftovers of labs of every driver.
pub(crate) async fn leftovers() -> Found {
    let mut found = on_engine().await;
    #[cfg(target_os = "linux")]
    found.leftovers.extend(driver_netns::leftovers());
    found
}

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
    }
}

/// Runs a process of a lab until the lab ends.
///
/// # Errors
/// If the lab cannot be made, or the driver is not built in.
pub(crate) fn run_lab_process(role: LabRole) -> io::Result<ExitCode> {
    match role {
        #[cfg(target_os = "linux")]
        LabRole::Isolating => driver_netns::isolate(),
        #[cfg(target_os = "linux")]
        LabRole::Inner => driver_netns::serve().map(|()| ExitCode::SUCCESS),
        #[cfg(all(target_os = "linux", feature = "docker"))]
        LabRole::InContainer => driver_docker::in_container::serve().map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "docker")]
        LabRole::Reaper => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let reaped = runtime.block_on(driver_docker::leftovers::reap());
            runtime.shutdown_background();
            reaped.map(|()| ExitCode::SUCCESS)
        }
        #[cfg_attr(
            all(target_os = "linux", feature = "docker"),
            expect(unreachable_patterns, reason = "Linux with the feature `docker` has all roles")
        )]
        _ => Err(io::Error::other(
            "this `sceplab` has no such labs: they need Linux, and labs of containers the feature `docker`",
        )),
    }
}
