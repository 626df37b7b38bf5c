//! Consoles of simulated devices, for use by hand.

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use model::lab::Lab;
use testbed::{Bench, BenchError, Driver};

/// A driver whose simulated devices have a console for use by hand.
#[async_trait]
pub trait ConsoleDriver: Driver {
    /// Builds `lab` and hands out the command line of its simulated device of that name.
    ///
    /// The device is of use as long as the bench is kept.
    ///
    /// # Errors
    /// As [`Driver::build`], and when the lab has no such device.
    async fn console(
        &self,
        lab: &Lab,
        device: &str,
        id: &str,
    ) -> Result<(RemoteConsole, Bench), BenchError>;
}
