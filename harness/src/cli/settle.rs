//! The end of labs: waited for, and what was wrong with it said.

use super::output::warn;
use crate::diagnostic::{Diagnostic, Palette, render};
use crate::drivers;

/// Waits until nothing is left of any lab; how a run went is no other for how they ended.
pub(super) async fn settle() {
    let palette = Palette::of(&std::io::stderr());
    for complaint in drivers::settled().await {
        warn(&render("warning", &Diagnostic::general(&complaint), palette));
    }
}
