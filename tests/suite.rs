//! Tests from the user's view: the documented outputs, the command line, the servers on real sockets.
//!
//! Every machine can run them all. Tests with further needs are in the programs `netns`, `docker`, `ssh`, `served_devices`,
//! `clients` and `terminals`.
#![expect(clippy::unwrap_used, reason = "a test program")]

#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    #[cfg(unix)]
    pub(crate) mod conform; // runs `sceplab conform-client`
    pub(crate) mod der; // DER byte by byte
    #[cfg(unix)]
    pub(crate) mod echo_server; // a PKI that answers with given texts
    pub(crate) mod groups; // trials that not every machine can run
    pub(crate) mod http; // opens a page
    pub(crate) mod live; // files for `--driver live`
    pub(crate) mod matrix_samples; // files for `sceplab matrix`
    pub(crate) mod samples; // scenarios and labs
    pub(crate) mod sceplab; // starts and stops the binary
    pub(crate) mod secret_forms; // forms in which a peer may send a password back
    #[cfg(target_os = "linux")]
    pub(crate) mod served; // runs `sceplab dut --serve`
    pub(crate) mod server; // runs `sceplab serve`
    pub(crate) mod snapshots; // compares output with snapshots
}

mod suite {
    pub(crate) use crate::support::sceplab;

    // The documentation, and comparisons with it.
    mod documentation; // the documentation as data
    mod documented_files; // the steps of both scenario files
    mod documented_run; // runs both scenarios once
    mod golden; // the outputs of both scenarios
    mod issued_certificates; // serial numbers and validities

    // `.ci/run`.
    mod ci; // `.ci/run` looks for every group of trials

    // Scenario and lab files.
    mod authoring; // what people mistype
    mod bad_input; // invalid files, read by the binary
    mod corrupted_files; // thousands of corrupted files, read by the library
    mod scenario_program; // the program with one trial per scenario file

    // Conformance of peers, requirement by requirement.
    mod conform_client; // clients: good, gullible, hanging, missing
    mod conformance; // the catalogue, its coverage, servers of every kind

    // The libraries.
    mod outside; // a crate outside the workspace that uses them

    // The binary.
    mod bugs; // what breaks inside is a bug
    #[cfg(unix)]
    mod bundles; // what a failure leaves, and its judgement once more
    mod cli; // exit codes and snapshots of output
    mod client_steps; // a client under test, and faults that did not fire
    #[cfg(target_os = "linux")]
    mod core_dump; // passwords and keys are in no core dump
    mod enrol; // an enrolment by the built-in client
    mod explain; // what was said, and who is wrong
    mod explanations; // servers that answer something else than SCEP
    mod failed_messages; // the last messages with a PKI, in failures
    mod inspect; // what a PKI shows before anybody enrols
    mod junit; // JUnit reports by their schema
    mod killed_runs; // a killed run leaves no process and no folder
    mod lab_time; // labs with a time of their own
    mod leftovers; // Ctrl-C leaves nothing behind
    mod matrix; // clients x PKIs, and expected failures
    mod opening; // pipes in place of files, two reports to one file
    mod orders; // steps that stop, start, restart and switch parts of a lab
    mod recorded_pki; // the recorded server of a bundle as a PKI of a lab
    mod replay; // recorded servers answer again
    mod saved_messages; // what is exchanged, in a folder for its user alone
    mod secrets; // passwords and keys appear nowhere
    mod tls; // addresses of https
    mod urls; // a URL that would be sent otherwise is refused
    mod virtual_captures; // packets of the virtual lab

    // Existing PKIs.
    mod live; // PKIs by URL

    // A long-running device.
    mod served_device; // the socket of a device

    // A CA on a real port.
    mod serve; // enrolments, restarts, signals, hostile peers
}
