//! A PKI by its URL, behind the harness's seam: real, and handled with care.

mod admin;
mod silence;

use std::collections::VecDeque;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use scep::http::HttpRequest;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

pub use self::admin::NdesAdmin;
use self::silence::Silence;

use crate::http::{self, Envelope};
use crate::lab::Secret;
use crate::pki::{Exchanged, Pki, PkiError};

/// For a connection to be opened.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Where a PKI's SCEP service is: `http://host[:port]/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScepUrl {
    host: String,
    port: u16,
    path: String,
}

/// Why a text is no URL of a SCEP service.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It is of HTTPS.
    #[error("HTTPS is not spoken: RFC 8894 §4.1 needs none; give the PKI's http:// address")]
    Https,
    /// It is no URL of HTTP.
    #[error("a SCEP service has a URL such as `http://pki.example.com/scep`")]
    NotHttp,
    /// It has a query or a fragment, which the operations bring.
    #[error("leave out the query: `?operation=…` is added by each request")]
    Query,
}

impl FromStr for ScepUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let uri: hyper::Uri = text.parse().map_err(|_| UrlError::NotHttp)?;
        match uri.scheme_str() {
            Some("https") => return Err(UrlError::Https),
            Some("http") => {}
            _ => return Err(UrlError::NotHttp),
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(UrlError::Query);
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(UrlError::NotHttp)?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(80),
            path: uri.path().to_owned(),
        })
    }
}

impl fmt::Display for ScepUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

impl ScepUrl {
    fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }

    /// Opens a connection; the error is why there is none.
    async fn connect(&self) -> Result<TcpStream, String> {
        let (host, port) = (self.host.clone(), self.port);
        let resolved = tokio::task::spawn_blocking(move || {
            (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>)
        });
        let addresses = match resolved.await {
            Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
            Ok(Err(error)) => return Err(format!("`{}` is not resolved: {error}", self.host)),
            _ => return Err(format!("`{}` has no address", self.host)),
        };
        let connecting = TcpStream::connect(addresses.as_slice());
        match timeout(CONNECT_LIMIT, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(format!("cannot connect to {}: {error}", self.authority())),
            Err(_) => Err(format!(
                "cannot connect to {}: no answer in {} s",
                self.authority(),
                CONNECT_LIMIT.as_secs()
            )),
        }
    }
}

/// Where challenge passwords come from.
pub enum Challenges {
    /// The PKI asks for none.
    None,
    /// One for all requests.
    One(Secret),
    /// Each serves once.
    OneTime(Mutex<VecDeque<Secret>>),
    /// A page of NDES gives out one at a time.
    Ndes(NdesAdmin),
}

impl Challenges {
    /// Those that were given: one serves always, several once each.
    pub fn given(mut passwords: Vec<Secret>) -> Self {
        match (passwords.len(), passwords.pop()) {
            (1, Some(only)) => Self::One(only),
            (_, Some(last)) => {
                passwords.push(last);
                Self::OneTime(Mutex::new(passwords.into()))
            }
            (_, None) => Self::None,
        }
    }
}

/// A PKI by its URL.
pub struct LivePki {
    url: ScepUrl,
    challenges: Challenges,
    /// From the first byte of a request to the last of its answer.
    limit: Duration,
    /// How many challenge passwords were given out.
    given: AtomicUsize,
    /// What requests had that were refused: an NDES still keeps it, and gives out no other once it keeps too many.
    unused: Mutex<VecDeque<Secret>>,
    /// What requests share that are wrong on purpose.
    expendable: tokio::sync::Mutex<Option<Secret>>,
    /// The pause between two requests, and when the next may go.
    pace: Option<(Duration, Mutex<Instant>)>,
    silence: Silence,
}

impl LivePki {
    /// The PKI at `url`, each of whose answers may take as long as `limit`; at most `per_second` requests are sent in a
    /// second, where that is given.
    pub fn new(
        url: ScepUrl,
        challenges: Challenges,
        limit: Duration,
        per_second: Option<f64>,
    ) -> Self {
        let pace = per_second.map(|rate| {
            let pause = Duration::from_secs_f64(1.0 / rate.max(0.001));
            (pause, Mutex::new(Instant::now()))
        });
        Self {
            url,
            challenges,
            limit,
            given: AtomicUsize::new(0),
            unused: Mutex::default(),
            expendable: tokio::sync::Mutex::default(),
            pace,
            silence: Silence::default(),
        }
    }

    /// How many challenge passwords were given out; one that serves always counts once.
    pub fn challenges_given(&self) -> usize {
        let given = self.given.load(Ordering::Relaxed);
        if matches!(self.challenges, Challenges::One(_)) { given.min(1) } else { given }
    }

    /// Waits until so many messages in a row had no answer in their time that there is no use in sending more; tells so.
    pub async fn fell_silent(&self) -> String {
        let messages = self.silence.lasts().await;
        format!(
            "{} answered none of {messages} messages in a row, each waited for {} s: it was given up",
            self.url,
            self.limit.as_secs()
        )
    }

