//! Runs cases, and shows what was found: the same for servers and clients.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::bundles::Bundles;
use crate::exit::Exit;
use crate::output::{complain, say};
use crate::progress::Progress;
use crate::reports::Reports;
use crate::stop::StopSignals;
use ::report::conformance::{case_lines, explanations, issued, legend, requirements};
use ::report::terminal::{summary, transcript_before_explanation, unjudged_line};
use diagnostics::{Palette, counted};
use model::scenario::Scenario;
use results::{ConformanceReport, Outcome};
use runner::{Event, run_all};
use testbed::Driver;

/// Runs cases, and shows the requests and replies of each if `verbose`. `follow` gets each event at once.
pub(crate) async fn run_cases(
    driver: Arc<dyn Driver>,
    cases: &[Scenario],
    at_once: NonZeroUsize,
    verbose: bool,
    ended: impl Future<Output = ()>,
    follow: impl Fn(&Event<'_>),
) -> Outcome {
    let palette = Palette::of(&io::stdout());
    let mut progress = Progress::new(cases.len());
    let mut show = progress.follow(|case| {
        let shown = || {
            let transcript = transcript_before_explanation(case, palette);
            format!("{}\n\n{transcript}", unjudged_line(case, palette))
        };
        verbose.then(shown)
    });
    let observe = |event: Event<'_>| {
        follow(&event);
        show(event);
    };
    let outcome = run_all(&driver, cases.to_vec(), at_once, ended, observe).await;
    drop(show);
    progress.end();
    outcome
}

/// Shows a line for each case, the failures, the issued certificates and a summary; and writes the bundles and the reports. If `verbose`,
/// known deviations are explained like failures.
pub(crate) async fn finish(
    found: &ConformanceReport,
    verbose: bool,
    bundles: Option<(Bundles, &[Scenario])>,
    reports: &Reports,
    stop: &StopSignals,
) -> Exit {
    let palette = Palette::of(&io::stdout());
    for line in case_lines(found, verbose, palette) {
        say(&line);
    }
    for explanation in explanations(found, verbose, palette) {
        say(&format!("\n{explanation}"));
    }
    let issued = issued(found);
    if !issued.is_empty() {
        say(&format!("\n{}", issued.join("\n")));
    }
    say(&format!("\n{}", requirements(found)));
    if let Some(legend) = legend(found) {
        say(&format!("\n{legend}"));
    }
    say(&format!("\n{}", summary(found, palette)));
    let mut exit = Exit::of_peer(found);
    if let Some(reason) = &found.given_up {
        complain(reason);
    } else if exit == Exit::NothingSelected {
        let count = counted(found.cases.len(), "case");
        complain(&format!(
            "nothing was found out: of {count}, all were skipped, for the reasons above"
        ));
    }
    if let Some((bundles, cases)) = bundles {
        exit = bundles.finish(found, cases, &[], exit).await;
    }
    reports.write(found, exit, stop).await
}
