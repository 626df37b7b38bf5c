//! What the server did: one entry a request.

use std::{collections::VecDeque, fmt, sync::Arc, time::SystemTime};

use parking_lot::Mutex;
use scep::attribute::{FailInfo, MessageType, PkiStatus, TransactionId};

use crate::{
    fault::Fault,
    seen::{SeenRequest, shortened, shortened_id, shortened_type},
};

/// One request and what became of it; its `Display` is one line of log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When the answer was ready.
    pub at: SystemTime,
    /// Who asked, as the caller of [`crate::Ca::serve_connection`] named them.
    pub peer: String,
    /// What was asked: a SCEP operation such as `GetCACaps`, or a method and path.
    pub operation: String,
    /// The message's type, where a message could be read.
    pub message_type: Option<MessageType>,
    /// The message's transaction, where a message could be read.
    pub transaction_id: Option<TransactionId>,
    /// How it was answered.
    pub outcome: LogOutcome,
    /// Why it was refused, or what was issued, in words.
    pub reason: Option<String>,
    /// What the server did wrong on purpose.
    pub faults: Vec<Fault>,
}

/// How a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogOutcome {
    /// With something else than a CertRep, under this HTTP status.
    Http(u16),
    /// With a CertRep.
    CertRep(PkiStatus, Option<FailInfo>),
    /// Not at all: the connection was cut.
    Cut,
}

impl LogEntry {
    /// Whether a client's request was denied.
    pub(crate) fn is_denial(&self) -> bool {
        match &self.outcome {
            LogOutcome::CertRep(status, _) => *status == PkiStatus::Failure,
            LogOutcome::Http(status) => {
                *status >= 400 && self.faults.is_empty() && self.message_type.is_some()
            }
            LogOutcome::Cut => false,
        }
    }

    fn shortened(self) -> Self {
        Self {
            operation: shortened(self.operation),
            message_type: self.message_type.map(shortened_type),
            transaction_id: self.transaction_id.as_ref().map(shortened_id),
            reason: self.reason.map(shortened),
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
        }
    }
}

/// A function called with each log entry.
#[derive(Clone)]
pub struct LogObserver(Arc<dyn Fn(&LogEntry) + Send + Sync>);

impl LogObserver {
    /// An observer that calls this function.
    pub fn new(observe: impl Fn(&LogEntry) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }
}

impl fmt::Debug for LogObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogObserver(..)")
    }
}

/// The newest few thousand entries of a server, each with its request as it came, where one did.
#[derive(Debug)]
pub(crate) struct Log {
    records: Mutex<VecDeque<(LogEntry, Option<SeenRequest>)>>,
    observer: Option<LogObserver>,
}

/// So many entries are kept.
const KEPT: usize = 4096;

impl Log {
    pub(crate) fn new(observer: Option<LogObserver>) -> Self {
        Self { records: Mutex::default(), observer }
    }

    /// Adds an entry, and its request, which is told what was offered before unless its own answer said so.
    pub(crate) fn write(&self, entry: LogEntry, mut request: Option<SeenRequest>) {
        let entry = entry.shortened();
        if let Some(observer) = &self.observer {
            (observer.0)(&entry);
        }
        let mut records = self.records.lock();
        if let Some(request) = &mut request {
            let before = records.iter().rev().find_map(|(_, request)| request.as_ref());
            request.post_offered = request.post_offered.or(before.and_then(|it| it.post_offered));
        }
        if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back((entry, request));
    }

    /// All entries kept, oldest first.
    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        self.records.lock().iter().map(|(entry, _)| entry.clone()).collect()
    }

    /// All requests kept, oldest first.
    pub(crate) fn requests(&self) -> Vec<SeenRequest> {
        self.records.lock().iter().filter_map(|(_, request)| request.clone()).collect()
    }
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
    fn an_entry_is_one_line_whatever_the_peer_sends() {
        assert_eq!(
            entry("PKIOperation").to_string(),
            r"127.0.0.1:4711 PKIOperation (PKCSReq) AB\n12 FAILURE badRequest: wrong challenge password"
        );
        let struck = LogEntry { faults: vec![Fault::HttpStatus(503)], ..entry("PKIOperation") };
        assert!(struck.to_string().ends_with("password [fault: http-status 503]"), "{struck}");
        assert!(!entry("GET /\n").to_string().contains('\n'));
    }

    #[test]
    fn the_newest_entries_are_kept() {
        let log = Log::new(None);
        (0..=KEPT).for_each(|n| log.write(entry(&n.to_string()), None));
        let entries = log.entries();
        assert_eq!(entries.len(), KEPT);
        assert_eq!(entries[0].operation, "1");
    }
    #[test]
    fn what_a_peer_sends_is_cut() {
        let text = "ü".repeat(1_000_000);
        let log = Log::new(None);
        let endless = LogEntry {
            message_type: Some(MessageType::Other(text.clone())),
            transaction_id: Some(TransactionId::new(text.clone())),
            reason: Some(text.clone()),
            ..entry(&text)
        };
        log.write(endless, None);
        let line = log.entries()[0].to_string();
        assert!(line.contains("ü…") && line.chars().count() < 5 * LONGEST, "{}", line.len());
    }
}
