//! When a fault happens: the rules, the requests that they wait for, and what can be wrong with one.

use std::{fmt, num::NonZeroU32, str::FromStr};

use scep::{attribute::MessageType, named, named::UnknownName};
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::personality::PersonalityName;

/// A fault, and when it happens; as text `on: PKIOperation, nth: 2, do: http-status 503`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultRule {
    /// The requests that it waits for.
    pub on: Trigger,
    /// At which of them it happens, counted from when the rule was made known; `None` for each.
    pub nth: Option<NonZeroU32>,
    /// What happens.
    pub fault: Fault,
}

/// A fault that a server was told to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// The rule.
    #[serde(rename = "fault")]
    pub rule: FaultRule,
    /// At how many requests it happened.
    pub fired: u32,
}

impl FaultRule {
    /// A rule that can come true.
    ///
    /// # Errors
    /// When the fault has nothing to do with the request.
    pub fn new(on: Trigger, nth: Option<NonZeroU32>, fault: Fault) -> Result<Self, FaultError> {
        if !fault.fits(on) {
            return Err(FaultError::Misfit { fault, trigger: on });
        }
        Ok(Self { on, nth, fault })
    }

    /// Refuses a rule that can never come true at a server of this personality.
    pub(crate) fn expect_possible(self, personality: PersonalityName) -> Result<(), FaultError> {
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
    /// The requests at which a fault happens: an operation, or a message of one type.
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
    }
}

impl Trigger {
    /// The trigger that a message of this type is.
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

/// Why a text is no rule, or a rule cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// It is not made as a rule is.
    #[error(
        "`{0}` is no rule (it is like `on: PKIOperation, nth: 2, do: http-status 503`, without `nth` for each time)"
    )]
    Form(String),
    /// No request is called so.
    #[error(transparent)]
    UnknownTrigger(#[from] UnknownName),
    /// No fault is called so.
    #[error("`{name}` is no fault ({hint})")]
    UnknownFault {
        /// What was given.
        name: String,
        /// Names that are like it, or all of them.
        hint: String,
    },
    /// The number of the request is none.
    #[error("`{0}` is no number of a request (the first is 1)")]
    Nth(String),
    /// The fault takes another value, or none.
    #[error("`{fault}` takes {expected}, not `{given}`")]
    Value {
        /// The fault's name.
        fault: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What was given.
        given: String,
    },
    /// The fault has nothing to do with the request.
    #[error("`{fault}` never happens on {trigger} (it does on {fitting})", fitting = list(fitting(*fault)))]
    Misfit {
        /// The fault.
        fault: Fault,
        /// What it was to wait for.
        trigger: Trigger,
    },
    /// The server has not got what the fault is about.
    #[error("`{}` cannot happen at a `{personality}`, which has not got such certificates", .rule.fault)]
    Unsuited {
        /// The rule.
        rule: FaultRule,
        /// The server.
        personality: PersonalityName,
    },
}

impl FaultError {
    pub(super) fn unknown_fault(name: &str) -> Self {
        let near = near(name);
        let hint = if near.is_empty() {
            format!("known: {}", list(Fault::ALL.iter().map(|fault| fault.name())))
        } else {
            let quoted: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
            format!("did you mean {}?", quoted.join(" or "))
        };
        Self::UnknownFault { name: name.to_owned(), hint }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn fitting(fault: Fault) -> impl Iterator<Item = &'static str> {
    let fits = move |trigger: &Trigger| fault.fits(*trigger);
    Trigger::ALL.into_iter().filter(fits).map(Trigger::as_str)
}

/// The names that are like this one, the likest first: by their letters, or because it is a part of them.
fn near(name: &str) -> Vec<&'static str> {
    const ENOUGH: f64 = 0.7;
    const AT_MOST: usize = 4;
    let likeness = |known: &'static str| {
        let is_part = name.len() > 2 && known.contains(name);
        let likeness = strsim::normalized_damerau_levenshtein(name, known);
        (if is_part { likeness.max(ENOUGH) } else { likeness }, known)
    };
    let mut near: Vec<_> = Fault::ALL.iter().map(|fault| likeness(fault.name())).collect();
    near.retain(|(likeness, _)| *likeness >= ENOUGH);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().map(|(_, known)| known).take(AT_MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_goes_both_ways() {
        for text in
            ["on: PKIOperation, nth: 2, do: http-status 503", "on: GetCACaps, do: caps-none"]
        {
            assert_eq!(text.parse::<FaultRule>().unwrap().to_string(), text);
        }
        let rule: FaultRule = "do:delay 2s,on:CertPoll".parse().unwrap();
        assert_eq!(rule.to_string(), "on: CertPoll, do: delay 2s");
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let refusal = |text: &str| text.parse::<FaultRule>().unwrap_err().to_string();
        for text in ["", "on", "on: PKCSReq", "do: empty-body", "on: PKCSReq, on: PKCSReq", "x: 1"]
        {
            assert!(refusal(text).starts_with(&format!("`{text}` is no rule")), "{text}");
        }
        assert!(refusal("on: pkcsreq, do: empty-body").contains("known: GetCACaps, GetCACert"));
        let nth = "on: PKCSReq, nth: 0, do: empty-body";
        assert_eq!(refusal(nth), "`0` is no number of a request (the first is 1)");
        let misfit = "on: PKIOperation, do: caps-none";
        assert_eq!(
            refusal(misfit),
            "`caps-none` never happens on PKIOperation (it does on GetCACaps)"
        );
    }
}
