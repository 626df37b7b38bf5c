//! The SCEP operations (RFC 8894 §4).

mod certificates;
mod due;
mod enrolment;
mod message;
mod parts;
mod reply;
mod reply_password;
mod revocation;
mod website;

use std::{sync::Arc, time::SystemTime};

use openssl::x509::{X509, X509Crl};
use parking_lot::Mutex;
use scep::{
    Error,
    capabilities::{Capabilities, Capability},
    clock::Clock,
    content::Content,
    http::{HttpError, HttpRequest, Method, Operation},
    message::Message,
    suggestion::suggestions,
};

use self::reply_password::ReplyPasswords;
use crate::{
    answer::Answer,
    authority::{Authority, Succession},
    events::Events,
    fault::{self, Faults, Strikes, Trigger},
    memory::Memory,
    offer::Offer,
    passwords::PasswordCache,
    personality::Personality,
    refusal::Refusal,
    seen::{QueryMessage, parameter, shortened},
    settings::Settings,
    store::Store,
    transaction::Transaction,
};

/// The SCEP service: everything that is needed to answer a request.
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) personality: &'static Personality,
    pub(crate) authorities: Arc<Succession>,
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    pub(crate) memory: Memory,
    pub(crate) clock: Clock,
    pub(crate) events: Events,
    /// Locked during a decision, so that no request is decided twice.
    pub(crate) deciding: Mutex<()>,
    /// The moment until which authorities that took the place of others are among the events.
    noted: Mutex<SystemTime>,
    /// The time at which the CA was made.
    created: SystemTime,
    passwords: PasswordCache,
    reply_passwords: ReplyPasswords,
    offer: Offer,
}

/// What the log says of a message that is not read as a whole.
const LOST_PIECES: &str = "a string of the message came in several pieces (BER), and like scepserver this server reads the first piece alone";

/// The decision about a request that was not refused.
enum Verdict {
    Issued(X509),
    Pending,
    /// The certificate for a GetCert.
    Found(X509),
    /// The revocation list for a GetCRL.
    RevocationList(X509Crl),
}

impl Verdict {
    /// The verdict about a request or poll in a known transaction.
    fn of(transaction: &Transaction) -> Result<Self, Refusal> {
        match transaction {
            Transaction::Held(held) if held.denied => Err(Refusal::Denied),
            Transaction::Held(_) => Ok(Self::Pending),
            Transaction::Issued(issued) => Ok(Self::Issued(issued.certificate.clone())),
        }
    }
}

/// The error without text of the body, which may have a password, and is logged.
fn without_text(error: Error, body: &[u8]) -> Error {
    match (error, Content::of(body)) {
        (error, Content::Asn1(_)) => error,
        (Error::Foreign { what, .. }, content) => {
            Error::Foreign { what, came: content.kind().to_owned() }
        }
        (error, _) => error,
    }
}

impl Service {
    /// The service of a CA with these settings.
    pub(crate) fn new(
        settings: Settings,
        authorities: Arc<Succession>,
        store: Store,
        passwords: PasswordCache,
        memory: Memory,
        clock: Clock,
        created: SystemTime,
    ) -> Self {
        let noted = Mutex::new(clock.now());
        let personality = settings.personality.personality();
        Self {
            personality,
            offer: Offer::new(personality, &settings),
            faults: Faults::new(&settings.faults),
            settings,
            authorities,
            store,
            passwords,
            reply_passwords: ReplyPasswords::default(),
            memory,
            clock,
            events: Events::default(),
            deciding: Mutex::default(),
            noted,
            created,
        }
    }

    /// The authority in use at `now`.
    pub(crate) fn authority(&self, now: SystemTime) -> Arc<Authority> {
        self.authorities.at(now)
    }

    /// Answers a SCEP request; `None` if it names no operation.
    pub(crate) fn answer_operation(
        &self,
        request: &HttpRequest,
        now: SystemTime,
    ) -> Option<Answer> {
        let operation = match Operation::from_http(request) {
            Err(HttpError::NoOperation(_)) => return None,
            read => read.and_then(|operation| self.expect_base64(request).map(|()| operation)),
        };
        let mut pieces_are_lost = false;
        let message = match &operation {
            Ok(Operation::PkiOperation(bytes)) => {
                pieces_are_lost = self.personality.reading.loses_pieces(bytes);
                let read = Message::parse_as(bytes, self.personality.reading);
                Some(read.map_err(|error| without_text(error, bytes)))
            }
            _ => None,
        };
        let triggers = triggers(&operation, message.as_ref().and_then(|it| it.as_ref().ok()));
        let strikes = self.faults.strike(&triggers);
        let mut answer = match (operation, message) {
            (_, Some(message)) => self.answer_message(message, now, &strikes),
            (Ok(operation), None) => self.answer_plain(&operation, now, &strikes),
            (Err(error), None) => self.bad_request(&error),
        };
        if pieces_are_lost {
            let reason = answer.note.reason.take().into_iter().chain([LOST_PIECES.to_owned()]);
            answer.note.reason = Some(reason.collect::<Vec<_>>().join("; "));
        }
        answer.note.operation = triggers.first().map(|operation| operation.as_str());
        Some(fault::distorted(answer, self.personality, &strikes))
    }

