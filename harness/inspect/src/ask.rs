//! Asking a server what it shows, within bounds of time and size.

use std::time::Duration;

use model::scep_url::{ScepUrl, connect};
use scep::capabilities::Capability;
use scep::clock::Clock;
use scep::http::{HttpRequest, Method, Operation};
use testbed::NoAnswer;
use testbed::http::{Connection, Form, RequestOptions, exchange};
use tokio::time::{Instant, timeout_at};

use crate::probe::Probe;
use crate::seen::{Answer, Seen};

/// The server, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Its URL.
    pub url: &'a ScepUrl,
    /// The name of the CA, for a server with several.
    pub name: Option<&'a str>,
    /// Time limit of an answer.
    pub limit: Duration,
}

/// All requests together may take so many times the limit of one.
const LIMITS: u32 = 4;

/// Asks everything. If neither capabilities nor certificates come, nothing else is asked.
pub async fn ask(asking: Asking<'_>) -> Seen {
    let deadline = Instant::now() + asking.limit * LIMITS;
    let mut seen = first(asking, deadline).await;
    if !seen.is_service() {
        return seen;
    }
    let probes = Probe::ALL.iter().filter(|probe| probe.is_asked(asking.name.is_some()));
    for probe in probes.copied() {
        let answer = match probe {
            Probe::Again => asking.twice(probe, deadline).await,
            _ => asking.one(probe, deadline).await,
        };
        seen.probes.push((probe, answer));
    }
    seen
}

/// Asks only for capabilities and certificates, to see whether they have changed.
pub async fn look(asking: Asking<'_>) -> Seen {
    first(asking, Instant::now() + asking.limit * LIMITS).await
}

async fn first(asking: Asking<'_>, deadline: Instant) -> Seen {
    let name = || asking.name.map(str::to_owned);
    let mut seen = Seen {
        url: asking.url.clone(),
        name: name(),
        at: Clock::system().now(),
        capabilities: asking.get(&Operation::GetCaCaps(name()), deadline).await,
        certificates: asking.get(&Operation::GetCaCert(name()), deadline).await,
        next_ca: None,
        probes: Vec::new(),
    };
    if seen.listed().is_some_and(|listed| listed.has(Capability::GetNextCaCert)) {
        seen.next_ca = Some(asking.get(&Operation::GetNextCaCert(name()), deadline).await);
    }
    seen
}

impl Asking<'_> {
    async fn get(&self, operation: &Operation, deadline: Instant) -> Answer {
        self.send(&operation.to_http(Method::Get), "", Form::Usual, deadline).await
    }

    async fn one(&self, probe: Probe, deadline: Instant) -> Answer {
        self.send(&probe.request(self.name), probe.after_path(), probe.form(), deadline).await
    }

    /// Sends a request over a connection of its own.
    async fn send(
        &self,
        request: &HttpRequest,
        after: &str,
        form: Form,
        deadline: Instant,
    ) -> Answer {
        let path = format!("{}{after}", self.url.path());
        self.within(deadline, async |authority, limit| {
            let stream = connect(self.url).await.map_err(NoAnswer::from)?;
            let options = RequestOptions { form, ..RequestOptions::new(authority, &path, limit) };
            exchange(stream, options, request).await
        })
        .await
    }

    /// Sends a request twice over one connection, and returns the second answer.
    async fn twice(&self, probe: Probe, deadline: Instant) -> Answer {
        let request = probe.request(self.name);
        self.within(deadline, async |authority, limit| {
            let stream = connect(self.url).await.map_err(NoAnswer::from)?;
            let options = RequestOptions::new(authority, self.url.path(), limit);
            let mut connection = Connection::open(stream).await?;
            connection.exchange(options, &request).await?;
            connection.exchange(options, &request).await
        })
        .await
    }

    /// The answer of `asked`, if it comes before the limit and the deadline.
    async fn within(
        &self,
        deadline: Instant,
        asked: impl AsyncFnOnce(&str, Duration) -> Answer,
    ) -> Answer {
        let now = Instant::now();
        if now >= deadline {
            let all = (self.limit * LIMITS).as_secs();
            let words = format!("not asked, because {all} s are over");
            return Err(NoAnswer::TimedOut(words));
        }
        let end = deadline.min(now + self.limit);
        let authority = self.url.authority();
        let answer = timeout_at(end, asked(&authority, self.limit)).await;
        answer.unwrap_or_else(|_| {
            let limit = self.limit.as_secs();
            Err(NoAnswer::TimedOut(format!("no answer in {limit} s")))
        })
    }
}
