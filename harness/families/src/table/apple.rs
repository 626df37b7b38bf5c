//! Apple's systems as clients.

use scep::algorithm::{Cipher, Digest};

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

/// The functions of Apple's framework that make and verify messages.
const FRAMEWORK: Source = Source::Code(
    "https://github.com/apple-open-source/macos/blob/733165986dddd799c8c9e9fcb445421122d31a03/Security/sec/Security/SecSCEP.c",
);
/// Apple's command-line client on these functions.
const TOOL: Source = Source::Code(
    "https://opensource.apple.com/source/Security/Security-59306.140.5/SecurityTool/sharedTool/scep.c.auto.html",
);
/// The keys of the payload.
const PAYLOAD: Source = Source::Documentation(
    "https://github.com/apple/device-management/blob/85fae8ac896578447f8fcb07ff6c976128133a9c/mdm/profiles/com.apple.security.scep.yaml",
);
const IOS_10: Source = Source::Issue("https://github.com/micromdm/scep/issues/23");
const NO_RA: Source = Source::Issue("https://github.com/NeySlim/ultimate-ca-manager/pull/102");
const NO_USAGE: Source = Source::Issue("https://github.com/openxpki/openxpki-config/issues/14");
const HTTPS: Source = Source::Issue("https://github.com/smallstep/certificates/pull/797");
const LOG: Source = Source::Issue("https://github.com/micromdm/scep/issues/155");
const WITHOUT_3DES: Source = Source::Issue("https://github.com/micromdm/scep/issues/81");

pub(super) const APPLE: Family = Family {
    name: FamilyName::Apple,
    title: "Apple (iOS, iPadOS, macOS)",
    demands: &[
        Demand::none(Subject::Transport, "macOS enrols over HTTP and over HTTPS.", &[HTTPS]),
        Demand::soft(
            Need::AnyIdentifier(""),
            "It sends the profile's `Name` as `message=`, also if that is empty.",
            "a PKI that refuses an empty name gives neither capabilities nor certificates",
            &[LOG, PAYLOAD],
        ),
        Demand::soft(
            Need::LfAlone,
            "Its command-line client splits the capabilities at LF, so that a CR belongs to the word before it.",
            "it may recognise no capability, and send its messages by GET",
            &[TOOL],
        ),
        Demand::none(
            Subject::Method,
            "It POSTs messages if `POSTPKIOperation` is offered, and otherwise sends them by GET.",
            &[TOOL],
        ),
        Demand::firm(
            Need::Digest(&[Digest::Sha1, Digest::Sha256, Digest::Sha512]),
            "Device management of iOS 10 and later wants SHA-1, SHA-256 or SHA-512 among the capabilities.",
            "it refuses the PKI",
            &[IOS_10],
        ),
        Demand::soft(
            Need::Cipher(&[Cipher::TripleDes, Cipher::Aes128]),
            "It wants triple DES or AES, and complains if `DES3` is not listed.",
            "it may use triple DES all the same",
            &[IOS_10, WITHOUT_3DES],
        ),
        Demand::firm(
            Need::BareContentType,
            "It compares the content type of GetCACert with the two that there are, and reads the body by it.",
            "it does not read the certificates",
            &[TOOL, NO_RA],
        ),
        Demand::firm(
            Need::RaInList,
            "If several certificates come, it looks for an RA below a CA among them: one that names both digitalSignature and \
             keyEncipherment, or one for each; a certificate without key usage is none.",
            "it finds no certificate to encipher to (`failed to find candidate RA certificates`)",
            &[FRAMEWORK, NO_RA, NO_USAGE],
        ),
        Demand::none(Subject::Order, "It looks at all certificates, in any order.", &[FRAMEWORK]),
        Demand::none(
            Subject::Fingerprint,
            "The profile's `CAFingerprint` is MD5 or SHA-1, of the last certificate of the chain.",
            &[FRAMEWORK, PAYLOAD],
        ),
        Demand::none(Subject::Key, "Its own key is RSA with 1024, 2048 or 4096 bits.", &[PAYLOAD]),
        Demand::none(
            Subject::Approval,
            "If the PKI answers PENDING it asks again, 3 times by default.",
            &[PAYLOAD],
        ),
    ],
};
