//! A SCEP server on a free port of the loopback interface, which a client under test is sent to.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc, time::SystemTime};

use mock_ca::{Ca, ChallengePolicy, PersonalityName, Settings};
use scep::secret::Secret;
use tokio::{net::TcpListener, sync::oneshot};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut settings = Settings::new("ca", PersonalityName::Rfc8894);
    settings.challenge = ChallengePolicy::Static(Secret::new("s3cret"));
    settings.faults = vec!["on: PKIOperation, nth: 1, do: http-status 503".parse()?];
    let ca = Ca::open(settings, SystemTime::now())?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}{}", listener.local_addr()?, ca.paths()[0]);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(mock_ca::serve(listener, Arc::clone(&ca), async {
        let _ = stopped.await;
    }));

    println!("let your client enrol at {url} with the challenge password s3cret");

    // Afterwards the CA says what it saw.
    for request in ca.requests() {
        println!("{:?} {:?}", request.operation, request.faults);
    }
    println!("{} certificates were issued", ca.issued().len());

    drop(stop);
    serving.await?;
    Ok(())
}
