//! The certificates in a reply that is made again, each put in its place.

use std::collections::HashMap;

use openssl::x509::X509;
use scep::clock::Clock;

use crate::asked::Asked;
use crate::authorities::Authorities;
use crate::difference::{About, Difference};
use crate::issue::{issued_again, issued_plainly};

/// The request that a reply answers: its own message, and the certification request of its transaction, which a CertPoll has not.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) message: &'a Asked,
    pub(crate) enrolment: &'a Asked,
}

/// Puts certificates in the place of recorded ones.
pub(crate) struct Granting<'a> {
    pub(crate) then: Option<Question<'a>>,
    pub(crate) now: Question<'a>,
    pub(crate) authorities: &'a mut Authorities,
    /// The seconds from the recorded reply to this one.
    pub(crate) later: i64,
    pub(crate) clock: &'a Clock,
    /// What was put in the place of each certificate, so that it is the same at each of its places.
    replaced: HashMap<Vec<u8>, Option<Vec<u8>>>,
    pub(crate) differences: Vec<Difference>,
}

impl<'a> Granting<'a> {
    pub(crate) fn new(
        then: Option<Question<'a>>,
        now: Question<'a>,
        authorities: &'a mut Authorities,
        later: i64,
        clock: &'a Clock,
    ) -> Self {
        let (replaced, differences) = (HashMap::new(), Vec::new());
        Self { then, now, authorities, later, clock, replaced, differences }
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.differences.push(Difference::new(About::Answer, what));
    }

    /// What takes the place of a certificate in the clear, or in an envelope; `None` if it stays as it was.
    pub(crate) fn replaced(&mut self, der: &[u8]) -> Option<Vec<u8>> {
        if let Some(done) = self.replaced.get(der) {
            return done.clone();
        }
        let new = X509::from_der(der).ok().and_then(|recorded| self.in_place_of(&recorded));
        self.replaced.insert(der.to_vec(), new.clone());
        new
    }

    fn in_place_of(&mut self, recorded: &X509) -> Option<Vec<u8>> {
        let made = if self.authorities.has(recorded) {
            self.authorities.of(recorded).map(|identity| identity.certificate)
        } else if self.is_granted(recorded) {
            let [then, now] = [self.then.map(|it| it.enrolment), Some(self.now.enrolment)];
            issued_again(recorded, [then, now], self.authorities, self.later)
        } else {
            return None;
        };
        match made.and_then(|certificate| Ok(certificate.to_der()?)) {
            Ok(der) => Some(der),
            Err(error) => {
                self.note(format!("a certificate is sent as it was recorded, because it cannot be made again: {error}"));
                None
            }
        }
    }

    /// True for a certificate that the recorded request got: its key is that of the request, or an authority of the server issued it.
    fn is_granted(&self, recorded: &X509) -> bool {
        let wanted = self.then.and_then(|then| then.enrolment.key());
        let own = recorded.public_key().ok();
        let has_key = wanted.zip(own).is_some_and(|(wanted, own)| wanted.public_eq(&own));
        has_key || self.authorities.issuer_of(recorded).is_some()
    }

    /// The certificate in DER for a request whose recorded one cannot be read: like one that came in the clear, or else a plain one.
    pub(crate) fn granted(&mut self, in_clear: &[X509]) -> Result<X509, scep::Error> {
        let like = in_clear.iter().find(|one| !self.authorities.has(one) && self.is_granted(one));
        if let Some(der) = like.and_then(|one| one.to_der().ok())
            && let Some(new) = self.replaced(&der)
        {
            return Ok(X509::from_der(&new)?);
        }
        self.note(
            "the recorded certificate is enciphered to a key that the recording has not: the client gets what it asks for, with the extensions of its request, for a year",
        );
        issued_plainly(self.now.enrolment, self.authorities, self.clock)
    }
}
