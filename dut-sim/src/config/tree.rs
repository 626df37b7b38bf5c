//! A configuration as a tree: leaves with their values, and instances without leaves.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::parse::quoted;
use crate::config::schema;
use crate::config::value::Value;

/// A configuration: the values of every leaf by the path of its names. An instance without leaves has no values.
///
/// Paths sort as documented listings do: alphabetically, node by node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    leaves: BTreeMap<Vec<String>, Vec<Value>>,
}

impl Configuration {
    /// Creates an instance of a tag; returns false if it existed.
    pub(crate) fn create(&mut self, path: &[String]) -> bool {
        let new = !self.contains(path);
        if new {
            self.insert(path.to_vec(), Vec::new());
        }
        new
    }

    /// Sets the leaf at `path`, or adds to it if it is `multi`; returns false if it had that value.
    pub(crate) fn set(&mut self, path: &[String], value: Value, multi: bool) -> bool {
        let mut values = self.leaves.get(path).cloned().unwrap_or_default();
        if values.contains(&value) {
            return false;
        }
        if !multi {
            values.clear();
        }
        values.push(value);
        self.insert(path.to_vec(), values);
        true
    }

    /// Deletes everything at and under `path`; returns false if there was nothing.
    pub(crate) fn delete(&mut self, path: &[String]) -> bool {
        let before = self.leaves.len();
        self.leaves.retain(|each, _| !each.starts_with(path));
        self.leaves.len() < before
    }

    /// Deletes one value of the leaf at `path`; returns false if the leaf did not have it.
    pub(crate) fn delete_value(&mut self, path: &[String], value: &Value) -> bool {
        let Some(values) = self.leaves.get_mut(path) else { return false };
        let before = values.len();
        values.retain(|each| each != value);
        let deleted = values.len() < before;
        if values.is_empty() {
            self.leaves.remove(path);
        }
        deleted
    }

    /// True if there is anything at or under `path`.
    pub(crate) fn contains(&self, path: &[String]) -> bool {
        self.under(path).next().is_some()
    }

    /// The values of the leaf at `path`.
    pub(crate) fn values(&self, path: &[String]) -> &[Value] {
        self.leaves.get(path).map_or(&[], Vec::as_slice)
    }

    /// The value of the leaf at `path`, or its default.
    pub(crate) fn value_or_default(&self, path: &[String]) -> Option<Value> {
        self.values(path).first().cloned().or_else(|| schema::default(path))
    }

    /// Names of the instances of the tag at `path`.
    pub(crate) fn instances<'a>(&'a self, path: &'a [String]) -> BTreeSet<&'a String> {
        self.under(path).filter_map(|(each, _)| each.get(path.len())).collect()
    }

    /// The `set` lines of everything at and under `path`; they can be entered again.
    pub(crate) fn shown(&self, path: &[String]) -> Vec<String> {
        self.under(path)
            .flat_map(|(each, values)| lines(each, values.iter().map(|value| value.shown().into())))
            .collect()
    }

    /// This configuration, with the differences between `before` and `after` applied.
    pub(crate) fn with_changes(&self, before: &Self, after: &Self) -> Self {
        let mut changed = self.clone();
        let paths: BTreeSet<_> = before.leaves.keys().chain(after.leaves.keys()).collect();
        for path in paths {
            match after.leaves.get(path) {
                values if values == before.leaves.get(path) => {}
                None => drop(changed.leaves.remove(path)),
                // An instance that has got leaves meanwhile stays as it is.
                Some(values) if values.is_empty() && changed.contains(path) => {}
                Some(values) => changed.insert(path.clone(), values.clone()),
            }
        }
        changed
    }

