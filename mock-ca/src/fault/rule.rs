//! When a fault happens.

use std::{fmt, num::NonZeroU32, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Fault, FaultError, Trigger};
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
