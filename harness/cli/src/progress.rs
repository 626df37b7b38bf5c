//! The progress of a run, where somebody watches.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::say;
use results::ScenarioOutcome;
use runner::Event;

/// How many of the scenarios under way are named.
const NAMED: usize = 3;

/// A bar on stderr while a run is under way; nothing where that is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    under_way: Vec<String>,
}

impl Progress {
    pub(super) fn new(count: usize) -> Self {
        let bar = if io::stderr().is_terminal() {
            ProgressBar::new(count as u64)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_bar} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { bar, under_way: Vec::new() }
    }

    /// Follows a run; what `shown` makes of a finished scenario is said.
    pub(super) fn follow(
        &mut self,
        shown: impl Fn(&ScenarioOutcome) -> Option<String>,
    ) -> impl FnMut(Event<'_>) {
        move |event| match event {
            Event::Started { id } => self.started(id),
            Event::Finished(scenario) => self.finished(&scenario.id, shown(scenario).as_deref()),
        }
    }

    fn started(&mut self, id: &str) {
        self.under_way.push(id.to_owned());
        self.name();
    }

    /// Lines of a finished scenario go above the bar.
    fn finished(&mut self, id: &str, lines: Option<&str>) {
        self.under_way.retain(|other| other != id);
        if let Some(lines) = lines {
            self.bar.suspend(|| say(lines));
        }
        self.bar.inc(1);
        self.name();
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }

    fn name(&self) {
        let named: Vec<&str> = self.under_way.iter().take(NAMED).map(String::as_str).collect();
        self.bar.set_message(named.join(", "));
    }
}
