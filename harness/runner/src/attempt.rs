//! Trying a step until it is as expected or its time is over.

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

/// What a step came to.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) sent: Sent,
    pub(super) answers: Waited<Answer>,
    /// How long it was to be tried; zero where there is one try.
    pub(super) within: Duration,
    pub(super) expect: Expect,
    /// Whether what the SCEP client and the PKIs did meanwhile may explain it.
    pub(super) concerns_scep: bool,
    /// Where the step stands, for a step that succeeds and should not.
    pub(super) place: Place,
}

/// What one try yielded.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) output: String,
    /// What is wrong, as a fragment, where anything is.
    pub(super) message: &'static str,
    /// What the step expects and did not get; empty where it got all.
    pub(super) misses: Vec<Miss>,
    /// What a reader must know of an answer that is good enough, and not the best one.
    pub(super) notes: Vec<String>,
    /// The pkiStatus, if a PKI answered with one.
    pub(super) pki_status: Option<PkiStatus>,
    /// The configuration line that a device refused, counted from 1; nothing if it was the commit.
    pub(super) refused_line: Option<usize>,
}

/// An expectation that was not met.
#[derive(Debug, Clone)]
pub(super) struct Miss {
    pub(super) place: Place,
    /// What is the matter: "not found".
    pub(super) what: String,
    /// What was to be found in the output, where a line may have come close.
    pub(super) sought: Option<Pattern>,
}

/// Why a scenario cannot go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// What is asked for cannot be done here.
    NotSupported(String),
    /// The lab broke.
    Broken(String),
}

/// What the steps of one scenario leave to those after them.
#[derive(Default)]
pub(super) struct Memory {
    /// What was said to the PKIs.
    pub(super) conversations: Conversations,
    /// What the client under test keeps.
    pub(super) client: ClientFolder,
    /// The challenge passwords that devices were given.
    pub(super) secrets: Vec<Secret>,
}

/// How the steps of one kind are carried out.
trait Attempt {
    /// Tries the step until it is as expected or its time is over.
    async fn attempt(&self, on: On<'_>) -> Result<Attempted, Stop>;
}

/// What a step is carried out on.
struct On<'a> {
    step: &'a Step,
    testbed: &'a Testbed,
    memory: &'a mut Memory,
}

/// Tries a step.
pub(super) async fn attempt(
    step: &Step,
    testbed: &Testbed,
    memory: &mut Memory,
) -> Result<Attempted, Stop> {
    let on = On { step, testbed, memory };
    model::with_step!(&step.action, it => it.attempt(on).await)
}

impl Attempted {
    /// A step that is tried until it is met or `within` is over, with a pause after each try.
    async fn tried<A, P>(
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

    /// A step of which one answer of a PKI is all that there is.
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

    /// Whether the step did what the scenario expects of it.
    pub(super) fn as_expected(&self) -> bool {
        self.answers.last.met() == (self.expect == Expect::Success)
    }
}

impl Answer {
    /// Whether the step got all it expects.
    pub(super) fn met(&self) -> bool {
        self.misses.is_empty()
    }

    /// An answer that is judged by checks.
    fn checked(output: String, checks: &[Check]) -> Self {
        let failing: Vec<&Check> = checks.iter().filter(|check| !check.holds(&output)).collect();
        let message = match failing.first().map(|check| (&check.pattern, check.found)) {
            Some((Pattern::Token(_), true)) => "output does not contain what it should",
            Some((Pattern::Regex(_), false)) => "output matches what it should not",
            Some((Pattern::Token(_), false)) => "output contains what it should not",
            Some((Pattern::Regex(_), true)) | None => "output does not match",
        };
        let misses = failing.into_iter().map(Miss::of).collect();
        Self { output, message, misses, ..Self::default() }
    }

    /// The answer of a step whose outcome is a set of facts: `value` tells each, and `filled` puts what was saved in place of
    /// `{{name}}`.
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
        // Two outcomes that a step implies stand at one place.
        misses.dedup_by(|a, b| a.what == b.what && a.place.excerpt() == b.place.excerpt());
        let message = "none of the acceptable outcomes came";
        Ok(Self { output, message, misses, ..Self::default() })
    }
}

impl Miss {
    fn of(check: &Check) -> Self {
        let (what, sought) = if check.found {
            ("not found", Some(check.pattern.clone()))
        } else {
            ("still found", None)
        };
        Self { place: check.place.clone(), what: what.to_owned(), sought }
    }

    /// What keeps an outcome from being this one: the conditions that do not hold, at the place of the first.
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
        Self { place: place.clone(), what: what.into(), sought: None }
    }
}

/// A lab that does not answer is broken.
async fn bounded<T>(who: &str, answer: impl Future<Output = T>) -> Result<T, Stop> {
    tokio::time::timeout(ANSWER_LIMIT, answer).await.map_err(|_| {
        Stop::Broken(format!("`{who}` gave no answer in {} s", ANSWER_LIMIT.as_secs()))
    })
}
