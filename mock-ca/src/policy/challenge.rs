//! The challenge password in a request (RFC 8894 §2.4).

use std::sync::Arc;

use scep::secret::Secret;

use super::{Enrolment, PasswordCache, Policy};
use crate::{refusal::Refusal, settings::ChallengePolicy};

/// The challenge that a policy asks for.
pub(super) fn from_policy(
    policy: &ChallengePolicy,
    passwords: &Arc<PasswordCache>,
    next: Policy,
) -> Policy {
    match policy {
        ChallengePolicy::None => next,
        ChallengePolicy::Static(expected) => one_for_all(expected.clone(), next),
        ChallengePolicy::OneTime { .. } => one_time(Arc::clone(passwords), next),
    }
}

/// The same password in every request.
fn one_for_all(expected: Secret, next: Policy) -> Policy {
    Box::new(move |site, enrolment| {
        if !enrolment.is_renewal && !given(enrolment)?.matches(&expected) {
            return Err(Refusal::WrongChallenge);
        }
        next(site, enrolment)
    })
}

/// A password that serves once; one whose request is refused for another reason serves again.
fn one_time(passwords: Arc<PasswordCache>, next: Policy) -> Policy {
    Box::new(move |site, enrolment| {
        if enrolment.is_renewal {
            return next(site, enrolment);
        }
        let taken = passwords.take(given(enrolment)?, enrolment.now)?;
        let verdict = next(site, enrolment)?;
        taken.spend();
        Ok(verdict)
    })
}

fn given<'a>(enrolment: &Enrolment<'a>) -> Result<&'a Secret, Refusal> {
    let given = enrolment.csr.challenge_password();
    given.filter(|password| !password.expose().is_empty()).ok_or(Refusal::NoChallenge)
}
