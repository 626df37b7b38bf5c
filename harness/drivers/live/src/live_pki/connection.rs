//! Connections to a server, which are recorded if there is a recorder.

use recording::{End, Peers, Recorder, Tap};
use transport::Stream;

use model::scep_url::ScepUrl;
use testbed::NoAnswer;
use testbed::access::{Access, Connected};

/// Opens a connection; what this end sends and receives over it is recorded if there is a recorder, within TLS if there is any.
pub(super) async fn connect(
    url: &ScepUrl,
    access: &Access,
    recorder: Option<&Recorder>,
) -> Result<Tap<Box<dyn Stream>>, NoAnswer> {
    let Connected { stream, from } = access.connect(url).await?;
    let server = Some(url.authority());
    let client = from.map(|address| address.to_string());
    let peers = || Peers { seen_by: End::Client, pki: None, client, server };
    Ok(Tap::new(stream, recorder, peers))
}
