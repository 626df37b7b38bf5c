//! The step that moves the clock of the lab: `advance`.

use std::time::{Duration, SystemTime};

use super::Given;
use crate::lab::Lab;
use crate::scenario::{Action, Step};
use diagnostics::yaml::Problems;
use diagnostics::{Diagnostic, Place};
use scep::clock::{duration_text, last_moment, moment_text};

/// The longest time of one step: a century.
pub const LONGEST_ADVANCE: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Moves the clock of the lab; what falls due on the way happens in its order, at its moment.
#[derive(Debug, Clone)]
pub struct Advance {
    /// The time at which the step ends.
    pub goal: Goal,
    /// Place of the goal in the file.
    pub place: Place,
}

/// The time at which an `advance` step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// So long after its beginning.
    By(Duration),
    /// This moment of the lab's clock.
    To(SystemTime),
}

impl Advance {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] = &[&["by", "to"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let problems = given.problems;
        let (node, goal) =
            match (given.fields.optional("by"), given.fields.optional("to")) {
                (Some(node), None) => {
                    if let Some(backwards) = node.place.text().strip_prefix('-')
                        && scep::clock::duration(backwards).is_ok()
                    {
                        problems.add(Diagnostic::at(&node.place, BACKWARDS));
                        return None;
                    }
                    let expected = "a duration with its unit, such as `12h`, `330d` or `1y`";
                    let by = node.duration_up_to(LONGEST_ADVANCE, expected, problems)?;
                    if by.is_zero() {
                        node.expected(
                            &format!("a duration longer than `{}`", duration_text(by)),
                            problems,
                        );
                        return None;
                    }
                    (node, Goal::By(by))
                }
                (None, Some(node)) => (node, Goal::To(node.moment(problems)?)),
                (Some(_), Some(to)) => {
                    let message = "an `advance` step has either `by` or `to`";
                    problems.add(Diagnostic::at(&to.place, message).label("leave one of them out"));
                    return None;
                }
                (None, None) => {
                    let missing = Diagnostic::at(given.fields.place(), "`by` or `to` is required");
                    problems.add(missing.note(
                        "such as `advance: {by: 330d}` or `advance: {to: 2026-12-01T00:00Z}`",
                    ));
                    return None;
                }
            };
        Some(Self { goal, place: node.place.clone() })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        match self.goal {
            Goal::By(by) => format!("advance the clock by {}", duration_text(by)),
            Goal::To(to) => format!("advance the clock to {}", moment_text(to)),
        }
    }
}

const BACKWARDS: &str = "the clock of a lab only goes forward";

/// The time of a lab in its steps: the earliest at which the next one can begin. It is known if the lab says when it begins.
#[derive(Debug)]
pub(crate) struct Timeline(Option<SystemTime>);

impl Timeline {
    /// The time before the first step.
    pub(crate) fn of(lab: Option<&Lab>) -> Self {
        Self(lab.and_then(|lab| lab.start))
    }

    /// Checks the next step: its goal is neither before its beginning, nor over a century later, nor after the year 9999.
    pub(crate) fn follow(&mut self, step: Option<&Step>, problems: &Problems) {
        let (Some(now), Some(Action::Advance(step))) = (self.0, step.map(|step| &step.action))
        else {
            return;
        };
        let wrong = |message: String| {
            problems.add(Diagnostic::at(&step.place, message));
        };
        let goal = match step.goal {
            Goal::By(by) => now.checked_add(by).filter(|goal| *goal <= last_moment()),
            Goal::To(to) => Some(to),
        };
        let Some(goal) = goal else {
            return wrong(scep::clock::BeyondRange.to_string());
        };
        match goal.duration_since(now) {
            Err(_) => wrong(format!("{BACKWARDS}: here it shows {} or later", moment_text(now))),
            Ok(by) if by > LONGEST_ADVANCE => wrong(format!(
                "one step advances by a century at most; here the clock shows {}",
                moment_text(now)
            )),
            Ok(_) => self.0 = Some(goal),
        }
    }
}
