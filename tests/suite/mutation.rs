//! Thousands of mutations of right files go through the readers: every one is read or refused, none is a panic.

use std::fs;
use std::path::{Path, PathBuf};

use model::lab::Lab;
use model::scenario::{Found, discover, load};

use super::documented_run::scenario_path;

/// How many mutations of each file.
const MUTATIONS: u64 = 250;

/// How many of each case of conformance: there are many, and they are much alike.
const MUTATIONS_OF_CASES: u64 = 10;

/// What breaks YAML, configuration lines, addresses, durations and regular expressions.
const SPICE: &[&str] = &[
    "\0",
    "\t",
    "\n",
    " ",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!x ",
    "|",
    ">-",
    "'",
    "\"",
    "#",
    "%",
    "@",
    "`",
    "<<: ",
    "? ",
    "---\n",
    "...\n",
    "~",
    "null",
    "true",
    "-1",
    "0",
    "99999999999999999999",
    "1e999",
    ".inf",
    "0x",
    "/33",
    "/0",
    "0.0.0.0",
    "255.255.255.255/32",
    "1s",
    "0ms",
    "(",
    "(?",
    "a{9999}",
    "\\",
    "\u{feff}",
    "\u{202e}",
    "ü",
    "𝄞",
    "\r\n",
    "set ",
    "delete ",
    "password x",
    "U2FsdGVkX1",
];

#[test]
fn corrupted_scenarios_are_read_or_rejected() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("labs")).unwrap();
    let labs = fs::read_dir(scenario_path("labs")).unwrap().map(|entry| entry.unwrap().path());
    labs.for_each(|lab| copy_into(&lab, &folder.path().join("labs")));
    let mut refused = 0;
    for found in discover(&[scenario_path("")]).unwrap() {
        // As deep as the file itself, so that its lab is found.
        let path = folder.path().join(found.id).with_extension("yaml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let is_case = path.components().any(|part| part.as_os_str() == "conformance");
        let times = if is_case { MUTATIONS_OF_CASES } else { MUTATIONS };
        mutate(&found.path, times, |bytes| {
            fs::write(&path, bytes).unwrap();
            let result = load(&Found { id: "mutated".to_owned(), path: path.clone() }, None);
            refused += u64::from(result.is_err_and(|errors| !errors.to_string().is_empty()));
        });
    }
    assert!(refused > MUTATIONS, "mutations are hardly ever wrong: {refused}");
}

#[test]
fn corrupted_labs_are_read_or_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutated.yaml");
    let mut refused = 0;
    for lab in fs::read_dir(scenario_path("labs")).unwrap() {
        mutate(&lab.unwrap().path(), MUTATIONS, |bytes| {
            fs::write(&path, bytes).unwrap();
            refused += u64::from(Lab::load(&path).is_err_and(|errors| !errors.is_empty()));
        });
    }
    assert!(refused > MUTATIONS / 4, "mutations are hardly ever wrong: {refused}");
}

fn copy_into(file: &Path, folder: &Path) {
    let copy: PathBuf = folder.join(file.file_name().unwrap());
    fs::copy(file, copy).unwrap();
}

/// Hands out mutations of a file, the same at every run.
fn mutate(path: &Path, times: u64, mut read: impl FnMut(&[u8])) {
    let whole = fs::read(path).unwrap();
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ whole.len() as u64);
    for _ in 0..times {
        let mut bytes = whole.clone();
        for _ in 0..=random.below(3) {
            change(&mut bytes, &mut random);
        }
        read(&bytes);
    }
}

fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + 1 + random.below(24)).min(bytes.len());
    match random.below(6) {
        0 => drop(bytes.drain(at..end.max(at))),
        1 => bytes.truncate(at),
        2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        3 => {
            let part = bytes[at..end.max(at)].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        _ => {
            let spice = SPICE[random.below(SPICE.len())];
            bytes.splice(at..at, spice.bytes());
        }
    }
}

/// xorshift64*: enough to choose mutations by.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit.max(1)
    }
}
