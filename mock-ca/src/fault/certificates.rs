//! Faults of the CA's certificates (RFC 8894 §2.1.2, §4.2).

use openssl::{error::ErrorStack, x509::X509};
use scep::{
    certs_only,
    http::{CA_CERTIFICATE, CA_RA_CERTIFICATES},
    identity::Identity,
    key_usage::KeyUsage,
};

use super::{
    Fault, Strikes,
    strangers::{EXPIRED, stranger},
};
use crate::{
    authority::Authority,
    profile::{Alteration, KeyUsageChange, altered},
};

/// The answer to GetCACert as the faults leave it: content type and body.
pub(crate) fn certificates_answer(
    authority: &Authority,
    strikes: &Strikes<'_>,
) -> Result<(&'static str, Vec<u8>), scep::Error> {
    let mut certificates = authority.certificates();
    let mut is_swapped = false;
    strikes.try_each(|fault| {
        is_swapped |= fault == Fault::CaContentTypeSwapped;
        Ok::<_, ErrorStack>(
            fault == Fault::CaContentTypeSwapped || happen(fault, &mut certificates, authority)?,
        )
    })?;
    let (right, wrong, body) = match certificates.as_slice() {
        [single] => (CA_CERTIFICATE, CA_RA_CERTIFICATES, single.to_der()?),
        several => (CA_RA_CERTIFICATES, CA_CERTIFICATE, certs_only::encode(several, &[])?),
    };
    Ok((if is_swapped { wrong } else { right }, body))
}

/// The certificates stand as the authority gives them: the RA's signing one, its encryption one, the CA's. All keep their
/// serial numbers, so that a client that takes them is answered, and what it does next can be seen.
fn happen(
    fault: Fault,
    certificates: &mut [X509],
    authority: &Authority,
) -> Result<bool, ErrorStack> {
    let ca_key = &authority.ca.key;
    let Some((ca, ra)) = certificates.split_last_mut() else { return Ok(false) };
    let expired = Alteration { validity: Some(EXPIRED), ..Alteration::default() };
    match fault {
        Fault::CaExpired => *ca = altered(ca, &expired, ca_key)?,
        Fault::CaWithoutKeyUsage => {
            let change = Alteration { key_usage: KeyUsageChange::Remove, ..Alteration::default() };
            *ca = altered(ca, &change, ca_key)?;
        }
        _ if ra.is_empty() => return Ok(false),
        Fault::RaExpired => each(ra, |one| altered(one, &expired, ca_key))?,
        Fault::RaForeign => {
            let stranger: &Identity = stranger();
            each(ra, |one| altered(one, &Alteration::default(), &stranger.key))?;
        }
        Fault::RaUsagesSwapped => {
            let usages: Vec<_> = ra.iter().map(usage_of).rev().collect();
            for (one, usage) in ra.iter_mut().zip(usages) {
                let change = Alteration { key_usage: usage, ..Alteration::default() };
                *one = altered(one, &change, ca_key)?;
            }
        }
        Fault::CaCertificatesReversed => certificates.reverse(),
        _ => return Ok(false),
    }
    Ok(true)
}

fn usage_of(certificate: &X509) -> KeyUsageChange {
    KeyUsage::of(certificate).map_or(KeyUsageChange::Remove, KeyUsageChange::Replace)
}

fn each(
    certificates: &mut [X509],
    change: impl Fn(&X509) -> Result<X509, ErrorStack>,
) -> Result<(), ErrorStack> {
    for certificate in certificates {
        *certificate = change(certificate)?;
    }
    Ok(())
}
