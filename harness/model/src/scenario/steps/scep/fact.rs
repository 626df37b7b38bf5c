//! The facts of an answer: a closed list, each with a short text as its value.

use std::fmt::Debug;

/// A closed list of facts by their names.
pub trait FactName: Copy + Eq + Ord + Debug + 'static {
    /// All facts, in the order of reports.
    const ALL: &'static [Self];

    /// Name in a scenario.
    fn name(self) -> &'static str;

    /// What the fact says, in a sentence.
    fn meaning(self) -> &'static str;

    /// Possible values except `absent`; empty if they are not a fixed set.
    fn values(self) -> &'static [&'static str];

    /// The fact about the whole that this fact is about a part of. If the whole did not come, the part is not missing from it.
    fn whole(self) -> Option<Self>;

    /// True for a fact that says what came if it is not the message that was asked for.
    fn says_what_came(self) -> bool;
}

/// Defines a closed list of facts, with their names, values and descriptions.
macro_rules! facts {
    (
        $(#[$attribute:meta])* $list:ident:
        $($variant:ident, $name:literal, [$($value:literal),*], $text:literal;)+
    ) => {
        scep::named! {
            $(#[$attribute])*
            #[derive(PartialOrd, Ord)]
            $list, "fact" {
                $(#[doc = $text] $variant = $name;)+
            }
        }

        impl $crate::scenario::scep::FactName for $list {
            const ALL: &'static [Self] = Self::ALL;

            fn name(self) -> &'static str {
                self.as_str()
            }

            fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            fn values(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($value),*],)+ }
            }

            fn whole(self) -> Option<Self> {
                Self::whole(self)
            }

            fn says_what_came(self) -> bool {
                Self::says_what_came(self)
            }
        }
    };
}
pub(crate) use facts;

impl Fact {
    const fn says_what_came(self) -> bool {
        matches!(self, Self::Reply | Self::Http | Self::Body)
    }

    const fn whole(self) -> Option<Self> {
        match self {
            Self::Reply | Self::Http => None,
            Self::ContentType | Self::Body | Self::Capabilities | Self::CaCount => Some(Self::Http),
            Self::UnknownCapabilities
            | Self::CapabilityCase
            | Self::CapabilityText
            | Self::CapabilityLines => Some(Self::Capabilities),
            Self::RaCount
            | Self::CaKeyUsage
            | Self::CaSelfSigned
            | Self::CaValidity
            | Self::CaChain
            | Self::RaIssuer
            | Self::RaValidity
            | Self::Recipient => Some(Self::CaCount),
            Self::Encoding | Self::Signers => Some(Self::Body),
            Self::Cipher | Self::KeyTransport => Some(Self::Envelope),
            Self::IssuedPosition
            | Self::IssuedSubject
            | Self::IssuedIssuer
            | Self::IssuedKeyUsage
            | Self::IssuedValidity
            | Self::IssuedDays
            | Self::IssuedNames
            | Self::IssuedAlternativeNames
            | Self::IssuedPurposes
            | Self::IssuedTemplateName
            | Self::IssuedTemplate
            | Self::IssuedKey
            | Self::IssuedSerial
            | Self::IssuedVersion
            | Self::IssuedSameAsBefore => Some(Self::Issued),
            Self::CrlIssuer | Self::CrlLists => Some(Self::Crls),
            _ => Some(Self::Encoding),
        }
    }
}

