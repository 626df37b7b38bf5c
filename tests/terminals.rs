//! Output and input at a terminal, which `script` of util-linux makes.
#![cfg_attr(target_os = "linux", expect(clippy::unwrap_used, reason = "a test program"))]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod groups;
    pub(crate) mod live;
    pub(crate) mod needs;
    pub(crate) mod samples;
    pub(crate) mod sceplab;
    pub(crate) mod served;
    pub(crate) mod server;
    pub(crate) mod trials;
}

#[cfg(target_os = "linux")]
mod terminals {
    pub(crate) mod agreement; // the question before the network is used
    pub(crate) mod colour; // coloured output
    pub(crate) mod paging; // long outputs of a device, and Ctrl-C
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let terminal = support::needs::terminal();
    let needs = &[&terminal];
    let all = [
        terminals::agreement::trials(needs),
        terminals::colour::trials(needs),
        terminals::paging::trials(needs),
    ];
    support::trials::run(all.into_iter().flatten().collect())
}

/// Other systems have no util-linux.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
