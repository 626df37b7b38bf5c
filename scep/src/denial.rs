//! What a server says about a refusal, in a CertRep with pkiStatus FAILURE.

mod hresult;

use std::fmt;

pub use hresult::Hresult;

use crate::{attribute::FailInfo, content::shown};

/// The reason of a refusal, in all the ways in which servers give one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// The reason in the standard's terms (RFC 8894 §3.2.1.4); none if the server breaks the rule that there must be one.
    pub fail_info: Option<FailInfo>,
    /// The reason in words: `failInfoText` (RFC 8894 §3.2.1.4), also under the object identifier of older step-ca.
    pub text: Option<String>,
    /// The Windows error number that NDES adds.
    pub hresult: Option<Hresult>,
    /// The words that NDES adds.
    pub server_message: Option<String>,
}

impl Denial {
    /// The dotted object identifier of the words that NDES adds, `szOID_ENROLL_SCEP_SERVER_MESSAGE`.
    pub const SERVER_MESSAGE_OID: &str = "1.3.6.1.4.1.311.21.38";

    /// The dotted object identifier under which step-ca before 0.26.1 sends `failInfoText`: that of the standard is
    /// `1.3.6.1.5.5.7.24.1` (smallstep/certificates#1794).
    pub const OLD_STEP_CA_TEXT_OID: &str = "1.3.6.1.5.5.7.24";

    /// What the server says beside `failInfo`, each as a line: `failInfoText`, the words and the error number of NDES.
    pub fn reasons(&self) -> Vec<String> {
        self.words().chain(self.hresult.map(|number| number.to_string())).collect()
    }

    /// The texts of the server.
    fn words(&self) -> impl Iterator<Item = String> {
        let words = [&self.text, &self.server_message];
        words
            .into_iter()
            .flatten()
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
            .map(shown)
    }
}

impl fmt::Display for Denial {
    /// `badRequest: the server says "its words"; 0x80094811 CERTSRV_E_KEY_LENGTH (…)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fail_info {
            Some(fail_info) => write!(f, "{fail_info}")?,
            None => f.write_str("without the attribute failInfo")?,
        }
        let quoted: Vec<String> = self.words().map(|words| format!("\"{words}\"")).collect();
        let said = (!quoted.is_empty()).then(|| format!("the server says {}", quoted.join(", ")));
        let number = self.hresult.map(|number| number.to_string());
        let reasons: Vec<String> = said.into_iter().chain(number).collect();
        if reasons.is_empty() { Ok(()) } else { write!(f, ": {}", reasons.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_the_server_says_is_shown() {
        let bare = Denial {
            fail_info: Some(FailInfo::BadRequest),
            text: None,
            hresult: None,
            server_message: None,
        };
        assert_eq!(bare.to_string(), "badRequest");
        let full = Denial {
            text: Some("not\ntoday".to_owned()),
            hresult: Some(Hresult(-2_146_875_375)),
            server_message: Some(" Denied by Policy Module ".to_owned()),
            ..bare.clone()
        };
        assert_eq!(
            full.to_string(),
            "badRequest: the server says \"not\\ntoday\", \"Denied by Policy Module\"; 0x80094811 CERTSRV_E_KEY_LENGTH (the public key is \
             shorter than the certificate template allows)"
        );
        let without = Denial { fail_info: None, text: Some("not today".to_owned()), ..bare };
        assert_eq!(
            without.to_string(),
            "without the attribute failInfo: the server says \"not today\""
        );
    }
}
