//! PKIOperation: from a message to a decision (RFC 8894 §4.3).

use std::{sync::Arc, time::SystemTime};

use openssl::{asn1::Asn1Time, x509::X509};
use scep::{
    Error, PeerMisbehaved,
    attribute::TransactionId,
    clock::moment_text,
    envelope::Outside,
    message::{Message, TransactionString},
    server::{self, Body, Header, Request, RequestError},
};

use super::{Service, Verdict};
use crate::{
    answer::Answer,
    authority::{Authority, serial_text, subject_of},
    fault::{self, Fault, Strikes},
    profile::calendar,
    refusal::{ClockDifference, Refusal},
    seen::SeenMessage,
    state::StateError,
};

/// The object identifier of challengePassword (RFC 2985 §5.4.1).
const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";

impl Service {
    /// Answers a message, which may be unreadable.
    pub(super) fn answer_message(
        &self,
        message: Result<Message, Error>,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        let message = match message {
            Ok(message) => message,
            Err(error) => return self.bad_request(&error),
        };
        let (authority, opened) = self.open_message(&message, now);
        let seen = SeenMessage::of(&message, opened.as_ref().ok(), &authority.ca.certificate);
        let header = match &opened {
            Ok(request) => Some(&request.header),
            Err(refused) => refused.header.as_deref(),
        };
        let message_type = header.map(|header| header.message_type.clone());
        let transaction_id = header.map(|header| header.transaction_id.clone());
        let unreturnable = transaction_id.as_ref().and_then(|id| self.unreturnable(id));
        let mut answer = match opened {
            _ if unreturnable.is_some() => self.bad_request(&unreturnable.unwrap_or_default()),
            Ok(_) if strikes.preempt() => self.server_error(&"a fault answers in place of the CA"),
            Ok(request) => self.answer_request(&request, &message, &authority, now, strikes),
            Err(refused) => self.answer_unreadable(refused, &message, &authority, now, strikes),
        };
        answer.note.message_type = message_type;
        answer.note.transaction_id = transaction_id;
        answer.note.message = Some(Box::new(seen));
        answer
    }

    /// The reason why no reply can have this transaction id, if none can. It is asked before anything is decided.
    fn unreturnable(&self, id: &TransactionId) -> Option<String> {
        if self.personality.reply.transaction_string != TransactionString::Printable {
            return None;
        }
        let wrong = id.unprintable()?;
        Some(format!(
            "the transactionID `{id}` has `{}`, which no PrintableString has, so no reply can return it (RFC 8894 §3.2.1.1)",
            wrong.escape_debug()
        ))
    }

    /// Opens a message, and says which authority it is for: the one in use, or the next one if that is announced and the envelope is
    /// for it (RFC 8894 §5.1, figure 9).
    fn open_message(
        &self,
        message: &Message,
        now: SystemTime,
    ) -> (Arc<Authority>, Result<Request, RequestError>) {
        let authority = self.authority(now);
        let opened = self.open_for(message, &authority);
        if !is_for_another(&opened) {
            return (authority, opened);
        }
        let next = self.announced_ca(now).map(|next| {
            let opened = server::open(message, next.recipient());
            (next, opened)
        });
        next.filter(|(_, opened)| !is_for_another(opened)).unwrap_or((authority, opened))
    }

    fn open_for(&self, message: &Message, authority: &Authority) -> Result<Request, RequestError> {
        // A client that accepts certificates with swapped usages encrypts for the other one. It is answered all the same, so
        // that its reaction to a reply with the wrong signer can be observed.
        let opens_with_signing_key =
            self.settings.windows.opens_with_signing_key || self.faults.has(Fault::RaUsagesSwapped);
        if let Some(opened) = self.open_as_impostor(message, authority) {
            return Ok(opened);
        }
        match server::open(message, authority.recipient()) {
            opened if opens_with_signing_key && is_for_another(&opened) => {
                server::open(message, authority.signer())
            }
            opened => opened,
        }
    }

    /// Opens a message that is enciphered to the impostor, whose certificate a fault shows in place of the CA's. A client that accepts
    /// the impostor is answered.
    fn open_as_impostor(&self, message: &Message, authority: &Authority) -> Option<Request> {
        if !self.faults.has(Fault::CaImpostor) {
            return None;
        }
        let impostor = fault::impostor(&authority.ca.certificate).ok()?;
        server::open(message, &impostor).ok()
    }

    fn answer_unreadable(
        &self,
        refused: RequestError,
        message: &Message,
        authority: &Authority,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        let RequestError { error, header } = refused;
        let refusal = match (&error, message.content()) {
            (
                Error::PeerMisbehaved(PeerMisbehaved::NotARecipient { addressed_to, own }),
                Some(envelope),
            ) => Refusal::AddressedElsewhere {
                addressed_to: addressed_to.clone(),
                own: own.clone(),
                note: self.addressee(envelope, authority),
            },
            _ => error.into(),
        };
        match &header {
            Some(header) if self.personality.replies_to_unreadable => {
                self.reply(header, None, &Err(refusal), authority, now, strikes)
            }
            _ => self.bad_request(&refusal),
        }
    }

