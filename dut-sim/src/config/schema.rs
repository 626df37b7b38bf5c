//! The table of configuration nodes, and the way from words to a place in it.

mod table;

use crate::config::kind::Kind;
use crate::config::message::PathError;
use crate::config::parse::meant;
use crate::config::value::Value;

/// A node of the table.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) content: Content,
}

/// What a node holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    /// Other nodes.
    Branch(&'static [Node]),
    /// Named instances, each holding other nodes.
    Tag { kind: Kind, children: &'static [Node] },
    /// A value, or several where it is `multi`.
    Leaf { kind: Kind, multi: bool, default: Option<&'static str> },
    /// A clear-text value that is never kept: it is sealed into the leaf of this name beside it.
    ClearText { stored_as: &'static str },
}

/// A place in the configuration, its names written out in full.
#[derive(Debug)]
pub(crate) struct Location {
    /// The names and instance names that lead there; the value of a leaf is no part of them.
    pub(crate) path: Vec<String>,
    pub(crate) place: Place,
}

/// What is at a place.
#[derive(Debug)]
pub(crate) enum Place {
    /// Nodes: those of the root, of a branch, or of an instance of a tag.
    Nodes { nodes: &'static [Node], instance: bool },
    /// A tag without the name of an instance.
    Tag { kind: Kind, children: &'static [Node] },
    /// A leaf, with the value where one was given.
    Leaf { kind: Kind, multi: bool, value: Option<Value> },
    /// A clear-text twin, with the value where one was given.
    ClearText { stored_as: &'static str, value: Option<Value> },
}

/// Follows `words` from the root; any unambiguous beginning of a name will do.
pub(crate) fn locate(words: &[String]) -> Result<Location, PathError> {
    let root = Place::Nodes { nodes: table::ROOT, instance: false };
    let mut location = Location { path: Vec::new(), place: root };
    for word in words {
        location = location.step(word)?;
    }
    Ok(location)
}

/// The default of the leaf at `path`, where the table has one.
pub(crate) fn default(path: &[String]) -> Option<Value> {
    let mut nodes = table::ROOT;
    let mut words = path.iter();
    while let Some(word) = words.next() {
        match nodes.iter().find(|node| node.name == word)?.content {
            Content::Branch(children) => nodes = children,
            Content::Tag { children, .. } => {
                words.next();
                nodes = children;
            }
            Content::Leaf { kind, default, .. } => return kind.parse(default?).ok(),
            Content::ClearText { .. } => return None,
        }
    }
    None
}

impl Location {
    fn step(mut self, word: &str) -> Result<Self, PathError> {
        self.place = match self.place {
            Place::Nodes { nodes, .. } => {
                let node = find(nodes, &self.path, word)?;
                self.path.push(node.name.to_owned());
                enter(node.content)
            }
            Place::Tag { kind, children } => {
                let name = self.parse(kind, word)?;
                self.path.push(name.expose().into_owned());
                Place::Nodes { nodes: children, instance: true }
            }
            Place::Leaf { kind, multi, value: None } => {
                Place::Leaf { kind, multi, value: Some(self.parse(kind, word)?) }
            }
            Place::ClearText { stored_as, value: None } => {
                Place::ClearText { stored_as, value: Some(self.parse(Kind::ClearText, word)?) }
            }
            Place::Leaf { .. } | Place::ClearText { .. } => {
                return Err(PathError::BeyondValue { path: self.path });
            }
        };
        Ok(self)
    }

    fn parse(&self, kind: Kind, word: &str) -> Result<Value, PathError> {
        kind.parse(word)
            .map_err(|constraint| PathError::BadValue { path: self.path.clone(), constraint })
    }
}

impl Node {
    /// Whether a secret is kept here or below.
    pub(crate) fn holds_secret(&self) -> bool {
        match self.content {
            Content::Branch(nodes) | Content::Tag { children: nodes, .. } => {
                nodes.iter().any(Self::holds_secret)
            }
            Content::Leaf { kind, .. } => kind.is_secret(),
            Content::ClearText { .. } => true,
        }
    }
}

fn enter(content: Content) -> Place {
    match content {
        Content::Branch(nodes) => Place::Nodes { nodes, instance: false },
        Content::Tag { kind, children } => Place::Tag { kind, children },
        Content::Leaf { kind, multi, .. } => Place::Leaf { kind, multi, value: None },
        Content::ClearText { stored_as } => Place::ClearText { stored_as, value: None },
    }
}

fn find(nodes: &'static [Node], path: &[String], word: &str) -> Result<&'static Node, PathError> {
    match meant(nodes, |node| node.name, word)[..] {
        [node] => Ok(node),
        [] => Err(PathError::Unknown { good: path.to_vec(), bad: word.to_owned() }),
        ref several => Err(PathError::Ambiguous {
            good: path.to_vec(),
            bad: word.to_owned(),
            completions: several.iter().map(|node| (node.name, node.help)).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn beginnings_of_names_are_written_out() {
        let location = locate(&words("sys cert sc csr CSR dig sha256")).unwrap();
        assert_eq!(location.path, words("system certificate scep csr CSR digest"));
        assert!(matches!(location.place, Place::Leaf { value: Some(Value::Digest(_)), .. }));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let unknown = locate(&words("system certificate spec csr")).unwrap_err();
        let good = words("system certificate");
        assert_eq!(unknown, PathError::Unknown { good, bad: "spec".into() });
        assert!(matches!(
            locate(&words("system certificate scep csr CSR c")).unwrap_err(),
            PathError::Ambiguous { completions, .. } if completions.len() == 2
        ));
        assert!(matches!(
            locate(&words("system certificate scep csr CSR port 99999")).unwrap_err(),
            PathError::BadValue { path, .. } if path.last().unwrap() == "port"
        ));
        assert!(matches!(
            locate(&words("system certificate scep csr CSR port 80 81")).unwrap_err(),
            PathError::BeyondValue { .. }
        ));
    }

    #[test]
    fn defaults_come_from_the_table() {
        let port = default(&words("system certificate scep csr ANY port"));
        assert_eq!(port, Some(Value::Port(80)));
        assert_eq!(default(&words("system certificate scep csr ANY url")), None);
        assert_eq!(default(&words("no such node")), None);
    }

    #[test]
    fn every_default_is_a_value_of_its_kind_and_every_twin_exists() {
        fn check(nodes: &[Node]) {
            for node in nodes {
                match node.content {
                    Content::Branch(children) | Content::Tag { children, .. } => check(children),
                    Content::Leaf { kind, default, .. } => {
                        assert!(default.is_none_or(|text| kind.parse(text).is_ok()), "{node:?}");
                    }
                    Content::ClearText { stored_as } => {
                        assert!(nodes.iter().any(|twin| twin.name == stored_as), "{node:?}");
                    }
                }
            }
        }
        check(table::ROOT);
    }
}
