//! The client of this project.

use scep::algorithm::{Cipher, Digest};

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const CHOICE: Source = Source::Own("scep/src/client/choice.rs");
const CANDIDATES: Source = Source::Own("scep/src/client/candidates.rs");
const CERTIFICATES: Source = Source::Own("scep/src/client/ca_certificates.rs");
const URL: Source = Source::Own("scep/src/url.rs");
const CAPABILITIES: Source = Source::Own("scep/src/capabilities.rs");
const HTTP: Source = Source::Own("scep/src/http/answered.rs");
const EXCHANGE: Source = Source::Own("harness/transport/src/http.rs");

pub(super) const SCEPLAB: Family = Family {
    name: FamilyName::Sceplab,
    title: "Sceplab's own client",
    demands: &[
        Demand::none(Subject::Transport, "It takes addresses of `http://` and `https://`.", &[URL]),
        Demand::none(Subject::Path, "It sends requests to the URL as it is given.", &[URL]),
        Demand::soft(
            Need::NoIdentifier,
            "It sends `message=` only if `--ca-identifier` gives a name.",
            "it needs `--ca-identifier`",
            &[Source::Own("harness/cli/src/enrol/settings.rs")],
        ),
        Demand::none(Subject::Http, "It speaks HTTP/1.1.", &[EXCHANGE]),
        Demand::firm(
            Need::NotRedirected,
            "It does not follow redirections.",
            "it ends, and says where the redirection leads",
            &[HTTP],
        ),
        Demand::none(
            Subject::Capabilities,
            "It reads capabilities in any case, with LF or CRLF, and goes on without any.",
            &[CAPABILITIES],
        ),
        Demand::none(
            Subject::Method,
            "It POSTs messages if that is offered, and otherwise sends them by GET.",
            &[CHOICE],
        ),
        Demand::soft(
            Need::Digest(&[Digest::Sha256, Digest::Sha512, Digest::Sha1]),
            "It takes the best digest that is listed, and SHA-1 if there is none.",
            "it signs with SHA-1",
            &[CHOICE],
        ),
        Demand::soft(
            Need::Cipher(&[Cipher::Aes128, Cipher::TripleDes]),
            "It takes AES or triple DES if it is listed, and triple DES if neither is.",
            "it enciphers with triple DES",
            &[CHOICE],
        ),
        Demand::none(
            Subject::ContentType,
            "It reads the answer to GetCACert by its body.",
            &[CERTIFICATES],
        ),
        Demand::firm(
            Need::RaIssuer,
            "An RA's certificate must be issued by a CA among the certificates.",
            "it refuses the certificates",
            &[CANDIDATES],
        ),
        Demand::none(Subject::Order, "It takes the certificates in any order.", &[CERTIFICATES]),
        Demand::firm(
            Need::UsableRecipient,
            "It enciphers to a certificate alone that is valid, and whose issuer's is.",
            "it ends before it requests anything",
            &[CANDIDATES],
        ),
        Demand::none(
            Subject::Fingerprint,
            "It compares SHA-256 or SHA-1 of a CA's certificate.",
            &[CERTIFICATES],
        ),
    ],
};
