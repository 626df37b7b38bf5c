//! What a host runs as its PKI: a server program, or an image, and what a lab file says of them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::texts::{ADDRESS, FOLDER, Texts, fill};
use super::values::{folder, port};
use super::{Runs, Secret};
use diagnostics::yaml::{Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Located};

/// How long a program has to get ready where the lab file does not say.
const WITHIN: Duration = Duration::from_secs(10);

/// The longest name of an image that is taken, in bytes.
const LONGEST_IMAGE: usize = 300;

/// What is accepted as a sign that a program serves.
const READY: &str = "`ready` is `{port: …}`, `{output: REGEX}` or both";

/// What is said of a wrong expression.
const LITERALLY: &str = "a character to be found literally has a `\\` before it";

/// A server program and what it needs; `{{dir}}` in its texts is a folder of its own, empty at first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments; there is at least the program.
    pub command: Vec<String>,
    /// Commands that come before it, in turn, in its folder.
    pub prepare: Vec<Vec<String>>,
    /// How it is known that it serves.
    pub ready: Ready,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are shown nowhere.
    pub secrets: BTreeMap<String, Secret>,
    /// The Debian package that has it; where it is given, a program that is not installed is a skip.
    pub package: Option<String>,
}

/// An image and what its container is started with; its network is that of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image, as the engine names it: `micromdm/scep:latest`.
    pub name: String,
    /// The program in place of the image's own.
    pub entrypoint: Option<String>,
    /// The program's arguments in place of the image's own; where it is empty, they stay.
    pub command: Vec<String>,
    /// How it is known that it serves.
    pub ready: Ready,
    /// Environment variables beside the image's own.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are shown nowhere.
    pub secrets: BTreeMap<String, Secret>,
}

/// How it is known that a program serves: all that is given here holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The TCP port that is open then, at the host's first address.
    pub port: Option<u16>,
    /// A regular expression that is found in its output then; `^` and `$` are the ends of lines.
    pub output: Option<String>,
    /// How long that may take.
    pub within: Duration,
}

impl Program {
    /// A text of the program with its folder in place of `{{dir}}`.
    pub fn in_folder(text: &str, folder: &Path) -> String {
        fill(text, |name| (name == FOLDER).then(|| folder.display().to_string()))
    }
}

/// Reads what a host runs whose first address is this one.
pub(super) fn runs(
    node: &Node,
    address: Option<Ipv4Addr>,
    problems: &Problems,
) -> Option<Located<Runs>> {
    let runs = if let Value::Scalar { .. } = node.value {
        Runs::Pki(node.text(problems)?)
    } else if is_image(node) {
        Runs::Image(Box::new(image(node, address, problems)?))
    } else {
        Runs::Program(Box::new(program(node, address, problems)?))
    };
    Some(Located { value: runs, place: node.place.clone() })
}

/// Whoever names both a program and an image is told that an image has no such field.
fn is_image(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(fields) if fields.iter().any(|it| it.key == "image"))
}

fn program(node: &Node, address: Option<Ipv4Addr>, problems: &Problems) -> Option<Program> {
    let known = ["program", "prepare", "ready", "env", "secrets", "package"];
    let fields = Fields::of(node, "what a host runs", &known, problems)?;
    let texts = Texts { values: values(node, address), problems };
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

fn image(node: &Node, address: Option<Ipv4Addr>, problems: &Problems) -> Option<Image> {
    let known = ["image", "entrypoint", "command", "ready", "env", "secrets"];
    let fields = Fields::of(node, "an image that a host runs", &known, problems)?;
    // No folder of this machine is known in a container.
    let mut values = values(node, address);
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
fn values(node: &Node, address: Option<Ipv4Addr>) -> BTreeMap<&'static str, Option<String>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_filled_in_wherever_it_is_named() {
        let filled = Program::in_folder("{{dir}}/a:{{ dir }}/b {{other}} {{", Path::new("/x"));
        assert_eq!(filled, "/x/a:/x/b {{other}} {{");
    }
}
