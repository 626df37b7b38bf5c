//! What a host runs: the name of a PKI, a server program, or an image.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{folder, is_variable, port, secret};
use crate::lab::draft::{DraftHost, DraftRuns};
use crate::lab::program::{FOLDER, Program, Ready, fill, placeholders};
use crate::lab::{Image, Secret};
use diagnostics::Diagnostic;
use diagnostics::yaml::{Entry, Fields, Node, Problems, Value, names};

/// How long a program has to get ready where the lab file does not say.
const WITHIN: Duration = Duration::from_secs(10);

/// The longest name of an image that is taken, in bytes.
const LONGEST_IMAGE: usize = 300;

/// What stands in texts for the first address of the host.
const ADDRESS: &str = "address";

/// What is accepted as a sign that a program serves.
const READY: &str = "`ready` is `{port: …}`, `{output: REGEX}` or both";

/// What is said of a wrong expression.
const LITERALLY: &str = "a character to be found literally has a `\\` before it";

/// Reads what `host` runs, whose addresses are known already.
pub(super) fn runs(node: &Node, host: &DraftHost, problems: &Problems) -> Option<DraftRuns> {
    if let Value::Scalar { .. } = node.value {
        return node.located(problems).map(DraftRuns::Pki);
    }
    if is_image(node) {
        image(node, host, problems).map(|image| DraftRuns::Image(Box::new(image)))
    } else {
        program(node, host, problems).map(|program| DraftRuns::Program(Box::new(program)))
    }
}

/// Whoever names both a program and an image is told that an image has no such field.
fn is_image(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(fields) if fields.iter().any(|it| it.key == "image"))
}

fn program(node: &Node, host: &DraftHost, problems: &Problems) -> Option<Program> {
    let known = ["program", "prepare", "ready", "env", "secrets", "package"];
    let fields = Fields::of(node, "what a host runs", &known, problems)?;
    let texts = Texts { values: values(node, host), problems };
    let Common { environment, secrets, ready } = common(&fields, &texts);
    let command = fields.required("program").and_then(|node| texts.command(node));
    let prepare = fields.optional("prepare").map(|node| node.one_or_more(problems));
    Some(Program {
        prepare: prepare
            .unwrap_or_default()
            .iter()
            .filter_map(|node| texts.command(node))
            .collect(),
        package: fields.optional_as("package", package),
        command: command?,
        ready: ready?,
        environment,
        secrets,
    })
}

fn image(node: &Node, host: &DraftHost, problems: &Problems) -> Option<Image> {
    let known = ["image", "entrypoint", "command", "ready", "env", "secrets"];
    let fields = Fields::of(node, "an image that a host runs", &known, problems)?;
    // No folder of this machine is known in a container.
    let mut values = values(node, host);
    values.retain(|name, _| *name == ADDRESS);
    let texts = Texts { values, problems };
    let Common { environment, secrets, ready } = common(&fields, &texts);
    let entrypoint = fields.optional("entrypoint").and_then(|node| texts.text(node));
    let command = fields.optional("command").map(|node| texts.arguments(node));
    let name = fields.required_as("image", image_name);
    Some(Image {
        command: command.unwrap_or_default(),
        name: name?,
        ready: ready?,
        entrypoint,
        environment,
        secrets,
    })
}

/// What a program and an image are started with.
struct Common {
    environment: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
    ready: Option<Ready>,
}

fn common(fields: &Fields<'_>, texts: &Texts<'_>) -> Common {
    let secrets = fields.optional("secrets").map(|node| texts.secrets(node)).unwrap_or_default();
    let environment = fields.optional("env").map(|node| texts.environment(node, &secrets));
    let sign = fields.optional("ready");
    if sign.is_none() {
        let message =
            "what a host runs lacks the field `ready`, which says how it is known to serve";
        texts.problems.add(Diagnostic::at(fields.place(), message).note(READY));
    }
    let ready = sign.and_then(|node| ready(node, texts));
    Common { environment: environment.unwrap_or_default(), secrets, ready }
}

/// The name of an image, as engines take it.
fn image_name(node: &Node, problems: &Problems) -> Option<String> {
    let name = node.text(problems)?;
    let sound = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-:@".contains(c))
            && !part.ends_with(|c: char| !c.is_ascii_alphanumeric())
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    let repository = last.split([':', '@']).next().unwrap_or_default();
    let in_small_letters = !repository.contains(|c: char| c.is_ascii_uppercase());
    if name.len() > LONGEST_IMAGE || !name.split('/').all(sound) || !in_small_letters {
        node.expected("the name of an image, such as `micromdm/scep:latest`", problems);
        return None;
    }
    Some(name)
}

/// What is known of a program's placeholders before it runs.
fn values(node: &Node, host: &DraftHost) -> BTreeMap<&'static str, Option<String>> {
    let address: Option<Ipv4Addr> = host.addresses.first().map(|address| address.value.addr());
    BTreeMap::from([
        (ADDRESS, address.map(|address| address.to_string())),
        (FOLDER, None),
        ("lab", Some(folder(node).display().to_string())),
    ])
}

