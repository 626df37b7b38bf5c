//! Parses text into a tree, with limits.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::advice::on_parsing;
use super::secrets::masked_unparsed;
use super::{Entry, Node, Value};
use crate::{Diagnostic, Place, Source};

/// Limit of nesting, because the tree is walked recursively.
const DEPTH_LIMIT: usize = 32;

/// Limit of values after aliases are expanded. A file without aliases cannot reach it.
const NODE_LIMIT: usize = 600_000;

/// Limit of keys that are read to find out what kind of file it is.
const FIRST_KEYS_LIMIT: usize = 200;

/// Limit of parser events from aliases.
const ALIAS_LIMIT: usize = 20_000;

/// Reads a text as one document.
///
/// # Errors
/// The mistake at its place, without text that looks like a secret.
pub fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    read(source).map_err(|error| masked_unparsed(error, source.text()))
}

/// The same; the mistake may show a secret.
pub(super) fn read(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    let empty = || Diagnostic::of_file(source.path(), "the file is empty");
    if source.text().lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
        return Err(empty());
    }
    let tree: Spanned<Raw> = serde_saphyr::from_str_with_options(source.text(), options())
        .map_err(|error| diagnostic(source, &error))?;
    if matches!(tree.value, Raw::Null) {
        return Err(empty());
    }
    node(source, tree)
}

/// The first keys of a text that is a mapping, in their order: those before a mistake in it, and at most so many as a file of any kind may
/// have by far; none if it is something else. Nothing after them is read.
pub fn first_keys(source: &Source) -> Vec<String> {
    let mut keys = Vec::new();
    // The error is that of the text, or says that there are enough keys.
    let _ = serde_saphyr::with_deserializer_from_str_with_options(
        source.text(),
        options(),
        |deserializer| deserializer.deserialize_map(FirstKeys(&mut keys)),
    );
    keys
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Merge,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        budget: serde_saphyr::budget! { max_depth: DEPTH_LIMIT, max_nodes: NODE_LIMIT },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIAS_LIMIT },
    }
}

fn diagnostic(source: &Arc<Source>, error: &serde_saphyr::Error) -> Diagnostic {
    let place = error.location().map(|location| {
        source.place_at(index(location.line()).max(1), index(location.column()).max(1))
    });
    let message = match error.without_snippet() {
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "a second document begins here, but a file must have only one".to_owned()
        }
        other => message(&other.to_string()),
    };
    on_parsing(source, place.as_ref(), message)
}

/// The parser's message without its position; a message about its limits is replaced.
fn message(words: &str) -> String {
    if words.contains("budget breached") || words.contains("limit exceeded") {
        return format!(
            "the file is too complex: at most {DEPTH_LIMIT} levels of nesting and {ALIAS_LIMIT} \
             parts from aliases are allowed"
        );
    }
    words.split(" at line ").next().unwrap_or(words).to_owned()
}

/// The deserialiser's result. Scalars that it takes for numbers get their text from the source.
enum Raw {
    Null,
    Inferred,
    Text(String),
    Sequence(Vec<Spanned<Raw>>),
    Mapping(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

fn node(source: &Arc<Source>, raw: Spanned<Raw>) -> Result<Node, Diagnostic> {
    let place = place(source, &raw);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Inferred => Value::Scalar { text: place.text().to_owned(), plain: true },
        Raw::Text(text) => {
            let plain = !place.text().starts_with(['"', '\'']) && !text.contains('\n');
            Value::Scalar { text, plain }
        }
        Raw::Sequence(items) => Value::Sequence(
            items.into_iter().map(|item| node(source, item)).collect::<Result<_, _>>()?,
        ),
        Raw::Mapping(entries) => Value::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| entry(source, key, value))
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Node { place, value })
}

fn entry(
    source: &Arc<Source>,
    key: Spanned<Raw>,
    value: Spanned<Raw>,
) -> Result<Entry, Diagnostic> {
    let key = node(source, key)?;
    match key.value {
        Value::Scalar { text, .. } => {
            Ok(Entry { key: text, key_place: key.place, value: node(source, value)? })
        }
        _ => Err(Diagnostic::at(&key.place, format!("a key must be text, not {}", key.kind()))),
    }
}

