//! A CA on a free port of the loopback interface, a client that enrols there, and what the CA saw.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod client;

use std::error::Error;

use mock_ca::MockCa;

fn main() -> Result<(), Box<dyn Error>> {
    let ca = MockCa::rfc8894()
        .challenge("s3cret")
        .fault("on: PKIOperation, nth: 1, do: http-status 503")?
        .start_blocking()?;

    // Your client enrols here: it meets the fault, and tries again.
    let refused = client::enrol(ca.url(), "s3cret").expect_err("the first request meets the fault");
    println!("the client said: {refused}");
    client::enrol(ca.url(), "s3cret")?;

    for request in ca.requests() {
        println!("{:?} {:?}", request.operation, request.faults);
    }
    println!("{} certificate was issued", ca.issued()?.len());
    Ok(())
}
