//! The end of labs: waited for, and what was wrong with it said.

use super::output::warn;
use diagnostics::{Diagnostic, Palette, render};
use testbed::{Driver, Remains};

/// Waits until nothing is left of any lab, says what was wrong with that, and tells what was wrong with real devices.
pub(super) async fn settle(driver: &dyn Driver) -> Vec<String> {
    let palette = Palette::of(&std::io::stderr());
    let Remains { complaints, devices, .. } = driver.settle().await;
    for complaint in complaints.iter().chain(&devices) {
        warn(&render("warning", &Diagnostic::general(complaint), palette));
    }
    devices
}