facts! {
    /// A fact of an answer. A fact that the answer does not have is `absent`.
    Fact:
    Reply, "reply", ["HTTP", "none"], "Whether an HTTP response came, or the connection ended without one.";
    Http, "http", [], "The HTTP status code.";
    ContentType, "content-type", [], "The content type, parameters left out.";
    Body, "body", ["empty", "CertRep", "SignedData", "certificate", "certificates", "HTML", "text", "other"], "The kind of body.";
    Capabilities, "capabilities", [], "The known keywords of GetCACaps, separated by blanks.";
    UnknownCapabilities, "unknown-capabilities", [], "The unknown words of GetCACaps, separated by blanks.";
    CapabilityCase, "capability-case", ["exact", "other"], "Whether the known keywords are in their exact case.";
    CapabilityText, "capability-text", ["plain", "marked", "UTF-16"], "How the words of GetCACaps are encoded: as bytes of ASCII or UTF-8, with a UTF-8 byte order mark before them, or in UTF-16.";
    CapabilityLines, "capability-lines", ["LF", "CRLF", "mixed", "one"], "Which line ends separate the words of GetCACaps.";
    CaCount, "ca-certificates", [], "Number of CA certificates in the answer to GetCACert.";
    RaCount, "ra-certificates", [], "Number of RA certificates in the answer to GetCACert.";
    CaKeyUsage, "ca-key-usage", [], "The key usages of the issuing CA's certificate, separated by commas.";
    CaSelfSigned, "ca-self-signed", ["verifies", "broken", "not self-signed"], "Whether the issuing CA's certificate is signed by itself.";
    CaValidity, "ca-validity", ["valid", "expired", "not yet valid", "unreadable"], "Whether the issuing CA's certificate is valid now.";
    CaChain, "ca-chain", ["complete", "incomplete"], "Whether the issuers of the issuing CA's certificate, up to a self-signed one, are among the certificates.";
    RaIssuer, "ra-issuer", ["CA", "other"], "Whether the RA's certificates are issued by a CA among the certificates.";
    RaValidity, "ra-validity", ["valid", "expired", "not yet valid", "unreadable"], "Whether all RA certificates are valid now.";
    Recipient, "recipient", ["CA", "RA", "none"], "The certificate that requests can be enciphered to, by keyUsage.";
    Signers, "signers", [], "Number of signers of a `SignedData`.";
    Content, "content", ["empty", "envelope", "certificates", "other"], "The content of a `SignedData`.";
    Encoding, "encoding", ["DER", "BER"], "Whether a message, the envelope in it and the envelope's content are DER, or one of them is BER that is not DER.";
    Signature, "signature", ["valid", "invalid", "stranger"], "Whether the signature verifies, and with a certificate of the CA or its RA.";
    SignerValidity, "signer-validity", ["valid", "expired", "not yet valid", "unreadable"], "Whether the signer's certificate is valid now.";
    SignatureDigest, "digest", ["MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"], "The digest of the signature.";
    MessageType, "message-type", [], "The messageType, by its name.";
    Status, "status", ["SUCCESS", "FAILURE", "PENDING", "other"], "The pkiStatus; `other` if the standard does not define it.";
    FailInfo, "fail-info", ["badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"], "The failInfo.";
    FailInfoText, "fail-info-text", ["present", "malformed"], "Whether there is a failInfoText.";
    Transaction, "transaction-id", ["returned", "other", "malformed"], "Whether the transactionID is the request's.";
    SenderNonce, "sender-nonce", ["fresh", "echoed", "malformed"], "Whether the senderNonce is the server's own.";
    SenderNonceBytes, "sender-nonce-bytes", [], "The length of the senderNonce.";
    RecipientNonce, "recipient-nonce", ["returned", "other", "malformed"], "Whether the recipientNonce is the request's senderNonce.";
    ContentTypeAttribute, "content-type-attribute", ["data", "other"], "The value of the contentType attribute.";
    Envelope, "envelope", ["opens", "closed"], "Whether the envelope opens with the requester's key.";
    EnvelopeContent, "envelope-content", ["data", "other"], "The type of the encrypted content.";
    Cipher, "cipher", ["DES", "3DES", "AES-128", "AES-192", "AES-256"], "The cipher of the envelope.";
    KeyTransport, "key-transport", ["RSA PKCS#1 v1.5", "RSA-OAEP", "key agreement", "password"], "Encryption of the envelope's key.";
    Certificates, "certificates", [], "Number of certificates in the envelope, or in a certs-only message.";
    Issued, "issued", ["present"], "Whether the requested certificate is among the certificates: it has the requested key, or serial number.";
    IssuedPosition, "issued-position", [], "The issued certificate's position, counted from 1.";
    IssuedSubject, "issued-subject", ["requested", "other"], "Whether the issued certificate's subject is the requested one.";
    IssuedIssuer, "issued-issuer", ["CA", "other"], "Whether the issuer of the issued certificate is a CA among the certificates of GetCACert.";
    IssuedKeyUsage, "issued-key-usage", [], "The issued certificate's key usages, separated by commas.";
    IssuedValidity, "issued-validity", ["valid", "expired", "not yet valid", "unreadable"], "Whether the issued certificate is valid now.";
    IssuedDays, "issued-days", [], "The issued certificate's validity, in whole days.";
    IssuedNames, "issued-dns-names", [], "The DNS names in the issued certificate's subjectAltName, separated by blanks.";
    IssuedAlternativeNames, "issued-alternative-names", [], "All names in the issued certificate's subjectAltName with their kinds, separated by commas.";
    IssuedPurposes, "issued-purposes", [], "The issued certificate's purposes (extended key usage), separated by commas.";
    IssuedTemplateName, "issued-template-name", [], "The name of Microsoft's template in the issued certificate.";
    IssuedTemplate, "issued-template", [], "The number of Microsoft's template in the issued certificate, with its version.";
    IssuedKey, "issued-key", [], "The kind of the issued certificate's key, such as `RSA 2048` or `P-256`.";
    IssuedSerial, "issued-serial", [], "The issued certificate's serial number, in hexadecimal.";
    IssuedVersion, "issued-version", [], "The issued certificate's version: 3 has extensions.";
    IssuedSameAsBefore, "issued-again", ["same", "other"], "Whether the issued certificate is the one that was issued before.";
    Crls, "crls", [], "Number of revocation lists.";
    CrlIssuer, "crl-issuer", ["CA", "other"], "Whether the revocation list is signed by a CA among the certificates of GetCACert.";
    CrlLists, "crl-lists-issued", ["yes", "no"], "Whether the revocation list has the certificate that was issued last.";
    NextCaKey, "next-ca", ["new", "same"], "Whether the next CA's certificate is another than today's.";
}
