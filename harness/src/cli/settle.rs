//! The end of labs: waited for, and what was wrong with it said.

use super::output::warn;
use crate::diagnostic::{Diagnostic, Palette, render};
use crate::drivers;

/// Waits until nothing is left of any lab; how a run went is no other for how they ended.
pub(super) async fn settle() -> Vec<String> {
    let palette = Palette::of(&std::io::stderr());
    let complaints = drivers::settled().await;
    for complaint in &complaints {
        warn(&render("warning", &Diagnostic::general(complaint), palette));
    }
    complaints
}
