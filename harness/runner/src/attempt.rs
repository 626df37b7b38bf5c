//! Tries a step until the result is as expected or the time has expired.

mod client;
mod device;
mod pki;

use std::time::Duration;

use ::scep::attribute::PkiStatus;

pub(super) use self::client::{ClientFolder, unfired};
pub(super) use self::pki::Conversations;
use super::wait::{Waited, wait};
use diagnostics::Place;
use model::lab::Secret;
use model::scenario::scep::{Acceptable, Condition, FactName};
use model::scenario::{Check, Expect, Pattern, Step};
use results::Sent;
use testbed::Testbed;

/// The longest time that a device or a PKI may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(300);

/// Result of a step.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) sent: Sent,
    pub(super) answers: Waited<Answer>,
    /// Time limit for all tries; zero if there is one try.
    pub(super) within: Duration,
    pub(super) expect: Expect,
    /// True if the logs of the SCEP client and the PKIs may explain the result.
    pub(super) concerns_scep: bool,
    /// Place of the step, for a step that succeeds but should fail.
    pub(super) place: Place,
}

/// Result of one try.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) output: String,
    /// Error message as a fragment, for an answer with misses.
    pub(super) message: &'static str,
    /// Expectations that were not met.
    pub(super) misses: Vec<Miss>,
    /// Notes for the reader on an answer that is acceptable but not the best one.
    pub(super) notes: Vec<String>,
    /// The pkiStatus, if a PKI answered with one.
    pub(super) pki_status: Option<PkiStatus>,
    /// Configuration line that a device refused, counted from 1; `None` if the commit was refused.
    pub(super) refused_line: Option<usize>,
}

/// An expectation that was not met.
#[derive(Debug, Clone)]
pub(super) struct Miss {
    pub(super) place: Place,
    /// Problem in a few words: "not found".
    pub(super) what: String,
    /// Pattern that was not found, to search the output for the closest line.
    pub(super) pattern: Option<Pattern>,
}

/// Why a scenario cannot go env.
#[derive(Debug)]
pub(super) enum Stop {
    /// The device, PKI or client does not support the step.
    NotSupported(String),
    /// The lab broke.
    Broken(String),
}

/// State that the steps of one scenario pass on to later steps.
#[derive(Default)]
pub(super) struct ScenarioState {
    /// SCEP state for each PKI.
    pub(super) conversations: Conversations,
    /// Folder of the client under test.
    pub(super) client: ClientFolder,
    /// Challenge passwords that devices were given.
    pub(super) secrets: Vec<Secret>,
}

/// Carries out the steps of one kind.
trait Attempt {
    /// Tries the step until the result is as expected or the time has expired.
    async fn attempt(&self, env: Env<'_>) -> Result<Attempted, Stop>;
}

/// The step, with the testbed and the state that it uses.
struct Env<'a> {
    step: &'a Step,
    testbed: &'a Testbed,
    state: &'a mut ScenarioState,
}

/// Tries a step.
pub(super) async fn attempt(
    step: &Step,
    testbed: &Testbed,
    state: &mut ScenarioState,
) -> Result<Attempted, Stop> {
    let env = Env { step, testbed, state };
    model::with_step!(&step.action, it => it.attempt(env).await)
}

impl Attempted {
    /// Tries until the expectations are met or `within` has expired, with a pause after each try.
    async fn retry<A, P>(
        step: &Step,
        sent: Sent,
        within: Duration,
        attempt: impl FnMut() -> A,
        pause: impl FnMut(Duration) -> P,
    ) -> Result<Self, Stop>
    where
        A: Future<Output = Result<Answer, Stop>>,
        P: Future<Output = ()>,
    {
        let answers = wait(within, attempt, pause, Answer::met).await?;
        let (expect, place) = (step.expect, step.place.clone());
        Ok(Self { sent, answers, within, expect, concerns_scep: true, place })
    }

