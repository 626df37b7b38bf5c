//! The steps of a scenario. Each is a mapping whose key is the step's kind.

mod advance;
mod certificate;
pub mod client;
mod device;
mod given;
mod orders;
mod pki;
mod saved;
pub mod scep;
pub mod seen;

pub(super) use self::advance::Timeline;
pub use self::advance::{Advance, Goal, LONGEST_ADVANCE};
pub(super) use self::certificate::Remembered;
pub use self::certificate::{CertificateFact, CertificateSource, CertificateStep};
pub use self::device::{Configuration, Ping, Run, challenge_of};
use self::given::Given;
pub use self::orders::{LinkStep, PkiOrder, PkiStep, Reboot, RevocationReason, SaveConfig};
pub use self::pki::{DecisionStep, Issued};
pub(super) use self::saved::Saved;
use super::advice::{on_step, on_step_field};
use super::{Expect, Step};
use crate::lab::Lab;
use diagnostics::yaml::{Entry, Fields, Keys, Node, Problems, Value, odd_blank};
use diagnostics::{Diagnostic, Place, closest};

/// A kind of step.
struct Kind {
    name: &'static str,
    /// Fields besides `name` and `expect`.
    fields: &'static [&'static [&'static str]],
    read: fn(&Given<'_>) -> Option<Action>,
}

/// Defines the kinds of steps: the action, the name in files, the type, the fields, and the text that a device gets, which
/// may contain passwords.
///
/// The type has a function `read`, which reads the step from the file, and a description `title`. The first token is the `$`
/// of the macro that this one defines.
macro_rules! steps {
    ($d:tt $($(#[$doc:meta])* $action:ident = $name:literal, $type:ty, $fields:expr, $given:expr;)+) => {
        /// The action of a step.
        #[derive(Debug, Clone)]
        pub enum Action {
            $($(#[$doc])* $action(Box<$type>),)+
        }

        const KINDS: &[Kind] = &[$(Kind {
            name: $name,
            fields: $fields,
            read: |given| Some(Action::$action(Box::new(<$type>::read(given)?))),
        }),+];

        impl Action {
            /// The kind of the step, as files write it.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$action(_) => $name,)+ }
            }

            /// A description of the action.
            pub fn title(&self) -> String {
                match self { $(Self::$action(it) => it.title(),)+ }
            }

            /// The text for a device as the file has it; it may contain passwords.
            pub fn given_to_device(&self) -> Option<&str> {
                fn of<T>(step: &T, given: fn(&T) -> Option<&str>) -> Option<&str> {
                    given(step)
                }
                match self { $(Self::$action(it) => of::<$type>(it, $given),)+ }
            }
        }

        /// Evaluates an expression with the step of any action: `with_step!(action, step => step.title())`.
        #[macro_export]
        macro_rules! with_step {
            ($d action:expr, $d step:ident => $d done:expr) => {
                match $d action { $($crate::scenario::Action::$action($d step) => $d done,)+ }
            };
        }
    };
}

steps! { $
    /// Gives a device a new configuration.
    Configure = "configure", Configuration, &[&["device", "set"]], |it| Some(&it.lines.value);
    /// Changes a device's configuration.
    Modify = "modify", Configuration, &[&["device", "lines"]], |it| Some(&it.lines.value);
    /// Sends echo requests from a device, which must all be answered.
    Ping = "ping", Ping, Ping::FIELDS, |_| None;
    /// Runs a command on a device and checks its output.
    Run = "run", Run, Run::FIELDS, |it| Some(&it.command);
    /// Makes a PKI issue the certificate of its oldest pending request.
    Approve = "approve", DecisionStep, DecisionStep::FIELDS, |_| None;
    /// Makes a PKI deny its oldest pending request.
    Deny = "deny", DecisionStep, DecisionStep::FIELDS, |_| None;
    /// Checks the certificates that a PKI has issued.
    Issued = "issued", Issued, Issued::FIELDS, |_| None;
    /// Sends a SCEP request to a PKI and checks the answer.
    Scep = "scep", scep::Scep, scep::Scep::FIELDS, |_| None;
    /// Makes the client under test enrol.
    Client = "client", client::ClientStep, client::ClientStep::FIELDS, |_| None;
    /// Stops or starts a PKI, lets its next CA take over, or lets it revoke a certificate.
    Pki = "pki", PkiStep, PkiStep::FIELDS, |_| None;
    /// Restarts a device, or cuts its power.
    Reboot = "reboot", Reboot, Reboot::FIELDS, |_| None;
    /// Keeps the configuration of a device for its next start.
    SaveConfig = "save-config", SaveConfig, SaveConfig::FIELDS, |_| None;
    /// Takes the link at an interface down or up.
    Link = "link", LinkStep, LinkStep::FIELDS, |_| None;
    /// Compares a certificate with what is expected.
    Certificate = "certificate", CertificateStep, CertificateStep::FIELDS, |_| None;
    /// Moves the clock of the lab.
    Advance = "advance", Advance, Advance::FIELDS, |_| None;
    /// Checks the requests of clients.
    Seen = "seen", seen::Seen, seen::Seen::FIELDS, |_| None;
}

/// Reads a step. If the lab could not be read, `lab` is `None` and names are not resolved.
pub(super) fn step(node: &Node, lab: Option<&Lab>, problems: &Problems) -> Option<Step> {
    let (kind, entry) = kind(node, problems)?;
    let known = [&kind.fields.concat()[..], &["name", "expect"]].concat();
    let article = if kind.name.starts_with(['a', 'i']) { "an" } else { "a" };
    let what = format!("{article} {} step", kind.name);
    if let (Value::Scalar { text, .. }, Some(field)) = (&entry.value.value, main_field(kind.name)) {
        let message = format!("{what} is a map of its fields, found `{text}`");
        let meant = format!("write `{}: {{{field}: {text}}}`", kind.name);
        problems.add(Diagnostic::at(&entry.value.place, message).label(meant));
        return None;
    }
    let keys = Keys::from(&known).advised(on_step_field);
    let fields = Fields::of(&entry.value, &what, keys, problems)?;
    let expectations = [("success", Expect::Success), ("failure", Expect::Failure)];
    let expect = fields.one_of("expect", "expectation", &expectations);
    let (expect, place) = (expect.unwrap_or(Expect::Success), &entry.key_place);
    let given = Given { fields, lab, problems, kind: kind.name, expect, place };
    let (name, action) = (given.text("name"), (kind.read)(&given)?);
    let expect = match action {
        // A client step turns `expect: failure` into its acceptable outcomes.
        Action::Client(_) => Expect::Success,
        _ => expect,
    };
    Some(Step { name, expect, action, place: place.clone() })
}

/// The field that a step of this kind has at least.
fn main_field(kind: &str) -> Option<&'static str> {
    match kind {
        "configure" => Some("set"),
        "modify" => Some("lines"),
        "ping" => Some("address"),
        "run" => Some("command"),
        "issued" => Some("count"),
        "scep" => Some("send"),
        "advance" => Some("by"),
        "pki" | "link" => Some("do"),
        "certificate" => Some("csr"),
        "reboot" | "save-config" => Some("device"),
        _ => None,
    }
}

fn kind<'a>(node: &'a Node, problems: &Problems) -> Option<(&'static Kind, &'a Entry)> {
    let Value::Mapping(entries) = &node.value else {
        return bare(node, problems);
    };
    let mut found = None;
    for entry in entries {
        let (key, place) = (entry.key.as_str(), &entry.key_place);
        let Some(kind) = KINDS.iter().find(|kind| kind.name == key) else {
            problems.add_with(|| unknown(key, place, entries.len() > 1));
            continue;
        };
        if found.is_some() {
            let message = format!("`{key}` is a second kind in one step");
            problems.add(Diagnostic::at(place, message).note("begin a new step with `- `"));
        }
        found.get_or_insert((kind, entry));
    }
    if entries.is_empty() {
        problems.add_with(|| {
            let missing = Diagnostic::at(&node.place, "a step must have a kind");
            missing.known("", "known steps", names())
        });
    }
    found
}

fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// Reports a step that is no map.
fn bare<T>(node: &Node, problems: &Problems) -> Option<T> {
    let word = match &node.value {
        Value::Scalar { text, .. } => text.split([' ', ':']).next().unwrap_or_default(),
        _ => "",
    };
    let Some(kind) = closest(word, names()) else {
        node.expected("a step such as `run: {…}`", problems);
        return None;
    };
    let wrong =
        Diagnostic::at(&node.place, format!("a step is a map, found `{}`", node.place.text()));
    problems.add(wrong.label(format!("write `{kind}: {{…}}`, with a blank after the colon")));
    None
}

/// An unknown step. If it has several keys, it may have a field at the wrong depth.
fn unknown(key: &str, place: &Place, has_others: bool) -> Diagnostic {
    let unknown = Diagnostic::at(place, format!("unknown step `{key}`"));
    if let Some(odd) = odd_blank(key) {
        return unknown.label(odd);
    }
    let has_field = |kind: &&Kind| kind.fields.iter().any(|fields| fields.contains(&key));
    if has_others && (["name", "expect"].contains(&key) || KINDS.iter().any(|it| has_field(&it))) {
        return unknown.label(format!("indent `{key}` below the step's kind"));
    }
    let unknown =
        on_step(key).into_iter().fold(unknown.known(key, "known steps", names()), Diagnostic::note);
    match KINDS.iter().find(has_field) {
        Some(kind) => {
            unknown.label(format!("`{key}` is a field of a step such as `{}`", kind.name))
        }
        None => unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn documented_steps_are_those_of_the_table() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/scenario-files.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, table) =
            page.split_once("| step | fields | passes if |\n| --- | --- | --- |\n").unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let rows: Vec<(BTreeSet<String>, &str)> =
            table.lines().map(|row| (names(row.split('|').nth(1).unwrap()), row)).collect();
        let known: BTreeSet<String> = KINDS.iter().map(|kind| kind.name.to_owned()).collect();
        assert_eq!(
            rows.iter().flat_map(|(kinds, _)| kinds.clone()).collect::<BTreeSet<_>>(),
            known
        );
    }
}
