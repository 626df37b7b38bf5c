//! An existing PKI at a URL. Because it is real, messages and challenge passwords are used sparingly.

mod admin;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use scep::capabilities::Capabilities;
use scep::http::{HttpRequest, Method, Operation};
use tokio::sync::{self, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

pub use self::admin::NdesAdmin;

use diagnostics::visible;
use model::lab::Secret;
use model::scep_url::{ScepUrl, connect};
use testbed::http::{self, RequestOptions};
use testbed::pki::{Exchanged, Pki, PkiError, ScepService};

/// The number of consecutive messages without an answer after which a server that has never answered is given up.
const MAX_UNANSWERED_AT_START: usize = 4;

/// The same number for a server that has answered before: it may well not answer mutated requests, a few times in a row.
const MAX_UNANSWERED: usize = 12;

/// The source of challenge passwords.
pub enum Challenges {
    /// The PKI asks for no challenge password.
    None,
    /// One password for all requests.
    One(Secret),
    /// Passwords that can be used once each.
    OneTime(Mutex<VecDeque<Secret>>),
    /// An NDES page, which returns one password at a time.
    Ndes(NdesAdmin),
}

impl Challenges {
    /// The given passwords: a single one is used for all requests, several are used once each.
    pub fn given(mut passwords: Vec<Secret>) -> Self {
        if passwords.len() > 1 {
            return Self::OneTime(Mutex::new(passwords.into()));
        }
        passwords.pop().map_or(Self::None, Self::One)
    }
}

/// A PKI at a URL.
pub struct LivePki {
    /// The URL of its SCEP service.
    pub url: ScepUrl,
    challenges: Challenges,
    /// The timeout from the first byte of a request to the last of its answer.
    limit: Duration,
    /// The number of challenge passwords that were used.
    given: AtomicUsize,
    /// The passwords of refused requests. NDES still stores them, and issues no new ones while it stores too many.
    unused: Mutex<VecDeque<Secret>>,
    /// The password that all mutated requests share.
    expendable: sync::Mutex<Option<Secret>>,
    /// The limit of the rate of requests, if any.
    pace: Option<sync::Mutex<Interval>>,
    unanswered: watch::Sender<Unanswered>,
}

/// Counts messages that were not answered in time.
#[derive(Debug, Default)]
struct Unanswered {
    in_a_row: usize,
    has_answered: bool,
}

impl Unanswered {
    /// Records whether a message was answered.
    fn record(&mut self, was_answered: bool) {
        self.in_a_row = if was_answered { 0 } else { self.in_a_row + 1 };
        self.has_answered |= was_answered;
    }

    /// True if it is useless to wait for another answer.
    fn exceeds_limit(&self) -> bool {
        self.in_a_row >= if self.has_answered { MAX_UNANSWERED } else { MAX_UNANSWERED_AT_START }
    }
}

impl LivePki {
    /// The PKI at `url`. `limit` is the timeout of an answer; `per_second` is the maximum number of requests in a second, if it
    /// is limited.
    pub fn new(
        url: ScepUrl,
        challenges: Challenges,
        limit: Duration,
        per_second: Option<f64>,
    ) -> Self {
        let pace = per_second.map(|rate| {
            let pause = Duration::from_secs_f64(1.0 / rate.max(0.001));
            let mut pace = interval(pause.max(Duration::from_nanos(1)));
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            sync::Mutex::new(pace)
        });
        Self {
            url,
            challenges,
            limit,
            given: AtomicUsize::new(0),
            unused: Mutex::default(),
            expendable: sync::Mutex::default(),
            pace,
            unanswered: watch::Sender::default(),
        }
    }

    /// The URL, and the answer to GetCACaps or the reason why there is none, in a line.
    pub async fn describe(&self) -> String {
        let ask = Operation::GetCaCaps(None).to_http(Method::Get);
        let answer = match self.exchange(&ask, "").await {
            Ok(Exchanged::Answered(response)) if response.status == 200 => {
                let offer = Capabilities::parse(&response.body).to_string();
                format!(" is answered: {}", visible(&offer))
            }
            Ok(Exchanged::Answered(response)) => format!(" is answered HTTP {}", response.status),
            Ok(Exchanged::Unanswered(reason)) | Err(PkiError::Broken { reason }) => {
                format!(": {reason}")
            }
            Err(error) => format!(": {error}"),
        };
        format!("{}: GetCACaps from here{answer}", self.url)
    }

    /// The number of challenge passwords that were used; a reusable one counts once.
    pub fn challenges_given(&self) -> usize {
        let given = self.given.load(Ordering::Relaxed);
        if matches!(self.challenges, Challenges::One(_)) { given.min(1) } else { given }
    }

    /// Waits until so many consecutive messages were not answered in time that sending more is useless; returns a description.
    pub async fn became_unresponsive(&self) -> String {
        let mut unanswered = self.unanswered.subscribe();
        let exceeded = unanswered.wait_for(Unanswered::exceeds_limit).await;
        // The sender is in `self`, so the channel is not closed.
        let messages = exceeded.map(|unanswered| unanswered.in_a_row).unwrap_or_default();
        format!(
            "{} did not answer {messages} messages in a row within {} s each; no further messages are sent",
            self.url,
            self.limit.as_secs()
        )
    }

    /// Waits until the rate limit allows a request.
    async fn turn(&self) {
        if let Some(pace) = &self.pace {
            pace.lock().await.tick().await;
        }
    }

    async fn next_challenge(&self) -> Result<Option<Secret>, PkiError> {
        let next = match &self.challenges {
            Challenges::None => return Ok(None),
            Challenges::One(secret) => secret.clone(),
            Challenges::OneTime(secrets) => {
                secrets.lock().pop_front().ok_or_else(|| PkiError::NotSupported {
                    what: "a further request: all challenge passwords given are used".to_owned(),
                })?
            }
            Challenges::Ndes(admin) => {
                self.turn().await;
                let unused = || self.unused.lock().pop_front().ok_or_else(admin::cache_is_full);
                admin.password(self.limit).await?.map_or_else(unused, Ok)?
            }
        };
        self.given.fetch_add(1, Ordering::Relaxed);
        Ok(Some(next))
    }
}

#[async_trait]
impl ScepService for LivePki {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        self.turn().await;
        let stream = connect(&self.url).await.map_err(|reason| PkiError::Broken { reason })?;
        let path = format!("{}{suffix}", self.url.path());
        let authority = self.url.authority();
        let options = RequestOptions::new(&authority, &path, self.limit);
        let begun = Instant::now();
        let answer = http::exchange(stream, options, request).await;
        if request.query.starts_with("operation=PKIOperation") {
            let was_answered = answer.is_ok() || begun.elapsed() < self.limit;
            self.unanswered.send_modify(|unanswered| unanswered.record(was_answered));
        }
        Ok(answer.map_or_else(Exchanged::Unanswered, Exchanged::Answered))
    }

    /// True if there are challenge passwords.
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
        self.unused.lock().push_back(challenge);
        Ok(())
    }

    async fn expendable_granted(&self) -> Result<(), PkiError> {
        // If the lock is held, another request is about to use the same password; the one after it gets a new password.
        if let Ok(mut shared) = self.expendable.try_lock() {
            *shared = None;
        }
        Ok(())
    }
}

impl Pki for LivePki {
    fn scep(&self) -> Result<&dyn ScepService, PkiError> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_time_passwords_are_used_once() {
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
    async fn rate_of_requests_is_limited() {
        let url = "http://127.0.0.1:1/".parse().unwrap();
        let pki = LivePki::new(url, Challenges::None, Duration::from_secs(1), Some(2.0));
        let start = Instant::now();
        for _ in 0..3 {
            pki.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }

    fn given_up_after(answered: &[bool]) -> Option<usize> {
        let mut unanswered = Unanswered::default();
        for was_answered in answered {
            unanswered.record(*was_answered);
        }
        unanswered.exceeds_limit().then_some(unanswered.in_a_row)
    }

    #[test]
    fn server_that_never_answered_is_given_up_earlier() {
        assert_eq!(given_up_after(&[false; 3]), None);
        assert_eq!(given_up_after(&[false; 4]), Some(4));
        let answered_once = [&[true][..], &[false; 11]].concat();
        assert_eq!(given_up_after(&answered_once), None);
        assert_eq!(given_up_after(&[&answered_once[..], &[false]].concat()), Some(12));
        // Each answer resets the count.
        assert_eq!(given_up_after(&[&answered_once[..], &answered_once].concat()), None);
    }
}
