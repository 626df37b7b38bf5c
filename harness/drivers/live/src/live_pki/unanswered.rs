//! Counts messages that bring no answer of a SCEP service, and decides when it is useless to send more.

use std::time::Duration;

use scep::content::Content;
use scep::http::HttpResponse;

use testbed::pki::Exchanged;

/// The number of consecutive messages without an answer after which a server that has never answered is given up.
const MAX_AT_START: usize = 4;

/// The same number for a server that has answered before: it may well not answer mutated requests, a few times in a row.
const MAX_IN_A_ROW: usize = 12;

/// The number of messages without an answer after which the timeout becomes shorter.
const PATIENT: usize = 3;

/// The shortest timeout, for a server that answers other messages at once.
const SHORTEST: Duration = Duration::from_secs(2);

/// What a message brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reaction {
    /// An answer, or the end of the connection.
    Answer,
    /// Nothing within the timeout.
    Silence,
    /// The answer of something before the service, or of a server that is busy; in words.
    Unserved(String),
}

impl Reaction {
    /// The reaction to a message whose time is over, or not.
    pub(super) fn of(sent: &Exchanged, is_overdue: bool) -> Self {
        match sent {
            Exchanged::Answered(response) if is_unserved(response) => {
                Self::Unserved(response.answered())
            }
            Exchanged::Unanswered(_) if is_overdue => Self::Silence,
            _ => Self::Answer,
        }
    }
}

/// True for answers with which no SCEP service refuses a message. A service may well say 400, 403, 404 or 500.
fn is_unserved(response: &HttpResponse) -> bool {
    let is_by_status = matches!(response.status, 401 | 407 | 429 | 502 | 503 | 504);
    is_by_status || response.is_redirect() || is_page(response)
}

/// True for a web page that comes as if it were the answer.
fn is_page(response: &HttpResponse) -> bool {
    response.status == 200 && matches!(Content::of(&response.body), Content::WebPage(_))
}

/// The words about a timeout that was shortened.
pub(super) fn shortened(limit: Duration) -> String {
    format!(
        "; the timeout of {} s is shortened after {PATIENT} messages without an answer",
        limit.as_secs()
    )
}

/// Counts messages that brought nothing.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    silent_in_a_row: usize,
    silent_in_all: usize,
    unserved_in_a_row: usize,
    /// The last answer that was none of the service, in words.
    unserved: String,
    has_answered: bool,
    /// The longest time that an answer took.
    slowest: Duration,
}

impl Unanswered {
    /// Records what a message brought, and how long that took.
    pub(super) fn record(&mut self, reaction: &Reaction, elapsed: Duration) {
        match reaction {
            Reaction::Answer => {
                (self.silent_in_a_row, self.unserved_in_a_row) = (0, 0);
                self.has_answered = true;
                self.slowest = self.slowest.max(elapsed);
            }
            Reaction::Silence => {
                self.silent_in_a_row += 1;
                self.silent_in_all += 1;
            }
            Reaction::Unserved(words) => {
                self.silent_in_a_row = 0;
                self.unserved_in_a_row += 1;
                self.unserved.clone_from(words);
            }
        }
    }

    /// The timeout of the next message, at most `limit`. A server that leaves several messages unanswered and answers others
    /// quickly does not cost the whole limit each time.
    pub(super) fn timeout(&self, limit: Duration) -> Duration {
        if self.silent_in_all < PATIENT || !self.has_answered {
            return limit;
        }
        limit.min(SHORTEST.max(self.slowest * 4))
    }

    /// True if it is useless to wait for another answer.
    pub(super) fn exceeds_limit(&self) -> bool {
        let most = if self.has_answered { MAX_IN_A_ROW } else { MAX_AT_START };
        self.silent_in_a_row >= most || self.unserved_in_a_row >= MAX_IN_A_ROW
    }

    /// What the server did, after its name.
    pub(super) fn in_words(&self) -> String {
        if self.unserved_in_a_row >= MAX_IN_A_ROW {
            let Self { unserved_in_a_row: count, unserved, .. } = self;
            return format!(
                "answered {count} messages in a row with something else than SCEP: the last one {unserved}"
            );
        }
        format!("did not answer {} messages in a row", self.silent_in_a_row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given_up_after(reactions: &[Reaction]) -> Option<String> {
        let mut unanswered = Unanswered::default();
        for reaction in reactions {
            unanswered.record(reaction, Duration::ZERO);
        }
        unanswered.exceeds_limit().then(|| unanswered.in_words())
    }

    #[test]
    fn timeout_becomes_shorter_if_only_some_messages_are_not_answered() {
        let limit = Duration::from_secs(15);
        let mut unanswered = Unanswered::default();
        unanswered.record(&Reaction::Answer, Duration::from_secs(1));
        for expected in [15, 15, 15, 4] {
            assert_eq!(unanswered.timeout(limit), Duration::from_secs(expected));
            unanswered.record(&Reaction::Silence, limit);
        }
        let mut silent = Unanswered::default();
        (0..4).for_each(|_| silent.record(&Reaction::Silence, limit));
        assert_eq!(silent.timeout(limit), limit);
    }

    #[test]
    fn server_that_never_answered_is_given_up_earlier() {
        let silence = |count| vec![Reaction::Silence; count];
        assert_eq!(given_up_after(&silence(3)), None);
        let words = |count| Some(format!("did not answer {count} messages in a row"));
        assert_eq!(given_up_after(&silence(4)), words(4));
        let answered_once = [&[Reaction::Answer][..], &silence(11)].concat();
        assert_eq!(given_up_after(&answered_once), None);
        assert_eq!(given_up_after(&[&answered_once[..], &silence(1)].concat()), words(12));
        // Each answer resets the count.
        assert_eq!(given_up_after(&[&answered_once[..], &answered_once].concat()), None);
    }

    #[test]
    fn server_that_answers_something_else_each_time_is_given_up() {
        let busy = HttpResponse { status: 503, ..HttpResponse::default() };
        let busy = Reaction::of(&Exchanged::Answered(busy), false);
        assert_eq!(given_up_after(&vec![busy.clone(); 11]), None);
        let told = given_up_after(&vec![busy; 12]).unwrap();
        assert!(told.ends_with("the last one was answered HTTP 503 with an empty body"), "{told}");
    }

    #[test]
    fn refusal_of_a_service_is_told_from_the_answer_of_something_before_it() {
        let of = |status, body: &[u8]| {
            let response = HttpResponse { status, body: body.to_vec(), ..HttpResponse::default() };
            matches!(Reaction::of(&Exchanged::Answered(response), false), Reaction::Unserved(_))
        };
        for status in [401, 407, 429, 502, 503, 504, 302] {
            assert!(of(status, b""), "{status}");
        }
        for status in [200, 400, 403, 404, 500] {
            assert!(!of(status, b""), "{status}");
        }
        assert!(of(200, b"<html><title>Log in</title></html>"));
        assert!(!of(500, b"<html><title>Wrong request</title></html>"));
    }
}
