//! A configuration as `set` lines, and the changes from one to another.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::connection::Addresses;
use super::console::can_be_typed;

/// The parts of every device's configuration that are never deleted, because a login would be impossible without them.
const PROTECTED: [&[&str]; 2] = [&["system", "login"], &["service", "ssh"]];

/// The path of the static routes.
const ROUTES: [&str; 2] = ["protocols", "static"];

/// The maximum length of a value of several lines, in bytes.
const LONGEST_VALUE: usize = 32 * 1024;

/// The words of a path to a node, and its value.
pub(super) type Path = Vec<String>;

/// A configuration, in the device's own order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Configuration {
    pub(super) statements: Vec<Statement>,
}

/// One `set` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// The line as the device prints it.
    pub(super) line: String,
    /// The words after the verb.
    pub(super) path: Path,
}

impl Configuration {
    /// Parses the device's output; the error is the first line that is not part of a configuration.
    pub(super) fn parse(printed: &str) -> Result<Self, String> {
        let mut statements = Vec::new();
        let mut lines = printed.lines();
        while let Some(line) = lines.next() {
            let mut line = line.trim().to_owned();
            if line.is_empty() || line.starts_with('#') || line.starts_with("[edit") {
                continue;
            }
            if !line.starts_with("set ") {
                return Err(line);
            }
            let mut path = loop {
                if let Some(words) = shlex::split(&line) {
                    break words;
                }
                // A quoted value may continue in the next line.
                let more = lines.next().filter(|_| line.len() < LONGEST_VALUE);
                let Some(more) = more else { return Err(line) };
                line = format!("{line}\n{more}");
            };
            if path.len() < 2 {
                return Err(line);
            }
            path.remove(0);
            statements.push(Statement { line, path });
        }
        Ok(Self { statements })
    }

    /// The lines, as they can be typed.
    pub(super) fn text(&self) -> String {
        self.statements.iter().flat_map(|statement| [statement.line.as_str(), "\n"]).collect()
    }

    /// The lines that cannot be set again.
    pub(super) fn irretrievable(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| statement.is_irretrievable())
    }

    /// The lines that are not in `other`.
    pub(super) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Statement> {
        let known: HashSet<&Path> = other.statements.iter().map(|own| &own.path).collect();
        self.statements.iter().filter(move |statement| !known.contains(&statement.path))
    }

    /// The paths to delete before the wanted lines are set: the topmost nodes that contain neither a wanted nor a kept path.
    pub(super) fn deletions(&self, wanted: &[Path], kept: &[Path]) -> Vec<Path> {
        let is_kept = |path: &Path| kept.iter().any(|prefix| path.starts_with(prefix));
        let paths = || self.statements.iter().map(|statement| &statement.path);
        let stays: HashSet<&Path> =
            wanted.iter().chain(paths().filter(|path| is_kept(path))).collect();
        // A configuration may have many lines, so that they are not compared with each other.
        let nodes: HashSet<&[String]> =
            stays.iter().flat_map(|path| (1..=path.len()).map(|length| &path[..length])).collect();
        let (mut deletions, mut deleted) = (Vec::new(), HashSet::new());
        for statement in &self.statements {
            let path = &statement.path;
            let gone = (0..=path.len()).any(|length| deleted.contains(&path[..length]));
            if gone || stays.contains(path) {
                continue;
            }
            let highest = (1..=path.len()).find(|length| !nodes.contains(&path[..*length]));
            if let Some(deletion) = highest.map(|length| statement.deletion(length)) {
                deleted.insert(deletion.clone());
                deletions.push(deletion);
            }
        }
        deletions
    }

    /// The paths that must not be deleted: the login, the interface to which the connection leads, and the route back.
    pub(super) fn protected_paths(&self, addresses: &Addresses) -> Vec<Path> {
        let mut kept: Vec<Path> = PROTECTED.iter().map(|words| owned(words)).collect();
        let Some((interface, subnet)) = self.interface_of(addresses) else { return kept };
        kept.push(interface);
        match addresses.local {
            Some(local) if subnet.contains(&local) => {}
            Some(local) => kept.extend(self.routes_to(local)),
            // Any route may lead to the jump host.
            None => kept.push(owned(&ROUTES)),
        }
        kept
    }

    /// The interface with the address of the connection, and its subnet.
    pub(super) fn interface_of(&self, addresses: &Addresses) -> Option<(Path, IpNet)> {
        let address = addresses.address?;
        let mut paths = self.statements.iter().map(|statement| &statement.path);
        paths.find_map(|path| {
            if !is_of_interfaces(path) {
                return None;
            }
            let at = path.iter().position(|word| word == "address")?;
            let subnet: IpNet = path.get(at + 1)?.parse().ok()?;
            (subnet.addr() == address).then(|| (path[..at].to_vec(), subnet))
        })
    }

    fn routes_to(&self, address: IpAddr) -> impl Iterator<Item = Path> {
        self.statements.iter().filter_map(move |Statement { path, .. }| {
            let goes_there =
                |word: &String| word.parse().is_ok_and(|net: IpNet| net.contains(&address));
            let is_route = path.len() > 3 && path[..2] == ROUTES && goes_there(&path[3]);
            is_route.then(|| path[..4].to_vec())
        })
    }
}

