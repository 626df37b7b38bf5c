//! Recognises that the device waits for a command, or for a key at a pager.

use std::sync::LazyLock;
use std::time::Duration;

use regex::{Regex, RegexBuilder};

use model::lab;

/// `admin@osdx$ `, `vyos@vyos:~$ `: user, host and final character.
const OPERATIONAL: &str = r"[\w.-]+@[\w.-]+(?::\S*)?[ ]?[$>]";

/// `admin@osdx# `, `vyos@vyos# `.
const CONFIGURATION: &str = r"[\w.-]+@[\w.-]+(?::\S*)?[ ]?#";

/// The mode of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// For running commands.
    Operational,
    /// For changing the configuration.
    Configuration,
}

/// The patterns of one device's prompts, and the last one seen of each kind.
#[derive(Debug)]
pub(super) struct Prompts([Kind; 2]);

#[derive(Debug)]
struct Kind {
    mode: Mode,
    form: Regex,
    /// The last prompt seen of this kind.
    seen: Option<String>,
}

/// A prompt in the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) mode: Mode,
    /// True if it equals the previous one of its kind.
    pub(super) known: bool,
}

impl Prompts {
    /// The prompts that a lab file describes; the error is why a pattern is invalid.
    pub(super) fn new(form: &lab::Prompts) -> Result<Self, String> {
        let kind = |mode, given: &Option<String>, default: &str| {
            let form = format!(r"^\s*(?:{})\s*$", given.as_deref().unwrap_or(default));
            let form = RegexBuilder::new(&form).size_limit(1 << 20).build();
            form.map(|form| Kind { mode, form, seen: None }).map_err(|error| error.to_string())
        };
        Ok(Self([
            kind(Mode::Operational, &form.operational, OPERATIONAL)?,
            kind(Mode::Configuration, &form.configuration, CONFIGURATION)?,
        ]))
    }

    /// A row without repetitions of its last prompt, which remain if empty lines were typed early and echoed nothing.
    pub(super) fn last<'a>(&self, row: &'a str) -> &'a str {
        let mut row = row.trim_end();
        while let Some(prompt) = self.at_start(row) {
            let rest = row[prompt.len()..].trim_start();
            if !rest.starts_with(prompt) {
                break;
            }
            row = rest;
        }
        row
    }

    /// The prompt in a row, if the row contains nothing else.
    pub(super) fn seen(&self, row: &str) -> Option<Seen> {
        let row = self.last(row);
        if let Some(kind) = self.0.iter().find(|kind| kind.seen.as_deref() == Some(row)) {
            return Some(Seen { mode: kind.mode, known: true });
        }
        let kind = self.0.iter().find(|kind| !row.is_empty() && kind.form.is_match(row))?;
        Some(Seen { mode: kind.mode, known: false })
    }

    /// Records the current prompt.
    pub(super) fn learn(&mut self, row: &str, mode: Mode) {
        for kind in self.0.iter_mut().filter(|kind| kind.mode == mode) {
            kind.seen = Some(row.trim_end().to_owned());
        }
    }

    /// The last prompt seen, if the row begins with it.
    pub(super) fn at_start<'a>(&self, row: &'a str) -> Option<&'a str> {
        let mut seen = self.0.iter().filter_map(|kind| kind.seen.as_deref());
        seen.find_map(|seen| row.get(..seen.len()).filter(|start| *start == seen))
    }
}

/// True if a row between two prompts belongs to the second one: Vyatta shows the edit level there.
pub(super) fn belongs_to_prompt(row: &str) -> bool {
    let row = row.trim();
    row.is_empty() || row.starts_with("[edit") && row.ends_with(']')
}

