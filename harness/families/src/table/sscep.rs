//! certnanny's sscep.

use scep::algorithm::{Cipher, Digest};

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const MAIN: Source = Source::Code("https://github.com/certnanny/sscep/blob/0c8f196/src/sscep.c");
const NET: Source = Source::Code("https://github.com/certnanny/sscep/blob/0c8f196/src/net.c");
const HTTPS: Source = Source::Issue("https://github.com/certnanny/sscep/issues/142");
const WRONG_RA: Source = Source::Issue("https://github.com/certnanny/sscep/issues/60");
const EC_KEYS: Source = Source::Issue("https://github.com/certnanny/sscep/issues/89");
const RENEWAL: Source = Source::Issue("https://github.com/certnanny/sscep/issues/123");
const NO_CAPABILITIES: Source = Source::Issue("https://github.com/Keyfactor/ejbca-ce/issues/503");
const IDENTIFIER: Source = Source::Issue("https://github.com/micromdm/scep/issues/241");
const SEEN: Source = Source::Capture("sscep 0.10.0");

pub(super) const SSCEP: Family = Family {
    name: FamilyName::Sscep,
    title: "sscep",
    demands: &[
        Demand::firm(
            Need::PlainHttp,
            "It takes addresses of `http://` alone.",
            "it ends (`illegal URL`)",
            &[MAIN, HTTPS],
        ),
        Demand::none(Subject::Path, "It sends requests to the URL as it is given.", &[NET, SEEN]),
        Demand::soft(
            Need::AnyIdentifier("CAIdentifier"),
            "It sends `message=CAIdentifier` with GetCACert, unless `-i` gives another text.",
            "it gets no certificates, unless `-i` gives a text that the PKI knows",
            &[MAIN, IDENTIFIER, SEEN],
        ),
        Demand::soft(
            Need::NoIdentifier,
            "It asks GetCACaps without `message=`.",
            "it gets no capabilities or no certificates",
            &[MAIN, NO_CAPABILITIES, SEEN],
        ),
        Demand::none(
            Subject::Http,
            "It speaks HTTP/1.1, with a connection for each request.",
            &[NET, SEEN],
        ),
        Demand::firm(
            Need::NotRedirected,
            "It does not look at `Location`.",
            "it reads the redirection as the answer",
            &[NET],
        ),
        Demand::soft(
            Need::ExactCase,
            "It compares capabilities with their exact spelling.",
            "it does not see the capabilities, and falls back to single DES and MD5",
            &[MAIN],
        ),
        Demand::none(
            Subject::Method,
            "It POSTs messages if that is offered, and otherwise sends them by GET; a request has 16 KiB at most.",
            &[MAIN, NET, SEEN],
        ),
        Demand::soft(
            Need::Digest(&[
                Digest::Sha512,
                Digest::Sha384,
                Digest::Sha256,
                Digest::Sha224,
                Digest::Sha1,
            ]),
            "It takes the strongest digest that is listed, and MD5 if there is none, unless `-S` names one.",
            "it signs with MD5, unless `-S` names a digest",
            &[MAIN],
        ),
        Demand::soft(
            Need::Cipher(&[Cipher::Aes128, Cipher::TripleDes]),
            "It takes AES or triple DES if it is listed, and single DES if neither is, unless `-E` names one.",
            "it enciphers with single DES, unless `-E` names a cipher",
            &[MAIN],
        ),
        Demand::firm(
            Need::ContentType,
            "It reads the answer to GetCACert by its content type alone.",
            "it ends (`wrong (or missing) MIME content type`)",
            &[NET],
        ),
        Demand::none(
            Subject::Order,
            "It writes the certificates in the order in which they come, and its user or it chooses by key usage.",
            &[MAIN, WRONG_RA],
        ),
        Demand::soft(
            Need::KeyEncipherment,
            "It enciphers to the RA's certificate that names keyEncipherment, and to the first if none does.",
            "it may encipher to the wrong certificate; `-e` names another",
            &[MAIN, WRONG_RA],
        ),
        Demand::soft(
            Need::DigitalSignature,
            "It verifies replies with the RA's certificate that names digitalSignature, and with the first if none does.",
            "it may verify with the wrong certificate; `-c` names another",
            &[MAIN, WRONG_RA],
        ),
        Demand::firm(
            Need::RsaRecipient,
            "It knows RSA keys alone.",
            "it cannot encipher or verify",
            &[EC_KEYS],
        ),
        Demand::none(
            Subject::Renewal,
            "It sends a renewal as a PKCSReq that the old certificate signs.",
            &[RENEWAL],
        ),
        Demand::none(
            Subject::Approval,
            "If the PKI answers PENDING it asks again every 300 seconds, for 8 hours.",
            &[MAIN],
        ),
    ],
};