fn ready(node: &Node, texts: &Texts<'_>) -> Option<Ready> {
    let problems = texts.problems;
    let fields = Fields::of(node, "ready", &["port", "output", "within"], problems)?;
    if fields.optional("port").is_none() && fields.optional("output").is_none() {
        problems.add(Diagnostic::at(fields.place(), READY));
        return None;
    }
    let within = fields.optional("within");
    Some(Ready {
        port: fields.optional_as("port", port),
        output: fields
            .optional("output")
            .and_then(|node| node.regex(Some(LITERALLY), problems))
            .map(|regex| regex.as_str().to_owned()),
        within: within.map_or(Some(WITHIN), |node| node.duration(problems))?,
    })
}

fn package(node: &Node, problems: &Problems) -> Option<String> {
    let name = node.text(problems)?;
    let sound = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !sound {
        node.expected("the name of a Debian package", problems);
    }
    sound.then_some(name)
}

/// Reads the texts of a program, in which placeholders may stand.
struct Texts<'a> {
    /// By name; without a value as long as the program does not run.
    values: BTreeMap<&'static str, Option<String>>,
    problems: &'a Problems,
}

impl Texts<'_> {
    /// A command: a list of its words, or one text that is cut into words as a shell does it.
    fn command(&self, node: &Node) -> Option<Vec<String>> {
        let words = self.list_or_words(node)?;
        if words.first().is_none_or(String::is_empty) {
            let message = "a command names a program first";
            self.problems.add(Diagnostic::at(&node.place, message));
            return None;
        }
        Some(words)
    }

    /// The arguments of a program that is known already.
    fn arguments(&self, node: &Node) -> Vec<String> {
        self.list_or_words(node).unwrap_or_default()
    }

    fn list_or_words(&self, node: &Node) -> Option<Vec<String>> {
        match &node.value {
            Value::Sequence(words) => words.iter().map(|word| self.text(word)).collect(),
            _ => self.words(node),
        }
    }

    fn words(&self, node: &Node) -> Option<Vec<String>> {
        let raw = self.sound(node)?;
        let Some(words) = shlex::split(&raw) else {
            let message = "a quote is left open, or a backslash ends the command";
            self.problems.add(Diagnostic::at(&node.place, message));
            return None;
        };
        // Filled in afterwards, so that a space in a folder's name cuts nothing.
        Some(words.iter().map(|word| self.filled(word)).collect())
    }

    fn text(&self, node: &Node) -> Option<String> {
        Some(self.filled(&self.sound(node)?))
    }

    fn filled(&self, text: &str) -> String {
        fill(text, |name| self.values.get(name).cloned().flatten())
    }

    /// A text whose placeholders are all known.
    fn sound(&self, node: &Node) -> Option<String> {
        let text = node.text(self.problems)?;
        if text.contains('\0') {
            self.problems.add(Diagnostic::at(&node.place, "no argument can hold a NUL"));
            return None;
        }
        let before = self.problems.count();
        for (name, range) in placeholders(&text) {
            let place = node.place_of(range.start, range.end);
            match self.values.get(name) {
                Some(None) if name != FOLDER => {
                    let message = format!("the host has no address for `{{{{{name}}}}}`");
                    self.problems.add(Diagnostic::at(&place, message));
                }
                Some(_) => {}
                None => {
                    let message = format!("unknown placeholder `{{{{{name}}}}}`");
                    let known = self.values.keys().copied();
                    self.problems.add(Diagnostic::at(&place, message).known(
                        name,
                        "placeholders",
                        known,
                    ));
                }
            }
        }
        (self.problems.count() == before).then_some(text)
    }

    fn environment(
        &self,
        node: &Node,
        secrets: &BTreeMap<String, Secret>,
    ) -> BTreeMap<String, String> {
        let entries = names(node, "a map from environment variables to values", self.problems);
        for entry in entries.iter().filter(|entry| secrets.contains_key(&entry.key)) {
            let message = format!("`{}` is one of `secrets` already", entry.key);
            self.problems.add(Diagnostic::at(&entry.key_place, message));
        }
        let variable = |entry: &Entry| Some((self.variable(entry)?, self.text(&entry.value)?));
        entries.iter().filter_map(variable).collect()
    }

    fn secrets(&self, node: &Node) -> BTreeMap<String, Secret> {
        let entries = names(node, "a map from environment variables to secrets", self.problems);
        let variable =
            |entry: &Entry| Some((self.variable(entry)?, secret(&entry.value, self.problems)?));
        entries.iter().filter_map(variable).collect()
    }

    fn variable(&self, entry: &Entry) -> Option<String> {
        let name = &entry.key;
        let sound = is_variable(name);
        if !sound {
            let message = format!("`{name}` cannot be the name of an environment variable");
            let note = "a name is made of letters, digits and `_`";
            self.problems.add(Diagnostic::at(&entry.key_place, message).note(note));
        }
        sound.then(|| name.clone())
    }
}
