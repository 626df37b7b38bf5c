//! What happens while the clock of a lab moves.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use scep::clock::moment_text;

use super::super::Stop;
use super::super::pki::ask;
use crate::rest::{Kind, News};
use testbed::Testbed;

/// The most events of a kind that a report lists: so many first ones, and so many last ones.
const FIRST: usize = 75;
const LAST: usize = 25;

/// What happened while the clock moved, with the moment of each. Each kind has a list of its own, because a device that tries again and
/// again tells much more than the PKI that answers it at last.
#[derive(Debug, Default)]
pub(super) struct Events {
    of_devices: List,
    of_pkis: List,
    expiries: List,
}

impl Events {
    /// Adds an event.
    pub(super) fn add(&mut self, at: SystemTime, news: News) {
        let list = match news.kind {
            Kind::Device => &mut self.of_devices,
            Kind::Pki => &mut self.of_pkis,
        };
        list.add(at, news.name, news.line);
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
                    let what = format!("certificate {}, `{}`, expired", one.serial, one.subject);
                    expiries.push((end, name.clone(), what));
                }
            }
        }
        expiries.sort();
        for (at, name, what) in expiries {
            self.expiries.add(at, name, what);
        }
        Ok(())
    }

    /// The list, one line each.
    pub(super) fn text(self, from: SystemTime, to: SystemTime) -> String {
        let (from, to) = (moment_text(from), moment_text(to));
        let kinds = [
            (self.of_devices, "log line", "log lines"),
            (self.of_pkis, "event", "events"),
            (self.expiries, "expiry", "expiries"),
        ];
        let (mut listed, mut others, mut count) = (Vec::new(), Vec::new(), 0);
        for (list, one, several) in kinds {
            for (name, number) in &list.left_out {
                let what = if *number == 1 { one } else { several };
                others.push(format!("{number} {what} of {name}"));
            }
            count += list.left_out.values().sum::<usize>();
            listed.extend(list.first.into_iter().chain(list.last));
        }
        // Stable, so that what happened at one moment keeps its order.
        listed.sort_by_key(|event: &Event| event.at);
        let left_out = count;
        count += listed.len();
        let count = match count {
            0 => "nothing happened".to_owned(),
            1 => "1 event".to_owned(),
            count => format!("{count} events"),
        };
        let mut lines = vec![format!("from {from} to {to}: {count}")];
        lines.extend(listed.iter().map(|event| {
            let Event { at, name, what } = event;
            format!("{}  {name}: {what}", moment_text(*at))
        }));
        if left_out > 0 {
            lines.push(format!("… and {left_out} more: {}", others.join(", ")));
        }
        lines.join("\n")
    }
}

/// An event of a device or PKI.
#[derive(Debug)]
struct Event {
    at: SystemTime,
    name: String,
    what: String,
}

/// The first and the last events of a kind, and the number of those between them.
#[derive(Debug, Default)]
struct List {
    first: Vec<Event>,
    last: VecDeque<Event>,
    /// Number of events that are not listed, by the name of their device or PKI.
    left_out: BTreeMap<String, usize>,
}

impl List {
    fn add(&mut self, at: SystemTime, name: String, what: String) {
        let event = Event { at, name, what };
        if self.first.len() < FIRST {
            self.first.push(event);
            return;
        }
        self.last.push_back(event);
        if self.last.len() > LAST
            && let Some(oldest) = self.last.pop_front()
        {
            *self.left_out.entry(oldest.name).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn many_log_lines_hide_no_event_of_a_pki_and_not_the_end() {
        let mut events = Events::default();
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        for second in 0..1000 {
            let name = if second % 4 == 0 { "DUT1" } else { "DUT0" };
            let line = format!("try {second}");
            events.add(at(second), News { kind: Kind::Device, name: name.to_owned(), line });
        }
        let granted = News { kind: Kind::Pki, name: "ca".to_owned(), line: "granted".to_owned() };
        events.add(at(500), granted);
        let text = events.text(at(0), at(1000));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + FIRST + LAST + 1 + 1);
        assert!(lines[0].ends_with(": 1001 events"), "{}", lines[0]);
        assert_eq!(lines[FIRST + 1], "1970-01-01T00:08:20Z  ca: granted");
        assert_eq!(lines[FIRST + LAST + 1], "1970-01-01T00:16:39Z  DUT0: try 999");
        assert_eq!(
            lines[FIRST + LAST + 2],
            "… and 900 more: 675 log lines of DUT0, 225 log lines of DUT1"
        );
    }
}
