//! What the answers to the requests themselves show.

use super::{Scales, Weighed};
use crate::probe::{Probe, SUFFIX};
use crate::probed::shows_nothing;
use crate::seen::answered;

impl Scales<'_> {
    pub(super) fn path(&self, suffix: &str) -> Weighed {
        let path = self.seen.url.path().to_ascii_lowercase();
        if path.ends_with(suffix) {
            return Weighed::Met;
        }
        if suffix == SUFFIX {
            return self.same(&[Probe::Suffix]);
        }
        Weighed::NotSeen(format!("the path with `{suffix}` after it was not asked"))
    }

    /// Met if all these requests are answered as the plain ones, and unmet if one is not.
    pub(super) fn same(&self, probes: &[Probe]) -> Weighed {
        let all: Vec<Weighed> = probes.iter().map(|probe| self.is_same(*probe)).collect();
        let unmet = all.iter().find(|one| matches!(one, Weighed::Unmet(_)));
        let worst = unmet.or_else(|| all.iter().find(|one| **one != Weighed::Met));
        worst.cloned().unwrap_or(Weighed::Met)
    }

    fn is_same(&self, probe: Probe) -> Weighed {
        let name = probe.in_words();
        let Some(answer) = self.seen.probe(probe) else {
            return Weighed::NotSeen(format!("{name} was not sent"));
        };
        match (answer, self.seen.is_same(probe)) {
            (Ok(response), Some(true)) if !(200..300).contains(&response.status) => {
                Weighed::NotSeen(format!(
                    "{name} and the plain request were both answered HTTP {}, which does not tell one from the other",
                    response.status
                ))
            }
            (Ok(_), Some(true)) => Weighed::Met,
            (Ok(response), Some(false)) => {
                Weighed::Unmet(format!("{name} {}", response.answered()))
            }
            (Ok(_), None) => Weighed::NotSeen(format!(
                "{name} was answered, and the plain request was not, so that they cannot be compared"
            )),
            (Err(reason), _) if reason.shows_nothing() => {
                Weighed::NotSeen(format!("{name} {}", reason.in_words()))
            }
            (Err(reason), _) => Weighed::Unmet(format!("{name} {}", reason.in_words())),
        }
    }

    pub(super) fn not_redirected(&self) -> Weighed {
        let asked =
            [("GetCACaps", &self.seen.capabilities), ("GetCACert", &self.seen.certificates)];
        let moved = asked
            .into_iter()
            .find(|(_, answer)| answer.as_ref().is_ok_and(scep::http::HttpResponse::is_redirect));
        if let Some((name, answer)) = moved {
            return Weighed::Unmet(format!("{name} {}", answered(answer)));
        }
        let unseen = asked.into_iter().find(|(_, answer)| answer.is_err());
        unseen.map_or(Weighed::Met, |(name, answer)| {
            Weighed::NotSeen(format!("{name} {}", answered(answer)))
        })
    }

    /// The result about the capabilities, unless the request for them shows nothing of the server.
    pub(super) fn of_list(&self, weighed: impl FnOnce() -> Weighed) -> Weighed {
        match &self.seen.capabilities {
            Err(reason) if shows_nothing(reason) => {
                Weighed::NotSeen(format!("GetCACaps was not answered: {reason}"))
            }
            _ => weighed(),
        }
    }

    pub(super) fn no_capabilities(&self) -> Option<String> {
        let answer = &self.seen.capabilities;
        let is_answered = answer.as_ref().is_ok_and(|response| response.status == 200);
        (!is_answered).then(|| format!("GetCACaps {}", answered(answer)))
    }
}
