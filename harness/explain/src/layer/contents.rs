//! A certs-only message.

use scep::{ber, certs_only::CertsOnly, revocation_list::RevocationList};

use super::{Reading, certificate::certificate, small::revocation_list};
use crate::{
    asn1::CONTENT_INFO,
    explanation::{Finding, Layer},
};

/// A certs-only message as a layer, with its certificates and lists inside.
pub(crate) fn certs_only(contents: &CertsOnly, bytes: &[u8], reading: &Reading<'_>) -> Layer {
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        several => format!("{several} {noun}s"),
    };
    let mut what = vec![count(contents.certificates.len(), "certificate")];
    if !contents.crls.is_empty() {
        what.push(count(contents.crls.len(), "revocation list"));
    }
    let sentence = format!("a certs-only message with {}", what.join(" and "));
    let mut layer = Layer::new("certs-only SignedData", sentence);
    if contents.has_content {
        layer.findings.push(
            Finding::odd("the certs-only message has a content, which must be absent")
                .against("R23"),
        );
    }
    if contents.signers > 0 {
        let words = format!("the certs-only message has {}", count(contents.signers, "signer"));
        layer.findings.push(Finding::odd(words).against_section("RFC 8894 §3.4"));
    }
    if ber::normalise(bytes).is_ok_and(|normal| normal != bytes) {
        layer.findings.push(
            Finding::note("the certs-only message is BER that is not DER: peers that read DER alone refuse it")
                .against_section("RFC 5652 §2"),
        );
    }
    layer.inside.extend(contents.certificates.iter().map(|one| certificate(one, reading)));
    for list in &contents.crls {
        let read =
            list.to_der().map_err(scep::Error::from).and_then(|der| RevocationList::read(&der));
        layer.inside.push(match read {
            Ok(list) => revocation_list(&list, reading),
            Err(error) => Layer::new("CertificateList", format!("a revocation list: {error}")),
        });
    }
    reading.annotate(&mut layer, bytes, Some(&CONTENT_INFO));
    layer
}
