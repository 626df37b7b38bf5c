//! Looking again and again at a PKI, to say what changes.

use std::time::Duration;

use ::inspect::{Asking, Seen, answer_changes, content_changes, look};
use scep::clock::{apart, moment_text};
use tokio::select;
use tokio::time::{MissedTickBehavior, interval};

use crate::output::say;
use crate::stop::StopSignals;

/// Looks at the PKI every `pause` until a signal comes. Only the last look and the last good one are kept.
pub(super) async fn watch(asking: Asking<'_>, first: Seen, pause: Duration, stop: &StopSignals) {
    say(&format!("\nwatching every {}; Ctrl-C ends it", apart(pause)));
    let (mut good, mut last): (Seen, Option<Seen>) = (first, None);
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and the first look was made already.
    ticks.tick().await;
    let looks = async {
        loop {
            ticks.tick().await;
            let now = Box::pin(look(asking)).await;
            let time = moment_text(now.at);
            let answers = answer_changes(last.as_ref().unwrap_or(&good), &now);
            for change in answers.into_iter().chain(content_changes(&good, &now)) {
                say(&format!("{time}  {change}"));
            }
            if now.is_service() {
                (good, last) = (now, None);
            } else {
                last = Some(now);
            }
        }
    };
    select! {
        () = looks => {}
        () = stop.another() => {}
    }
}
