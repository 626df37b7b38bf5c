//! What users rely on, tried from outside: the documented outputs, the command line, the servers on real sockets.
//!
//! Every machine can run all of it. What needs more is in test programs of its own: `netns`, `docker`, `ssh`,
//! `served_devices`, `clients`, `terminals`.
#![expect(clippy::unwrap_used, reason = "a test program")]

#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    #[cfg(unix)]
    pub(crate) mod conform; // `sceplab conform-client`
    pub(crate) mod groups; // trials that not every machine can run
    pub(crate) mod live; // what `--driver live` is tried with
    pub(crate) mod matrix_samples; // for `sceplab matrix`
    pub(crate) mod samples; // scenarios and labs
    pub(crate) mod sceplab; // starts the binary, stops it, makes its output comparable
    #[cfg(target_os = "linux")]
    pub(crate) mod served; // `sceplab dut --serve`
    pub(crate) mod server; // `sceplab serve`
    pub(crate) mod snapshots; // holds what the binary says against snapshots
}

mod suite {
    pub(crate) use crate::support::sceplab;

    // The documentation, and what is held against it.
    mod documentation; // the documentation as data
    mod documented_files; // both scenario files, step by step
    mod documented_run; // both scenarios, run once
    mod golden; // their outputs
    mod issued_certificates; // serial numbers and validities

    // What a change must pass.
    mod ci; // every group of trials is looked for

    // Scenario and lab files.
    mod bad_input; // wrong in every way, by the binary
    mod mutation; // wrong in thousands of ways, by the library
    mod scenario_program; // one trial a file, and a failing one fails

    // What peers really do, requirement by requirement.
    mod conform_client; // the mirror image: clients, good, gullible, hanging, missing
    mod conformance; // the catalogue, its books, servers of every kind

    // The libraries.
    mod outside; // a crate outside the workspace that uses them

    // The binary.
    mod cli; // exit codes, and snapshots of what it prints
    mod client_steps; // a client under test, and faults that did not happen
    mod enrol; // one enrolment by the built-in client
    mod leftovers; // Ctrl-C leaves nothing behind
    mod matrix; // clients x PKIs, and what is expected to fail
    mod secrets; // passwords and keys appear nowhere

    // What is there already.
    mod live; // PKIs by URL

    // A device that is logged into.
    mod served_device; // its socket

    // The CA on a real port.
    mod serve; // our own client, restarts, signals, hostile peers
}