    /// Which of the server's other certificates an envelope is addressed to, in words, or which certificates it has.
    fn addressee(&self, envelope: &[u8], authority: &Authority) -> String {
        let named = |one: &X509| format!("{} `{}`", serial_text(one), subject_of(one));
        let all = authority.certificates();
        let outside = Outside::of(envelope).ok();
        let addressed = |certificates: &[X509]| {
            let outside = outside.as_ref()?;
            certificates.iter().find(|one| outside.is_addressed_to(one)).map(named)
        };
        if let Some(one) = addressed(&all) {
            return format!(
                "that is this server's certificate {one}, which does not open requests"
            );
        }
        let others = self.authorities.all();
        let mut others = others.iter().rev().filter(|one| one.begins != authority.begins);
        if let Some((other, one)) =
            others.find_map(|other| Some((other, addressed(&other.certificates())?)))
        {
            return if other.begins < authority.begins {
                let since = moment_text(authority.begins);
                format!(
                    "that is this server's former certificate {one}, which another one has replaced since {since} at the latest: \
                     the client must ask for the certificates again (GetCACert)"
                )
            } else {
                let from = moment_text(other.begins);
                format!("that is this server's certificate {one}, which it uses from {from} on")
            };
        }
        let own = &authority.recipient().certificate;
        let others: Vec<_> = all.iter().filter(|one| *one != own).map(named).collect();
        match others.as_slice() {
            [] => "this server has no other certificate".to_owned(),
            others => format!("this server also has {}", others.join(", ")),
        }
    }

    fn answer_request(
        &self,
        request: &Request,
        message: &Message,
        authority: &Authority,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        let decided = match self.decide(request, message, authority, now) {
            Err(
                refusal @ (Refusal::Unsupported(_)
                | Refusal::NotOffered(_)
                | Refusal::Forbidden(_)
                | Refusal::SignedOutsideValidity { .. }),
            ) if !self.personality.replies_to_unsupported => return self.server_error(&refusal),
            // No CertRep: its FAILURE would be final.
            Err(refusal @ Refusal::State(StateError::NoMemory)) => {
                return Answer::unavailable(self.personality, &refusal);
            }
            Ok(Verdict::Issued(_)) if strikes.postpones(&request.header.transaction_id) => {
                Ok(Verdict::Pending)
            }
            decided => decided,
        };
        self.reply(&request.header, Some(request), &decided, authority, now, strikes)
    }

    fn decide(
        &self,
        request: &Request,
        message: &Message,
        authority: &Authority,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        self.expect_small_parts(request, message)?;
        self.offer.expect(request)?;
        self.expect_signed_while_valid(message, &request.header)?;
        self.expect_time(message, now)?;
        let serves_certificates = self.personality.serves_certificates;
        match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => {
                let decided = self.enrol(csr, request, authority, now);
                decided.map_err(|refusal| outside(message, refusal))
            }
            Body::CertPoll(_) => self.poll(request),
            Body::GetCert(wanted) if serves_certificates => {
                self.expect_recipient(request).and_then(|()| self.find(wanted))
            }
            Body::GetCrl(wanted) if serves_certificates => {
                self.expect_recipient(request).and_then(|()| self.revocation_list(wanted, now))
            }
            Body::GetCert(_) | Body::GetCrl(_) => {
                Err(Refusal::Unsupported(request.header.message_type.clone()))
            }
        }
    }

    /// Refuses a message with a signingTime outside the validity of the signer's certificate, if the server checks that. It ignores
    /// a signingTime that it cannot read.
    fn expect_signed_while_valid(&self, message: &Message, header: &Header) -> Result<(), Refusal> {
        if !self.personality.signs_while_valid {
            return Ok(());
        }
        let Ok(Some(signed)) = message.attributes().signing_time() else { return Ok(()) };
        let (from, until) = (header.signer.not_before(), header.signer.not_after());
        let signed = Asn1Time::from_unix(calendar(signed).unix_timestamp())?;
        if *from <= *signed && *signed <= *until {
            return Ok(());
        }
        let [signed, from, until] = [&*signed, from, until].map(ToString::to_string);
        Err(Refusal::SignedOutsideValidity { signed, from, until })
    }

    /// Refuses a message with a signingTime too far from now, if the server checks it (RFC 8894 §3.2.1.4).
    fn expect_time(&self, message: &Message, now: SystemTime) -> Result<(), Refusal> {
        let Some(tolerance) = self.personality.clock_tolerance else { return Ok(()) };
        let Some(signed) = message.attributes().signing_time()? else { return Ok(()) };
        let apart = now.duration_since(signed).unwrap_or_else(|early| early.duration());
        if apart > tolerance {
            return Err(Refusal::WrongTime(ClockDifference { signed, now, tolerance }));
        }
        Ok(())
    }
}

/// True if the envelope is addressed to another certificate.
fn is_for_another(opened: &Result<Request, RequestError>) -> bool {
    let Err(RequestError { error, .. }) = opened else { return false };
    matches!(error, Error::PeerMisbehaved(PeerMisbehaved::NotARecipient { .. }))
}

/// The refusal of a request without a challenge password, if the message around it has one among its signed attributes.
fn outside(message: &Message, refusal: Refusal) -> Refusal {
    let is_missing = matches!(refusal, Refusal::NoChallenge | Refusal::EmptyChallenge);
    if is_missing && message.attributes().has(CHALLENGE_PASSWORD) {
        return Refusal::MisplacedChallenge(
            "among the signed attributes of the message, where everybody can read it",
        );
    }
    refusal
}