impl Statement {
    /// True if the value is shown as asterisks.
    pub(super) fn is_masked(&self) -> bool {
        let stars = |value: &String| value.len() >= 4 && value.bytes().all(|byte| byte == b'*');
        self.path.len() > 1 && self.path.last().is_some_and(stars)
    }

    /// True if the value is masked, has several lines or is too long to be typed.
    pub(super) fn is_irretrievable(&self) -> bool {
        self.is_masked() || !can_be_typed(&self.line)
    }

    /// The node that contains the value, so that the node stays complete.
    pub(super) fn node(&self) -> Path {
        self.path[..self.path.len().saturating_sub(2).max(1)].to_vec()
    }

    /// The path without the value.
    pub(super) fn leaf(&self) -> &[String] {
        &self.path[..self.path.len() - 1]
    }

    fn deletion(&self, length: usize) -> Path {
        // The asterisks are not the value.
        let length = if self.is_masked() { length.min(self.path.len() - 1) } else { length };
        self.path[..length].to_vec()
    }
}

/// True if the path belongs to an interface, and not to another node with an address.
pub(super) fn is_of_interfaces(path: &Path) -> bool {
    path.first().is_some_and(|word| word == "interfaces")
}

/// The path that a line of a scenario sets, if it sets one.
pub(super) fn set_by(line: &str) -> Option<Path> {
    let words = shlex::split(line)?;
    let (verb, path) = words.split_first()?;
    (verb == "set" && !path.is_empty()).then(|| path.to_vec())
}

