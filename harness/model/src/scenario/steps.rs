//! The steps of a scenario: one map each, whose one key is the step's kind.

mod acceptable;
mod challenge;
mod client;
mod ping;
mod saved;
mod scep;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use self::saved::Saved;
use super::check::{self, checks};
use super::{Action, Configuration, DEFAULT_WITHIN, Expect, Issued, Ping, Run, Step, Verdict};
use crate::lab::Lab;
use diagnostics::yaml::{Entry, Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Located};

const KINDS: [&str; 10] =
    ["configure", "modify", "ping", "run", "approve", "deny", "issued", "scep", "client", "seen"];

/// The longest command or address, in bytes.
const COMMAND_LIMIT: usize = 4096;

/// Reads one step; `lab` is `None` where it could not be read, and names are not resolved then.
pub(super) fn step(node: &Node, lab: Option<&Lab>, problems: &Problems) -> Option<Step> {
    let entry = kind(node, problems)?;
    let context = Context { lab, problems };
    let (action, fields) = match entry.key.as_str() {
        "configure" => context.configure(&entry.value)?,
        "modify" => context.modify(&entry.value)?,
        "ping" => context.ping(&entry.value)?,
        "run" => context.run(&entry.value)?,
        "approve" => context.decision(&entry.value, "an approve step", Action::Approve)?,
        "deny" => context.decision(&entry.value, "a deny step", Action::Deny)?,
        "scep" => context.scep(&entry.value)?,
        "client" => context.client(entry)?,
        "seen" => context.seen(&entry.value)?,
        _ => context.issued(&entry.value)?,
    };
    let expect = match action {
        // It is among the outcomes that are acceptable.
        Action::Client(_) => Expect::Success,
        _ => expect(&fields, problems),
    };
    Some(Step {
        name: fields.optional("name").and_then(|node| node.text(problems)),
        expect,
        action: once_where_failure_is_told_at_once(action, expect, &fields),
        place: entry.key_place.clone(),
    })
}

/// A ping has a time-out of its own: one that is to fail is tried once where nothing else is said.
fn once_where_failure_is_told_at_once(
    mut action: Action,
    expect: Expect,
    fields: &Fields<'_>,
) -> Action {
    if let Action::Ping(ping) = &mut action
        && expect == Expect::Failure
        && fields.optional("within").is_none()
    {
        ping.within = Duration::ZERO;
    }
    action
}

fn kind<'a>(node: &'a Node, problems: &Problems) -> Option<&'a Entry> {
    let Value::Mapping(entries) = &node.value else {
        node.expected("a step such as `run: {…}`", problems);
        return None;
    };
    for entry in entries.iter().filter(|entry| !KINDS.contains(&entry.key.as_str())) {
        let diagnostic = Diagnostic::at(&entry.key_place, format!("unknown step `{}`", entry.key));
        problems.add(if ["name", "expect", "device"].contains(&entry.key.as_str()) {
            diagnostic.label(format!("indent `{}` below the step's kind", entry.key))
        } else {
            diagnostic.known(&entry.key, "known steps", KINDS)
        });
    }
    let known: Vec<&Entry> =
        entries.iter().filter(|entry| KINDS.contains(&entry.key.as_str())).collect();
    for more in known.iter().skip(1) {
        let message = format!("`{}` is a second kind in one step", more.key);
        problems.add(Diagnostic::at(&more.key_place, message).note("begin a new step with `- `"));
    }
    if entries.is_empty() {
        problems.add(Diagnostic::at(&node.place, "a step has a kind").known(
            "",
            "known steps",
            KINDS,
        ));
    }
    known.first().copied()
}

fn expect(fields: &Fields<'_>, problems: &Problems) -> Expect {
    let known = [("success", Expect::Success), ("failure", Expect::Failure)];
    fields
        .optional("expect")
        .and_then(|node| node.one_of("expectation", &known, problems))
        .unwrap_or(Expect::Success)
}

struct Context<'a> {
    lab: Option<&'a Lab>,
    problems: &'a Problems,
}

type Read<'a> = Option<(Action, Fields<'a>)>;

