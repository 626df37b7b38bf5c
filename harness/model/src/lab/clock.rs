//! The clocks of a lab: its own, and how far those of devices and PKIs are ahead of it.

use std::time::{Duration, SystemTime};

use super::draft::Draft;
use diagnostics::yaml::{Node, Problems};
use diagnostics::{Diagnostic, Located};
use scep::clock::{Clock, FIRST_MOMENT, last_moment};

/// Reads the time at which the lab begins.
pub(super) fn start(node: &Node, problems: &Problems) -> Option<Located<SystemTime>> {
    Some(Located { value: node.moment(problems)?, place: node.place.clone() })
}

/// Reads how far a clock is ahead of that of the lab, in milliseconds.
pub(super) fn ahead(node: &Node, problems: &Problems) -> Option<Located<i64>> {
    Some(Located { value: node.offset(problems)?, place: node.place.clone() })
}

/// Reports clocks that would not be in the years 1970 to 9999, and the clock of a lab that is real.
pub(super) fn check(draft: &Draft, problems: &Problems) {
    if let Some(start) = draft.start.as_ref().filter(|_| draft.is_live()) {
        let message =
            "a lab with real devices or PKIs has the time of day, and no clock of its own";
        problems.add(Diagnostic::at(&start.place, message).note("leave `clock` out"));
    }
    let start = draft.start.as_ref().map_or_else(|| Clock::system().now(), |start| start.value);
    let devices = draft.devices.iter().filter_map(|device| device.clock_ahead_ms.as_ref());
    for ahead in devices.chain(&draft.pki_clocks) {
        let by = Duration::from_millis(ahead.value.unsigned_abs());
        let shown = if ahead.value < 0 { start.checked_sub(by) } else { start.checked_add(by) };
        let what = match shown {
            Some(shown) if (FIRST_MOMENT..=last_moment()).contains(&shown) => continue,
            _ if ahead.value < 0 => "before 1970, in which every clock begins",
            _ => "after the year 9999, the last that a certificate can name (RFC 5280 §4.1.2.5)",
        };
        let message = format!("this clock would show a time {what}");
        problems.add(Diagnostic::at(&ahead.place, message));
    }
}