    /// Refuses a message in a query that is not in the base64 of RFC 8894 §4.1, if the server is strict. Line breaks do no harm.
    fn expect_base64(&self, request: &HttpRequest) -> Result<(), HttpError> {
        let raw = parameter(&request.query, "message").map(QueryMessage::of);
        let is_message = parameter(&request.query, "operation") == Some("PKIOperation");
        let Some(raw) = raw.filter(|_| is_message && request.method == Method::Get) else {
            return Ok(());
        };
        let wrong = match raw {
            _ if !self.personality.reads_strict_base64 => return Ok(()),
            QueryMessage { bare_plus: true, .. } => "a `+` is not percent-encoded",
            QueryMessage { unpadded: true, .. } => "its padding is missing",
            _ => return Ok(()),
        };
        Err(HttpError::NotBase64(wrong.to_owned()))
    }

    /// Answers a request without a message.
    fn answer_plain(
        &self,
        operation: &Operation,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        match operation {
            Operation::GetCaCaps(_) => {
                let text = fault::capabilities(&self.offer.text, strikes);
                let offered = Capabilities::parse(&text);
                let mut answer = Answer::page("text/plain", text);
                answer.note.post_offered = Some(offered.has(Capability::PostPkiOperation));
                answer
            }
            Operation::GetCaCert(_) => self.answer_certificates(&self.authority(now), strikes),
            Operation::GetNextCaCert(_) => self.answer_next_ca(now, strikes),
            other => self.not_implemented(&unknown_operation(other.name())),
        }
    }

    /// The answer to a request whose operation is missing or unknown, for this reason.
    fn not_implemented(&self, reason: &impl ToString) -> Answer {
        let Some(words) = self.personality.words_for_unknown_operation else {
            return self.bad_request(reason);
        };
        let mut answer = self.bad_request(&words);
        answer.note.reason = Some(reason.to_string());
        answer
    }

    fn bad_request(&self, reason: &impl ToString) -> Answer {
        Answer::error(self.personality, self.personality.bad_request_status, reason)
    }

    fn server_error(&self, reason: &impl ToString) -> Answer {
        Answer::error(self.personality, 500, reason)
    }

    /// The answer if something inside the server failed.
    fn internal_error(&self, reason: &impl ToString) -> Answer {
        Answer::internal_error(self.personality, reason)
    }
}

/// The reason for a refusal of an operation that the server does not know.
fn unknown_operation(name: &str) -> String {
    const KNOWN: [&str; 4] = ["GetCACaps", "GetCACert", "GetNextCACert", "PKIOperation"];
    let name = shortened(name);
    let meant = suggestions(&name, &KNOWN).first().copied();
    let shown = name.escape_debug();
    match meant {
        Some(known) if known.eq_ignore_ascii_case(&name) => {
            format!(
                "the operation `{shown}` is unknown: did you mean `{known}`? Upper and lower case differ"
            )
        }
        Some(known) => {
            format!("the operation `{shown}` is unknown: did you mean `{known}`?")
        }
        None => format!("the operation `{shown}` is unknown (known: {})", KNOWN.join(", ")),
    }
}

/// The triggers of a request: its operation, then its message type.
fn triggers(operation: &Result<Operation, HttpError>, message: Option<&Message>) -> Vec<Trigger> {
    let operation = match operation {
        Ok(Operation::GetCaCaps(_)) => Trigger::GetCaCaps,
        Ok(Operation::GetCaCert(_)) => Trigger::GetCaCert,
        Ok(Operation::GetNextCaCert(_)) => Trigger::GetNextCaCert,
        // Only the message of a PKIOperation can be unreadable.
        Ok(Operation::PkiOperation(_)) | Err(_) => Trigger::PkiOperation,
        Ok(_) => return Vec::new(),
    };
    let message_type = message.and_then(|message| message.attributes().message_type().ok());
    let of_message = message_type.and_then(|message_type| Trigger::of_message(&message_type));
    [operation].into_iter().chain(of_message).collect()
}
