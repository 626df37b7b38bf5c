//! The error numbers of Windows (`HRESULT`) that NDES and its CA give as reasons.

use std::{fmt, num::ParseIntError, str::FromStr};

/// A Windows error number, which NDES sends in decimal as `szOID_ENROLL_SCEP_ERROR`.
///
/// # Examples
/// ```
/// use scep::denial::Hresult;
///
/// let denied = Hresult(-2_146_877_420);
/// assert_eq!(denied.name(), Some("CERTSRV_E_ADMIN_DENIED_REQUEST"));
/// assert!(denied.to_string().starts_with("0x80094014 CERTSRV_E_ADMIN_DENIED_REQUEST (a certificate manager"));
/// assert_eq!(Hresult(-1).to_string(), "0xFFFFFFFF");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Hresult(pub i32);

impl Hresult {
    /// The dotted object identifier of the attribute, `szOID_ENROLL_SCEP_ERROR`.
    pub const OID: &str = "1.3.6.1.4.1.311.21.33";

    /// Reads the octets of an ASN.1 `INTEGER`, in which some servers send the number.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let (first, rest) = octets.split_first()?;
        let octets = if *first == 0 && rest.len() == 4 { rest } else { octets };
        let sign = if octets[0] < 0x80 { 0 } else { -1 };
        let number = octets.iter().fold(sign, |number: i32, octet| number << 8 | i32::from(*octet));
        (octets.len() <= 4).then_some(Self(number))
    }

    /// The name in Windows' header `winerror.h`, if the number is known.
    pub fn name(self) -> Option<&'static str> {
        self.known().map(|(_, name, _)| *name)
    }

    /// The meaning in words, if the number is known.
    pub fn meaning(self) -> Option<&'static str> {
        self.known().map(|(.., meaning)| *meaning)
    }

    fn known(self) -> Option<&'static (u32, &'static str, &'static str)> {
        let number = self.0.cast_unsigned();
        KNOWN.iter().find(|(known, ..)| *known == number)
    }
}

impl FromStr for Hresult {
    type Err = ParseIntError;

    /// Reads a number in decimal, with a sign or without, or in hexadecimal after `0x`.
    ///
    /// ```
    /// use scep::denial::Hresult;
    ///
    /// let number: Hresult = "-2146876396".parse()?;
    /// assert_eq!("2148090900".parse(), Ok(number));
    /// assert_eq!("0x80094014".parse::<Hresult>()?.name(), Some("CERTSRV_E_ADMIN_DENIED_REQUEST"));
    /// # Ok::<(), std::num::ParseIntError>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let unsigned = match digits {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        text.parse().or_else(|_| unsigned.map(u32::cast_signed)).map(Self)
    }
}

impl fmt::Display for Hresult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)?;
        self.known().map_or(Ok(()), |(_, name, meaning)| write!(f, " {name} ({meaning})"))
    }
}

