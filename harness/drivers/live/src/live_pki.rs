//! An existing PKI at a URL. Because it is real, messages and challenge passwords are used sparingly.

mod admin;
mod connection;
mod unanswered;
mod watch;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use recording::Recorder;
use scep::http::{HttpRequest, Method, Operation};
use tokio::sync;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

pub use self::admin::NdesAdmin;
use self::unanswered::{Reaction, Unanswered};
use self::watch::Watch;

use diagnostics::visible;
use model::lab::Secret;
use model::scep_url::ScepUrl;
use testbed::NoAnswer;
use testbed::access::Access;
use testbed::pki::{Exchanged, Pki, PkiError, ScepService};
use transport::http;

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

/// A PKI at a URL. Clones share its state.
#[derive(Clone)]
pub struct LivePki {
    /// The URL of its SCEP service.
    pub url: ScepUrl,
    challenges: Arc<Challenges>,
    /// The timeout from the first byte of a request to the last of its answer.
    limit: Duration,
    /// The number of challenge passwords that were used.
    given: Arc<AtomicUsize>,
    /// The passwords of refused requests. NDES still stores them, and issues no new ones while it stores too many.
    unused: Arc<Mutex<VecDeque<Secret>>>,
    /// The password that all mutated requests share.
    expendable: Arc<sync::Mutex<Option<Secret>>>,
    /// The limit of the rate of requests, if any.
    pace: Option<Arc<sync::Mutex<Interval>>>,
    unanswered: sync::watch::Sender<Unanswered>,
    /// The passwords that were given out a second time.
    reused: Arc<Mutex<Vec<Secret>>>,
    watch: Option<Arc<Watch>>,
    /// Records what is exchanged by this clone, if it is saved.
    recorder: Option<Recorder>,
    access: Access,
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
            Arc::new(sync::Mutex::new(pace))
        });
        Self {
            url,
            challenges: Arc::new(challenges),
            limit,
            given: Arc::default(),
            unused: Arc::default(),
            expendable: Arc::default(),
            pace,
            unanswered: sync::watch::Sender::default(),
            reused: Arc::default(),
            watch: None,
            recorder: None,
            access: Access::default(),
        }
    }

    /// The same PKI, reached in this way.
    #[must_use]
    pub fn through(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// The same PKI; what is exchanged with it by the result is recorded.
    #[must_use]
    pub fn with_recorder(&self, recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), ..self.clone() }
    }

    /// The URL, and the answer to GetCACaps or the reason why there is none, in a line.
    pub async fn describe(&self) -> String {
        let ask = Operation::GetCaCaps(None).to_http(Method::Get);
        let answer = self.exchange(&ask, "").await.map_err(NoAnswer::from);
        let answer = match answer.and_then(Exchanged::response) {
            Ok(response) if response.status == 200 => {
                let said = match response.capabilities() {
                    Ok(offer) if offer.is_empty() => response.came(),
                    Ok(offer) => offer.to_string(),
                    Err(error) => error.came,
                };
                format!(" is answered: {}", visible(&said))
            }
            Ok(response) => format!(" {}", visible(&response.answered())),
            Err(reason) => format!(": {reason}"),
        };
        format!("{}: GetCACaps from here{answer}", self.url)
    }

    /// The number of challenge passwords that were used; a reusable one counts once.
    pub fn challenges_given(&self) -> usize {
        let given = self.given.load(Ordering::Relaxed);
        if matches!(*self.challenges, Challenges::One(_)) { given.min(1) } else { given }
    }

    /// Waits until so many consecutive messages were not answered in time that sending more is useless; returns a description.
    pub async fn became_unresponsive(&self) -> String {
        let mut unanswered = self.unanswered.subscribe();
        let exceeded = unanswered.wait_for(Unanswered::exceeds_limit).await;
        // The sender is in `self`, so the channel is not closed.
        let what = exceeded.map(|unanswered| unanswered.in_words()).unwrap_or_default();
        format!("{} {what}; no further messages are sent", self.url)
    }

    /// Waits until the rate limit allows a request.
    async fn turn(&self) {
        if let Some(pace) = &self.pace {
            pace.lock().await.tick().await;
        }
    }

    async fn next_challenge(&self) -> Result<Option<Secret>, PkiError> {
        let next = match &*self.challenges {
            Challenges::None => return Ok(None),
            Challenges::One(secret) => secret.clone(),
            Challenges::OneTime(secrets) => secrets.lock().pop_front().ok_or_else(|| {
                PkiError::NoPassword { reason: "all that were given are used".to_owned() }
            })?,
            Challenges::Ndes(admin) => {
                self.turn().await;
                admin
                    .password(self.limit, &self.access, self.recorder.as_ref())
                    .await?
                    .map_or_else(|| self.unused(), Ok)?
            }
        };
        self.given.fetch_add(1, Ordering::Relaxed);
        Ok(Some(next))
    }

    /// A password that was sent with a refused request, for a server that issues no further ones.
    fn unused(&self) -> Result<Secret, PkiError> {
        let unused = self.unused.lock().pop_front().ok_or_else(admin::cache_is_full)?;
        self.reused.lock().push(unused.clone());
        Ok(unused)
    }

    async fn send(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let limit = self.unanswered.borrow().timeout(self.limit);
        let begun = Instant::now();
        let sent = self.send_within(limit, request, suffix).await?;
        let elapsed = begun.elapsed();
        let reaction = Reaction::of(&sent, elapsed >= limit);
        if watch::is_message(request) {
            self.unanswered.send_modify(|unanswered| unanswered.record(&reaction, elapsed));
        }
        Ok(match sent {
            Exchanged::Unanswered(reason)
                if reaction == Reaction::Silence && limit < self.limit =>
            {
                let shortened = unanswered::shortened(self.limit);
                Exchanged::Unanswered(reason.reworded(|reason| format!("{reason}{shortened}")))
            }
            sent => sent,
        })
    }

    /// Sends a request whose answer must come within `limit`.
    async fn send_within(
        &self,
        limit: Duration,
        request: &HttpRequest,
        suffix: &str,
    ) -> Result<Exchanged, PkiError> {
        self.turn().await;
        let recorder = self.recorder.as_ref();
        let stream = connection::connect(&self.url, &self.access, recorder).await;
        let stream = stream.map_err(|reason| PkiError::NotServed { reason })?;
        let path = format!("{}{suffix}", self.url.path());
        let authority = self.url.authority();
        let options = self.access.options(&self.url, &authority, &path, limit);
        let answer = http::exchange(stream, options, request).await;
        Ok(answer.map_or_else(|failure| Exchanged::Unanswered(failure.into()), Exchanged::Answered))
    }
}

#[async_trait]
impl ScepService for LivePki {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        match &self.watch {
            Some(watch) => self.send_watched(watch, request, suffix).await,
            None => self.send(request, suffix).await,
        }
    }

    /// True if there are challenge passwords.
    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(!matches!(*self.challenges, Challenges::None))
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

    fn is_doubtful(&self, challenge: &Secret) -> bool {
        self.reused.lock().iter().any(|reused| reused.matches(challenge))
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

    fn recorded(&self, recorder: Recorder) -> Option<Arc<dyn Pki>> {
        Some(Arc::new(self.with_recorder(recorder)))
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
        assert!(matches!(pki.challenge(false).await, Err(PkiError::NoPassword { .. })));
        pki.expendable_granted().await.unwrap();
        assert!(matches!(pki.challenge(true).await, Err(PkiError::NoPassword { .. })));
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
}
