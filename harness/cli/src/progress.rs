//! The progress of a run, where somebody watches.

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
        let bar = ProgressBar::new(count as u64);
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
        move |event| {
            match event {
                Event::Started { id } => self.under_way.push(id.to_owned()),
                Event::Finished(scenario) => {
                    self.under_way.retain(|other| *other != scenario.id);
                    // Lines of a finished scenario go above the bar.
                    if let Some(lines) = shown(scenario) {
                        self.bar.suspend(|| say(&lines));
                    }
                    self.bar.inc(1);
                }
            }
            let named = self.under_way.iter().take(NAMED).map(String::as_str);
            self.bar.set_message(named.collect::<Vec<_>>().join(", "));
        }
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}