    /// Result of a step that needs one answer of a PKI.
    fn once(step: &Step, pki: &str, request: String, answer: Answer, elapsed: Duration) -> Self {
        Self {
            sent: Sent::Request { pki: pki.to_owned(), request },
            answers: Waited { first: None, last: answer, tries: 1, elapsed },
            within: Duration::ZERO,
            expect: step.expect,
            concerns_scep: true,
            place: step.place.clone(),
        }
    }

    /// True if the step succeeded or failed as the scenario expects.
    pub(super) fn as_expected(&self) -> bool {
        self.answers.last.met() == (self.expect == Expect::Success)
    }
}

impl Answer {
    /// True if all expectations are met.
    pub(super) fn met(&self) -> bool {
        self.misses.is_empty()
    }

    /// Answer that is judged by checks.
    fn checked(output: String, checks: &[Check]) -> Self {
        let failing: Vec<&Check> = checks.iter().filter(|check| !check.holds(&output)).collect();
        let message = match failing.first().map(|check| (&check.pattern, check.found)) {
            Some((Pattern::Token(_), true)) => "output lacks an expected text",
            Some((Pattern::Regex(_), false)) => "output matches a forbidden pattern",
            Some((Pattern::Token(_), false)) => "output contains a forbidden text",
            Some((Pattern::Regex(_), true)) | None => "output does not match",
        };
        let misses = failing.into_iter().map(Miss::of).collect();
        Self { output, message, misses, ..Self::default() }
    }

    /// Answer that is judged by facts. `value` returns a fact's value, and `filled` replaces `{{name}}` by the saved value.
    fn judged<'a, F: FactName>(
        acceptable: &[Acceptable<F>],
        output: String,
        value: impl Fn(F) -> &'a str,
        filled: impl Fn(&str) -> String,
    ) -> Result<Self, Stop> {
        let miss_of = |one: &Acceptable<F>| Miss::of_facts(one, &value, &filled);
        if let Some(fitting) = acceptable.iter().find(|one| miss_of(one).is_none()) {
            if let Some(reason) = &fitting.skip {
                return Err(Stop::NotSupported(reason.clone()));
            }
            let notes = fitting.note.iter().cloned().collect();
            return Ok(Self { output, notes, ..Self::default() });
        }
        let mut misses: Vec<Miss> = acceptable.iter().filter_map(miss_of).collect();
        // Two outcomes that a step implies have the same place.
        misses.dedup_by(|a, b| a.what == b.what && a.place.excerpt() == b.place.excerpt());
        let message = "the outcome is none of the acceptable ones";
        Ok(Self { output, message, misses, ..Self::default() })
    }
}

impl Miss {
    fn of(check: &Check) -> Self {
        let (what, pattern) = if check.found {
            ("not found", Some(check.pattern.clone()))
        } else {
            ("still found", None)
        };
        Self { place: check.place.clone(), what: what.to_owned(), pattern }
    }

    /// The conditions of an outcome that do not hold, at the place of the first.
    fn of_facts<'a, F: FactName>(
        acceptable: &Acceptable<F>,
        value: impl Fn(F) -> &'a str,
        filled: impl Fn(&str) -> String,
    ) -> Option<Self> {
        let holds = |it: &&Condition<F>| it.holds(value(it.fact), &filled);
        let failing: Vec<&Condition<F>> =
            acceptable.conditions.iter().filter(|it| !holds(it)).collect();
        let is = |it: &&Condition<F>| format!("{} is {}", it.fact.name(), value(it.fact));
        let label = failing.iter().map(is).collect::<Vec<_>>().join(", ");
        failing.first().map(|first| Self::at(&first.place, label))
    }

    fn at(place: &Place, what: impl Into<String>) -> Self {
        Self { place: place.clone(), what: what.into(), pattern: None }
    }
}

/// Waits for an answer; a lab that does not answer in time is broken.
async fn bounded<T>(who: &str, answer: impl Future<Output = T>) -> Result<T, Stop> {
    tokio::time::timeout(ANSWER_LIMIT, answer).await.map_err(|_| {
        Stop::Broken(format!("`{who}` gave no answer in {} s", ANSWER_LIMIT.as_secs()))
    })
}