impl<'a> Context<'a> {
    fn configure(&self, node: &'a Node) -> Read<'a> {
        let fields = self.fields(node, "a configure step", &["device", "set"])?;
        let configuration = self.configuration(&fields, "set", &["set"]);
        Some((Action::Configure(configuration?), fields))
    }

    fn modify(&self, node: &'a Node) -> Read<'a> {
        let fields = self.fields(node, "a modify step", &["device", "lines"])?;
        let configuration = self.configuration(&fields, "lines", &["set", "delete"]);
        Some((Action::Modify(configuration?), fields))
    }

    fn configuration(
        &self,
        fields: &Fields<'a>,
        key: &str,
        verbs: &[&str],
    ) -> Option<Configuration> {
        let device = self.device(fields);
        let node = fields.required(key)?;
        let mut lines = node.located(self.problems)?;
        let mut configuration = Configuration {
            device: String::new(),
            lines: lines.clone(),
            challenges: BTreeMap::new(),
        };
        for (index, line) in lines.value.lines().map(str::trim).enumerate() {
            let verb = line.split_whitespace().next().unwrap_or_default();
            if !line.is_empty() && !line.starts_with('#') && !verbs.contains(&verb) {
                let message = format!("a line begins with {}, not `{verb}`", either(verbs));
                let place = configuration.place_of(index + 1);
                self.problems.add(Diagnostic::at(&place, message));
            }
        }
        if lines.value.trim().is_empty() {
            let message = format!("`{key}` holds no lines");
            self.problems.add(Diagnostic::at(&node.place, message));
        }
        lines.value = without_comments(&lines.value);
        let challenges = self.challenges(&lines.value, &configuration);
        configuration = Configuration { device: device?, lines, challenges };
        Some(configuration)
    }

    fn ping(&self, node: &'a Node) -> Read<'a> {
        let known = ["device", "address", "count", "size", "timeout", "within"];
        let fields = self.fields(node, "a ping step", &known)?;
        let problems = self.problems;
        let device = self.device(&fields);
        let address = fields.required("address").and_then(|node| self.host(node));
        let count = fields.optional("count").map(|node| ping::count(node, problems));
        let size = fields.optional("size").map(|node| ping::size(node, problems));
        let timeout = fields.optional("timeout").map(|node| ping::whole_seconds(node, problems));
        let within = self.within(&fields);
        let ping = Ping {
            device: device?,
            address: address?,
            count: count.unwrap_or(Some(1))?,
            size: size.unwrap_or(Some(56))?,
            timeout_seconds: timeout.unwrap_or(Some(1))?,
            within,
        };
        Some((Action::Ping(ping), fields))
    }

    fn run(&self, node: &'a Node) -> Read<'a> {
        let mut known = vec!["device", "command", "within"];
        known.extend(check::FIELDS);
        let fields = self.fields(node, "a run step", &known)?;
        let device = self.device(&fields);
        let command = fields.required("command").and_then(|node| self.line(node, "a command"));
        let checks = checks(&fields, self.problems);
        let unchecked = check::FIELDS.iter().all(|field| fields.optional(field).is_none());
        let within = self.within(&fields);
        if let (true, false, Some(node)) = (unchecked, within.is_zero(), fields.optional("within"))
        {
            let message = "`within` waits for a check, and there is none";
            self.problems.add(Diagnostic::at(&node.place, message));
        }
        let run = Run { device: device?, command: command?, checks, within };
        Some((Action::Run(run), fields))
    }

    fn decision(&self, node: &'a Node, what: &str, make: fn(Verdict) -> Action) -> Read<'a> {
        let fields = self.fields(node, what, &["pki", "within"])?;
        let within = self.within(&fields);
        let verdict = Verdict { pki: self.pki(&fields)?, within };
        Some((make(verdict), fields))
    }

    fn issued(&self, node: &'a Node) -> Read<'a> {
        let mut known = vec!["pki", "count", "within"];
        known.extend(check::FIELDS);
        let fields = self.fields(node, "an issued step", &known)?;
        let count = fields.optional("count").and_then(|node| {
            let value = node.parsed("a number of certificates", self.problems)?;
            Some(Located { value, place: node.place.clone() })
        });
        let checks = checks(&fields, self.problems);
        let within = self.within(&fields);
        let issued = Issued { pki: self.pki(&fields)?, count, checks, within };
        Some((Action::Issued(issued), fields))
    }

    fn scep(&self, node: &'a Node) -> Read<'a> {
        let known = [scep::FIELDS.as_slice(), &scep::MESSAGE_FIELDS].concat();
        let fields = self.fields(node, "a scep step", &known)?;
        let pki = self.pki(&fields);
        let scep = scep::scep(&fields, pki.unwrap_or_default(), self.problems)?;
        Some((Action::Scep(Box::new(scep)), fields))
    }

    fn client(&self, entry: &'a Entry) -> Read<'a> {
        let fields = self.fields(&entry.value, "a client step", &client::FIELDS)?;
        let must_refuse = expect(&fields, self.problems) == Expect::Failure;
        let within = self.within(&fields);
        let pki = self.pki(&fields).unwrap_or_default();
        let told = (pki, within, must_refuse);
        let step = client::client(&fields, told, &entry.key_place, self.problems);
        Some((Action::Client(Box::new(step)), fields))
    }

    fn seen(&self, node: &'a Node) -> Read<'a> {
        let fields = self.fields(node, "a seen step", &client::SEEN_FIELDS)?;
        let pki = self.pki(&fields).unwrap_or_default();
        let seen = client::seen(&fields, pki, self.problems)?;
        Some((Action::Seen(Box::new(seen)), fields))
    }

    fn fields(&self, node: &'a Node, what: &str, own: &[&str]) -> Option<Fields<'a>> {
        let known: Vec<&str> = own.iter().copied().chain(["name", "expect"]).collect();
        Fields::of(node, what, &known, self.problems)
    }

    fn within(&self, fields: &Fields<'_>) -> Duration {
        fields
            .optional("within")
            .and_then(|node| node.duration(self.problems))
            .unwrap_or(DEFAULT_WITHIN)
    }

    fn device(&self, fields: &Fields<'_>) -> Option<String> {
        let names = self.lab.map(|lab| lab.devices.keys().map(String::as_str).collect());
        self.reference(fields, "device", names)
    }

    fn pki(&self, fields: &Fields<'_>) -> Option<String> {
        let names = self.lab.map(Lab::pki_names);
        self.reference(fields, "pki", names)
    }

    /// The thing of the lab that a field names; it may be left out where there is one only.
    fn reference(
        &self,
        fields: &Fields<'_>,
        key: &str,
        names: Option<Vec<&str>>,
    ) -> Option<String> {
        let what = if key == "pki" { "PKI" } else { key };
        let known = format!("the lab's {what}s");
        let given = fields.optional(key);
        let Some(names) = names else { return given.and_then(|node| node.text(self.problems)) };
        let diagnostic = match (given, names.as_slice()) {
            (None, [only]) => return Some((*only).to_owned()),
            (None, []) => Diagnostic::at(fields.place(), format!("the lab has no {what}")),
            (None, _) => {
                let message = format!("`{key}` is to be given: the lab has several");
                Diagnostic::at(fields.place(), message).known("", &known, names)
            }
            (Some(node), _) => {
                let name = node.text(self.problems)?;
                if names.contains(&name.as_str()) {
                    return Some(name);
                }
                let message = format!("unknown {what} `{name}`");
                Diagnostic::at(&node.place, message).known(&name, &known, names)
            }
        };
        self.problems.add(diagnostic);
        None
    }

    /// Text that is one line, and one word of a command is no part of another.
    fn line(&self, node: &Node, what: &str) -> Option<String> {
        let text = node.text(self.problems)?.trim().to_owned();
        let sound = !text.is_empty()
            && text.len() <= COMMAND_LIMIT
            && !text.contains(|c: char| c.is_control());
        if !sound {
            node.expected(&format!("{what} in one line"), self.problems);
        }
        sound.then_some(text)
    }

    fn host(&self, node: &Node) -> Option<String> {
        let text = self.line(node, "an address or a name")?;
        let sound = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
        if !sound {
            node.expected("an address or a name", self.problems);
        }
        sound.then_some(text)
    }
}

fn either(verbs: &[&str]) -> String {
    verbs.iter().map(|verb| format!("`{verb}`")).collect::<Vec<_>>().join(" or ")
}

/// Comments become blank lines, so that the device's line numbers stay those of the file.
fn without_comments(lines: &str) -> String {
    lines
        .lines()
        .map(|line| if line.trim_start().starts_with('#') { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}
