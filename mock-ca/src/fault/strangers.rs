//! Identities that must not sign or receive replies, and certificates that must not be issued.

use std::{sync::LazyLock, time::UNIX_EPOCH};

use openssl::{
    error::ErrorStack,
    x509::{X509, X509Ref},
};
use scep::{algorithm::Digest, identity::Identity, name, request::self_signed};
use time::macros::datetime;

use crate::{
    authority::{Authority, lab::STRANGER_KEY},
    profile::{ValidityPeriod, altered, any, public_key_info, uint},
};

/// A period in the past.
pub(super) const EXPIRED: ValidityPeriod = ValidityPeriod {
    not_before: datetime!(2001-01-01 00:00 UTC),
    not_after: datetime!(2002-01-01 00:00 UTC),
};

/// The whole time of every clock.
pub(crate) const ALWAYS: ValidityPeriod = ValidityPeriod {
    not_before: datetime!(1970-01-01 00:00 UTC),
    not_after: datetime!(9999-12-31 23:59:59 UTC),
};

/// An identity that is unknown to the CA and to its clients, and valid at the time of any clock.
pub(crate) static STRANGER: LazyLock<Identity> = LazyLock::new(|| {
    // The name and the key are fixed: this works always, or in no test at all.
    let subject = name::parse("O=Nowhere, CN=Stranger").expect("a constant name is a name");
    let made = self_signed(&subject, &STRANGER_KEY, Digest::Sha256, UNIX_EPOCH);
    let Identity { certificate, key } = made.expect("a fixed key signs");
    let certificate = altered(&certificate, &key, |fields| fields.validity = ALWAYS.into());
    Identity { certificate: certificate.expect("a fixed key signs"), key }
});

/// The stranger's key with the names and the serial number of another certificate.
pub(crate) fn impostor(of: &X509Ref) -> Result<Identity, ErrorStack> {
    let key = STRANGER_KEY.clone();
    let public_key = public_key_info(&key)?;
    let certificate = altered(of, &key, |fields| fields.public_key = public_key)?;
    Ok(Identity { certificate, key })
}

/// The signer with an expired certificate. Its serial number differs, because a client would otherwise use the valid one.
pub(super) fn expired(authority: &Authority) -> Result<Identity, ErrorStack> {
    let signer = authority.signer();
    let mut serial = signer.certificate.serial_number().to_bn()?;
    serial.add_word(1)?;
    let certificate = altered(&signer.certificate, &authority.ca.key, |fields| {
        fields.validity = EXPIRED.into();
        fields.serial_number = uint(&serial);
    })?;
    Ok(Identity { certificate, key: signer.key.clone() })
}

/// The certificate with the stranger's public key.
pub(super) fn for_another_key(
    certificate: &X509Ref,
    authority: &Authority,
) -> Result<X509, ErrorStack> {
    let public_key = public_key_info(&STRANGER_KEY)?;
    altered(certificate, &authority.ca.key, |fields| fields.public_key = public_key)
}

/// The certificate, issued by the stranger.
pub(super) fn by_another_ca(certificate: &X509Ref) -> Result<X509, ErrorStack> {
    let issuer = any(&STRANGER.certificate.subject_name().to_der()?);
    altered(certificate, &STRANGER.key, |fields| fields.issuer = issuer)
}
