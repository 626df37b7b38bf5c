//! Tries a step until the result is as expected or the time has expired.

mod advance;
mod certificate;
mod client;
mod device;
mod exchange;
mod orders;
mod pki;
mod refusal;

use std::collections::BTreeMap;
use std::time::Duration;

use self::certificate::Remembered;
pub use self::client::NO_REQUEST;
pub(super) use self::client::{ClientState, unfired};
pub(super) use self::pki::Conversations;
use super::difference::difference;
use super::near_miss::near_miss;
use super::wait::{Waited, wait};
use diagnostics::Place;
use model::lab::Secret;
use model::scenario::scep::{Acceptable, Condition, FactName};
use model::scenario::{Check, Expect, Pattern, Step};
use results::{Breakage, Reply, Sent, SkipCause};
use testbed::Testbed;
use testbed::pki::ServerState;

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
    /// The reason, if the answer proves nothing and the scenario ends here.
    pub(super) inconclusive: Option<Inconclusive>,
    /// The reply of a PKI to a SCEP request.
    pub(super) reply: Option<Reply>,
    /// State of a server that was gone after the request.
    pub(super) ended_server: Option<ServerState>,
    /// Configuration line that a device refused, counted from 1; `None` if the commit was refused.
    pub(super) refused_line: Option<usize>,
    /// True if no further try can have another result.
    pub(super) is_final: bool,
    /// What the answer itself says about the probable cause.
    pub(super) hint: Option<String>,
}

/// Why an answer proves nothing.
#[derive(Debug, Clone)]
pub(super) struct Inconclusive {
    pub(super) because: SkipCause,
    pub(super) reason: String,
    /// The facts that decided, and what the peer said.
    pub(super) seen: Vec<String>,
}

/// An expectation that was not met.
#[derive(Debug, Clone)]
pub(super) struct Miss {
    pub(super) place: Place,
    /// Problem in a few words: "not found".
    pub(super) what: String,
    /// Pattern that was not found, to search the output for the closest line.
    pub(super) pattern: Option<Pattern>,
    /// The expectation in words, if it is about facts and would be a pass.
    pub(super) expected: Option<String>,
    /// The facts that are not as expected, each with its meaning.
    pub(super) facts: Vec<String>,
}

/// Why a scenario cannot go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// The step cannot be carried out here, for a reason of this kind.
    Skip(SkipCause, String),
    /// The lab broke.
    Broken(Breakage),
}

/// State that the steps of one scenario pass on to later steps.
#[derive(Default)]
pub(super) struct ScenarioState {
    /// SCEP state for each PKI.
    pub(super) conversations: Conversations,
    /// State of the client under test.
    pub(super) client: ClientState,
    /// Challenge passwords that devices were given.
    pub(super) secrets: Vec<Secret>,
    /// The certificates that `certificate` steps have seen.
    certificates: Remembered,
    /// What earlier steps did with each device.
    devices: BTreeMap<String, DeviceHistory>,
}

/// What earlier steps did with a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct DeviceHistory {
    is_configured: bool,
    is_restarted: bool,
}

impl ScenarioState {
    fn history(&mut self, device: &str) -> &mut DeviceHistory {
        self.devices.entry(device.to_owned()).or_default()
    }
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
    /// Tries until the expectations are met or `within` has expired, with a pause after each try. A step that should succeed
    /// ends at once after an answer that is final.
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
        let should_succeed = step.expect == Expect::Success;
        let is_done = |answer: &Answer| answer.met() || answer.is_final && should_succeed;
        let answers = wait(within, attempt, pause, is_done).await?;
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

    /// True if the step exchanged messages with a PKI by itself.
    pub(super) fn exchanged(&self) -> bool {
        self.answers.last.reply.is_some()
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
        let hint = failing.iter().find_map(|check| near_miss(&output, check));
        let misses = failing.into_iter().map(Miss::of).collect();
        Self { output, message, misses, hint, ..Self::default() }
    }

