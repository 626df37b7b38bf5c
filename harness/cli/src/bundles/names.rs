//! Stand-ins for names and addresses of people and machines: the same for the same name, wherever it is.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use model::lab::Lab;
use model::scenario::Scenario;
use regex::{Captures, Regex};

/// Where names and addresses are in texts. Each group is one kind.
static PLACES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let parts = [
        // The values of a distinguished name.
        r#"\b(?:CN|OU|O|L|ST|C|DC|UID|SN|GN|STREET|emailAddress|serialNumber|unstructuredName|unstructuredAddress)\s*=\s*(?<name>[^\s,;"'\\/}\]+=`(][^,;"'\\/}\]+=`(\r\n]*)"#,
        r"(?<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)",
        r"(?<hardware>\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b)",
        r"(?<six>[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})",
        // Numbers that are no address: sections, and object identifiers of more than four parts.
        r"§+\s*\d+(?:\.\d+)*|\b[Ss]ections?\s+\d+(?:\.\d+)*|\bRFC\s*\d+\s+\d+(?:\.\d+)+|\b[012]\.[1-3]?\d(?:\.\d+){3,}\b",
        r"(?<four>\b\d{1,3}(?:\.\d{1,3}){3}\b)",
        r"(?<host>\b[A-Za-z0-9][\w-]*(?:\.[A-Za-z0-9][\w-]*)*\.[A-Za-z]{2,}\b)",
        r"\bhttps?://(?<authority>[\w.-]+)",
    ];
    Regex::new(&parts.join("|")).ok()
});

/// The ends of names of files, which are not those of hosts.
const ENDINGS: [&str; 14] = [
    "yaml", "yml", "json", "der", "pem", "txt", "http", "html", "exe", "dll", "md", "rs", "xml",
    "sh",
];

/// The shortest name that is replaced wherever it stands, in characters: a shorter one is a part of other words.
const SHORTEST: usize = 4;

/// Words of the protocol that are common in names, too.
const COMMON: [&str; 11] =
    ["scep", "test", "admin", "cert", "root", "user", "http", "none", "server", "client", "host"];

/// The stand-ins of a bundle.
pub(super) struct Names {
    stand_ins: BTreeMap<String, String>,
    /// Finds the names that are replaced wherever they stand as words.
    everywhere: Option<Regex>,
}

impl Names {
    /// The stand-ins for the titles of a scenario and its lab and the parts of that, for what the texts show as names, and for this machine
    /// and its user.
    pub(super) fn of<'a>(
        scenario: Option<&Scenario>,
        texts: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut names = Self { stand_ins: BTreeMap::new(), everywhere: None };
        let mut counts: HashMap<&'static str, usize> = HashMap::new();
        let mut words: Vec<String> = Vec::new();
        let lab = scenario.map(|scenario| &scenario.lab);
        let known = titles(scenario).chain(of_lab(lab)).chain(of_this_machine());
        for (kind, name) in known.filter(|(_, name)| is_telling(name)) {
            names.add(kind, &name, &mut counts);
            words.push(name);
        }
        let Some(places) = &*PLACES else { return names };
        for text in texts {
            for found in places.captures_iter(text) {
                let Some((kind, name)) = name_in(&found) else { continue };
                names.add(kind, name, &mut counts);
                words.extend(is_telling(name).then(|| name.to_owned()));
            }
        }
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        let words: Vec<String> = words.iter().map(|word| as_a_word(word)).collect();
        names.everywhere = (!words.is_empty())
            .then(|| Regex::new(&words.join("|")))
            .transpose()
            .unwrap_or_else(|_| Regex::new(EVERYTHING).ok());
        names
    }

    fn add(&mut self, kind: &'static str, name: &str, counts: &mut HashMap<&'static str, usize>) {
        if name.is_empty() || self.stand_ins.contains_key(name) {
            return;
        }
        let count = counts.entry(kind).or_default();
        *count += 1;
        self.stand_ins.insert(name.to_owned(), format!("{kind}-{count}"));
    }

    /// The text with stand-ins in place of names.
    pub(super) fn text(&self, text: &str) -> String {
        let Some(places) = &*PLACES else { return String::new() };
        let text = places.replace_all(text, |found: &Captures<'_>| {
            let whole = &found[0];
            match name_in(found) {
                Some((_, name)) => {
                    let at = whole.rfind(name).unwrap_or_default();
                    let stand_in = self.stand_ins.get(name).map_or("name", String::as_str);
                    format!("{}{stand_in}{}", &whole[..at], &whole[at + name.len()..])
                }
                None => whole.to_owned(),
            }
        });
        let Some(everywhere) = &self.everywhere else { return text.into_owned() };
        let stand_in = |found: &Captures<'_>| {
            self.stand_ins.get(&found[0]).map_or("name", String::as_str).to_owned()
        };
        everywhere.replace_all(&text, stand_in).into_owned()
    }
}