/// The numbers that NDES and Active Directory Certificate Services give, after `winerror.h`. The first three have, at NDES, the
/// causes that clients of NDES know.
const KNOWN: &[(u32, &str, &str)] = &[
    (
        0x8007_0490,
        "ERROR_NOT_FOUND",
        "element not found; NDES says so of a challenge password that it does not know, or that has expired",
    ),
    (
        0x800b_0110,
        "CERT_E_WRONG_USAGE",
        "the certificate is not valid for this use; NDES says so of a challenge password that was used before",
    ),
    (
        0x8009_6004,
        "TRUST_E_CERT_SIGNATURE",
        "the signature of the certificate cannot be verified; NDES says so of a request without a challenge password",
    ),
    (0x8009_4001, "CERTSRV_E_BAD_REQUESTSUBJECT", "the subject is invalid or too long"),
    (0x8009_4002, "CERTSRV_E_NO_REQUEST", "the request does not exist"),
    (
        0x8009_4003,
        "CERTSRV_E_BAD_REQUESTSTATUS",
        "the request's state does not allow this operation",
    ),
    (0x8009_4004, "CERTSRV_E_PROPERTY_EMPTY", "a property is empty"),
    (0x8009_4005, "CERTSRV_E_INVALID_CA_CERTIFICATE", "the CA's certificate has invalid data"),
    (
        0x8009_4006,
        "CERTSRV_E_SERVER_SUSPENDED",
        "the CA is suspended, because its database is being restored",
    ),
    (
        0x8009_4007,
        "CERTSRV_E_ENCODING_LENGTH",
        "the certificate has an encoded length that old software may not read",
    ),
    (
        0x8009_4008,
        "CERTSRV_E_ROLECONFLICT",
        "the user has several roles at the CA, which forbids that",
    ),
    (
        0x8009_4009,
        "CERTSRV_E_RESTRICTEDOFFICER",
        "only a certificate manager for this requester may do this",
    ),
    (0x8009_400a, "CERTSRV_E_KEY_ARCHIVAL_NOT_CONFIGURED", "the CA is not set up to archive keys"),
    (0x8009_400b, "CERTSRV_E_NO_VALID_KRA", "the CA has no valid key recovery certificate"),
    (0x8009_400c, "CERTSRV_E_BAD_REQUEST_KEY_ARCHIVAL", "the request to archive a key is invalid"),
    (0x8009_400d, "CERTSRV_E_NO_CAADMIN_DEFINED", "no CA administrator would be left"),
    (
        0x8009_400e,
        "CERTSRV_E_BAD_RENEWAL_CERT_ATTRIBUTE",
        "the request has an invalid renewal certificate attribute",
    ),
    (0x8009_400f, "CERTSRV_E_NO_DB_SESSIONS", "the CA's database has too many sessions"),
    (0x8009_4010, "CERTSRV_E_ALIGNMENT_FAULT", "a memory reference was misaligned"),
    (0x8009_4011, "CERTSRV_E_ENROLL_DENIED", "the CA's permissions do not let this user enrol"),
    (
        0x8009_4012,
        "CERTSRV_E_TEMPLATE_DENIED",
        "the certificate template's permissions do not let this user enrol",
    ),
    (
        0x8009_4013,
        "CERTSRV_E_DOWNLEVEL_DC_SSL_OR_UPGRADE",
        "the CA cannot reach a domain controller with the right software",
    ),
    (
        0x8009_4014,
        "CERTSRV_E_ADMIN_DENIED_REQUEST",
        "a certificate manager or CA administrator denied the request",
    ),
    (0x8009_4015, "CERTSRV_E_NO_POLICY_SERVER", "no enrolment policy server can be found"),
    (
        0x8009_4016,
        "CERTSRV_E_WEAK_SIGNATURE_OR_KEY",
        "the signature algorithm or the key is weaker than the system allows",
    ),
    (
        0x8009_4800,
        "CERTSRV_E_UNSUPPORTED_CERT_TYPE",
        "the CA does not support the certificate template",
    ),
    (0x8009_4801, "CERTSRV_E_NO_CERT_TYPE", "the request names no certificate template"),
    (
        0x8009_4802,
        "CERTSRV_E_TEMPLATE_CONFLICT",
        "the request names contradicting certificate templates",
    ),
    (
        0x8009_4803,
        "CERTSRV_E_SUBJECT_ALT_NAME_REQUIRED",
        "the request lacks a subjectAltName that the template demands",
    ),
    (
        0x8009_4804,
        "CERTSRV_E_ARCHIVED_KEY_REQUIRED",
        "the request lacks a private key to archive, which the template demands",
    ),
    (
        0x8009_4805,
        "CERTSRV_E_SMIME_REQUIRED",
        "the request lacks S/MIME capabilities, which the template demands",
    ),
    (
        0x8009_4806,
        "CERTSRV_E_BAD_RENEWAL_SUBJECT",
        "the renewal has another subject than the certificate",
    ),
    (
        0x8009_4807,
        "CERTSRV_E_BAD_TEMPLATE_VERSION",
        "the version of the template in the request is newer than that of the CA",
    ),
    (
        0x8009_4808,
        "CERTSRV_E_TEMPLATE_POLICY_REQUIRED",
        "the template demands a signature policy attribute",
    ),
    (
        0x8009_4809,
        "CERTSRV_E_SIGNATURE_POLICY_REQUIRED",
        "the request lacks a required signature policy",
    ),
    (0x8009_480a, "CERTSRV_E_SIGNATURE_COUNT", "the request lacks one or more required signatures"),
    (
        0x8009_480b,
        "CERTSRV_E_SIGNATURE_REJECTED",
        "signatures of the request lack the required policies, or are not valid",
    ),
    (
        0x8009_480c,
        "CERTSRV_E_ISSUANCE_POLICY_REQUIRED",
        "the request lacks a required issuance policy",
    ),
    (
        0x8009_480d,
        "CERTSRV_E_SUBJECT_UPN_REQUIRED",
        "the user principal name is not available, which the template demands",
    ),
    (
        0x8009_480e,
        "CERTSRV_E_SUBJECT_DIRECTORY_GUID_REQUIRED",
        "the directory's GUID is not available, which the template demands",
    ),
    (
        0x8009_480f,
        "CERTSRV_E_SUBJECT_DNS_REQUIRED",
        "the DNS name is not available, which the template demands",
    ),
    (
        0x8009_4810,
        "CERTSRV_E_ARCHIVED_KEY_UNEXPECTED",
        "the request has a private key to archive, which the template does not allow",
    ),
    (
        0x8009_4811,
        "CERTSRV_E_KEY_LENGTH",
        "the public key is shorter than the certificate template allows",
    ),
    (
        0x8009_4812,
        "CERTSRV_E_SUBJECT_EMAIL_REQUIRED",
        "the e-mail address is not available, which the template demands",
    ),
    (0x8009_4813, "CERTSRV_E_UNKNOWN_CERT_TYPE", "the certificate template is not known"),
    (0x8009_4814, "CERTSRV_E_CERT_TYPE_OVERLAP", "the templates overlap"),
    (0x8009_4815, "CERTSRV_E_TOO_MANY_SIGNATURES", "the request has more signatures than allowed"),
    (0x8009_0003, "NTE_BAD_KEY", "bad key"),
    (0x8009_0005, "NTE_BAD_DATA", "bad data; NDES says so of a message that it cannot decrypt"),
    (0x8009_0006, "NTE_BAD_SIGNATURE", "invalid signature"),
    (0x8009_0008, "NTE_BAD_ALGID", "invalid algorithm"),
    (0x8009_000b, "NTE_BAD_KEY_STATE", "the key cannot be used in this state"),
    (0x8009_000d, "NTE_NO_KEY", "the key does not exist"),
    (0x8009_0010, "NTE_PERM", "access denied"),
    (0x8009_0011, "NTE_NOT_FOUND", "the object was not found"),
    (0x8009_0016, "NTE_BAD_KEYSET", "the key container does not exist"),
    (0x8009_0020, "NTE_FAIL", "an internal error of the cryptography"),
    (0x8009_0027, "NTE_INVALID_PARAMETER", "invalid parameter"),
    (0x8009_0029, "NTE_NOT_SUPPORTED", "not supported"),
    (0x8009_1002, "CRYPT_E_UNKNOWN_ALGO", "unknown cryptographic algorithm"),
    (0x8009_1004, "CRYPT_E_INVALID_MSG_TYPE", "invalid type of a cryptographic message"),
    (0x8009_1007, "CRYPT_E_HASH_VALUE", "the hash value is not right"),
    (0x8009_100b, "CRYPT_E_RECIPIENT_NOT_FOUND", "the message is not enciphered to this recipient"),
    (0x8009_100e, "CRYPT_E_SIGNER_NOT_FOUND", "the signer is not found"),
    (0x8009_2004, "CRYPT_E_NOT_FOUND", "object or property not found"),
    (0x8009_2010, "CRYPT_E_REVOKED", "the certificate is revoked"),
    (0x8009_2012, "CRYPT_E_NO_REVOCATION_CHECK", "revocation of the certificate cannot be checked"),
    (
        0x8009_2013,
        "CRYPT_E_REVOCATION_OFFLINE",
        "revocation cannot be checked, because the revocation server is offline",
    ),
    (0x8009_310b, "CRYPT_E_ASN1_BADTAG", "an unexpected tag in ASN.1"),
    (0x800b_0101, "CERT_E_EXPIRED", "a certificate is outside its validity period"),
    (
        0x800b_0109,
        "CERT_E_UNTRUSTEDROOT",
        "the chain of certificates ends in a root that is not trusted",
    ),
    (0x800b_010a, "CERT_E_CHAINING", "there is no chain of certificates to a trusted root"),
    (0x800b_010c, "CERT_E_REVOKED", "a certificate was revoked by its issuer"),
    (0x800b_010e, "CERT_E_REVOCATION_FAILURE", "revocation cannot be checked"),
    (0x800b_0112, "CERT_E_UNTRUSTEDCA", "a CA of the chain is not trusted"),
    (0x8000_4001, "E_NOTIMPL", "not implemented"),
    (0x8000_4005, "E_FAIL", "unspecified error"),
    (0x8000_ffff, "E_UNEXPECTED", "unexpected failure"),
    (0x8007_0002, "ERROR_FILE_NOT_FOUND", "file not found"),
    (0x8007_0005, "E_ACCESSDENIED", "access is denied"),
    (0x8007_000d, "ERROR_INVALID_DATA", "the data are invalid"),
    (0x8007_000e, "E_OUTOFMEMORY", "out of memory"),
    (0x8007_0032, "ERROR_NOT_SUPPORTED", "the request is not supported"),
    (0x8007_0057, "E_INVALIDARG", "a parameter is not right"),
    (0x8007_052e, "ERROR_LOGON_FAILURE", "the user name or password is wrong"),
    (0x8007_05b4, "ERROR_TIMEOUT", "time ran out"),
    (
        0x8007_06ba,
        "RPC_S_SERVER_UNAVAILABLE",
        "the RPC server is not available: NDES does not reach its CA",
    ),
    (0x8007_06be, "RPC_S_CALL_FAILED", "the remote procedure call failed"),
    (0x8007_0775, "ERROR_ACCOUNT_LOCKED_OUT", "the account is locked"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_meaning() {
        let mut numbers: Vec<_> = KNOWN.iter().map(|(number, ..)| number).collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), KNOWN.len());
    }
}
