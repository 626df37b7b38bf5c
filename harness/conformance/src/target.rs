//! What is known of one PKI or one client: its target file.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use scep::certificate::Fingerprint;

use diagnostics::yaml::{self, Fields, Node, Problems};
use diagnostics::{Diagnostic, Place, Source, closest};

/// What is known of a target.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// What it is called.
    pub title: String,
    /// Where a PKI is.
    pub url: Option<String>,
    /// The fingerprint that one of a PKI's certificates has.
    pub ca_fingerprint: Option<Fingerprint>,
    /// The keywords that a PKI's GetCACaps names.
    pub capabilities: Option<Vec<String>>,
    /// How many cases may run at once.
    pub parallel: Option<usize>,
    /// Where it is known not to conform.
    pub deviations: Vec<Deviation>,
}

/// A case in which a target is known not to conform.
#[derive(Debug, Clone)]
pub struct Deviation {
    /// The case's id.
    pub case: String,
    /// Why.
    pub reason: String,
    /// How that is known.
    pub source: String,
    /// Where it is followed up.
    pub ticket: Option<String>,
    /// The last day on which it is excused.
    pub until: Option<Date>,
    /// Where the case is named.
    pub place: Place,
}

/// A day of the calendar, `2026-12-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Target {
    /// Reads a target file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(&Source::read(path).map_err(|error| vec![error])?)
    }

    /// Reads the text of a target file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        let node = yaml::parse(source).map_err(|error| vec![error])?;
        let problems = Problems::default();
        let target = decode(&node, &problems);
        match target {
            Some(target) if problems.is_empty() => Ok(target),
            _ => Err(problems.of_file(&node)),
        }
    }

    /// What is wrong with deviations in cases that are not among these: they excuse nothing, and are most likely misspelt.
    pub fn strangers(&self, ids: &[String]) -> Vec<Diagnostic> {
        let strange = self.deviations.iter().filter(|deviation| !ids.contains(&deviation.case));
        let wrong = |deviation: &Deviation| {
            let message =
                format!("the target file deviates in `{}`, which is no case", deviation.case);
            let diagnostic = Diagnostic::at(&deviation.place, message);
            match closest(&deviation.case, ids.iter().map(String::as_str)) {
                Some(id) => diagnostic.note(format!("did you mean `{id}`?")),
                None => diagnostic
                    .note("`sceplab conform --list` and `conform-client --list` show the cases"),
            }
        };
        strange.map(wrong).collect()
    }

    /// What is known of a case.
    pub fn deviation(&self, case: &str) -> Option<&Deviation> {
        self.deviations.iter().find(|deviation| deviation.case == case)
    }
}

impl Deviation {
    /// Whether it is excused no longer.
    pub fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.reason, self.source)?;
        if let Some(ticket) = &self.ticket {
            write!(f, "; {ticket}")?;
        }
        if let Some(until) = &self.until {
            write!(f, "; until {until}")?;
        }
        f.write_str(")")
    }
}

impl Date {
    /// Today, in UTC.
    pub fn today() -> Self {
        let now = time::OffsetDateTime::from(SystemTime::now());
        Self {
            year: u16::try_from(now.year()).unwrap_or(u16::MAX),
            month: now.month().into(),
            day: now.day(),
        }
    }
}

impl FromStr for Date {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(()) };
        if (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return Err(());
        }
        let number = |text: &str| text.parse::<u16>().map_err(|_| ());
        let year = number(year)?;
        let month = u8::try_from(number(month)?).map_err(|_| ())?;
        let day = u8::try_from(number(day)?).map_err(|_| ())?;
        let month_of = time::Month::try_from(month).map_err(|_| ())?;
        time::Date::from_calendar_date(year.into(), month_of, day).map_err(|_| ())?;
        Ok(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn decode(node: &Node, problems: &Problems) -> Option<Target> {
    let known = ["title", "url", "ca-fingerprint", "capabilities", "parallel", "deviations"];
    let fields = Fields::of(node, "a target", &known, problems)?;
    let text = |key| fields.optional(key).and_then(|node| node.text(problems));
    let items = |key| fields.optional(key).map(|node| node.items(problems));
    let title = fields.required("title").and_then(|node| node.text(problems));
    let deviations = items("deviations").unwrap_or_default();
    let deviations: Vec<Deviation> =
        deviations.iter().filter_map(|node| deviation(node, problems)).collect();
    let target = Target {
        // One that is missing is a problem already; the rest is still read for its own.
        title: title.unwrap_or_default(),
        url: text("url"),
        ca_fingerprint: fields.optional("ca-fingerprint").and_then(|node| {
            node.parsed("a SHA-256 fingerprint of 64 hexadecimal digits", problems)
        }),
        capabilities: items("capabilities")
            .map(|items| items.iter().filter_map(|item| item.text(problems)).collect()),
        parallel: fields
            .optional("parallel")
            .and_then(|node| node.parsed("how many cases may run at once", problems))
            .map(|most: std::num::NonZeroUsize| most.get()),
        deviations,
    };
    Some(target)
}

fn deviation(node: &Node, problems: &Problems) -> Option<Deviation> {
    let known = ["case", "reason", "source", "ticket", "until"];
    let fields = Fields::of(node, "a deviation", &known, problems)?;
    let required = |key| fields.required(key).and_then(|node| node.text(problems));
    let (case, reason, source) = (required("case"), required("reason"), required("source"));
    let place = fields.optional("case").map(|node| node.place.clone());
    let until = fields.optional("until").map(|node| {
        let text = node.text(problems)?;
        let date = text.parse().ok();
        if date.is_none() {
            node.expected("a day such as `2026-12-31`", problems);
        }
        date
    });
    Some(Deviation {
        case: case?,
        reason: reason?,
        source: source?,
        ticket: fields.optional("ticket").and_then(|node| node.text(problems)),
        until: until.flatten(),
        place: place?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, Vec<String>> {
        let source = Source::new("t.yaml", text.to_owned());
        Target::parse(&source).map_err(|errors| errors.into_iter().map(|it| it.message).collect())
    }

    #[test]
    fn a_target_file_is_read() {
        let target = parse(
            "title: PKI\nurl: http://h/scep\nparallel: 2\ndeviations:\n- case: a/b\n  reason: old\n  \
             source: seen\n  until: 2026-11-30\n",
        );
        let target = target.unwrap();
        let deviation = target.deviation("a/b").unwrap();
        assert!(!deviation.is_over("2026-11-30".parse().unwrap()));
        assert!(deviation.is_over("2026-12-01".parse().unwrap()));
        assert_eq!(deviation.to_string(), "old (seen; until 2026-11-30)");
    }

    #[test]
    fn every_mistake_is_found() {
        let found = parse(
            "ca-fingerprint: 12\nparallel: 0\ndeviations:\n- {case: a, reason: b, until: tomorrow}\n",
        );
        let found = found.unwrap_err();
        assert_eq!(found.len(), 5, "{found:?}");
    }

    #[test]
    fn days_that_are_none_are_refused() {
        for wrong in ["2026-02-30", "2026-13-01", "26-01-01", "2026-1-1", ""] {
            assert_eq!(wrong.parse::<Date>(), Err(()), "{wrong}");
        }
    }
}