/// A line for a path, with quotes as the device prints them.
pub(super) fn line(verb: &str, path: &[String]) -> String {
    let words = path.iter().map(|word| quoted(word));
    std::iter::once(verb.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let bare = |c: char| c.is_alphanumeric() || "+,-./=@_%".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn owned(words: &[&str]) -> Path {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
# Teldat OSDx VM version v4.2.9.3
# Warning: Configuration has not been saved
set interfaces ethernet eth0 address 198.51.100.7/24
set interfaces ethernet eth1 address 10.0.0.1/24
set protocols static route 0.0.0.0/0 next-hop 198.51.100.1
set protocols static route 10.9.0.0/16 next-hop 10.0.0.2
set service ssh
set system certificate scep csr OLD url 'http://10.0.0.9'
set system certificate scep csr OLD port 80
set system login user admin role admin
set system time-zone UTC";

    fn configuration(text: &str) -> Configuration {
        Configuration::parse(text).unwrap()
    }

    fn deletions(current: &str, wanted: &[&str], kept: &[Path]) -> Vec<String> {
        let wanted: Vec<Path> = wanted.iter().filter_map(|line| set_by(line)).collect();
        let deletions = configuration(current).deletions(&wanted, kept);
        deletions.iter().map(|path| line("delete", path)).collect()
    }

    fn addresses(local: Option<IpAddr>) -> Addresses {
        let device = "198.51.100.7".to_owned();
        Addresses { address: device.parse().ok(), device, local }
    }

    fn kept(local: &str) -> Vec<Path> {
        configuration(PRINTED).protected_paths(&addresses(local.parse().ok()))
    }

    #[test]
    fn printed_configuration_survives_a_round_trip() {
        let read = configuration(PRINTED);
        assert_eq!(read.statements.len(), 9);
        assert_eq!(read.statements[5].path.last().unwrap(), "http://10.0.0.9");
        assert_eq!(configuration(&read.text()), read);
        assert_eq!(
            Configuration::parse("Invalid command: [show]"),
            Err("Invalid command: [show]".into())
        );
        assert_eq!(configuration("# nothing\n\n"), Configuration::default());
    }

    #[test]
    fn value_may_have_several_lines() {
        let read = configuration("set system login banner 'two\nlines'\nset a b");
        assert_eq!(read.statements[0].path.last().unwrap(), "two\nlines");
        assert_eq!(read.statements.len(), 2);
        assert!(Configuration::parse("set a 'open").is_err());
    }

    #[test]
    fn topmost_unwanted_nodes_are_deleted() {
        let wanted = ["set interfaces ethernet eth1 address 10.215.168.64/24"];
        assert_eq!(
            deletions(PRINTED, &wanted, &kept("198.51.100.9")),
            [
                "delete interfaces ethernet eth1 address 10.0.0.1/24",
                "delete protocols",
                "delete system certificate",
                "delete system time-zone",
            ]
        );
    }

    #[test]
    fn route_back_is_kept() {
        let deleted = deletions(PRINTED, &[], &kept("203.0.113.5"));
        assert!(
            deleted.contains(&"delete protocols static route 10.9.0.0/16".to_owned()),
            "{deleted:?}"
        );
        assert!(!deleted.iter().any(|line| line.contains("0.0.0.0/0")), "{deleted:?}");
    }

    #[test]
    fn wanted_lines_are_not_deleted() {
        let wanted: Vec<&str> = PRINTED.lines().collect();
        assert_eq!(deletions(PRINTED, &wanted, &[]), [""; 0]);
        // A node that is wanted with further nodes in it stays as well.
        assert_eq!(deletions("set service ssh", &["set service ssh port 22"], &[]), [""; 0]);
    }

    #[test]
    fn untypable_values_are_found_and_endless_values_are_refused() {
        let long = format!("set a b '{}'", "x".repeat(4000));
        let read = configuration(&format!("set banner 'one\ntwo'\n{long}\nset c d"));
        let untypable: Vec<&str> = read.irretrievable().map(|it| it.path[0].as_str()).collect();
        assert_eq!(untypable, ["banner", "a"]);
        let endless = format!("set a 'b\n{}", "x\n".repeat(LONGEST_VALUE));
        assert!(Configuration::parse(&endless).is_err());
        assert!(Configuration::parse("set #x").is_err());
    }

    #[test]
    fn masked_value_is_deleted_without_the_asterisks() {
        let current = "set a csr C url x\nset a csr C password '****'\nset b '****'";
        let read = configuration(current);
        let masked: Vec<&Statement> = read.irretrievable().collect();
        assert_eq!(masked.len(), 2);
        assert_eq!(masked[0].node(), ["a", "csr", "C"]);
        assert_eq!(
            deletions(current, &["set a csr C url x"], &[]),
            ["delete a csr C password", "delete b"]
        );
        let kept: Vec<Path> = masked.iter().map(|statement| statement.node()).collect();
        assert_eq!(deletions(current, &[], &kept), [""; 0]);
    }

    #[test]
    fn words_are_quoted_as_the_device_quotes() {
        let path = owned(&["url", "http://10.0.0.1", "a b", "", "it's", "CN=x"]);
        assert_eq!(line("delete", &path), r"delete url 'http://10.0.0.1' 'a b' '' 'it'\''s' CN=x");
        assert_eq!(shlex::split(&line("delete", &path)).unwrap()[1..], path);
    }
}