/// The pattern for names that are too many for one: nothing of a text is shown.
const EVERYTHING: &str = r"(?s).+";

/// The pattern of a name that stands by itself.
fn as_a_word(name: &str) -> String {
    let edge = |char: Option<char>| {
        let is_of_word = char.is_some_and(|char| char.is_alphanumeric() || char == '_');
        if is_of_word { r"\b" } else { "" }
    };
    let (first, last) = (edge(name.chars().next()), edge(name.chars().last()));
    format!("{first}{}{last}", regex::escape(name))
}

/// True for a name that is replaced wherever it stands.
fn is_telling(name: &str) -> bool {
    let is_common = COMMON.contains(&name.to_ascii_lowercase().as_str());
    name.chars().count() >= SHORTEST && !is_common
}

/// The kind and the name at a place; none if it only looks like one.
fn name_in<'a>(found: &Captures<'a>) -> Option<(&'static str, &'a str)> {
    let of = |group: &str| found.name(group).map(|it| it.as_str());
    if let Some(name) = of("name") {
        return Some(("name", name.trim_end()));
    }
    if let Some(mail) = of("mail") {
        return Some(("mail", mail));
    }
    if let Some(address) = of("hardware") {
        return Some(("address", address));
    }
    if let Some(address) = of("six").filter(|it| it.len() > 2 && it.parse::<Ipv6Addr>().is_ok()) {
        return Some(("address", address));
    }
    if let Some(address) = of("four").filter(|it| is_address(it)) {
        return Some(("address", address));
    }
    let is_file = |name: &str| ENDINGS.iter().any(|it| name.rsplit('.').next() == Some(it));
    let host = of("host").filter(|name| !is_file(name)).or_else(|| of("authority"));
    host.map(|host| (if is_address(host) { "address" } else { "host" }, host))
}

fn is_address(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

fn titles(scenario: Option<&Scenario>) -> impl Iterator<Item = (&'static str, String)> {
    let titles = scenario.map(|scenario| (scenario.title.clone(), scenario.lab.title.clone()));
    let titles = titles.into_iter().flat_map(|(own, lab)| [Some(own), lab]);
    titles.flatten().map(|title| ("title", title))
}

fn of_lab(lab: Option<&Lab>) -> Vec<(&'static str, String)> {
    let Some(lab) = lab else { return Vec::new() };
    let devices = lab.devices.keys().map(|name| ("device", name.clone()));
    let hosts = lab.hosts.keys().map(|name| ("host", name.clone()));
    let pkis = lab.pki_names().into_iter().map(|name| ("pki", name.to_owned()));
    devices.chain(hosts).chain(pkis).collect()
}

/// The names of this machine and its user, and the path of the user's folder.
fn of_this_machine() -> Vec<(&'static str, String)> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| value.len() > 2);
    let mut names = Vec::new();
    names.extend(variable("HOME").map(|path| ("path", path)));
    names.extend(variable("USER").filter(|user| user != "root").map(|user| ("name", user)));
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    names.extend(Some(host.trim()).filter(|it| it.len() > 2).map(|it| ("host", it.to_owned())));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> String {
        Names::of(None, std::iter::once(text)).text(text)
    }

    #[test]
    fn names_and_addresses_have_the_same_stand_in_everywhere() {
        let text = "subject CN = Alice Meier, O = Acme GmbH; Alice Meier at alice@acme.example";
        assert_eq!(replaced(text), "subject CN = name-1, O = name-2; name-1 at mail-1");
        let text =
            "GET http://pki.acme.example/scep from 10.0.0.64:32770, fe80::1, 02:00:00:00:00:01";
        let expected = "GET http://host-1/scep from address-1:32770, address-2, address-3";
        assert_eq!(replaced(text), expected);
        assert_eq!(
            replaced("10.0.0.1 and 10.0.0.1, 10.0.0.2"),
            "address-1 and address-1, address-2"
        );
        assert_eq!(replaced("http://pki:8080/scep of pki"), "http://host-1:8080/scep of pki");
    }

    #[test]
    fn other_words_stay() {
        for text in [
            "scenarios/scep/linux-pki.yaml:27:11",
            "it took 20.0 s, 81 tries at 12:30:55",
            "1.2.840.113549.1.9.7 challengePassword",
            "RFC 8894 §3.2.1.5",
            "RFC 8894 3.2.1.4 and section 3.2.1.4",
            "1.3.6.1.4.1.311.13.2.1 and 1.3.6.1.5.5.7.3.2",
            "set system certificate scep csr CSR port 8080",
        ] {
            assert_eq!(replaced(text), text);
        }
    }
}
