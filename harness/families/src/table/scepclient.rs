//! micromdm's scepclient.

use scep::algorithm::Digest;

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const CLIENT: Source =
    Source::Code("https://github.com/micromdm/scep/blob/9902c1a/cmd/scepclient/scepclient.go");
const TRANSPORT: Source =
    Source::Code("https://github.com/micromdm/scep/blob/9902c1a/server/transport.go");
const URL_SAFE: Source = Source::Issue("https://github.com/micromdm/scep/issues/249");
const SINGLE_DES: Source = Source::Issue("https://github.com/micromdm/scep/issues/252");
const POLLING: Source = Source::Issue("https://github.com/micromdm/scep/issues/171");
const SEEN: Source = Source::Capture("scepclient 2.1.0");

pub(super) const SCEP_CLIENT: Family = Family {
    name: FamilyName::ScepClient,
    title: "scepclient (micromdm)",
    demands: &[
        Demand::none(Subject::Path, "It sends requests to the URL as it is given.", &[SEEN]),
        Demand::soft(
            Need::NoIdentifier,
            "It sends no `message=`, unless `-cacert-message` gives one for GetCACert.",
            "it gets no capabilities or no certificates",
            &[CLIENT, SEEN],
        ),
        Demand::none(Subject::Http, "It speaks HTTP/1.1.", &[SEEN]),
        Demand::soft(
            Need::Post,
            "It POSTs messages if that is offered; by GET, version 2.1.0 sends base64url.",
            "a PKI that expects base64 as RFC 8894 §4.1 has it cannot read its messages",
            &[URL_SAFE, TRANSPORT],
        ),
        Demand::soft(
            Need::Digest(&[Digest::Sha1]),
            "Its messages are signed with SHA-1, whatever is offered.",
            "a PKI that refuses SHA-1 refuses its messages",
            &[SEEN],
        ),
        Demand::soft(
            Need::SingleDes,
            "Its envelopes are single DES, whatever is offered.",
            "a PKI that follows RFC 8894 §2.9 refuses its messages",
            &[SINGLE_DES, SEEN],
        ),
        Demand::firm(
            Need::BareContentType,
            "It takes the answer to GetCACert for several certificates only if its content type says so exactly.",
            "it cannot read the certificates",
            &[TRANSPORT],
        ),
        Demand::none(
            Subject::Recipient,
            "It enciphers to all certificates that came, unless `-ca-fingerprint` chooses one.",
            &[CLIENT, SEEN],
        ),
        Demand::firm(
            Need::RsaAlone,
            "It enciphers to RSA keys, and to all certificates that came.",
            "it cannot encipher its request, unless `-ca-fingerprint` chooses a certificate with an RSA key",
            &[CLIENT],
        ),
        Demand::none(Subject::Fingerprint, "`-ca-fingerprint` is SHA-256.", &[CLIENT]),
        Demand::soft(
            Need::Renewal,
            "It sends a RenewalReq if it has a certificate, whatever is offered.",
            "its renewals are refused",
            &[CLIENT],
        ),
        Demand::none(
            Subject::Approval,
            "If the PKI answers PENDING it sends the same PKCSReq again after 30 seconds.",
            &[CLIENT, POLLING],
        ),
    ],
};
