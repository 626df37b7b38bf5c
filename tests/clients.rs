//! SCEP clients of other projects: each one that is installed enrols and renews at the CA on a real port, within the device and alone.
#![expect(clippy::unwrap_used, reason = "a test program")]

use std::process::ExitCode;

#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod asynchronous;
    pub(crate) mod conform;
    pub(crate) mod groups;
    pub(crate) mod needs;
    pub(crate) mod sceplab;
    pub(crate) mod server;
    pub(crate) mod trials;
}

mod clients {
    pub(crate) mod conform; // conformance of these clients
    mod device; // a device that enrols with such a client
    pub(crate) mod enrolments; // enrolled, refused, pending, renewed
    pub(crate) mod environment; // environment variables of the caller
    pub(crate) mod lab_time; // clients on the time of a lab
    pub(crate) mod openssl; // messages of OpenSSL's command line
    pub(crate) mod scepclient; // micromdm's client enrols without the device
}

fn main() -> ExitCode {
    let scepclient = support::needs::client(dut_sim::ScepClient::Scepclient);
    let needs: Vec<&support::trials::Need> = scepclient.iter().collect();
    let mut all = clients::enrolments::trials();
    all.extend(clients::conform::trials());
    all.extend(clients::lab_time::trials());
    all.extend(clients::scepclient::trials(&needs));
    all.extend(clients::openssl::trials());
    all.extend(clients::environment::trials(&support::needs::netns()));
    support::trials::run(all)
}
