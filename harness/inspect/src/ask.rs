//! Asking a server what it shows, within bounds of time and size.

use std::time::Duration;

use model::scep_url::ScepUrl;
use scep::capabilities::Capability;
use scep::clock::Clock;
use scep::http::{HttpRequest, Method, Operation};
use testbed::NoAnswer;
use testbed::access::Access;
use tokio::time::{Instant, timeout};
use transport::http::{Connection, Form, RequestOptions, exchange};

use crate::probe::Probe;
use crate::probed::{NotProbed, Probed};
use crate::seen::{Answer, Seen};

/// The server, and how long it may take.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Its URL.
    pub url: &'a ScepUrl,
    /// The name of the CA, for a server with several.
    pub name: Option<&'a str>,
    /// Time limit of an answer.
    pub limit: Duration,
    /// How it is reached.
    pub access: &'a Access,
}

/// All requests together may take so many times the limit of one: more than the three that are always sent.
const LIMITS: u32 = 4;

/// Asks everything. If neither capabilities nor certificates come, nothing else is asked.
pub async fn ask(asking: Asking<'_>) -> Seen {
    let deadline = Instant::now() + asking.limit * LIMITS;
    let mut seen = look(asking).await;
    if !seen.is_service() {
        return seen;
    }
    let probes = Probe::ALL.iter().filter(|probe| probe.is_asked(asking.name.is_some()));
    for probe in probes.copied() {
        seen.probes.push((probe, asking.probe(probe, deadline).await));
    }
    seen
}

/// Asks only for capabilities and certificates, to see whether they have changed.
pub async fn look(asking: Asking<'_>) -> Seen {
    let name = || asking.name.map(str::to_owned);
    let mut seen = Seen {
        url: asking.url.clone(),
        name: name(),
        caution: asking.access.warning(),
        at: Clock::system().now(),
        capabilities: asking.get(&Operation::GetCaCaps(name())).await,
        certificates: asking.get(&Operation::GetCaCert(name())).await,
        next_ca: None,
        probes: Vec::new(),
    };
    if seen.listed().is_some_and(|listed| listed.has(Capability::GetNextCaCert)) {
        seen.next_ca = Some(asking.get(&Operation::GetNextCaCert(name())).await);
    }
    seen
}

impl Asking<'_> {
    async fn get(&self, operation: &Operation) -> Answer {
        let request = operation.to_http(Method::Get);
        within(self.limit, self.send(&request, "", Form::Usual)).await
    }

    async fn probe(&self, probe: Probe, deadline: Instant) -> Probed {
        let left = self.left(deadline)?;
        let request = probe.request(self.name);
        if probe == Probe::Again {
            return self.twice(&request, deadline).await;
        }
        let answer = self.send(&request, probe.after_path(), probe.form());
        within(left, answer).await.map_err(NotProbed::NotAnswered)
    }

    /// Sends a request over a connection of its own.
    async fn send(&self, request: &HttpRequest, after: &str, form: Form) -> Answer {
        let (authority, path) = (self.url.authority(), format!("{}{after}", self.url.path()));
        let stream = self.access.connect(self.url).await?.stream;
        let options = RequestOptions { form, ..self.options(&authority, &path) };
        Ok(exchange(stream, options, request).await?)
    }

    /// Sends a request twice over one connection, and returns the second answer.
    async fn twice(&self, request: &HttpRequest, deadline: Instant) -> Probed {
        let authority = self.url.authority();
        let options = self.options(&authority, self.url.path());
        let first = async {
            let stream = self.access.connect(self.url).await?.stream;
            let mut connection = Connection::open(stream).await?;
            connection.exchange(options, request).await?;
            Ok(connection)
        };
        let first = within(self.left(deadline)?, first).await;
        let mut connection = first.map_err(NotProbed::FirstFailed)?;
        let second = connection.exchange(options, request);
        let second = async { Ok(second.await?) };
        within(self.left(deadline)?, second).await.map_err(NotProbed::NotAnswered)
    }

    fn options<'a>(&'a self, authority: &'a str, path: &'a str) -> RequestOptions<'a> {
        self.access.options(self.url, authority, path, self.limit)
    }

    /// The time that a request may take, unless all time is over.
    fn left(&self, deadline: Instant) -> Result<Duration, NotProbed> {
        let left = deadline.saturating_duration_since(Instant::now()).min(self.limit);
        if left.is_zero() { Err(NotProbed::NotAsked(self.limit * LIMITS)) } else { Ok(left) }
    }
}

/// The result of `asked`, if it comes before the limit.
async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, NoAnswer>>,
) -> Result<T, NoAnswer> {
    timeout(limit, asked).await.unwrap_or_else(|_| {
        // In tenths, because little may be left of the time of all requests.
        let tenths = (limit.as_secs_f64() * 10.0).ceil() / 10.0;
        Err(NoAnswer::TimedOut(format!("no answer in {tenths} s")))
    })
}
