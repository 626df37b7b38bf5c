//! Which certificates serve as those of an RA, as Apple's framework looks for them (`SecSCEPValidateCACertMessage`).

use scep::key_usage::KeyUsage;

use crate::certificate::Facts;

/// The reason why Apple's framework finds no RA among several certificates; none if it finds one.
pub(crate) fn no_registration(chain: &[Facts]) -> Option<String> {
    let below: Vec<&Facts> = chain.iter().filter(|one| is_below_another(one)).collect();
    if below.is_empty() {
        return Some("no certificate is issued by another one that came".to_owned());
    }
    let mut tops: Vec<usize> = below.iter().map(|one| top(chain, one)).collect();
    tops.sort_unstable();
    tops.dedup();
    if tops.len() > 1 {
        return Some("the certificates lead to several CAs".to_owned());
    }
    let (signs, enciphers) = (KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_ENCIPHERMENT);
    let any = |wants: (bool, bool)| {
        below.iter().any(|one| (one.names(signs), one.names(enciphers)) == wants)
    };
    if any((true, true)) || any((true, false)) && any((false, true)) {
        return None;
    }
    Some(
        "no certificate below the CA names both digitalSignature and keyEncipherment, and there is no pair of one for each"
            .to_owned(),
    )
}

fn is_below_another(one: &Facts) -> bool {
    one.issued_by.iter().any(|issuer| *issuer != one.position)
}

/// The place of the last certificate of its chain.
fn top(chain: &[Facts], one: &Facts) -> usize {
    let mut current = one;
    for _ in 0..chain.len() {
        let next = current.issued_by.iter().find(|issuer| **issuer != current.position);
        match next.and_then(|place| chain.get(place - 1)) {
            Some(issuer) => current = issuer,
            None => break,
        }
    }
    current.position
}
