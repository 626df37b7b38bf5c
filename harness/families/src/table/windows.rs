//! Windows as a client.

use scep::algorithm::Digest;

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

/// The reference of the settings with which device management tells Windows to enrol.
const CSP: Source = Source::Documentation(
    "https://learn.microsoft.com/windows/client-management/mdm/clientcertificateinstall-csp",
);
/// Lines of a log that show what the client asks for.
const INTUNE: Source = Source::Documentation(
    "https://docs.microsoft.com/en-us/mem/intune/protect/troubleshoot-scep-certificate-device-to-ndes",
);

pub(super) const WINDOWS: Family = Family {
    name: FamilyName::Windows,
    title: "Windows (device management, certreq)",
    demands: &[
        Demand::soft(
            Need::AnyIdentifier("default"),
            "It asks GetCACaps and GetCACert with `message=default`.",
            "a PKI that knows no CA of this name refuses to give its certificates",
            &[INTUNE],
        ),
        Demand::soft(
            Need::Digest(&[Digest::Sha1, Digest::Sha256, Digest::Sha512]),
            "Device management names the digests: the families SHA-1, SHA-2 or SHA-3.",
            "the PKI lists no digest that device management could name",
            &[CSP],
        ),
        Demand::firm(
            Need::Root,
            "It compares the SHA-1 thumbprint of the root, which device management gives, with the CA's certificates that came.",
            "no certificate that comes has the thumbprint of the root, and it does not trust the PKI",
            &[CSP],
        ),
        Demand::none(
            Subject::Fingerprint,
            "The thumbprint is SHA-1, of the root's certificate.",
            &[CSP],
        ),
        Demand::none(Subject::Key, "Its own key is RSA with 1024, 2048 or 4096 bits.", &[CSP]),
        Demand::none(
            Subject::Approval,
            "If the PKI answers PENDING it asks again, 3 times by default with 5 minutes between.",
            &[CSP],
        ),
    ],
};