    /// Answer that is judged by facts. `value` returns a fact's value, if there is one, and `filled` replaces `{{name}}` by the
    /// saved value, if there was one.
    fn judged<'a, F: FactName>(
        acceptable: &[Acceptable<F>],
        output: String,
        value: impl Fn(F) -> Option<&'a str>,
        filled: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let miss_of = |one: &Acceptable<F>| Miss::of_facts(one, &value, &filled);
        if let Some(fitting) = acceptable.iter().find(|one| miss_of(one).is_none()) {
            let inconclusive = fitting.skip.as_ref().map(|reason| Inconclusive {
                because: fitting.because.unwrap_or(SkipCause::Inconclusive),
                reason: reason.clone(),
                seen: vec![decisive(acceptable, fitting, &value)],
            });
            let notes = fitting.note.iter().cloned().collect();
            return Self { output, notes, inconclusive, ..Self::default() };
        }
        let mut misses: Vec<Miss> = acceptable.iter().filter_map(miss_of).collect();
        // Two outcomes that a step implies have the same place.
        misses.dedup_by(|a, b| a.what == b.what && a.place.excerpt() == b.place.excerpt());
        let message = "the answer is none of those that this step accepts";
        Self { output, message, misses, ..Self::default() }
    }
}

/// The facts of the outcome that came, and those present that exclude the outcomes before it, with their values.
fn decisive<'a, F: FactName>(
    acceptable: &[Acceptable<F>],
    fitting: &Acceptable<F>,
    value: impl Fn(F) -> Option<&'a str>,
) -> String {
    let own = fitting.conditions.iter().map(|it| it.fact);
    let before = acceptable.iter().take_while(|one| !std::ptr::eq(*one, fitting));
    let excluding = before.flat_map(|one| one.conditions.iter().map(|it| it.fact));
    let mut shown: Vec<String> = Vec::new();
    for fact in own.chain(excluding.filter(|fact| value(*fact).is_some())) {
        let is = fact_is(fact, value(fact));
        if !shown.contains(&is) {
            shown.push(is);
        }
    }
    shown.join(", ")
}

/// A fact with its value, as in `status is FAILURE`.
fn fact_is<F: FactName>(fact: F, value: Option<&str>) -> String {
    format!("{} is {}", fact.name(), value.unwrap_or("absent"))
}

impl Miss {
    fn of(check: &Check) -> Self {
        let (what, pattern) = if check.found {
            ("not found", Some(check.pattern.clone()))
        } else {
            ("still found", None)
        };
        Self { pattern, ..Self::at(&check.place, what) }
    }

    /// The conditions of an outcome that do not hold, at the place of the first.
    fn of_facts<'a, F: FactName>(
        acceptable: &Acceptable<F>,
        value: impl Fn(F) -> Option<&'a str>,
        filled: impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let failing = acceptable.failing(&value, &filled);
        let is = |it: &&Condition<F>| match value(it.fact) {
            Some(actual) => {
                let difference = difference(actual, &it.expected, &filled).unwrap_or_default();
                format!("{}{difference}", fact_is(it.fact, Some(actual)))
            }
            None => fact_is(it.fact, None),
        };
        // Once for all of them.
        let whole = failing.iter().filter_map(|it| it.whole).find(|whole| value(*whole).is_none());
        let whole = whole.map(|whole| format!("and so is {}", whole.name()));
        let label = failing.iter().map(is).chain(whole).collect::<Vec<_>>().join(", ");
        let meaning = |it: &&Condition<F>| format!("{}: {}", it.fact.name(), it.fact.meaning());
        failing.first().map(|first| Self {
            expected: acceptable.skip.is_none().then(|| acceptable.in_words(&filled)),
            facts: failing.iter().map(meaning).collect(),
            ..Self::at(&first.place, label)
        })
    }

    fn at(place: &Place, what: impl Into<String>) -> Self {
        let (place, what) = (place.clone(), what.into());
        Self { place, what, pattern: None, expected: None, facts: Vec::new() }
    }
}

/// Waits for an answer; a lab that does not answer in time is broken.
async fn bounded<T>(who: &str, answer: impl Future<Output = T>) -> Result<T, Stop> {
    tokio::time::timeout(ANSWER_LIMIT, answer).await.map_err(|_| {
        Stop::Broken(format!("`{who}` gave no answer in {} s", ANSWER_LIMIT.as_secs()).into())
    })
}
