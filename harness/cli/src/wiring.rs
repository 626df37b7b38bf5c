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

/// The driver of that name; the error is why it is not there.
///
/// # Errors
/// When the driver needs another operating system, or was not built in.
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

/// The driver of that name, if its devices have a console.
///
/// # Errors
/// As [`driver`], and when the devices are real and have a console of their own.
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
                reason = "all are there on Linux with the feature `docker`"
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

/// What labs left whose runners are dead, of every driver.
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
#[expect(clippy::unused_async, reason = "only an engine is waited for")]
async fn on_engine() -> Found {
    let why =
        "this program was built without the feature `docker`, and does not look for containers";
    Found { nothing_there: Some(why.to_owned()), ..Found::default() }
}

scep::named! {
    /// What a process of a lab is.
    LabRole, "role" {
        /// The first of a lab of namespaces, which makes them.
        Isolating = "isolating";
        /// The one within the namespaces.
        Inner = "inner";
        /// Process 1 of a container of a lab.
        InContainer = "in-container";
        /// The one that removes containers when the runner is gone.
        Reaper = "reaper";
    }
}

/// Runs to the end of the lab.
///
/// # Errors
/// When the lab cannot be made, or the driver is not there.
pub(crate) fn be(role: LabRole) -> io::Result<ExitCode> {
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
            expect(
                unreachable_patterns,
                reason = "all are there on Linux with the feature `docker`"
            )
        )]
        _ => Err(io::Error::other(
            "this program has no such labs: they need Linux, and containers the feature `docker`",
        )),
    }
}
