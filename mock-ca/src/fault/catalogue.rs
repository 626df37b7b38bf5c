//! The faults by name, each with its effect, and with a value if it takes one.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use scep::message::Parameters;

use super::{FaultError, Trigger};
use crate::personality::PersonalityName;

/// Defines the catalogue: groups of faults that fit the same triggers. Each fault has a name and an effect; one with a value
/// has a word for it in help texts and an example.
macro_rules! catalogue {
    ($($group:ident { $(
        $variant:ident $(($value:ty, $word:literal, $example:expr))? = $name:literal, $effect:literal;
    )+ })+) => {
        /// A deliberate error of the server, or something that it does differently from most servers.
        ///
        /// ```
        /// use mock_ca::Fault;
        ///
        /// for fault in Fault::ALL {
        ///     println!("{fault}: {}", fault.description());
        /// }
        /// assert_eq!("http-status 503".parse(), Ok(Fault::HttpStatus(503)));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = $effect] $variant $(($value))?,)+)+
        }

        impl Fault {
            /// All faults; those with a value have an example of it.
            pub const ALL: &'static [Self] = &[$($(Self::$variant $(($example))?,)+)+];

            /// The name in files and on the command line, such as `http-status`.
            pub fn name(self) -> &'static str {
                match self {
                    $($(Self::$variant { .. } => $name,)+)+
                }
            }

            /// The effect, in one sentence.
            pub fn description(self) -> &'static str {
                match self {
                    $($(Self::$variant { .. } => $effect,)+)+
                }
            }

            /// The word for its value in help texts, such as `STATUS`; `None` if it takes no value.
            pub fn value_name(self) -> Option<&'static str> {
                match self {
                    $($($(Self::$variant { .. } => Some($word),)?)+)+
                    _ => None,
                }
            }

            fn group(self) -> Group {
                match self {
                    $($(Self::$variant { .. })|+ => Group::$group,)+
                }
            }
        }
    };
}

/// Faults that fit the same triggers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// The TLS handshake of a connection.
    Handshake,
    /// Any answer over HTTP.
    Http,
    /// The text of GetCACaps.
    Capabilities,
    /// The answer to GetCACert.
    CaCertificates,
    /// The answer to GetCACert of a CA with a registration authority.
    RaCertificates,
    /// The answer to GetNextCACert.
    NextCa,
    /// Any CertRep.
    Reply,
    /// A CertRep about a request for a certificate.
    Enrolment,
    /// A CertRep that carries a certificate.
    Certificate,
}

