//! What a case sends, and what it waits for.

use model::scenario::{Action, Scenario};
use results::requirement::End;

/// True for the case with the request that a server must grant; without it, a refused request proves nothing.
pub(super) fn is_control(case: &Scenario) -> bool {
    case.conformance.as_ref().is_some_and(|it| it.is_control && it.end == End::Server)
}

/// True if a case sends a message to the CA, and not only GetCACaps, GetCACert and the like.
pub(super) fn sends_messages(case: &Scenario) -> bool {
    case.steps.iter().any(|step| match &step.action {
        Action::Scep(step) => step.request.operation.has_message(),
        _ => false,
    })
}

/// True if a right peer enrols in the case.
pub(super) fn enrols(case: &Scenario) -> bool {
    case.steps.iter().any(|step| match &step.action {
        Action::Scep(step) => step.request.operation.enrols() && step.may_be_granted(),
        Action::Client(step) => step.is_plain(),
        _ => false,
    })
}

/// True if the client under test runs in the case.
pub(super) fn runs_client(case: &Scenario) -> bool {
    case.steps.iter().any(|step| matches!(step.action, Action::Client(_)))
}
