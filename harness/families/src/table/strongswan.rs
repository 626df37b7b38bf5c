//! strongSwan's `pki --scep` and `pki --scepca`.

use scep::algorithm::{Cipher, Digest};

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const ENROL: Source =
    Source::Code("https://github.com/strongswan/strongswan/blob/3b902ea/src/pki/commands/scep.c");
const MESSAGES: Source =
    Source::Code("https://github.com/strongswan/strongswan/blob/3b902ea/src/pki/scep/scep.c");
const CA: Source = Source::Code(
    "https://github.com/strongswan/strongswan/blob/122796df27799b4d29e60be9ae8eb885ecc587ff/src/pki/commands/scepca.c",
);
const MANUAL: Source =
    Source::Documentation("https://docs.strongswan.org/docs/latest/pki/pkiScep.html");
const WRONG_BITS: Source = Source::Issue("https://github.com/strongswan/strongswan/issues/1607");
const SEEN: Source = Source::Capture("strongSwan 6.0.6");

const DIGESTS: &[Digest] =
    &[Digest::Sha256, Digest::Sha384, Digest::Sha512, Digest::Sha224, Digest::Sha1];

pub(super) const STRONG_SWAN: Family = Family {
    name: FamilyName::StrongSwan,
    title: "strongSwan (pki --scep)",
    demands: &[
        Demand::none(
            Subject::Path,
            "It sends requests to the URL as it is given.",
            &[MESSAGES, SEEN],
        ),
        Demand::firm(
            Need::NoIdentifier,
            "It sends no `message=` with GetCACaps and GetCACert, and has no option for it.",
            "it gets neither capabilities nor certificates",
            &[MESSAGES, SEEN],
        ),
        Demand::none(Subject::Http, "It speaks HTTP/1.1.", &[SEEN]),
        Demand::firm(
            Need::CapabilitiesAnswered,
            "It asks for capabilities before anything else.",
            "it ends (`did not receive a valid scep response`)",
            &[ENROL],
        ),
        Demand::soft(
            Need::NoBlankLines,
            "It compares each line with the beginning of each word, so that a blank line is every word.",
            "it takes the PKI for one that offers everything, and may use what is not offered",
            &[MESSAGES],
        ),
        Demand::none(
            Subject::Method,
            "It POSTs messages if that is offered, and otherwise sends them by GET.",
            &[ENROL, SEEN],
        ),
        Demand::firm(
            Need::Digest(DIGESTS),
            "Its digests are those of SHA-1 and SHA-2, and one must be listed.",
            "it ends (`digest algorithm not supported by CA`)",
            &[ENROL, MANUAL],
        ),
        Demand::soft(
            Need::Digest(&[Digest::Sha256]),
            "It takes SHA-256, unless `--digest` names another one.",
            "it ends (`digest algorithm not supported by CA`), unless `--digest` names one that is listed",
            &[ENROL, MANUAL],
        ),
        Demand::firm(
            Need::Cipher(&[Cipher::Aes128, Cipher::TripleDes]),
            "Its ciphers are AES and triple DES, and one must be listed; version 5.9.8 misreads the list and sees neither.",
            "it ends (`encryption algorithm not supported by CA`)",
            &[ENROL, WRONG_BITS],
        ),
        Demand::soft(
            Need::Cipher(&[Cipher::Aes128]),
            "It takes AES, unless `--cipher des3` is given.",
            "it ends (`encryption algorithm not supported by CA`), unless `--cipher des3` is given",
            &[ENROL, SEEN],
        ),
        Demand::none(Subject::ContentType, "It reads the answer to GetCACert by its body.", &[CA]),
        Demand::firm(
            Need::RootAmongSeveral,
            "If several certificates come, `pki --scepca` wants a self-signed root among them.",
            "`pki --scepca` writes no certificate",
            &[CA],
        ),
        Demand::none(Subject::Order, "It sorts the certificates by their kind.", &[CA]),
        Demand::none(
            Subject::Recipient,
            "The user names the certificate to encipher to, by `--cacert-enc`.",
            &[ENROL, MANUAL],
        ),
        Demand::none(
            Subject::Signer,
            "The user names the certificate that signs, by `--cacert-sig`.",
            &[ENROL, MANUAL],
        ),
        Demand::soft(
            Need::RsaAlone,
            "Its own keys are RSA, and `pki --scepca` verifies certificates with RSA keys alone.",
            "`pki --scepca` calls the certificates untrusted",
            &[ENROL, CA],
        ),
        Demand::none(
            Subject::Fingerprint,
            "`pki --scepca` shows SHA-256 and SHA-1 fingerprints.",
            &[CA],
        ),
        Demand::soft(
            Need::Renewal,
            "It renews only if `Renewal` is listed; `SCEPStandard` does not imply it.",
            "it does not renew (`Renewal operation not supported by SCEP server`)",
            &[ENROL],
        ),
        Demand::none(
            Subject::Approval,
            "If the PKI answers PENDING it asks again every 60 seconds, without an end by default.",
            &[ENROL],
        ),
    ],
};
