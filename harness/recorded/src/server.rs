//! A recorded server, which answers real clients again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bundle::Role;
use mock_ca::{Place, Server};
use openssl::x509::X509;
use parking_lot::Mutex;
use recording::{Awaited, Received, RequestMemory, Requests};
use scep::clock::{Clock, apart};
use scep::identity::Identity;
use scep::secret::Secret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{Parts, Served, answer};
use crate::authorities::{Authorities, seconds_between};
use crate::certificates::shown;
use crate::difference::{About, Difference, Differences};
use crate::script::{Progress, Script};
use crate::source::Source;
use crate::wire::Wire;

/// The time for a whole request, and for a client to read an answer.
const LIMIT: Duration = Duration::from_secs(30);

/// The most connections that are open at once.
const CONNECTIONS: usize = 500;

/// The time that a connection has at least before it must make room for another one.
const LEAST_WAIT: Duration = Duration::from_secs(5);

/// The most requests whose log lines are kept.
const MOST_LINES: usize = 1_000;

/// A function that is called with each request and its answer.
pub type Observer = Arc<dyn Fn(&Served) + Send + Sync>;

/// A recorded server. It finds the recorded exchange to each request, and answers as that was answered.
pub struct RecordedServer {
    script: Script,
    path: String,
    clock: Clock,
    observer: Option<Observer>,
    memory: RequestMemory,
    state: Mutex<State>,
}

struct State {
    progress: Progress,
    authorities: Authorities,
    differences: Differences,
    lines: Vec<String>,
}

/// A certificate that the server shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The certificate.
    pub certificate: X509,
    /// True if it takes the place of a recorded one, because a key is not known.
    pub is_substitute: bool,
}

impl RecordedServer {
    /// The server of a recording; makes the keys that are not known, which takes a moment.
    pub fn new(source: Source, clock: Clock, observer: Option<Observer>) -> Self {
        let (path, began) = (source.path().to_owned(), source.began());
        let script = Script::of(source.exchanges, &source.keys);
        let now = clock.now();
        let times = [began.unwrap_or(now), now];
        let mut authorities = Authorities::new(source.keys, shown(&script), times);
        let mut differences = Differences::default();
        for difference in authorities.differences() {
            differences.add(difference);
        }
        if let Some(moved) = moved(times) {
            differences.add(moved);
        }
        let state =
            State { progress: Progress::default(), authorities, differences, lines: Vec::new() };
        let memory = RequestMemory::default();
        Self { script, path, clock, observer, memory, state: Mutex::new(state) }
    }

    /// The path of the recorded SCEP service.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The certificates that the server shows, in the order in which it first did.
    pub fn certificates(&self) -> Vec<Shown> {
        let authorities = &mut self.state.lock().authorities;
        let recorded = authorities.shown().to_vec();
        let shown = |recorded: X509| {
            let certificate = authorities.of(&recorded).ok()?.certificate;
            Some(Shown { is_substitute: certificate != recorded, certificate })
        };
        recorded.into_iter().filter_map(shown).collect()
    }

    /// The certificate of the CA, if the server shows one.
    pub fn ca_certificate(&self) -> Option<X509> {
        let authorities = &mut self.state.lock().authorities;
        let recorded = authorities.issuer()?;
        Some(authorities.of(&recorded).ok()?.certificate)
    }

    /// The keys of the certificates that the server shows, and whose they are.
    pub fn keys(&self) -> Vec<(Role, Identity)> {
        self.state.lock().authorities.keys()
    }

    /// The challenge passwords in recorded requests that a known key opens.
    pub fn secrets(&self) -> Vec<Secret> {
        self.script.secrets()
    }

    /// What is other than in the recording, so far.
    pub fn differences(&self) -> Differences {
        self.state.lock().differences.clone()
    }

    /// A line for each of the first requests, the newest last; there are 1,000 at most.
    pub fn log(&self) -> Vec<String> {
        self.state.lock().lines.clone()
    }

