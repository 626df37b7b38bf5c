//! A server that is recognised by the fingerprint of a certificate that it sends.

use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::ssl::SslRef;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509Ref, X509StoreContext};
use scep::certificate::Fingerprint;

use super::certificate::Problems;
use super::{CertificateProblem, TlsFailure, expect};

/// Checks the certificates of a handshake by one of them that has a fingerprint.
pub(super) fn check(
    ssl: &SslRef,
    fingerprint: &Fingerprint,
    host: &str,
    now: SystemTime,
) -> Result<(), TlsFailure> {
    let chain: Vec<X509> =
        ssl.peer_cert_chain().into_iter().flatten().map(ToOwned::to_owned).collect();
    let is_pinned = |certificate: &&X509| {
        fingerprint.of_same_digest(certificate).is_ok_and(|own| own == *fingerprint)
    };
    let (Some(server), Some(pinned)) = (chain.first(), chain.iter().find(is_pinned)) else {
        return Err(TlsFailure::Certificate(vec![CertificateProblem::NotPinned]));
    };
    let problems = Problems::new(host, now);
    let problem =
        verify(server, &chain, pinned, &problems).map_err(|error| TlsFailure::set_up(&error))?;
    problem.map_or(Ok(()), |problem| Err(TlsFailure::Certificate(vec![problem])))
}

/// The first problem of a server's certificate, if one certificate is trusted.
fn verify(
    server: &X509Ref,
    chain: &[X509],
    trusted: &X509,
    problems: &Problems,
) -> Result<Option<CertificateProblem>, ErrorStack> {
    let mut sent = Stack::new()?;
    chain.iter().try_for_each(|certificate| sent.push(certificate.clone()))?;
    let store = store_of(trusted, problems)?;
    let mut context = X509StoreContext::new()?;
    context.init(&store, server, &sent, |context| {
        let is_right = context.verify_cert()?;
        Ok((!is_right).then(|| problems.of(context)))
    })
}

fn store_of(trusted: &X509, problems: &Problems) -> Result<X509Store, ErrorStack> {
    let mut parameters = X509VerifyParam::new()?;
    expect(&mut parameters, &problems.host, problems.now)?;
    let mut store = X509StoreBuilder::new()?;
    store.add_cert(trusted.clone())?;
    store.set_param(&parameters)?;
    Ok(store.build())
}
