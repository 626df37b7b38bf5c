//! Colour on a terminal.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::samples::samples;
use crate::support::sceplab::{command, finish};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![needs; terminal_output_is_coloured_unless_no_color_is_set]
}

fn terminal_output_is_coloured_unless_no_color_is_set() {
    let samples = samples();
    let coloured = on_a_terminal(samples.path(), "");
    assert!(coloured.contains("\x1b[") && coloured.contains("ttl=63"), "{coloured}");
    let plain = on_a_terminal(samples.path(), "NO_COLOR=1");
    assert!(!plain.contains("\x1b[1;31m") && plain.contains("ttl=63"), "{plain:?}");
    let empty = on_a_terminal(samples.path(), "NO_COLOR=");
    assert!(empty.contains("\x1b[1;31m"), "an empty NO_COLOR is as none: {empty:?}");
    let nameless = on_a_terminal(samples.path(), "env -u TERM");
    assert!(!nameless.contains("\x1b[1;31m"), "a terminal without a name: {nameless:?}");
}

/// The output of `run` for a failure on a terminal.
fn on_a_terminal(folder: &Path, variable: &str) -> String {
    let program = command(folder, &[]).get_program().to_str().unwrap().to_owned();
    let mut script = Command::new("script");
    let line = format!("{variable} '{program}' run scenarios/ttl.yaml");
    script.args(["-qec", &line, "/dev/null"]).current_dir(folder).stdin(Stdio::null());
    script.env_remove("NO_COLOR").env("TERM", "xterm-256color");
    let ended = finish(script);
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    ended.stdout
}
