//! Fault rules: a fault, the requests at which it happens, and the mistakes in a rule.

use std::{fmt, num::NonZeroU32, str::FromStr};

use scep::{
    UnknownName,
    attribute::MessageType,
    named,
    suggestion::{did_you_mean, suggestions},
};
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    personality::PersonalityName,
    settings::{ServerCertificate, TlsSettings},
};

/// A fault, and the requests at which it happens; as text `on: PKIOperation, nth: 2, do: http-status 503`.
///
/// ```
/// use mock_ca::{Fault, FaultRule, Trigger};
///
/// # fn main() -> Result<(), mock_ca::FaultError> {
/// let rule: FaultRule = "on: PKIOperation, do: empty-body".parse()?;
/// assert_eq!(rule, FaultRule::new(Trigger::PkiOperation, None, Fault::EmptyBody)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultRule {
    /// The requests that the rule counts.
    pub on: Trigger,
    /// The request at which the fault happens, counted from 1 since the rule was added; `None` for every request.
    pub nth: Option<NonZeroU32>,
    /// The fault.
    pub fault: Fault,
}

/// A rule, with how often its fault has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// The rule.
    #[serde(rename = "fault")]
    pub rule: FaultRule,
    /// The number of requests at which the fault happened.
    pub fired: u32,
}

impl FaultRule {
    /// A rule for a fault that fits the requests.
    ///
    /// # Errors
    /// If the fault can never happen at such requests.
    pub fn new(on: Trigger, nth: Option<NonZeroU32>, fault: Fault) -> Result<Self, FaultError> {
        if !fault.fits(on) {
            return Err(FaultError::Misfit { fault, trigger: on });
        }
        Ok(Self { on, nth, fault })
    }

    /// Rejects a rule for a fault that can never happen at a server of this personality with this TLS.
    pub(crate) fn expect_possible(
        self,
        personality: PersonalityName,
        tls: Option<&TlsSettings>,
    ) -> Result<(), FaultError> {
        self.expect_suited(personality)?;
        if self.on != Trigger::Handshake {
            return Ok(());
        }
        let tls = tls.ok_or(FaultError::NoTls(self.fault))?;
        let is_given = matches!(tls.certificate, ServerCertificate::Given(_));
        if is_given && self.fault.replaces_tls_certificate() {
            return Err(FaultError::GivenCertificate(self.fault));
        }
        Ok(())
    }

    /// Rejects a rule for a fault that can never happen at this personality.
    pub(crate) fn expect_suited(self, personality: PersonalityName) -> Result<(), FaultError> {
        Self::new(self.on, self.nth, self.fault)?;
        if !self.fault.suits(personality) {
            return Err(FaultError::Unsuited { rule: self, personality });
        }
        Ok(())
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on: {}", self.on)?;
        self.nth.iter().try_for_each(|nth| write!(f, ", nth: {nth}"))?;
        write!(f, ", do: {}", self.fault)
    }
}

scep::serde_as_text!(FaultRule);

impl FromStr for FaultRule {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let form = || FaultError::Form(text.to_owned());
        let (mut on, mut nth, mut fault) = (None, None, None);
        for field in text.split(',') {
            let (name, value) = field.split_once(':').ok_or_else(form)?;
            let place = match name.trim() {
                "on" => &mut on,
                "nth" => &mut nth,
                "do" => &mut fault,
                _ => return Err(form()),
            };
            if place.replace(value.trim()).is_some() {
                return Err(form());
            }
        }
        let (on, fault) = (on.ok_or_else(form)?, fault.ok_or_else(form)?);
        let number = |text: &str| text.parse().map_err(|_| FaultError::Nth(text.to_owned()));
        Self::new(on.parse()?, nth.map(number).transpose()?, fault.parse()?)
    }
}

named! {
    /// The requests that a rule counts: those of one operation, or with a message of one type. A rule may count TLS handshakes as well.
    #[non_exhaustive]
    Trigger, "request that a fault can wait for" {
        /// The operation GetCACaps (RFC 8894 §3.5.1).
        GetCaCaps = "GetCACaps";
        /// The operation GetCACert (RFC 8894 §4.2).
        GetCaCert = "GetCACert";
        /// The operation GetNextCACert (RFC 8894 §4.7).
        GetNextCaCert = "GetNextCACert";
        /// The operation PKIOperation, whatever its message (RFC 8894 §4.3).
        PkiOperation = "PKIOperation";
        /// A PKCSReq (RFC 8894 §3.3.1).
        PkcsReq = "PKCSReq";
        /// A RenewalReq (RFC 8894 §3.3.1).
        RenewalReq = "RenewalReq";
        /// A CertPoll (RFC 8894 §3.3.3).
        CertPoll = "CertPoll";
        /// A GetCert (RFC 8894 §3.3.4).
        GetCert = "GetCert";
        /// A GetCRL (RFC 8894 §3.3.5).
        GetCrl = "GetCRL";
        /// The TLS handshake of a connection.
        Handshake = "handshake";
    }
}