    /// Differences to `other`: `-` before lines that it lacks, `+` before lines that it adds.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let paths: BTreeSet<_> = self.leaves.keys().chain(other.leaves.keys()).collect();
        paths.into_iter().flat_map(|path| self.differences_at(other, path)).collect()
    }

    fn differences_at(&self, other: &Self, path: &[String]) -> Vec<String> {
        let lost = self.lines_that_differ(other, path);
        let gained = other.lines_that_differ(self, path);
        let mark = |mark: char| move |line: String| format!("{mark} {line}");
        lost.into_iter().map(mark('-')).chain(gained.into_iter().map(mark('+'))).collect()
    }

    fn lines_that_differ(&self, other: &Self, path: &[String]) -> Vec<String> {
        let Some(values) = self.leaves.get(path) else { return Vec::new() };
        let others = other.values(path);
        if values.is_empty() {
            let same = other.leaves.contains_key(path);
            return if same { Vec::new() } else { lines(path, std::iter::empty()) };
        }
        let differing: Vec<_> = values.iter().filter(|value| !others.contains(value)).collect();
        differing.iter().flat_map(|value| lines(path, [value.shown().into()].into_iter())).collect()
    }

    /// Inserts a leaf. The entry of an instance itself is removed once it has a leaf.
    fn insert(&mut self, path: Vec<String>, values: Vec<Value>) {
        self.leaves.retain(|each, values| !values.is_empty() || !path.starts_with(each));
        self.leaves.insert(path, values);
    }

    fn under<'a>(
        &'a self,
        path: &'a [String],
    ) -> impl Iterator<Item = (&'a Vec<String>, &'a Vec<Value>)> {
        self.leaves.range(path.to_vec()..).take_while(move |(each, _)| each.starts_with(path))
    }
}

/// The printed lines of a leaf: one for each value, or the path alone.
fn lines(path: &[String], values: impl Iterator<Item = String>) -> Vec<String> {
    let path: Vec<_> = path.iter().map(|word| quoted(word)).collect();
    let path = format!("set {}", path.join(" "));
    let lines: Vec<_> = values.map(|value| format!("{path} {}", quoted(&value))).collect();
    if lines.is_empty() { vec![path] } else { lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::Kind;

    fn path(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn address(text: &str) -> Value {
        Kind::InterfaceAddress.parse(text).unwrap()
    }

    #[test]
    fn leaf_is_replaced_and_multi_leaf_is_extended() {
        let mut tree = Configuration::default();
        let host_name = path("system host-name");
        assert!(tree.set(&host_name, Value::Text("one".into()), false));
        assert!(tree.set(&host_name, Value::Text("two".into()), false));
        assert!(!tree.set(&host_name, Value::Text("two".into()), false));
        let eth0 = path("interfaces ethernet eth0 address");
        tree.set(&eth0, address("10.0.0.1/24"), true);
        tree.set(&eth0, address("10.0.1.1/24"), true);
        assert_eq!(
            tree.shown(&[]),
            [
                "set interfaces ethernet eth0 address 10.0.0.1/24",
                "set interfaces ethernet eth0 address 10.0.1.1/24",
                "set system host-name two"
            ]
        );
        assert!(tree.delete_value(&eth0, &address("10.0.0.1/24")));
        assert!(!tree.delete_value(&eth0, &address("10.0.0.1/24")));
        assert!(tree.delete(&path("interfaces")));
        assert!(!tree.delete(&path("interfaces")));
        assert_eq!(tree.shown(&[]), ["set system host-name two"]);
    }

    #[test]
    fn instance_without_leaves_is_shown() {
        let mut tree = Configuration::default();
        let csr = path("system certificate scep csr A");
        assert!(tree.create(&csr));
        assert!(!tree.create(&csr));
        assert_eq!(tree.shown(&[]), ["set system certificate scep csr A"]);
        tree.set(&path("system certificate scep csr A port"), Value::Port(8080), false);
        assert_eq!(tree.shown(&[]), ["set system certificate scep csr A port 8080"]);
        assert_eq!(tree.instances(&path("system certificate scep csr")).len(), 1);
    }

    #[test]
    fn differences_are_marked() {
        let mut before = Configuration::default();
        let hash = path("system login user admin authentication encrypted-password");
        before.set(&hash, Kind::CryptHash.parse("$6$a$b").unwrap(), false);
        let mut after = before.clone();
        after.set(&hash, Kind::CryptHash.parse("$6$a$c").unwrap(), false);
        after.create(&path("interfaces ethernet eth1"));
        let user = "set system login user admin authentication encrypted-password";
        assert_eq!(
            before.differences(&after),
            [
                "+ set interfaces ethernet eth1".to_owned(),
                format!("- {user} '$6$a$b'"),
                format!("+ {user} '$6$a$c'")
            ]
        );
        assert_eq!(after.differences(&after), [""; 0]);
    }
}
