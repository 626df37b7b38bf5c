//! The cost of a run in advance, in words.

use crate::output::say;
use conformance::{Plan, Planned};
use diagnostics::counted;
use model::scep_url::ScepUrl;

/// Number of cases, and the most certificates and challenge passwords that they use.
pub(super) fn cost(plan: &Plan, has_no_challenge: bool) -> String {
    // A control that is not selected has no line of its own in the results.
    let is_extra = plan.control.is_some() && !plan.is_control_selected;
    let (running, skipped) = (plan.all().count() - usize::from(is_extra), plan.skipped.len());
    let cases = match skipped {
        0 => counted(running, "case"),
        _ => format!("{running} of {}", counted(running + skipped, "case")),
    };
    let cases = if is_extra { format!("{cases} after the plain request") } else { cases };
    let certificates = counted(plan.certificates(), "certificate");
    let passwords = passwords(plan);
    if has_no_challenge && plan.most_challenges() > 0 {
        let condition = "would be needed, if the server wants them";
        let passwords = passwords.replace(" used", &format!(" {condition}"));
        return format!("{cases}; at most {certificates} will be issued; {passwords}");
    }
    format!("{cases}; at most {certificates} will be issued and {passwords}")
}

/// The most challenge passwords that a plan uses; of the only one, how often it is sent.
fn passwords(plan: &Plan) -> String {
    let (most, usual) = (plan.most_challenges(), plan.challenges());
    if plan.shares_challenge && most > 0 {
        let repeated = usize::from(plan.repeats_control);
        return format!("1 challenge password sent with {}", counted(most + repeated, "request"));
    }
    let usual = if usual < most {
        format!(" ({usual} if the server refuses every wrong request)")
    } else {
        String::new()
    };
    format!("{} used{usual}", counted(most, "challenge password"))
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
