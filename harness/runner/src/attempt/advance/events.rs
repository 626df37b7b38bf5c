//! What happens while the clock of a lab moves.

use std::time::SystemTime;

use scep::clock::moment_text;

use super::super::Stop;
use super::super::pki::ask;
use testbed::Testbed;

/// The most events that a report lists; of more, it says their number.
const LISTED: usize = 100;

/// What happened while the clock moved, with the moment of each.
#[derive(Debug, Default)]
pub(super) struct Events {
    listed: Vec<(SystemTime, String)>,
    /// Number of those that are not listed.
    others: usize,
}

impl Events {
    /// Adds an event.
    pub(super) fn add(&mut self, at: SystemTime, what: String) {
        if self.listed.len() < LISTED {
            self.listed.push((at, what));
        } else {
            self.others += 1;
        }
    }

    /// Adds the certificates that expired since `start`.
    pub(super) async fn add_expiries(
        &mut self,
        testbed: &Testbed,
        start: SystemTime,
    ) -> Result<(), Stop> {
        let now = testbed.clock.now();
        let mut expiries = Vec::new();
        for (name, pki) in &testbed.pkis {
            for one in ask(name, pki.issued()).await? {
                if let Some(end) = one.not_after.filter(|end| start <= *end && *end < now) {
                    let what =
                        format!("{name}: certificate {}, `{}`, expired", one.serial, one.subject);
                    expiries.push((end, what));
                }
            }
        }
        // Those are few, and must not be lost behind many tries.
        self.listed.extend(expiries);
        self.listed.sort_by_key(|(at, _)| *at);
        Ok(())
    }

    /// The list, one line each.
    pub(super) fn text(&self, from: SystemTime, to: SystemTime) -> String {
        let (from, to) = (moment_text(from), moment_text(to));
        let count = match self.listed.len() + self.others {
            0 => "nothing happened".to_owned(),
            1 => "1 event".to_owned(),
            count => format!("{count} events"),
        };
        let mut lines = vec![format!("from {from} to {to}: {count}")];
        lines.extend(self.listed.iter().map(|(at, what)| format!("{}  {what}", moment_text(*at))));
        if self.others > 0 {
            lines.push(format!("… and {} more", self.others));
        }
        lines.join("\n")
    }
}