/// Place of a value's definition: for an alias, its anchor.
fn place(source: &Arc<Source>, raw: &Spanned<Raw>) -> Place {
    let span = raw.defined.span();
    match (span.byte_offset(), span.byte_len()) {
        (Some(start), Some(length)) => {
            let start = index(start);
            source.place(start, start + index(length))
        }
        _ => source.place_at(index(raw.defined.line()).max(1), index(raw.defined.column()).max(1)),
    }
}

/// Every position fits, because files are limited.
fn index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX / 2)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

/// The methods of a visitor for scalars whose type the deserialiser infers.
macro_rules! inferred {
    ($($visit:ident: $type:ty),+) => {
        $(fn $visit<E>(self, _: $type) -> Result<Raw, E> {
            Ok(Raw::Inferred)
        })+
    };
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    inferred! {
        visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Mapping(entries))
    }
}

/// Collects the first keys of a mapping.
struct FirstKeys<'a>(&'a mut Vec<String>);

impl<'de> Visitor<'de> for FirstKeys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while let Some((key, IgnoredAny)) = access.next_entry()? {
            self.0.push(key);
            if self.0.len() == FIRST_KEYS_LIMIT {
                return Err(A::Error::custom("there are enough keys"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, Diagnostic> {
        parse(&Source::new("a.yaml", text.to_owned()))
    }

    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn scalars_keep_their_text() {
        let Value::Mapping(entries) =
            read("a: 8000E12\nb: 007\nc: 'x y'\nd: .inf\ne: &x 1_0\nf: *x\n").unwrap().value
        else {
            panic!("not a map")
        };
        let texts: Vec<String> = entries
            .iter()
            .map(|entry| match &entry.value.value {
                Value::Scalar { text, .. } => text.clone(),
                _ => panic!("not a scalar"),
            })
            .collect();
        assert_eq!(texts, ["8000E12", "007", "x y", ".inf", "1_0", "1_0"]);
    }

    #[test]
    fn first_keys_are_those_of_the_tree_up_to_a_mistake_or_the_limit() {
        let keys = |text: &str| first_keys(&Source::new("a.yaml", text.to_owned()));
        assert_eq!(keys("b: {c: 1}\na: [x]\n'7': y\nb: 2\n"), ["b", "a", "7", "b"]);
        assert_eq!(keys("a: 1\n---\nb: 2\n"), ["a"]);
        assert_eq!(keys("a: 1\nb: [\n"), ["a"]);
        for other in ["", "a", "[a: b]", "a: [", "[a]: b"] {
            assert!(keys(other).is_empty(), "{other:?}");
        }
        let many = (0..1000).map(|number| format!("k{number}: 1")).collect::<Vec<_>>().join("\n");
        assert_eq!(keys(&many).len(), FIRST_KEYS_LIMIT);
    }

    #[test]
    fn an_empty_file_is_reported_as_empty() {
        for text in
            ["", "# nothing\n\n", "  # nothing\n", "---\n", "~\n", "null", "--- # nothing\n"]
        {
            assert!(error(text).contains("the file is empty"), "{text:?}: {}", error(text));
        }
    }

    #[test]
    fn an_unclosed_bracket_is_reported_at_its_place() {
        let shown = error("a: 1\nb: [1,\n");
        assert!(shown.contains("unclosed bracket '['\n --> a.yaml:2:4"), "{shown}");
    }

    #[test]
    fn a_backslash_in_double_quotes_is_explained() {
        assert!(error("a: \"ca\\s+Valid\"\n").contains("use single quotes, or none"));
    }

    #[test]
    fn alias_bombs_and_deep_nesting_are_rejected() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(",");
            bomb += &["a", &level.to_string(), ": &a", &level.to_string(), " [", &aliases, "]\n"]
                .concat();
        }
        assert!(error(&bomb).contains("too complex"), "{}", error(&bomb));
        let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(error(&nested).contains("too complex"), "{}", error(&nested));
        assert!(error(&"[".repeat(100_000)).contains("too complex"));
    }
}