catalogue! {
    Handshake {
        TlsExpired = "tls-expired", "The certificate of the TLS server has expired.";
        TlsNotYetValid = "tls-not-yet-valid", "The certificate of the TLS server is not valid yet.";
        TlsOtherName = "tls-other-name", "The certificate of the TLS server is for `other.invalid` alone.";
        TlsUnknownIssuer = "tls-unknown-issuer", "Another root has issued the certificate of the TLS server, and comes with it.";
        TlsSelfSigned = "tls-self-signed", "The certificate of the TLS server is signed with its own key.";
        TlsChainIncomplete = "tls-chain-incomplete", "A CA below the root has issued the certificate of the TLS server, and that CA's certificate is missing.";
        TlsCut = "tls-cut", "The connection is closed after the first message of the TLS handshake.";
        TlsOldVersion = "tls-old-version", "The server speaks TLS 1.0 and 1.1 alone.";
        TlsClientCertificate = "tls-client-certificate", "The server asks clients for a certificate of their own, accepts any, and refuses those without one.";
    }
    Http {
        HttpStatus(u16, "STATUS", 503) = "http-status", "The answer is an error with this HTTP status, and the request is not decided.";
        EmptyBody = "empty-body", "The body of the answer is empty.";
        TruncatedBody = "truncated-body", "The second half of the body is missing.";
        TrailingBytes = "trailing-bytes", "Sixteen zero bytes follow the body.";
        Delay(Duration, "DURATION", Duration::from_millis(500)) = "delay", "The answer is delayed by this duration.";
        CloseConnection = "close-connection", "The connection is closed without an answer.";
        HtmlPage = "html-page", "The answer is a page of HTML with HTTP status 200, and the request is not decided.";
        WrongContentType = "wrong-content-type", "The content type is `application/octet-stream`.";
        NoContentType = "no-content-type", "There is no content type.";
    }
    Capabilities {
        CapsCrlf = "caps-crlf", "The lines of the capabilities end in CRLF.";
        CapsUnknownWords = "caps-unknown-words", "Unknown words come before, among and after the capabilities.";
        CapsBlankLines = "caps-blank-lines", "Blank lines come before, among and after the capabilities.";
        CapsNone = "caps-none", "The list of capabilities is empty.";
        CapsLowerCase = "caps-lower-case", "The capabilities are in lower case.";
        CapsWeak = "caps-weak", "The capabilities are `DES3` and `SHA-1` alone, as after a downgrade.";
    }
    CaCertificates {
        CaContentTypeSwapped = "ca-content-type-swapped", "A single certificate has the content type of several certificates, and several have that of one.";
        CaExpired = "ca-expired", "The CA's certificate has expired.";
        CaImpostor = "ca-impostor", "The CA's certificate is another CA's, with the same name and serial number.";
        CaWithoutKeyUsage = "ca-without-key-usage", "The CA's certificate has no key usage.";
    }
    RaCertificates {
        CaCertificatesReversed = "ca-certificates-reversed", "The certificates come in reverse order.";
        CaCertificatesBer = "ca-certificates-ber", "The certificates come in BER, with indefinite lengths.";
        CaMissing = "ca-missing", "The RA's certificates come without the CA's.";
        CaSubordinate = "ca-subordinate", "Another CA has issued the CA's certificate, and the other CA's certificate is missing.";
        RaExpired = "ra-expired", "The RA's certificates have expired.";
        RaUsagesSwapped = "ra-usages-swapped", "Each of the RA's two certificates has the key usage of the other.";
        RaForeign = "ra-foreign", "The RA's certificates name the CA as their issuer, and another key signed them.";
    }
    NextCa {
        NextCaForeignSigner = "next-ca-foreign-signer", "The certificate of the next CA is signed with an unknown key.";
        NextCaMisplaced = "next-ca-misplaced", "The certificate of the next CA is beside the signature, as jscep's servlet puts it, and there is no content.";
    }
    Reply {
        WrongTransactionId = "wrong-transaction-id", "The transactionID differs from the request's.";
        PrefixTransactionId = "prefix-transaction-id", "The transactionID lacks its last character.";
        NoTransactionId = "no-transaction-id", "The transactionID is missing.";
        RepeatedTransactionId = "repeated-transaction-id", "The reply has two transactionID attributes.";
        WrongRecipientNonce = "wrong-recipient-nonce", "The recipientNonce differs from the request's senderNonce.";
        NoRecipientNonce = "no-recipient-nonce", "The recipientNonce is missing.";
        NoSenderNonce = "no-sender-nonce", "The senderNonce is missing.";
        NoMessageType = "no-message-type", "The messageType is missing.";
        WrongMessageType = "wrong-message-type", "The messageType is that of a PKCSReq.";
        UnknownMessageType = "unknown-message-type", "The messageType is `99`, which is undefined.";
        NoPkiStatus = "no-pki-status", "The pkiStatus is missing.";
        UnknownPkiStatus = "unknown-pki-status", "The pkiStatus is `9`, which is undefined.";
        NoFailInfo = "no-fail-info", "A FAILURE has no failInfo.";
        UnknownFailInfo = "unknown-fail-info", "The failInfo of a FAILURE is `9`, which is undefined.";
        ContentTypeNotData = "content-type-not-data", "The type of the signed content is not data.";
        NoMessageDigest = "no-message-digest", "The messageDigest is missing.";
        WrongMessageDigest = "wrong-message-digest", "The messageDigest is the digest of other content.";
        NoContentTypeAttribute = "no-content-type-attribute", "The contentType attribute is missing.";
        ExtraAttribute = "extra-attribute", "An unknown signed attribute is added.";
        UnsortedAttributes = "unsorted-attributes", "The signed attributes are in another order than that of DER.";
        NoSignedAttributes = "no-signed-attributes", "There are no signed attributes; the signature covers the content itself.";
        NoSigner = "no-signer", "The reply has no signature.";
        TwoSigners = "two-signers", "The reply has the signer and its signature twice.";
        CorruptSignature = "corrupt-signature", "One byte of the signature is wrong.";
        ForeignSigner = "foreign-signer", "An unknown key signs the reply, which carries the certificate of that key.";
        ImpostorSigner = "impostor-signer", "An unknown key signs the reply, which carries a certificate of that key with the names and the serial number of the true signer.";
        ExpiredSigner = "expired-signer", "The reply carries the signer's certificate, and that has expired.";
        NoCertificates = "no-certificates", "The reply carries no certificate, although this server usually sends some.";
        CertificatesPresent = "certificates-present", "The reply carries the signer's and the CA's certificates, although this server usually sends none.";
        UnrelatedCertificate = "unrelated-certificate", "The reply carries a certificate that has nothing to do with it, besides its own.";
        CombinedSignatureAlgorithm = "combined-signature-algorithm", "The signature algorithm names its digest, too, as `sha256WithRSAEncryption` does.";
        Sha1Reply = "sha1-reply", "The reply is signed with SHA-1.";
        Md5Reply = "md5-reply", "The reply is signed with MD5.";
        BerReply = "ber-reply", "The reply is in BER, with indefinite lengths and strings in pieces.";
        BerEnvelope = "ber-envelope", "The envelope is in BER, with indefinite lengths and the encrypted content in pieces.";
        WrappedContent = "wrapped-content", "The encrypted content is an OCTET STRING in a constructed `[0]`, as scepserver and step-ca send it.";
        NoParameters = "no-parameters", "The algorithms of the digest, the signature and the key transport lack their NULL parameters.";
        DesReply = "des-reply", "The envelope is encrypted with single DES.";
        Des3Reply = "des3-reply", "The envelope is encrypted with triple DES.";
        Aes256Reply = "aes256-reply", "The envelope is encrypted with AES-256.";
        OaepReply = "oaep-reply", "The envelope's key is transported with RSA-OAEP.";
        KeyAgreementReply = "key-agreement-reply", "The envelope's key is transported by key agreement, as NDES does; only a client with a key on an elliptic curve can open it.";
        CorruptEnvelope = "corrupt-envelope", "One byte of the encrypted content is wrong, so that its padding is wrong.";
        ForeignEnvelope = "foreign-envelope", "The envelope is encrypted for another recipient.";
        EnvelopeContentNotData = "envelope-content-not-data", "The type of the encrypted content is not data.";
        NoEnvelope = "no-envelope", "A SUCCESS has no envelope.";
        NotEnciphered = "not-enciphered", "A SUCCESS has the certificates in the clear in place of the envelope.";
        PayloadInFailure = "payload-in-failure", "A FAILURE has an envelope.";
    }
    Enrolment {
        PayloadInPending = "payload-in-pending", "A PENDING has an envelope.";
        Pending(u32, "TIMES", 3) = "pending", "The issued certificate is answered with PENDING this many times before it is given.";
    }
    Certificate {
        SuccessWithoutCertificate = "success-without-certificate", "The envelope of a SUCCESS holds no certificate.";
        WrongKeyCertificate = "wrong-key-certificate", "The certificate is for another key.";
        ForeignIssuerCertificate = "foreign-issuer-certificate", "Another CA has issued the certificate.";
        IssuedCertificateLast = "issued-certificate-last", "The envelope holds the CA's certificate before the issued one.";
        ChainInReply = "chain-in-reply", "The envelope holds the CA's certificate after the issued one.";
    }
}