impl Trigger {
    /// The trigger for a message of this type.
    pub(crate) fn of_message(message_type: &MessageType) -> Option<Self> {
        Some(match message_type {
            MessageType::PkcsReq => Self::PkcsReq,
            MessageType::RenewalReq => Self::RenewalReq,
            MessageType::CertPoll => Self::CertPoll,
            MessageType::GetCert => Self::GetCert,
            MessageType::GetCrl => Self::GetCrl,
            _ => return None,
        })
    }
}

/// The reason why a text is no rule, or why its fault can never happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// The text does not have the form of a rule.
    #[error(
        "`{0}` is no rule (write it like `on: PKIOperation, nth: 2, do: http-status 503`; without `nth` the fault happens every time)"
    )]
    Form(String),
    /// The name of the request is unknown.
    #[error(transparent)]
    UnknownTrigger(#[from] UnknownName),
    /// The name of the fault is unknown.
    #[error("`{name}` is no fault ({hint})")]
    UnknownFault {
        /// The name given.
        name: String,
        /// Similar names, or all names.
        hint: String,
    },
    /// The number of the request is not a positive number.
    #[error("`{0}` cannot be the number of a request (the first is 1)")]
    Nth(String),
    /// The fault takes another value, or no value.
    #[error("`{fault}` takes {expected}, not `{given}`")]
    Value {
        /// The name of the fault.
        fault: &'static str,
        /// The values that it takes.
        expected: &'static str,
        /// The value given.
        given: String,
    },
    /// The fault can never happen at such requests.
    #[error("`{fault}` never happens on {trigger} (it happens on {fitting})", fitting = list(fitting(*fault)))]
    Misfit {
        /// The fault.
        fault: Fault,
        /// The requests of the rule.
        trigger: Trigger,
    },
    /// The fault is one of TLS, and the server speaks plain HTTP.
    #[error("`{0}` cannot happen, because the server speaks plain HTTP, without TLS")]
    NoTls(Fault),
    /// The fault is another certificate of the TLS server, whose certificate was given.
    #[error(
        "`{0}` cannot happen with a certificate that was given: it is a certificate that the server makes itself"
    )]
    GivenCertificate(Fault),
    /// The server does not have the certificates that the fault changes.
    #[error(
        "`{}` cannot happen at a `{personality}` server, because it does not have the certificates that this fault changes",
        .rule.fault
    )]
    Unsuited {
        /// The rule.
        rule: FaultRule,
        /// The personality of the server.
        personality: PersonalityName,
    },
}

impl FaultError {
    pub(super) fn unknown_fault(name: &str) -> Self {
        let known: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        let meant = did_you_mean(&suggestions(name, &known));
        let hint = meant.unwrap_or_else(|| format!("known: {}", known.join(", ")));
        Self::UnknownFault { name: name.to_owned(), hint }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn fitting(fault: Fault) -> impl Iterator<Item = &'static str> {
    let fits = move |trigger: &Trigger| fault.fits(*trigger);
    Trigger::ALL.iter().copied().filter(fits).map(Trigger::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_is_parsed_and_printed() {
        for text in
            ["on: PKIOperation, nth: 2, do: http-status 503", "on: GetCACaps, do: caps-none"]
        {
            assert_eq!(text.parse::<FaultRule>().unwrap().to_string(), text);
        }
        let rule: FaultRule = "do:delay 2s,on:CertPoll".parse().unwrap();
        assert_eq!(rule.to_string(), "on: CertPoll, do: delay 2s");
    }

    #[test]
    fn wrong_rules_are_rejected() {
        let refusal = |text: &str| text.parse::<FaultRule>().unwrap_err().to_string();
        for text in ["", "on", "on: PKCSReq", "do: empty-body", "on: PKCSReq, on: PKCSReq", "x: 1"]
        {
            assert!(refusal(text).starts_with(&format!("`{text}` is no rule")), "{text}");
        }
        assert!(refusal("on: pkcsreq, do: empty-body").contains("known: GetCACaps, GetCACert"));
        let nth = "on: PKCSReq, nth: 0, do: empty-body";
        assert_eq!(refusal(nth), "`0` cannot be the number of a request (the first is 1)");
        let misfit = "on: PKIOperation, do: caps-none";
        assert_eq!(
            refusal(misfit),
            "`caps-none` never happens on PKIOperation (it happens on GetCACaps)"
        );
    }
}