/// The key for a pager in the last row, and the time without output after which it counts as one.
pub(super) fn pager(row: &str) -> Option<(&'static [u8], Duration)> {
    const SOON: Duration = Duration::from_millis(40);
    // A colon may also be the beginning of a line.
    const SURELY: Duration = Duration::from_millis(400);
    static MORE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let more = r"(?xi)^(?:
            <?--+\s*\(?more(?:\W*|\s+\d.*|\s*--+.*)
            | lines\ \d+-\d+(?:/\d+)?(?:\ \(?[\w%\ ]+\)?)?
            | (?:press\ )?(?:any\ key|space)\ (?:to|for)\ (?:continue|more).*
        )$";
        Regex::new(more).ok()
    });
    let row = row.trim();
    if row == ":" {
        return Some((b" ", SURELY));
    }
    if row.ends_with("(END)") {
        return Some((b"q", SOON));
    }
    if row.ends_with("(press RETURN)") {
        return Some((b"\r", SOON));
    }
    MORE.as_ref()?.is_match(row).then_some((b" ", SOON))
}

/// True if a line is a message of a pager.
pub(super) fn is_of_pager(line: &str) -> bool {
    line.trim() == "WARNING: terminal is not fully functional"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts() -> Prompts {
        Prompts::new(&lab::Prompts::default()).unwrap()
    }

    #[test]
    fn prompts_of_related_systems_are_recognised() {
        let prompts = prompts();
        let mode = |row: &str| prompts.seen(row).map(|seen| seen.mode);
        for row in
            ["admin@osdx$ ", "admin@osdx$", "vyos@vyos:~$ ", "vyos@r1.example:/config$", "a@b> "]
        {
            assert_eq!(mode(row), Some(Mode::Operational), "{row}");
        }
        for row in ["admin@osdx# ", "admin@DUT0#", "vyos@vyos# "] {
            assert_eq!(mode(row), Some(Mode::Configuration), "{row}");
        }
        for row in
            ["", "$", "cost: 5$", "admin@osdx$ show date", "mail bob@example.org", "[edit]", "####"]
        {
            assert_eq!(mode(row), None, "{row}");
        }
    }

    #[test]
    fn seen_prompt_is_recognised_exactly() {
        let mut prompts = prompts();
        prompts.learn("admin@osdx$ ", Mode::Operational);
        assert!(prompts.seen("admin@osdx$").unwrap().known);
        assert!(!prompts.seen("admin@DUT0$ ").unwrap().known);
        assert_eq!(prompts.at_start("admin@osdx$ show"), Some("admin@osdx$"));
        assert_eq!(prompts.at_start("x"), None);
        assert_eq!(prompts.last("admin@osdx$ admin@osdx$ admin@osdx$ "), "admin@osdx$");
        assert_eq!(prompts.last("admin@osdx$ show"), "admin@osdx$ show");
    }

    #[test]
    fn prompts_of_other_devices_can_be_configured() {
        let given = lab::Prompts { operational: Some(r"router:\d+>".into()), configuration: None };
        let prompts = Prompts::new(&given).unwrap();
        assert_eq!(prompts.seen("router:1> ").map(|seen| seen.mode), Some(Mode::Operational));
        assert_eq!(prompts.seen("admin@osdx$ "), None);
        assert!(Prompts::new(&lab::Prompts { operational: Some("(".into()), ..given }).is_err());
    }

    #[test]
    fn pagers_are_distinguished_from_text() {
        for row in [
            "--More--",
            "-- More --",
            " --More-- (12%)",
            "---(more)---",
            "---(more 45%)---",
            "lines 1-23",
            "lines 24-46/80 57%",
            ":",
            "<--- More --->",
            "Press any key to continue",
        ] {
            assert_eq!(pager(row).map(|(answer, _)| answer), Some(&b" "[..]), "{row}");
        }
        assert_eq!(pager("(END)").unwrap().0, b"q");
        assert_eq!(pager("lines 24-46/46 (END)").unwrap().0, b"q");
        assert_eq!(pager("-  (press RETURN)").unwrap().0, b"\r");
        for row in [
            "",
            "more",
            "no more",
            "--more-options",
            "a: b",
            "lines of text",
            "--",
            "64 bytes",
            "more info",
        ] {
            assert_eq!(pager(row), None, "{row}");
        }
    }
}
