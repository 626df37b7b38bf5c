//! Faults of the CA's certificates (RFC 8894 §2.1.2, §4.2).

use openssl::{error::ErrorStack, x509::X509};
use scep::{
    certs_only,
    http::{CA_CERTIFICATE, CA_RA_CERTIFICATES},
    key_usage::KeyUsage,
};

use super::{Fault, Strikes, strangers::EXPIRED};
use crate::{
    authority::{Authority, lab::STRANGER_KEY},
    profile::altered,
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
    match fault {
        Fault::CaExpired => *ca = altered(ca, ca_key, |fields| fields.validity = EXPIRED.into())?,
        Fault::CaWithoutKeyUsage => {
            *ca = altered(ca, ca_key, |fields| fields.set_key_usage(None))?;
        }
        _ if ra.is_empty() => return Ok(false),
        Fault::RaExpired => {
            for one in ra {
                *one = altered(one, ca_key, |fields| fields.validity = EXPIRED.into())?;
            }
        }
        Fault::RaForeign => {
            for one in ra {
                *one = altered(one, &STRANGER_KEY, |_| ())?;
            }
        }
        Fault::RaUsagesSwapped => {
            let usages: Vec<_> = ra.iter().map(|one| KeyUsage::of(one)).rev().collect();
            for (one, usage) in ra.iter_mut().zip(usages) {
                *one = altered(one, ca_key, |fields| fields.set_key_usage(usage))?;
            }
        }
        Fault::CaCertificatesReversed => certificates.reverse(),
        _ => return Ok(false),
    }
    Ok(true)
}
