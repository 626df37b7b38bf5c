//! A PKI by its URL, behind the harness's seam: real, and handled with care.

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
use testbed::pki::{Exchanged, Pki, PkiError};

/// After how many messages in a row without an answer a server is given up that has answered none at all.
const NEVER_HEARD: usize = 4;

/// The same for one that has answered: what is wrong on purpose may well leave a server speechless, a few times in a row.
const FALLEN_SILENT: usize = 12;

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
        if passwords.len() > 1 {
            return Self::OneTime(Mutex::new(passwords.into()));
        }
        passwords.pop().map_or(Self::None, Self::One)
    }
}

/// A PKI by its URL.
pub struct LivePki {
    /// Where it is.
    pub url: ScepUrl,
    challenges: Challenges,
    /// From the first byte of a request to the last of its answer.
    limit: Duration,
    /// How many challenge passwords were given out.
    given: AtomicUsize,
    /// What requests had that were refused: an NDES still keeps it, and gives out no other once it keeps too many.
    unused: Mutex<VecDeque<Secret>>,
    /// What requests share that are wrong on purpose.
    expendable: sync::Mutex<Option<Secret>>,
    /// When requests may go, one at a time.
    pace: Option<sync::Mutex<Interval>>,
    silence: watch::Sender<Silence>,
}

/// The messages that had no answer in their time.
#[derive(Debug, Default)]
struct Silence {
    in_a_row: usize,
    has_answered: bool,
}

impl Silence {
    /// Notes what came of a message.
    fn note(&mut self, was_answered: bool) {
        self.in_a_row = if was_answered { 0 } else { self.in_a_row + 1 };
        self.has_answered |= was_answered;
    }

    /// Whether there is no use in waiting for another answer.
    fn is_hopeless(&self) -> bool {
        self.in_a_row >= if self.has_answered { FALLEN_SILENT } else { NEVER_HEARD }
    }
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
            silence: watch::Sender::default(),
        }
    }

    /// What it says of itself, or why it says nothing, in a line.
    pub async fn introduction(&self) -> String {
        let ask = Operation::GetCaCaps(None).to_http(Method::Get);
        let told = match self.exchange(&ask, "").await {
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
        format!("{}: GetCACaps from here{told}", self.url)
    }

    /// How many challenge passwords were given out; one that serves always counts once.
    pub fn challenges_given(&self) -> usize {
        let given = self.given.load(Ordering::Relaxed);
        if matches!(self.challenges, Challenges::One(_)) { given.min(1) } else { given }
    }

    /// Waits until so many messages in a row had no answer in their time that there is no use in sending more; tells so.
    pub async fn fell_silent(&self) -> String {
        let mut silence = self.silence.subscribe();
        let hopeless = silence.wait_for(Silence::is_hopeless).await;
        // The sender lives as long as this value.
        let messages = hopeless.map(|silence| silence.in_a_row).unwrap_or_default();
        format!(
            "{} answered none of {messages} messages in a row, each waited for {} s: it was given up",
            self.url,
            self.limit.as_secs()
        )
    }

    /// Waits for this request's turn.
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
impl Pki for LivePki {
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
            self.silence.send_modify(|silence| silence.note(was_answered));
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
        self.unused.lock().push_back(challenge);
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

    fn lasts(noted: &[bool]) -> Option<usize> {
        let mut silence = Silence::default();
        for was_answered in noted {
            silence.note(*was_answered);
        }
        silence.is_hopeless().then_some(silence.in_a_row)
    }

    #[test]
    fn whoever_never_answered_is_given_up_sooner_than_who_did() {
        assert_eq!(lasts(&[false; 3]), None);
        assert_eq!(lasts(&[false; 4]), Some(4));
        let heard = [&[true][..], &[false; 11]].concat();
        assert_eq!(lasts(&heard), None);
        assert_eq!(lasts(&[&heard[..], &[false]].concat()), Some(12));
        // Each answer is a new beginning.
        assert_eq!(lasts(&[&heard[..], &heard].concat()), None);
    }
}
