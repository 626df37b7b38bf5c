//! The library jscep.

use scep::algorithm::{Cipher, Digest};

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const CLIENT: Source = Source::Code(
    "https://github.com/jscep/jscep/blob/f2bae83/src/main/java/org/jscep/client/Client.java",
);
const INSPECTOR: Source = Source::Code(
    "https://github.com/jscep/jscep/blob/f2bae83/src/main/java/org/jscep/client/inspect/DefaultCertStoreInspector.java",
);
const CA_CERT: Source = Source::Code(
    "https://github.com/jscep/jscep/blob/f2bae83/src/main/java/org/jscep/transport/response/GetCaCertResponseHandler.java",
);
const CAPABILITIES: Source = Source::Code(
    "https://github.com/jscep/jscep/blob/f2bae83/src/main/java/org/jscep/transport/response/Capabilities.java",
);
const CASE: Source = Source::Code(
    "https://github.com/jscep/jscep/blob/f2bae83/src/main/java/org/jscep/transport/response/GetCaCapsResponseHandler.java",
);
const NO_DES: Source = Source::Issue("https://github.com/jscep/jscep/issues/49");
const EC_CA: Source = Source::Issue("https://github.com/jscep/jscep/issues/300");

pub(super) const JSCEP: Family = Family {
    name: FamilyName::Jscep,
    title: "jscep",
    demands: &[
        Demand::none(Subject::Transport, "It takes addresses of HTTP and HTTPS.", &[CLIENT]),
        Demand::none(
            Subject::Identifier,
            "The program that uses it gives a profile, or none.",
            &[CLIENT],
        ),
        Demand::soft(
            Need::ExactCase,
            "It compares capabilities with their exact spelling.",
            "it does not see the capabilities, and falls back to single DES and MD5",
            &[CASE],
        ),
        Demand::none(
            Subject::Method,
            "It POSTs messages if that is offered, and otherwise sends them by GET.",
            &[CAPABILITIES],
        ),
        Demand::soft(
            Need::Digest(&[Digest::Sha512, Digest::Sha256, Digest::Sha1]),
            "It takes the strongest digest that is listed, and MD5 if there is none.",
            "it signs with MD5",
            &[CAPABILITIES],
        ),
        Demand::soft(
            Need::Cipher(&[Cipher::Aes128, Cipher::TripleDes]),
            "It takes AES or triple DES if it is listed, and single DES if neither is.",
            "it enciphers with single DES, which Android does not have (`Could not create DES cipher`)",
            &[CAPABILITIES, NO_DES],
        ),
        Demand::firm(
            Need::ContentType,
            "It reads the answer to GetCACert by the beginning of its content type.",
            "it refuses the certificates (`InvalidContentTypeException`)",
            &[CA_CERT],
        ),
        Demand::none(Subject::Order, "It looks at all certificates, in any order.", &[INSPECTOR]),
        Demand::firm(
            Need::RaIssuer,
            "The RA's certificate must be issued by a CA among the certificates.",
            "it refuses them (`RA not issued by CA`)",
            &[CLIENT],
        ),
        Demand::soft(
            Need::KeyEncipherment,
            "It enciphers to an RA that names keyEncipherment, else to one that names dataEncipherment, else to the CA.",
            "it may encipher to the CA in place of the RA",
            &[INSPECTOR],
        ),
        Demand::soft(
            Need::DigitalSignature,
            "It expects the signature of an RA that names digitalSignature, else that of the CA.",
            "it may expect the CA's signature in place of the RA's",
            &[INSPECTOR],
        ),
        Demand::firm(
            Need::CaFlag,
            "It takes a certificate for a CA's only by its basic constraints.",
            "it ends (`No CA certificates found`)",
            &[INSPECTOR],
        ),
        Demand::firm(
            Need::RsaRecipient,
            "It enciphers to RSA keys alone.",
            "it cannot encipher its request",
            &[EC_CA],
        ),
    ],
};
