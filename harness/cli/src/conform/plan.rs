//! The cost of a run in advance, in words.

use crate::output::say;
use conformance::{Plan, Planned};
use diagnostics::counted;
use model::scep_url::ScepUrl;

/// Number of cases, and the most certificates and challenge passwords that they use, each on a line.
pub(super) fn cost(plan: &Plan, has_no_challenge: bool) -> String {
    // A control that is not selected has no line of its own in the results.
    let is_extra = plan.control.is_some() && !plan.is_control_selected;
    let (running, skipped) = (plan.all().count() - usize::from(is_extra), plan.skipped.len());
    let cases = match skipped {
        0 => counted(running, "case"),
        _ => format!("{running} of {}", counted(running + skipped, "case")),
    };
    let cases = if is_extra { format!("{cases} after the plain request") } else { cases };
    let certificates = match plan.certificates() {
        0 => "none will be issued".to_owned(),
        count => format!("up to {count} will be issued"),
    };
    let passwords = passwords(plan);
    let passwords = if has_no_challenge && plan.most_challenges() > 0 {
        format!("none is given; if the server wants them: {passwords}")
    } else {
        passwords
    };
    format!(
        "plan: {cases}\n  certificates         {certificates}\n  challenge passwords  {passwords}"
    )
}

/// How many challenge passwords a plan uses; of the only one, how often it is sent.
fn passwords(plan: &Plan) -> String {
    let (most, usual) = (plan.most_challenges(), plan.challenges());
    if most == 0 {
        return "none will be sent".to_owned();
    }
    if plan.shares_challenge {
        let repeated = usize::from(plan.repeats_control);
        return format!(
            "the one that is given will be sent in up to {}",
            counted(most + repeated, "request")
        );
    }
    if usual < most {
        return format!(
            "up to {most} will be used, if it grants every wrong request, and up to {usual}, if it refuses them all"
        );
    }
    format!("up to {most} will be used")
}

/// Prints the cases with their cost, in the order in which they would run.
pub(super) fn show(plan: &Plan, url: &ScepUrl, has_no_challenge: bool) {
    say(&format!("would be sent to {url}:"));
    if let Some(control) = &plan.control {
        let why = "first, to find out if the server grants the plain request";
        let twice = if plan.repeats_control { ", and with the same password again" } else { "" };
        say(&format!("  {}{}  {why}{twice}", control.case.id, cost_of(control)));
    }
    for planned in &plan.run {
        say(&format!("  {}{}", planned.case.id, cost_of(planned)));
    }
    for (case, skip) in &plan.skipped {
        say(&format!("  {}  skipped: {skip}", case.id));
    }
    say(&cost(plan, has_no_challenge));
}

fn cost_of(planned: &Planned) -> String {
    let challenges = planned.challenges + planned.expendable;
    match (planned.certificates, challenges) {
        (0, 0) => String::new(),
        (certificates, 0) => format!("  (certificates: {certificates})"),
        (certificates, challenges) => {
            format!("  (certificates: {certificates}, challenge passwords: {challenges})")
        }
    }
}
