//! Connections to a server, which are recorded if there is a recorder.

use recording::{End, Peers, Recorder, Tap};
use tokio::net::TcpStream;

use model::scep_url::{self, ConnectError, ScepUrl};

/// Opens a connection; what this end sends and receives over it is recorded if there is a recorder.
pub(super) async fn connect(
    url: &ScepUrl,
    recorder: Option<&Recorder>,
) -> Result<Tap<TcpStream>, ConnectError> {
    let stream = scep_url::connect(url).await?;
    let client = stream.local_addr().ok().map(|address| address.to_string());
    let server = Some(url.authority());
    let peers = || Peers { seen_by: End::Client, pki: None, client, server };
    Ok(Tap::new(stream, recorder, peers))
}
