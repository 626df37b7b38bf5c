//! What the answers to the requests themselves show.

use super::{NeedChecker, NeedOutcome};
use crate::probe::{Probe, SUFFIX};
use crate::probed::shows_nothing;
use crate::seen::answered;

impl NeedChecker<'_> {
    pub(super) fn path(&self, suffix: &str) -> NeedOutcome {
        let path = self.seen.url.path().to_ascii_lowercase();
        if path.ends_with(suffix) {
            return NeedOutcome::Met;
        }
        if suffix == SUFFIX {
            return self.same(&[Probe::Suffix]);
        }
        NeedOutcome::NotSeen(format!("the path with `{suffix}` after it was not asked"))
    }

    /// Met if all these requests are answered as the plain ones, and unmet if one is not.
    pub(super) fn same(&self, probes: &[Probe]) -> NeedOutcome {
        let all: Vec<NeedOutcome> = probes.iter().map(|probe| self.is_same(*probe)).collect();
        let unmet = all.iter().find(|one| matches!(one, NeedOutcome::Unmet(_)));
        let worst = unmet.or_else(|| all.iter().find(|one| **one != NeedOutcome::Met));
        worst.cloned().unwrap_or(NeedOutcome::Met)
    }

    fn is_same(&self, probe: Probe) -> NeedOutcome {
        let name = probe.in_words();
        let Some(answer) = self.seen.probe(probe) else {
            return NeedOutcome::NotSeen(format!("{name} was not sent"));
        };
        match (answer, self.seen.is_same(probe)) {
            (Ok(response), Some(true)) if !(200..300).contains(&response.status) => {
                NeedOutcome::NotSeen(format!(
                    "{name} and the plain request were both answered HTTP {}, which does not tell one from the other",
                    response.status
                ))
            }
            (Ok(_), Some(true)) => NeedOutcome::Met,
            (Ok(response), Some(false)) => {
                NeedOutcome::Unmet(format!("{name} {}", response.answered()))
            }
            (Ok(_), None) => NeedOutcome::NotSeen(format!(
                "{name} was answered, and the plain request was not, so that they cannot be compared"
            )),
            (Err(reason), _) if reason.shows_nothing() => {
                NeedOutcome::NotSeen(format!("{name} {}", reason.in_words()))
            }
            (Err(reason), _) => NeedOutcome::Unmet(format!("{name} {}", reason.in_words())),
        }
    }

    pub(super) fn not_redirected(&self) -> NeedOutcome {
        let asked =
            [("GetCACaps", &self.seen.capabilities), ("GetCACert", &self.seen.certificates)];
        let moved = asked
            .into_iter()
            .find(|(_, answer)| answer.as_ref().is_ok_and(scep::http::HttpResponse::is_redirect));
        if let Some((name, answer)) = moved {
            return NeedOutcome::Unmet(format!("{name} {}", answered(answer)));
        }
        let unseen = asked.into_iter().find(|(_, answer)| answer.is_err());
        unseen.map_or(NeedOutcome::Met, |(name, answer)| {
            NeedOutcome::NotSeen(format!("{name} {}", answered(answer)))
        })
    }

    /// The result about the capabilities, unless the request for them shows nothing of the server.
    pub(super) fn of_list(&self, outcome: impl FnOnce() -> NeedOutcome) -> NeedOutcome {
        match &self.seen.capabilities {
            Err(reason) if shows_nothing(reason) => {
                NeedOutcome::NotSeen(format!("GetCACaps was not answered: {reason}"))
            }
            _ => outcome(),
        }
    }

    pub(super) fn no_capabilities(&self) -> Option<String> {
        let answer = &self.seen.capabilities;
        let is_answered = answer.as_ref().is_ok_and(|response| response.status == 200);
        (!is_answered).then(|| format!("GetCACaps {}", answered(answer)))
    }
}
