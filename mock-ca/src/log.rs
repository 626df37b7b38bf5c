//! The log: one entry for each request.

use std::{collections::VecDeque, fmt, sync::Arc, time::SystemTime};

use parking_lot::Mutex;
use scep::attribute::{FailInfo, MessageType, PkiStatus, TransactionId};

use crate::{
    fault::Fault,
    password_problem::PasswordProblem,
    seen::{SeenRefusal, SeenRequest, shortened, shortened_id, shortened_to, shortened_type},
};

/// A request and its outcome; `Display` writes one line of log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// The time at which the answer was ready.
    pub at: SystemTime,
    /// The peer, as the caller of [`crate::Ca::serve_connection`] named it.
    pub peer: String,
    /// The SCEP operation, such as `GetCACaps`, or the method and path.
    pub operation: String,
    /// The type of the message, if it could be read.
    pub message_type: Option<MessageType>,
    /// The transaction of the message, if it could be read.
    pub transaction_id: Option<TransactionId>,
    /// The kind of answer.
    pub outcome: LogOutcome,
    /// The reason of a refusal, or the certificate that was issued, in words.
    pub reason: Option<String>,
    /// The faults that happened.
    pub faults: Vec<Fault>,
}

/// The kind of answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogOutcome {
    /// Something else than a CertRep, with this HTTP status.
    Http(u16),
    /// A CertRep.
    CertRep(PkiStatus, Option<FailInfo>),
    /// No answer: the connection was closed.
    Cut,
    /// No request, but a TLS handshake that the client completed.
    Secured,
}

impl LogEntry {
    /// True if the CA denied a client's request.
    pub(crate) fn is_denial(&self) -> bool {
        match &self.outcome {
            LogOutcome::CertRep(status, _) => *status == PkiStatus::Failure,
            LogOutcome::Http(status) => {
                *status >= 400 && self.faults.is_empty() && self.message_type.is_some()
            }
            LogOutcome::Cut | LogOutcome::Secured => false,
        }
    }

    /// The pkiStatus of the answer, if it is a CertRep.
    pub(crate) fn pki_status(&self) -> Option<PkiStatus> {
        match &self.outcome {
            LogOutcome::CertRep(status, _) => Some(status.clone()),
            LogOutcome::Http(_) | LogOutcome::Cut | LogOutcome::Secured => None,
        }
    }

    /// The refusal that this entry is about, if it is about one.
    pub(crate) fn refusal(&self, password: Option<PasswordProblem>) -> Option<SeenRefusal> {
        let (http_status, fail_info) = match &self.outcome {
            LogOutcome::CertRep(PkiStatus::Failure, fail_info) => (200, fail_info.clone()),
            LogOutcome::Http(status) if *status >= 400 && self.faults.is_empty() => (*status, None),
            _ => return None,
        };
        let reason = shortened_to(LONGEST_REASON, self.reason.clone().unwrap_or_default());
        Some(SeenRefusal { http_status, fail_info, reason, password })
    }

    fn shortened(self) -> Self {
        Self {
            operation: shortened(self.operation),
            message_type: self.message_type.map(shortened_type),
            transaction_id: self.transaction_id.as_ref().map(shortened_id),
            reason: self.reason.map(|reason| shortened_to(LONGEST_REASON, reason)),
            ..self
        }
    }
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.peer, self.operation.escape_debug())?;
        if let Some(message_type) = &self.message_type {
            write!(f, " ({message_type})")?;
        }
        if let Some(transaction_id) = &self.transaction_id {
            write!(f, " {transaction_id}")?;
        }
        write!(f, " {}", self.outcome)?;
        self.reason.iter().try_for_each(|reason| write!(f, ": {reason}"))?;
        self.faults.iter().try_for_each(|fault| write!(f, " [fault: {fault}]"))
    }
}

impl fmt::Display for LogOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "{status}"),
            Self::CertRep(status, None) => write!(f, "{status}"),
            Self::CertRep(status, Some(fail_info)) => write!(f, "{status} {fail_info}"),
            Self::Cut => f.write_str("cut off"),
            Self::Secured => f.write_str("accepted by the client"),
        }
    }
}

/// A function called with each log entry.
#[derive(Clone)]
pub struct LogObserver(Arc<dyn Fn(&LogEntry) + Send + Sync>);

impl LogObserver {
    /// An observer that calls this function.
    ///
    /// ```
    /// use mock_ca::{LogObserver, MockCa};
    ///
    /// # fn main() -> Result<(), mock_ca::StartError> {
    /// let print = LogObserver::new(|entry| println!("{entry}"));
    /// let ca = MockCa::linux().with(|settings| settings.on_log = Some(print)).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(observe: impl Fn(&LogEntry) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }
}

impl fmt::Debug for LogObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogObserver(..)")
    }
}

/// The newest entries of a server, each with its request if there was one.
#[derive(Debug)]
pub(crate) struct Log {
    records: Mutex<Records>,
    observer: Option<LogObserver>,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Records {
    newest: VecDeque<(LogEntry, Option<SeenRequest>)>,
    bytes: usize,
}

/// The length in characters to which a reason is cut; it may name several certificates.
const LONGEST_REASON: usize = 800;

/// The number of entries that are kept.
const KEPT: usize = 4096;

impl Log {
    /// A log that keeps so many bytes, and a few thousand entries, at most.
    pub(crate) fn new(observer: Option<LogObserver>, most_bytes: usize) -> Self {
        Self { records: Mutex::default(), observer, most_bytes }
    }

