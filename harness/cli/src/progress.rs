//! The progress bar of a run.

use indicatif::{ProgressBar, ProgressStyle};

use super::output::say;
use results::ScenarioOutcome;
use runner::Event;

/// Maximum number of running scenarios that the bar names.
const NAMED: usize = 3;

/// A bar on stderr during a run; hidden if stderr is not a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    running: Vec<String>,
}

impl Progress {
    pub(super) fn new(count: usize) -> Self {
        let bar = ProgressBar::new(count as u64);
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_bar} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { bar, running: Vec::new() }
    }

    /// Follows the events of a run, and prints the text that `shown` returns for a finished scenario.
    pub(super) fn follow(
        &mut self,
        shown: impl Fn(&ScenarioOutcome) -> Option<String>,
    ) -> impl FnMut(Event<'_>) {
        move |event| {
            match event {
                Event::Started { id } => self.running.push(id.to_owned()),
                Event::Finished(scenario) => {
                    self.running.retain(|other| *other != scenario.id);
                    // The lines go above the bar.
                    if let Some(lines) = shown(scenario) {
                        self.bar.suspend(|| say(&lines));
                    }
                    self.bar.inc(1);
                }
            }
            let named = self.running.iter().take(NAMED).map(String::as_str);
            self.bar.set_message(named.collect::<Vec<_>>().join(", "));
        }
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}
