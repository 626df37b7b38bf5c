//! The end of labs: waited for, and what was wrong with it said.

use super::output::warn;
use crate::diagnostic::{Diagnostic, Palette, render};
use crate::drivers::{self, Settled};

/// Waits until nothing is left of any lab, says what was wrong with that, and tells what was wrong with real devices.
pub(super) async fn settle() -> Vec<String> {
    let palette = Palette::of(&std::io::stderr());
    let Settled { of_labs, of_devices } = drivers::settled().await;
    for complaint in of_labs.iter().chain(&of_devices) {
        warn(&render("warning", &Diagnostic::general(complaint), palette));
    }
    of_devices
}
