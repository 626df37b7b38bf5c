//! Looking again and again at a PKI, to say what changes.

use std::time::Duration;

use ::inspect::{Asking, ChangeDocument, Seen, answer_changes, content_changes, look};
use scep::clock::{apart, moment_text};
use tokio::select;
use tokio::time::{MissedTickBehavior, interval};

use crate::output::{masked, reader_gone, say, say_report};
use crate::stop::StopSignals;
use report::json::line;

/// How changes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line of text each.
    Text,
    /// A line with a JSON document each.
    Json,
}

impl Form {
    fn tell(self, seen_at: &str, change: &str) {
        match self {
            Self::Text => say(&format!("{seen_at}  {change}")),
            Self::Json => say_report(&masked(&line(&ChangeDocument::new(seen_at, change)))),
        }
    }
}

/// Looks at the PKI every `pause` until a signal comes or nobody reads the changes any more. Only the last answers, and the last that could be
/// read, are kept.
pub(super) async fn watch(
    asking: Asking<'_>,
    first: Seen,
    pause: Duration,
    form: Form,
    stop: &StopSignals,
) {
    if form == Form::Text {
        say(&format!("\nwatching every {}; Ctrl-C ends it", apart(pause)));
    }
    let (mut known, mut last): (Seen, Option<Seen>) = (first, None);
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and the first look was made already.
    ticks.tick().await;
    let looks = async {
        loop {
            ticks.tick().await;
            let now = Box::pin(look(asking)).await;
            let time = moment_text(now.at);
            let answers = answer_changes(last.as_ref().unwrap_or(&known), &now);
            for change in answers.into_iter().chain(content_changes(&known, &now)) {
                form.tell(&time, &change);
            }
            known.update(now.clone());
            last = Some(now);
        }
    };
    select! {
        () = looks => {}
        () = stop.another() => {}
        () = reader_gone() => {}
    }
}
