//! Certificates that are issued again: with the fields of a recorded one, for the key of another request.

use std::time::Duration;

use openssl::{
    pkey::{PKey, Public},
    rand::rand_bytes,
    x509::X509,
};
use scep::{Error, clock::Clock, danger::Reissued};

use crate::{asked::Asked, authorities::Authorities};

/// The time before now at which a certificate begins that is made without a recorded one.
const BEFORE: Duration = Duration::from_secs(600);

/// The validity of a certificate that is made without a recorded one.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A certificate with the fields of a recorded one: for the key, the subject and the names of the new request if the recorded one had those of
/// its request, or else as they were.
///
/// # Errors
/// Fails if a key or certificate cannot be made.
pub(crate) fn issued_again(
    recorded: &X509,
    [then, now]: [Option<&Asked>; 2],
    authorities: &mut Authorities,
    later: i64,
) -> Result<X509, Error> {
    let mut again = Reissued::of(recorded)?;
    let own = recorded.public_key()?;
    let wanted_then = then.and_then(Asked::key);
    let is_for_requester = wanted_then.is_none_or(|wanted: PKey<Public>| wanted.public_eq(&own));
    if let Some(key) = now.and_then(Asked::key).filter(|_| is_for_requester) {
        again.set_identified_key(&key)?;
    }
    let kept = |asked: &Asked| {
        let subject = asked.subject()?;
        let is_same = subject.try_cmp(recorded.subject_name()).is_ok_and(std::cmp::Ordering::is_eq);
        is_same.then_some(())
    };
    let is_hidden = |then: &Asked| now.is_some_and(|now| then.hides_its_subject(now));
    let takes_subject = then.is_none_or(|then| kept(then).is_some() || is_hidden(then));
    if let Some(subject) = now.and_then(Asked::subject).filter(|_| takes_subject) {
        again.set_subject(&subject)?;
    }
    let takes_names = then.and_then(|then| then.csr.as_ref().map(|_| then.alternative_names()));
    let takes_names = takes_names.is_none_or(|names| names == again.alternative_names());
    if let Some(names) = now.and_then(Asked::alternative_names).filter(|_| takes_names) {
        again.set_alternative_names(names)?;
    }
    again.renumber(&mut rand_bytes)?;
    again.move_dates(later)?;
    let issuer = authorities.issuer_of(recorded);
    // Of an issuer that the server never showed, nobody can check the signature.
    let issuer = issuer.unwrap_or_else(|| recorded.clone());
    again.sign(&authorities.of(&issuer)?.key)
}

/// A certificate for a request whose recorded certificate cannot be read: what the request asks for, for a year.
///
/// # Errors
/// Fails if the request has no key, or the certificate cannot be made.
pub(crate) fn issued_plainly(
    now: &Asked,
    authorities: &mut Authorities,
    clock: &Clock,
) -> Result<X509, Error> {
    let missing = Error::Misuse("the request cannot be opened, and its signer has another key");
    let signer = now.signer.as_ref();
    let signer = signer.ok_or(Error::Misuse("the request has no certificate of its signer"))?;
    let ca = authorities.issuer();
    let ca = ca.ok_or(Error::Misuse("the recording has no certificate of a CA"))?;
    let ca = authorities.of(&ca)?;
    let mut again = Reissued::of(signer)?;
    again.set_key(&*now.key().ok_or(missing)?)?;
    if let Some(csr) = &now.csr {
        again.set_subject(csr.subject())?;
        again.set_extensions(csr.extensions.clone());
    }
    again.set_issuer(ca.certificate.subject_name())?;
    again.renumber(&mut rand_bytes)?;
    let begin = clock.now() - BEFORE;
    again.set_dates(begin, begin + VALIDITY)?;
    again.sign(&ca.key)
}