impl Fault {
    /// True if the fault can happen at these requests.
    pub fn fits(self, trigger: Trigger) -> bool {
        use Trigger::{CertPoll, GetCaCaps, GetCaCert, GetCert, GetNextCaCert, Handshake, PkcsReq};
        let of_message = !matches!(trigger, GetCaCaps | GetCaCert | GetNextCaCert | Handshake);
        let of_enrolment =
            matches!(trigger, Trigger::PkiOperation | PkcsReq | Trigger::RenewalReq | CertPoll);
        match self.group() {
            Group::Handshake => trigger == Handshake,
            Group::Http => trigger != Handshake,
            Group::Capabilities => trigger == GetCaCaps,
            Group::CaCertificates | Group::RaCertificates => trigger == GetCaCert,
            Group::NextCa => trigger == GetNextCaCert,
            Group::Reply => of_message,
            Group::Enrolment => of_enrolment,
            Group::Certificate => of_enrolment || trigger == GetCert,
        }
    }

    /// True if the fault is another certificate in place of that of the TLS server.
    pub fn replaces_tls_certificate(self) -> bool {
        let of_connection =
            matches!(self, Self::TlsCut | Self::TlsOldVersion | Self::TlsClientCertificate);
        self.group() == Group::Handshake && !of_connection
    }

