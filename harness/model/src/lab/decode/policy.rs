//! Rules of a PKI in which time matters.

use std::time::Duration;

use mock_ca::{Approval, CrlSettings, DistributionPoint, LaterDecision, RenewalWindow};
use scep::url::HttpUrl;

use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems, Value};

/// The longest life of anything: the years 1970 to 9999, in days.
const LONGEST: Duration = Duration::from_secs(2_932_000 * 86_400);

/// A length of time in whole seconds, one at least.
pub(in crate::lab) fn life(node: &Node, problems: &Problems) -> Option<Duration> {
    const EXPECTED: &str = "a duration with its unit, such as `60m`, `90d` or `10y`";
    let life = node.duration_up_to(LONGEST, EXPECTED, problems)?;
    let is_whole = life.subsec_nanos() == 0 && !life.is_zero();
    if !is_whole {
        node.expected("a duration of whole seconds, `1s` or longer", problems);
    }
    is_whole.then_some(life)
}

/// The time before the end of a certificate in which it may be renewed: a duration, or a share of its life.
pub(super) fn renewal_window(node: &Node, problems: &Problems) -> Option<RenewalWindow> {
    if let Value::Scalar { text, .. } = &node.value
        && let Some(number) = text.strip_suffix('%')
    {
        let percent = number.trim_end().parse().ok().filter(|percent| (1..=100).contains(percent));
        if percent.is_none() {
            node.expected("a share of the life from `1%` to `100%`", problems);
        }
        return percent.map(RenewalWindow::Percent);
    }
    let expected = "a time before the end such as `30d`, or a share of the life such as `20%`";
    node.duration_up_to(LONGEST, expected, problems).map(RenewalWindow::Before)
}

/// How requests are decided, and the decision that the CA takes by itself later.
pub(super) fn approval(
    node: &Node,
    problems: &Problems,
) -> Option<(Approval, Option<LaterDecision>)> {
    if let Value::Scalar { .. } = node.value {
        return node.one_of("approval", Approval::NAMED, problems).map(|approval| (approval, None));
    }
    let fields = Fields::of(node, "an approval", &["after", "decision"], problems)?;
    let denies = fields.one_of("decision", "decision", &[("granted", false), ("denied", true)]);
    let after = fields.required_as("after", life)?;
    let later = LaterDecision { after, denies: denies.unwrap_or(false) };
    Some((Approval::Manual, Some(later)))
}

/// The revocation lists.
pub(super) fn crl(node: &Node, problems: &Problems) -> Option<CrlSettings> {
    let known = ["valid-for", "renews", "distribution-point"];
    let fields = Fields::of(node, "the revocation lists", &known, problems)?;
    let defaults = CrlSettings::default();
    let renews = fields.one_of("renews", "renewal", &[("always", true), ("never", false)]);
    Some(CrlSettings {
        valid_for: fields.optional_as("valid-for", life).unwrap_or(defaults.valid_for),
        renews: renews.unwrap_or(defaults.renews),
        distribution_point: fields.optional_as("distribution-point", distribution_point),
    })
}

/// The place of the list in certificates.
fn distribution_point(node: &Node, problems: &Problems) -> Option<DistributionPoint> {
    let text = node.text(problems)?;
    match text.as_str() {
        "true" => Some(DistributionPoint::Here),
        "false" => Some(DistributionPoint::Nowhere),
        url => {
            if let Err(error) = url.parse::<HttpUrl>() {
                let message = format!(
                    "expected `true`, `false` or the URL of a revocation list, found `{url}`: {error}"
                );
                problems.add(Diagnostic::at(&node.place, message));
                return None;
            }
            Some(DistributionPoint::Url(text))
        }
    }
}
