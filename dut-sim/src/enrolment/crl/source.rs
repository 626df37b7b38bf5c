//! The two sources of revocation lists: GetCRL at the SCEP service, and the distribution points of a certificate.

use openssl::rand::rand_bytes;
use openssl::x509::X509Ref;
use scep::capabilities::Capabilities;
use scep::client::{CrlQuery, Exchange};
use scep::http::{Method, Operation};
use scep::identity::Identity;
use scep::revocation_list::{RevocationList, distribution_points};

use crate::config::system::CsrSettings;
use crate::enrolment::ScepClient;
use crate::enrolment::request::Request;

/// How many distribution points of a certificate are tried: each may take as long as an HTTP exchange at most does.
const MOST_POINTS: usize = 4;
/// How many characters of a URL are shown.
const SHOWN_LENGTH: usize = 200;

/// Why there is no list.
pub(super) enum NoList {
    /// The next try may succeed.
    Failed(String),
    /// Another try would fail, too.
    Impossible(String),
}

impl From<String> for NoList {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl NoList {
    pub(super) fn into_reason(self) -> String {
        let (Self::Failed(reason) | Self::Impossible(reason)) = self;
        reason
    }
}

/// The sources of lists for one request.
pub(super) struct Source<'a> {
    pub(super) settings: &'a CsrSettings,
    pub(super) request: &'a Request,
}

impl Source<'_> {
    /// Asks the SCEP service, with a message that the certificate signs (RFC 8894 §3.3.5); also returns the words for where it came from.
    pub(super) async fn by_get_crl(
        &self,
        identity: &Identity,
    ) -> Result<(RevocationList, String), NoList> {
        let context = &self.request.context;
        if context.client != ScepClient::Builtin {
            let reason = format!(
                "the client `{}` does not ask by GetCRL; `crl-check cdp` needs no client",
                context.client
            );
            context.limits.add(&reason);
            return Err(NoList::Impossible(reason));
        }
        let server = context.server(self.settings);
        let question = Operation::GetCaCaps(self.settings.ca_identifier.clone());
        let answer = server.ask(&Exchange::GetCaCaps, &question.to_http(Method::Get)).await?;
        let capabilities = match answer.status {
            200 => Capabilities::parse(&answer.body),
            // A CA that answers GetCACaps with an error has no capabilities (RFC 8894 §3.5.2).
            _ => Capabilities::default(),
        };
        let ca = self.request.progress.lock().ca.clone();
        let ca = ca.ok_or_else(|| "the certificates of the CA are not known".to_owned())?;
        let CsrSettings { cipher, digest, .. } = *self.settings;
        let refused = |refusal: scep::client::Refusal| refusal.to_string();
        let query = CrlQuery::new(identity.clone(), cipher, digest, &capabilities, &mut rand_bytes);
        let mut query = query.map_err(refused)?;
        // As for certificates: some servers reply in single DES.
        query.takes_obsolete_algorithms = true;
        let request = query.request(&ca, &capabilities, context.clock.now(), &mut rand_bytes);
        let request = request.map_err(refused)?;
        let answer = server.ask(&CrlQuery::EXCHANGE, &request).await?;
        let list = query.receive(&answer, &ca, context.clock.now()).map_err(refused)?;
        Ok((list, format!("GetCRL at {}", self.settings.endpoint)))
    }

    /// Fetches the list from the first distribution point of the certificate that gives one out (RFC 5280 §4.2.1.13).
    pub(super) async fn by_http(
        &self,
        certificate: &X509Ref,
    ) -> Result<(RevocationList, String), NoList> {
        let points = distribution_points(certificate);
        let by_http = |url: &&String| url.to_ascii_lowercase().starts_with("http://");
        if !points.iter().any(|url| by_http(&url)) {
            return Err(NoList::Impossible(match points.first() {
                None => {
                    "the certificate names no distribution point of a revocation list".to_owned()
                }
                Some(other) => {
                    let other = shown(other);
                    format!("the certificate names no distribution point by HTTP, but `{other}`")
                }
            }));
        }
        let mut reasons = Vec::new();
        let mut points = points.iter().filter(by_http);
        for url in points.by_ref().take(MOST_POINTS) {
            match self.list_at(url).await {
                Ok(list) => return Ok((list, shown(url))),
                Err(reason) => reasons.push(reason),
            }
        }
        match points.count() {
            0 => {}
            1 => reasons.push("1 further distribution point is not tried".to_owned()),
            more => reasons.push(format!("{more} further distribution points are not tried")),
        }
        Err(NoList::Failed(reasons.join("; ")))
    }

    async fn list_at(&self, url: &str) -> Result<RevocationList, String> {
        let response = self.request.context.server(self.settings).fetch(url).await;
        let place = shown(url);
        let response = response.map_err(|reason| format!("{place}: {reason}"))?;
        if let (300..400, Some(moved)) = (response.status, &response.location) {
            let (status, moved) = (response.status, shown(moved));
            return Err(format!(
                "{place} was answered HTTP {status}: the list is said to be at `{moved}`, and redirections are not followed"
            ));
        }
        if response.status != 200 {
            return Err(format!("{place} {}", response.answered()));
        }
        RevocationList::read(&response.body).map_err(|error| format!("{place}: {error}"))
    }
}

/// A URL of a certificate, which may be long and have any characters.
fn shown(url: &str) -> String {
    let mut visible = url.escape_debug();
    let shown: String = visible.by_ref().take(SHOWN_LENGTH).collect();
    if visible.next().is_some() { format!("{shown}…") } else { shown }
}
