//! The program or image that a host runs as its PKI.

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

/// Time limit for a program to get ready if the lab file gives none.
const WITHIN: Duration = Duration::from_secs(10);

/// The longest accepted name of an image, in bytes.
const LONGEST_IMAGE: usize = 300;

/// Message about a missing or wrong `ready`.
const READY: &str = "`ready` is `{port: …}`, `{output: REGEX}` or both";

/// Advice about a wrong regular expression.
const LITERALLY: &str = "a character to be found literally has a `\\` before it";

/// A server program. `{{dir}}` in its texts is a folder for it, which is empty at first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// Commands that are run before it, in this order, in its folder.
    pub prepare: Vec<Vec<String>>,
    /// Conditions that are true as soon as the server accepts requests.
    pub ready: Ready,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Environment variables with secret values.
    pub secrets: BTreeMap<String, Secret>,
    /// Debian package of the program. If given, a program that is not installed is a reason to skip.
    pub package: Option<String>,
}

/// An image and how to start its container, which shares the host's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Name of the image, as the engine takes it: `micromdm/scep:latest`.
    pub name: String,
    /// Program in place of the image's own.
    pub entrypoint: Option<String>,
    /// Arguments in place of the image's own; those stay if this is empty.
    pub command: Vec<String>,
    /// Conditions that are true as soon as the server accepts requests.
    pub ready: Ready,
    /// Environment variables in addition to the image's own.
    pub environment: BTreeMap<String, String>,
    /// Environment variables with secret values.
    pub secrets: BTreeMap<String, Secret>,
}

/// Signs that a program serves; all that are given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// TCP port that opens at the host's first address.
    pub port: Option<u16>,
    /// Regular expression that its output must match; `^` and `$` match the ends of lines.
    pub output: Option<String>,
    /// Time limit.
    pub within: Duration,
}

impl Program {
    /// Replaces `{{dir}}` in a text with the program's folder.
    pub fn in_folder(text: &str, folder: &Path) -> String {
        fill(text, |name| (name == FOLDER).then(|| folder.display().to_string()))
    }
}

/// Reads what a host runs; `address` is the host's first.
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

/// A mapping with both `program` and `image` counts as an image, so that `program` is reported as an unknown field.
fn is_image(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(fields) if fields.iter().any(|it| it.key == "image"))
}

fn program(node: &Node, address: Option<Ipv4Addr>, problems: &Problems) -> Option<Program> {
    let known = ["program", "prepare", "ready", "env", "secrets", "package"];
    let fields = Fields::of(node, "a program that a host runs", &known, problems)?;
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
    // A container has no folder of this machine.
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

/// The settings that programs and images share.
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
        let message = "`runs` lacks the field `ready`, which says how to see that it serves";
        texts.problems.add(Diagnostic::at(fields.place(), message).note(READY));
    }
    let ready = sign.and_then(|node| ready(node, texts));
    Common { environment: environment.unwrap_or_default(), secrets, ready }
}

/// Name of an image, as engines accept it.
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

/// The values of a program's placeholders that are known before it runs.
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
    fn every_placeholder_of_the_folder_is_filled_in() {
        let filled = Program::in_folder("{{dir}}/a:{{ dir }}/b {{other}} {{", Path::new("/x"));
        assert_eq!(filled, "/x/a:/x/b {{other}} {{");
    }
}