    /// Waits for this request's turn.
    async fn turn(&self) {
        let Some((pause, next)) = &self.pace else { return };
        let at = {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            let at = (*next).max(Instant::now());
            *next = at + *pause;
            at
        };
        sleep_until(at).await;
    }
}

impl LivePki {
    async fn next_challenge(&self) -> Result<Option<Secret>, PkiError> {
        let next = self.challenge_from_source().await?;
        self.given.fetch_add(usize::from(next.is_some()), Ordering::Relaxed);
        Ok(next)
    }

    async fn challenge_from_source(&self) -> Result<Option<Secret>, PkiError> {
        match &self.challenges {
            Challenges::None => Ok(None),
            Challenges::One(secret) => Ok(Some(secret.clone())),
            Challenges::OneTime(secrets) => {
                let next = secrets.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                next.map(Some).ok_or_else(|| PkiError::NotSupported {
                    what: "a further request: all challenge passwords given are used".to_owned(),
                })
            }
            Challenges::Ndes(admin) => {
                self.turn().await;
                let unused = || self.unused.lock().unwrap_or_else(PoisonError::into_inner);
                match admin.password(self.limit).await? {
                    Some(password) => Ok(Some(password)),
                    None => unused().pop_front().map(Some).ok_or_else(admin::cache_is_full),
                }
            }
        }
    }
}

#[async_trait]
impl Pki for LivePki {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        self.turn().await;
        let stream = self.url.connect().await.map_err(|reason| PkiError::Broken { reason })?;
        let path = format!("{}{suffix}", self.url.path);
        let authority = self.url.authority();
        let (path, limit) = (path.as_str(), self.limit);
        let envelope = Envelope { authority: &authority, path, credentials: None, limit };
        let begun = Instant::now();
        let answer = http::exchange(stream, envelope, request).await;
        if request.query.starts_with("operation=PKIOperation") {
            self.silence.note(answer.is_ok() || begun.elapsed() < limit);
        }
        Ok(answer.map_or_else(Exchanged::Unanswered, Exchanged::Answered))
    }

    /// Whoever has passwords is asked for them.
    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(!matches!(self.challenges, Challenges::None))
    }

    async fn challenge(&self, expendable: bool) -> Result<Option<Secret>, PkiError> {
        if !expendable {
            return self.next_challenge().await;
        }
        let mut shared = self.expendable.lock().await;
        if shared.is_none() {
            *shared = self.next_challenge().await?;
        }
        Ok(shared.clone())
    }

    async fn challenge_unused(&self, challenge: Secret) -> Result<(), PkiError> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner).push_back(challenge);
        Ok(())
    }

    async fn expendable_granted(&self) -> Result<(), PkiError> {
        // Whoever holds the lock is about to send the same password; the next one gets a new one.
        if let Ok(mut shared) = self.expendable.try_lock() {
            *shared = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_written_again() {
        for url in
            ["http://pki.example.com/scep", "http://[::1]:8080/a/b", "http://127.0.0.1:8081/"]
        {
            assert_eq!(url.parse::<ScepUrl>().unwrap().to_string(), url);
        }
        assert_eq!("http://h".parse::<ScepUrl>().unwrap().to_string(), "http://h/");
    }

    #[test]
    fn what_is_no_scep_url_is_refused_with_what_to_type() {
        assert_eq!("https://h/scep".parse::<ScepUrl>(), Err(UrlError::Https));
        assert_eq!("pki.example.com".parse::<ScepUrl>(), Err(UrlError::NotHttp));
        assert_eq!("ftp://h/".parse::<ScepUrl>(), Err(UrlError::NotHttp));
        assert_eq!("http://h/scep?operation=GetCACaps".parse::<ScepUrl>(), Err(UrlError::Query));
    }

    #[tokio::test]
    async fn passwords_that_serve_once_are_given_out_once() {
        let given = ["a1", "b2"].map(Secret::new).to_vec();
        let url = "http://127.0.0.1:1/".parse().unwrap();
        let pki = LivePki::new(url, Challenges::given(given), Duration::from_secs(1), None);
        let next = async |expendable| pki.challenge(expendable).await.unwrap().unwrap();
        assert_eq!(next(false).await.expose(), "a1");
        assert_eq!(next(true).await.expose(), "b2");
        assert_eq!(next(true).await.expose(), "b2");
        assert!(matches!(pki.challenge(false).await, Err(PkiError::NotSupported { .. })));
        pki.expendable_granted().await.unwrap();
        assert!(matches!(pki.challenge(true).await, Err(PkiError::NotSupported { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_keep_their_pace() {
        let url = "http://127.0.0.1:1/".parse().unwrap();
        let pki = LivePki::new(url, Challenges::None, Duration::from_secs(1), Some(2.0));
        let start = Instant::now();
        for _ in 0..3 {
            pki.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }
}