    /// Adds an entry and its request. If the answer did not offer POST itself, the request takes over what the answers before it
    /// offered.
    pub(crate) fn write(&self, entry: LogEntry, mut request: Option<SeenRequest>) {
        let entry = entry.shortened();
        if let Some(observer) = &self.observer {
            (observer.0)(&entry);
        }
        let mut records = self.records.lock();
        if let Some(request) = &mut request {
            let before = records.newest.iter().rev().find_map(|(_, request)| request.as_ref());
            request.post_offered = request.post_offered.or(before.and_then(|it| it.post_offered));
        }
        records.push(entry, request, self.most_bytes);
    }

    /// All entries kept, oldest first.
    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        self.records.lock().newest.iter().map(|(entry, _)| entry.clone()).collect()
    }

    /// All requests kept, oldest first.
    pub(crate) fn requests(&self) -> Vec<SeenRequest> {
        self.records.lock().newest.iter().filter_map(|(_, request)| request.clone()).collect()
    }
}

impl Records {
    /// Adds an entry; the oldest ones make room for it.
    fn push(&mut self, entry: LogEntry, request: Option<SeenRequest>, most_bytes: usize) {
        self.bytes += bytes_of(&entry, request.as_ref());
        self.newest.push_back((entry, request));
        while self.newest.len() > KEPT || self.bytes > most_bytes && self.newest.len() > 1 {
            if let Some((oldest, its_request)) = self.newest.pop_front() {
                self.bytes -= bytes_of(&oldest, its_request.as_ref());
            }
        }
    }
}

/// The memory of an entry and its request.
fn bytes_of(entry: &LogEntry, request: Option<&SeenRequest>) -> usize {
    let id = entry.transaction_id.as_ref().map_or(0, |id| id.as_str().len());
    let message_type = entry.message_type.as_ref().map_or(0, |it| it.as_wire().len());
    let texts = [entry.peer.len(), entry.operation.len(), id, message_type];
    let reason = entry.reason.as_ref().map_or(0, String::len);
    let request = request.map_or(0, SeenRequest::text_bytes);
    size_of::<(LogEntry, Option<SeenRequest>)>() + texts.iter().sum::<usize>() + reason + request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seen::LONGEST;

    fn entry(operation: &str) -> LogEntry {
        LogEntry {
            at: SystemTime::UNIX_EPOCH,
            peer: "127.0.0.1:4711".into(),
            operation: operation.into(),
            message_type: Some(MessageType::PkcsReq),
            transaction_id: Some(TransactionId::new("AB\n12")),
            outcome: LogOutcome::CertRep(PkiStatus::Failure, Some(FailInfo::BadRequest)),
            reason: Some("wrong challenge password".into()),
            faults: Vec::new(),
        }
    }

    #[test]
    fn entry_is_one_line_whatever_the_peer_sends() {
        assert_eq!(
            entry("PKIOperation").to_string(),
            r"127.0.0.1:4711 PKIOperation (PKCSReq) AB\n12 FAILURE badRequest: wrong challenge password"
        );
        let struck = LogEntry { faults: vec![Fault::HttpStatus(503)], ..entry("PKIOperation") };
        assert!(struck.to_string().ends_with("password [fault: http-status 503]"), "{struck}");
        assert!(!entry("GET /\n").to_string().contains('\n'));
    }

    #[test]
    fn only_the_newest_entries_are_kept() {
        let log = Log::new(None, usize::MAX);
        (0..=KEPT).for_each(|n| log.write(entry(&n.to_string()), None));
        let entries = log.entries();
        assert_eq!(entries.len(), KEPT);
        assert_eq!(entries[0].operation, "1");
    }

    #[test]
    fn entries_make_room_when_their_texts_are_long() {
        let one = bytes_of(&entry(&"x".repeat(LONGEST)), None);
        let log = Log::new(None, 10 * one);
        (0..25).for_each(|_| log.write(entry(&"x".repeat(LONGEST)), None));
        assert_eq!(log.entries().len(), 10);
        (0..25).for_each(|_| log.write(entry("x"), None));
        assert!(log.entries().len() > 10);
        let least = Log::new(None, 0);
        least.write(entry("kept"), None);
        assert_eq!(least.entries()[0].operation, "kept");
    }

    #[test]
    fn long_text_of_a_peer_is_shortened() {
        let text = "ü".repeat(1_000_000);
        let log = Log::new(None, usize::MAX);
        let endless = LogEntry {
            message_type: Some(MessageType::Other(text.clone())),
            transaction_id: Some(TransactionId::new(text.clone())),
            reason: Some(text.clone()),
            ..entry(&text)
        };
        log.write(endless, None);
        let kept = log.records.lock().newest[0].0.reason.as_ref().unwrap().capacity();
        assert!(kept < 10 * LONGEST_REASON, "{kept} bytes are kept");
        let line = log.entries()[0].to_string();
        assert!(line.contains("ü…") && line.chars().count() < 6 * LONGEST, "{}", line.len());
    }
}
