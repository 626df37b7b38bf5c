//! Thousands of corrupted files: each is read or rejected, and none causes a panic.

use std::fs;
use std::path::{Path, PathBuf};

use model::lab::Lab;
use model::scenario::{Found, discover, load};

use super::documented_run::scenario_path;

/// Number of corrupted versions of each file.
const VERSIONS: u64 = 250;

/// Number of corrupted versions of each case of conformance. There are many cases, and they are much alike.
const VERSIONS_OF_CASES: u64 = 10;

/// Text that breaks YAML, configuration lines, addresses, durations and regular expressions.
const FRAGMENTS: &[&str] = &[
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
        // In a folder as deep as the file's own, so that its lab is found.
        let path = folder.path().join(found.id).with_extension("yaml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let is_case = path.components().any(|part| part.as_os_str() == "conformance");
        let times = if is_case { VERSIONS_OF_CASES } else { VERSIONS };
        corrupt(&found.path, times, |bytes| {
            fs::write(&path, bytes).unwrap();
            let result = load(&Found { id: "corrupted".to_owned(), path: path.clone() }, None);
            refused += u64::from(result.is_err_and(|errors| !errors.to_string().is_empty()));
        });
    }
    assert!(refused > VERSIONS, "corrupted files are hardly ever invalid: {refused}");
}

#[test]
fn corrupted_labs_are_read_or_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corrupted.yaml");
    let mut refused = 0;
    for lab in fs::read_dir(scenario_path("labs")).unwrap() {
        corrupt(&lab.unwrap().path(), VERSIONS, |bytes| {
            fs::write(&path, bytes).unwrap();
            refused += u64::from(Lab::load(&path).is_err_and(|errors| !errors.is_empty()));
        });
    }
    assert!(refused > VERSIONS / 4, "corrupted files are hardly ever invalid: {refused}");
}

fn copy_into(file: &Path, folder: &Path) {
    let copy: PathBuf = folder.join(file.file_name().unwrap());
    fs::copy(file, copy).unwrap();
}

/// Calls `read` with corrupted versions of a file, which are the same at every run.
fn corrupt(path: &Path, times: u64, mut read: impl FnMut(&[u8])) {
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
            let fragment = FRAGMENTS[random.below(FRAGMENTS.len())];
            bytes.splice(at..at, fragment.bytes());
        }
    }
}

/// The random numbers of xorshift64*.
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
