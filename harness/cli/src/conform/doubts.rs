//! Doubts about the results of a peer that stopped working in the middle: it refuses whatever it gets.

use parking_lot::Mutex;
use tokio::sync::Notify;

use conformance::{Course, Gate, repetition, with_repetitions};
use diagnostics::counted;
use model::scenario::Scenario;
use results::requirement::End;
use results::{Outcome, Skip};
use runner::Event;

/// The course of a run, and what repetitions of the plain exchange tell about it.
pub(crate) struct Doubts<'a> {
    end: End,
    /// The plain exchange, which the peer completed before the cases.
    plain: Scenario,
    cases: &'a [Scenario],
    course: Mutex<Course>,
    /// Why a repetition failed.
    closed: Mutex<Option<Skip>>,
    noticed: Notify,
    row_is_long: Notify,
}

impl<'a> Doubts<'a> {
    pub(crate) fn new(end: End, plain: Scenario, cases: &'a [Scenario]) -> Self {
        Self {
            end,
            plain,
            cases,
            course: Mutex::default(),
            closed: Mutex::default(),
            noticed: Notify::new(),
            row_is_long: Notify::new(),
        }
    }

    /// The cases, with repetitions of the plain exchange between them.
    pub(crate) fn cases_and_repetitions(&self) -> Vec<Scenario> {
        with_repetitions(self.cases.to_vec(), &self.plain)
    }

    /// Notes an event of the run.
    pub(crate) fn note(&self, event: &Event<'_>) {
        let mut course = self.course.lock();
        match event {
            Event::Started { id } => course.began(id),
            Event::Finished(outcome) => course.ended(outcome),
        }
        if course.is_long() {
            self.row_is_long.notify_one();
        }
    }

    /// Notes an event of the run; the end of a repetition tells if the peer still works.
    pub(crate) fn follow(&self, event: &Event<'_>) {
        self.note(event);
        let Event::Finished(outcome) = event else { return };
        if self.is_own(&outcome.id) {
            return;
        }
        if let Some(skip) = Gate::closed(outcome, self.end) {
            *self.closed.lock() = Some(skip);
            self.noticed.notify_one();
        }
    }

    /// Waits until a repetition has failed.
    pub(crate) async fn noticed(&self) {
        self.noticed.notified().await;
    }

    /// Waits until many cases ended since the last enrolment, and returns the repetition for this.
    pub(crate) async fn early_repetition(&self) -> Scenario {
        self.row_is_long.notified().await;
        Scenario { id: format!("{} (again, early)", self.plain.id), ..self.plain.clone() }
    }

    /// The repetition after the last case, if a result depends on it.
    pub(crate) fn last_repetition(&self, outcome: &Outcome) -> Option<Scenario> {
        let is_open = self.closed.lock().is_none();
        let is_doubtful = !self.course.lock().unproved(outcome, self.cases).is_empty();
        (is_open && is_doubtful).then(|| repetition(&self.plain, self.cases.len()))
    }

    /// Removes the repetitions from the outcome. If one failed, takes back the results that nothing proves, and returns what
    /// happened.
    pub(crate) fn settle(&self, outcome: &mut Outcome) -> Option<String> {
        outcome.scenarios.retain(|one| self.is_own(&one.id));
        outcome.unfinished.retain(|one| self.is_own(&one.id));
        let skip = self.closed.lock().clone()?;
        let course = self.course.lock();
        let taken_back = course.take_back(outcome, self.cases, &skip);
        Some(self.in_words(&skip, &course, &taken_back, outcome.unfinished.len()))
    }

    fn in_words(
        &self,
        skip: &Skip,
        course: &Course,
        taken_back: &[String],
        unfinished: usize,
    ) -> String {
        let since = match course.last_enrolment() {
            Some(id) => format!("since its last certificate, in `{id}`,"),
            None => "since the plain exchange before all cases".to_owned(),
        };
        let proves = if taken_back.len() == 1 { "proves" } else { "prove" };
        let count = counted(taken_back.len(), "case");
        let rest = match unfinished {
            0 => String::new(),
            1 => ", and 1 case was not tried".to_owned(),
            count => format!(", and {count} cases were not tried"),
        };
        let first = course.suspect(taken_back).map(|id| format!("; {}", self.advice(id)));
        format!("{skip}, so {count} {since} {proves} nothing{rest}{}", first.unwrap_or_default())
    }

    /// How to find out what stopped the peer, by the first case whose result is in doubt.
    fn advice(&self, id: &str) -> String {
        match self.end {
            End::Server => format!(
                "either a request stopped it, first of all that of `{id}`, or something else did: its log may say why; repeat that case \
                 with `--case {id}` when the server grants requests again"
            ),
            End::Client => format!(
                "either a reply stopped it, first of all that of `{id}`, or something else did, such as files that it keeps between two \
                 runs: repeat that case with `--case {id}`"
            ),
        }
    }

    /// True for a case, and not a repetition.
    fn is_own(&self, id: &str) -> bool {
        self.cases.iter().any(|case| case.id == id)
    }
}
