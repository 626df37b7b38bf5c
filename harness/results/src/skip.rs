//! Skips: why nothing was found out, and what was seen.

use std::fmt;

use serde::Serialize;

scep::named! {
    /// The kind of a reason for a skip, for programs.
    #[derive(PartialOrd, Ord)]
    SkipCause, "cause of a skip" {
        /// The device, PKI, client or driver cannot do what a step asks for.
        NotSupported = "not-supported";
        /// A program that the lab needs is not installed.
        NotInstalled = "not-installed";
        /// The scenario does not belong in this lab.
        OtherLab = "other-lab";
        /// The request could not be made with what the PKI sent before.
        RequestNotPossible = "request-not-possible";
        /// The answer, or the end of the client, proves nothing about the requirement.
        Inconclusive = "inconclusive";
        /// The peer does not offer the function that the case is about, and need not.
        NotOffered = "not-offered";
        /// The PKI waits for the decision of a person.
        Pending = "pending";
        /// The peer did not complete the plain right exchange, so that it cannot be judged by further ones.
        NoPlainExchange = "no-plain-exchange";
        /// The case fails as another one does, which counts.
        SameCause = "same-cause";
        /// The fault that the case is about did not happen.
        FaultNotMet = "fault-not-met";
        /// The case needs a decision at the CA, which cannot be made from here.
        NeedsDecision = "needs-decision";
        /// The case could disturb others, which was not allowed.
        Disruptive = "disruptive";
        /// The case would send the challenge password so that others can read it, which was not allowed.
        RevealsPassword = "reveals-password";
        /// The limit of certificates is reached.
        CertificateLimit = "certificate-limit";
        /// No challenge password is given, or none is left.
        NoPassword = "no-password";
    }
}

impl SkipCause {
    /// The meaning in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NotSupported => {
                "the device, PKI, client or driver cannot do what a step asks for"
            }
            Self::NotInstalled => "a program that the lab needs is not installed",
            Self::OtherLab => "the scenario does not belong in this lab",
            Self::RequestNotPossible => {
                "the request could not be made with what the PKI sent before"
            }
            Self::Inconclusive => {
                "the answer, or the end of the client, proves nothing about the requirement"
            }
            Self::NotOffered => {
                "the peer does not offer the function that the case is about, and need not"
            }
            Self::Pending => "the PKI waits for the decision of a person",
            Self::NoPlainExchange => "the peer did not complete the plain right exchange",
            Self::SameCause => "the case fails as another one does, which counts",
            Self::FaultNotMet => "the fault that the case is about did not happen",
            Self::NeedsDecision => {
                "the case needs a decision at the CA, which cannot be made from here"
            }
            Self::Disruptive => "the case could disturb others, which was not allowed",
            Self::RevealsPassword => {
                "the case would send the challenge password so that others can read it, which was not allowed"
            }
            Self::CertificateLimit => "the limit of certificates is reached",
            Self::NoPassword => "no challenge password is given, or none is left",
        }
    }
}

/// Why a scenario or a case found nothing out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skip {
    /// The kind of the reason.
    pub because: SkipCause,
    /// The reason in a few words.
    pub reason: String,
    /// What was seen, one line each: the step, and what came; empty if nothing was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Further evidence, in which cases with the same cause differ: the faults that did not happen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub particulars: Vec<String>,
}

impl Skip {
    /// A skip without evidence, because nothing was sent.
    pub fn new(because: SkipCause, reason: impl Into<String>) -> Self {
        Self { because, reason: reason.into(), evidence: Vec::new(), particulars: Vec::new() }
    }

    /// All that was seen.
    pub fn evidence(&self) -> impl Iterator<Item = &str> {
        self.evidence.iter().chain(&self.particulars).map(String::as_str)
    }
}

impl fmt::Display for Skip {
    /// The reason, and the evidence in parentheses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        let evidence: Vec<&str> = self.evidence().collect();
        if evidence.is_empty() { Ok(()) } else { write!(f, " ({})", evidence.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_shows_its_evidence() {
        let plain = Skip::new(SkipCause::Disruptive, "it could disturb others");
        assert_eq!(plain.to_string(), "it could disturb others");
        let evidence = ["step 2: send CertPoll to pki", "status is FAILURE"].map(str::to_owned);
        let shown = Skip { evidence: evidence.to_vec(), ..plain };
        let expected = "it could disturb others (step 2: send CertPoll to pki; status is FAILURE)";
        assert_eq!(shown.to_string(), expected);
    }
}
