//! What users rely on, tried from outside: the documented outputs, the command line, the servers on real sockets.
#![expect(clippy::unwrap_used, reason = "a test program")]

mod suite {
    // The documentation, and what is held against it.
    mod documentation; // the documentation as data
    mod documented_files; // both scenario files, step by step
    mod documented_run; // both scenarios, run once
    mod golden; // their outputs
    mod issued_certificates; // serial numbers and validities

    // Scenario and lab files.
    mod bad_input; // wrong in every way, by the binary
    mod mutation; // wrong in thousands of ways, by the library
    mod scenario_program; // one trial a file, and a failing one fails

    // What peers really do, requirement by requirement.
    mod conform_client; // the mirror image: clients, good, gullible, hanging, missing
    mod conformance; // the catalogue, its books, servers of every kind

    // The binary.
    mod cli; // exit codes, and snapshots of what it prints
    mod client_steps; // a client under test, and faults that did not happen
    mod enrol; // one enrolment by the built-in client
    mod leftovers; // Ctrl-C leaves nothing behind
    mod matrix; // clients x PKIs, and what is expected to fail
    mod sceplab; // starts it, stops it, makes its output comparable
    mod secrets; // passwords and keys appear nowhere

    // What is there already.
    mod live; // PKIs by URL, devices by SSH

    // Labs on the kernel's network.
    mod netns; // built, looked into, captured, gone

    // Containers.
    mod docker; // labs of containers: built, broken, gone, with images of others
    mod docker_engine; // found, asked, cleaned
    // A device that is logged into.
    mod rig; // a real SSH server whose users use the device
    mod served_device; // sessions, SSH, restarts
    mod ssh_device; // over SSH, at real OpenSSH servers

    // The CA on a real port.
    mod clients; // SCEP programs inside the device
    mod scepclient; // micromdm's client enrols with it
    mod serve; // our own client, restarts, signals, hostile peers
}
