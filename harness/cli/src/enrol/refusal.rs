//! What to look at after a refusal.

use scep::attribute::FailInfo;
use scep::client::{Exchange, Reason, Refusal};

use crate::conform::discovery::{cause_of_foreign_reply, cause_of_status};

/// Advice on a reply with an algorithm that RFC 8894 §2.9 forbids.
const OBSOLETE: &str = "`--obsolete` accepts such replies";

/// Advice on a reply that cannot be read, to a request that is granted.
const ISSUED: &str = "the CA has issued the certificate: look there before you ask for another, and revoke it if it is not needed";

/// Advice on any refusal of a message whose addressee was chosen among several.
const ADDRESSEE: &str = "perhaps the request went to the wrong one of the certificates that the warning above names: the server cannot read it then";

/// The request that was refused.
pub(super) struct Sent {
    pub(super) is_renewal: bool,
    pub(super) has_challenge: bool,
    /// The name in the request.
    pub(super) subject: String,
    /// True if the certificates of the CA left a choice, so that the request perhaps went to the wrong one.
    pub(super) has_unclear_addressee: bool,
}

/// True if the reply is none of a SCEP service: another HTTP status or another kind of content, before the CA has sent its
/// certificates.
pub(super) fn is_no_service(refusal: &Refusal) -> bool {
    matches!(
        (&refusal.reason, &refusal.exchange),
        (
            Reason::HttpStatus { .. } | Reason::NoCertificates { .. },
            Exchange::GetCaCaps | Exchange::GetCaCert
        )
    )
}

/// Advice on a refusal; empty if the server has given its reason, or nothing can be advised.
pub(super) fn advice(refusal: &Refusal, sent: &Sent) -> Vec<String> {
    // A server that cannot open a message may say anything about it.
    let is_of_message = matches!(refusal.exchange, Exchange::PkiOperation(_));
    let elsewhere = is_of_message && sent.has_unclear_addressee;
    elsewhere.then(|| ADDRESSEE.to_owned()).into_iter().chain(by_reason(refusal, sent)).collect()
}

fn by_reason(refusal: &Refusal, sent: &Sent) -> Vec<String> {
    let denial = match &refusal.reason {
        Reason::Refused(denial) => denial,
        Reason::HttpStatus { status, .. } if is_no_service(refusal) => {
            return vec![cause_of_foreign_reply(*status).to_owned()];
        }
        _ if is_no_service(refusal) => {
            let form =
                "or the server sends its certificates in another form than DER (RFC 8894 §4.2.1)";
            return vec![cause_of_foreign_reply(200).to_owned(), form.to_owned()];
        }
        Reason::HttpStatus { status, .. } => {
            return cause_of_status(*status).map(str::to_owned).into_iter().collect();
        }
        Reason::ObsoleteDigest(_) => return vec![OBSOLETE.to_owned()],
        // Only a granted request has an envelope.
        Reason::ObsoleteCipher(_) => return vec![ISSUED.to_owned(), OBSOLETE.to_owned()],
        _ => return Vec::new(),
    };
    let mut advice = Vec::new();
    if sent.is_renewal && !sent.has_challenge {
        let words = "the renewal was sent without a challenge password; some CAs, such as step-ca and micromdm's, want it in a \
                     renewal, too: give it with `--challenge`";
        advice.push(words.to_owned());
    }
    if denial.reasons().is_empty() {
        advice.extend(without_reason(denial.fail_info.as_ref(), sent));
    }
    advice
}

/// Advice on a refusal in a single word, as scepserver's always are.
fn without_reason(fail_info: Option<&FailInfo>, sent: &Sent) -> Vec<String> {
    let log = "the server gives no reason; its log may have one".to_owned();
    let checks = match fail_info {
        Some(FailInfo::BadAlg) => {
            "compare `--cipher` and `--digest` with what `sceplab health` shows of the server"
                .to_owned()
        }
        Some(FailInfo::BadTime) => {
            "compare the clocks of this machine and of the server".to_owned()
        }
        Some(FailInfo::BadRequest) if sent.is_renewal => {
            "some CAs renew only in the last days of a certificate (micromdm's scepserver: `-allowrenew`, 14 days by default)"
                .to_owned()
        }
        Some(FailInfo::BadRequest) if sent.has_challenge => format!(
            "what to compare: the challenge password, and whether it was used before or has expired; and whether the CA \
             issued a certificate to `{}` before (`--subject` asks for another name)",
            sent.subject
        ),
        Some(FailInfo::BadRequest) => format!(
            "the request had no challenge password: give it with `--challenge` if the CA wants one; otherwise the CA may \
             have issued a certificate to `{}` before (`--subject` asks for another name)",
            sent.subject
        ),
        _ => return vec![log],
    };
    vec![log, checks]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_without_a_reason_says_what_to_compare() {
        for (fail_info, has_challenge, words) in [
            (FailInfo::BadRequest, true, "the challenge password, and whether it was used before"),
            (FailInfo::BadRequest, true, "`CN=r1`"),
            (FailInfo::BadRequest, false, "the request had no challenge password"),
            (FailInfo::BadAlg, true, "`--cipher` and `--digest`"),
            (FailInfo::BadTime, true, "the clocks"),
            (FailInfo::BadMessageCheck, true, "its log may have one"),
        ] {
            let sent = Sent {
                is_renewal: false,
                has_challenge,
                subject: "CN=r1".to_owned(),
                has_unclear_addressee: false,
            };
            let advice = without_reason(Some(&fail_info), &sent).join("\n");
            assert!(advice.contains(words), "{advice}");
        }
        let sent = Sent {
            is_renewal: true,
            has_challenge: true,
            subject: "CN=r1".to_owned(),
            has_unclear_addressee: false,
        };
        let advice = without_reason(Some(&FailInfo::BadRequest), &sent).join("\n");
        assert!(advice.contains("`-allowrenew`") && !advice.contains("--subject"), "{advice}");
    }
}