    /// True if the fault can happen at this personality: some faults need a registration authority or a next CA, some are the habit of
    /// a personality.
    pub fn suits(self, personality: PersonalityName) -> bool {
        let personality = personality.personality();
        match (self, self.group()) {
            (Self::WrappedContent, _) => !personality.reply.wraps_content,
            (Self::NoParameters, _) => personality.reply.parameters == Parameters::Null,
            (_, Group::RaCertificates) => personality.registration.is_some(),
            (_, Group::NextCa) => personality.has_next_ca,
            _ => true,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::HttpStatus(status) => write!(f, " {status}"),
            Self::Delay(delay) => write!(f, " {}", duration_text(*delay)),
            Self::Pending(times) => write!(f, " {times}"),
            _ => Ok(()),
        }
    }
}

scep::serde_as_text!(Fault);

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, given) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let known = Self::ALL.iter().find(|known| known.name() == name);
        let known = *known.ok_or_else(|| FaultError::unknown_fault(name))?;
        with_value(known, given.trim())
    }
}

/// The statuses of a final response; lower ones announce another response.
const STATUSES: RangeInclusive<u16> = 200..=599;

/// The longest delay that a rule may ask for.
const LONGEST_DELAY: Duration = Duration::from_secs(600);

const TIMES: RangeInclusive<u32> = 1..=1000;

/// The fault with the name of `known` and with this value.
fn with_value(known: Fault, given: &str) -> Result<Fault, FaultError> {
    let (read, expected) = match known {
        Fault::HttpStatus(_) => {
            (number(given, STATUSES).map(Fault::HttpStatus), "a status from 200 to 599")
        }
        Fault::Delay(_) => {
            (duration(given).map(Fault::Delay), "a duration up to 10m, such as `500ms` or `2s`")
        }
        Fault::Pending(_) => (number(given, TIMES).map(Fault::Pending), "a number from 1 to 1000"),
        other => (given.is_empty().then_some(other), "no value"),
    };
    let (fault, given) = (known.name(), given.to_owned());
    read.ok_or(FaultError::Value { fault, expected, given })
}

fn number<T: FromStr + PartialOrd>(text: &str, range: RangeInclusive<T>) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && range.contains(number))
}

fn duration(text: &str) -> Option<Duration> {
    scep::clock::duration(text).ok().filter(|duration| *duration <= LONGEST_DELAY)
}

/// A duration in the form that [`duration`] reads.
fn duration_text(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}s", duration.as_secs()),
        _ => format!("{}ms", duration.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_fault_has_a_unique_name_and_fits_a_trigger_and_a_personality() {
        let names: HashSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse::<Fault>().as_ref(), Ok(fault));
            assert!(Trigger::ALL.iter().any(|trigger| fault.fits(*trigger)), "{fault}");
            assert!(PersonalityName::ALL.iter().any(|it| fault.suits(*it)), "{fault}");
            assert!(fault.description().ends_with('.'), "{fault}");
            assert!(fault.name().bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-'));
        }
    }

    #[test]
    fn unknown_name_is_rejected_with_similar_names() {
        let error = "http-staus 503".parse::<Fault>().unwrap_err().to_string();
        assert_eq!(error, "`http-staus` is no fault (did you mean `http-status`?)");
        let error = "nonce".parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("`no-sender-nonce`"), "{error}");
        let error = "xyzzy".parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("known: tls-expired, tls-not-yet-valid,"), "{error}");
    }

    #[test]
    fn values_go_both_ways() {
        for text in ["http-status 200", "http-status 599", "delay 1ms", "delay 2s", "pending 1"] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        assert_eq!("delay 2m".parse(), Ok(Fault::Delay(Duration::from_secs(120))));
        assert_eq!("delay 1000ms".parse::<Fault>().unwrap().to_string(), "delay 1s");
    }

    #[test]
    fn wrong_values_are_rejected() {
        for text in [
            "http-status",
            "http-status 100",
            "http-status 600",
            "http-status +503",
            "http-status 503 now",
            "delay 5",
            "delay 11m",
            "delay 99999999999999999999s",
            "delay ms",
            "pending 0",
            "pending -1",
            "pending",
            "empty-body 1",
        ] {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(matches!(error, FaultError::Value { .. }), "{text}: {error}");
        }
        let error = "http-status 42".parse::<Fault>().unwrap_err().to_string();
        assert_eq!(error, "`http-status` takes a status from 200 to 599, not `42`");
    }
}