    /// Serves one connection until the peer closes it, or is too slow.
    pub async fn serve_connection<Io>(self: &Arc<Self>, io: Io, peer: String)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (_keep_open, stop) = watch::channel(());
        Arc::clone(self).serve_until(io, peer, Place::alone(), stop).await;
    }

    fn answer(&self, received: &Received, peer: &str) -> Option<Wire> {
        let (wire, served) = self.recorded_answer(received, peer);
        // Not under the lock: an observer may ask this server.
        if let Some(observer) = &self.observer {
            observer(&served);
        }
        wire
    }

    /// The answer, and what is told of it.
    fn recorded_answer(&self, received: &Received, peer: &str) -> (Option<Wire>, Served) {
        let state = &mut *self.state.lock();
        let mut parts = Parts {
            script: &self.script,
            progress: &mut state.progress,
            authorities: &mut state.authorities,
            clock: &self.clock,
        };
        let (wire, served) = answer(&mut parts, received, peer);
        for difference in &served.differences {
            state.differences.add(difference.clone());
        }
        if state.lines.len() < MOST_LINES {
            state.lines.push(served.to_string());
        }
        (wire, served)
    }

    /// Answers the requests in these bytes; false if the connection must end.
    async fn answer_all<Io>(
        &self,
        io: &mut Io,
        requests: &mut Requests,
        mut bytes: &[u8],
        (peer, place): (&str, &Place),
    ) -> Answering
    where
        Io: AsyncWrite + Unpin,
    {
        let mut answering = Answering::Waits;
        while !bytes.is_empty() {
            let (rest, received) = requests.read(bytes, self.clock.now());
            bytes = rest;
            let Some(received) = received else { continue };
            let _work = place.work();
            let Some(wire) = self.answer(&received, peer) else { return Answering::Ends };
            let sent = timeout(LIMIT, send(io, &wire.bytes)).await;
            if wire.closes || !matches!(sent, Ok(Ok(()))) {
                return Answering::Ends;
            }
            answering = Answering::Answered;
        }
        answering
    }
}

/// What became of the bytes of a connection.
enum Answering {
    /// They are a part of a request.
    Waits,
    /// A request was answered.
    Answered,
    /// The connection must end.
    Ends,
}

impl Server for RecordedServer {
    fn room(&self) -> (usize, Duration) {
        (CONNECTIONS, LEAST_WAIT)
    }

    async fn serve_http<Io>(
        self: Arc<Self>,
        mut io: Io,
        peer: String,
        place: Place,
        mut stop: watch::Receiver<()>,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut requests = Requests::new(&self.memory);
        let mut buffer = vec![0; 16 << 10];
        let (mut deadline, mut is_permitted) = (Instant::now() + LIMIT, false);
        loop {
            let read = tokio::select! {
                // First, so that a request that has arrived is seen before the place is given up.
                biased;
                read = timeout_at(deadline, io.read(&mut buffer)) => read,
                _ = place.given_up() => break,
                _ = stop.changed() => break,
            };
            let Ok(Ok(length @ 1..)) = read else { break };
            let whom = (peer.as_str(), &place);
            match self.answer_all(&mut io, &mut requests, &buffer[..length], whom).await {
                Answering::Ends => break,
                Answering::Answered => (deadline, is_permitted) = (Instant::now() + LIMIT, false),
                Answering::Waits => {}
            }
            match requests.awaited() {
                Awaited::Nothing => break,
                Awaited::Permission if !is_permitted => {
                    is_permitted = true;
                    if send(&mut io, b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
                        break;
                    }
                }
                Awaited::Permission | Awaited::Rest => {}
            }
        }
        let _ = timeout(LIMIT, io.shutdown()).await;
    }
}

async fn send(io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    io.write_all(bytes).await?;
    io.flush().await
}

/// That the dates of what is made again are not those of the recording.
fn moved([then, now]: [std::time::SystemTime; 2]) -> Option<Difference> {
    /// The time that the next run of a test may take.
    const NOTHING: i64 = 60;
    let seconds = seconds_between(then, now);
    if seconds.abs() < NOTHING {
        return None;
    }
    let by = apart(Duration::from_secs(seconds.unsigned_abs()));
    let way = if seconds < 0 { "earlier" } else { "later" };
    let what = format!(
        "the recording is of another time: dates of issued certificates and signing times are {by} {way}"
    );
    Some(Difference::new(About::Dates, what))
}

impl fmt::Debug for RecordedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedServer").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.peer, self.asked, self.answer)?;
        match (self.exchange, self.is_made_again) {
            (Some(number), true) => write!(f, " (exchange {number}, made again)"),
            (Some(number), false) => write!(f, " (exchange {number}, as recorded)"),
            (None, _) => Ok(()),
        }
    }
}
