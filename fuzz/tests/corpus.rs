//! What is kept in `seeds` and `corpus`, and a fixed number of mutations of it, through the functions that `cargo fuzz` calls.
#![expect(clippy::unwrap_used, reason = "a test program")]

#[path = "../../scep/tests/dice/mod.rs"]
mod dice;

use std::{
    env, fs,
    panic::{RefUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use dice::Dice;
use fuzz::{
    TARGETS,
    fixtures::{CA, DEVICE, STEP_CA, now},
};
use scep::{
    client::{Exchange, Expected, Reply},
    message::Message,
    server,
};

/// Multiplies the mutations of each file; `.ci/full` sets it.
const FACTOR: &str = "SCEPLAB_FUZZ_FACTOR";

#[test]
fn message() {
    run("message", 40);
}

#[test]
fn server_open() {
    run("server_open", 8);
}

#[test]
fn client_reply() {
    run("client_reply", 8);
}

#[test]
fn ber() {
    run("ber", 400);
}

#[test]
fn yaml() {
    run("yaml", 4);
}

#[test]
fn http_head() {
    run("http_head", 20);
}

#[test]
fn recorded() {
    run("recorded", 100);
}

#[test]
fn control_api() {
    run("control_api", 8);
}

#[test]
fn device_lines() {
    run("device_lines", 8);
}

#[test]
fn explain() {
    run("explain", 8);
}

#[test]
fn explain_input() {
    run("explain_input", 8);
}

#[test]
fn every_target_has_test_program_and_seeds() {
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    let mut programs = fs::read_dir(folder("fuzz_targets")).unwrap().count();
    let tests = include_str!("corpus.rs");
    for (name, _) in TARGETS {
        let test = format!("#[test]\nfn {name}() {{\n    run(\"{name}\", ");
        assert!(tests.contains(&test), "{name} has no test in this file");
        let program = fs::read_to_string(folder(&format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("fuzz::{name}(data)")), "{program}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        assert!(!seeds(name).is_empty(), "{name} has no seeds");
        programs -= 1;
    }
    assert_eq!(programs, 0, "a program without a target in `fuzz::TARGETS`");
}

/// The keys fit the captures, so that more than a refusal is mutated.
#[test]
fn captured_requests_are_opened() {
    for client in ["sscep-0.10.0", "scepclient-2.1.0", "strongswan-6.0.6", "sceplab"] {
        let bytes = fs::read(folder(&format!("seeds/server_open/{client}.der"))).unwrap();
        let opened = server::open(&Message::parse(&bytes).unwrap(), &CA);
        opened.unwrap_or_else(|error| panic!("{client}: {error}"));
    }
}

#[test]
fn captured_replies_are_read() {
    for (name, is_granted) in [("granted", true), ("refused", false)] {
        let file = folder(&format!("seeds/client_reply/step-ca-0.19-{name}.der"));
        let bytes = fs::read(file).unwrap();
        let message = Message::parse(&bytes).unwrap();
        let expected = Expected {
            exchange: Exchange::PkiOperation(None),
            transaction_id: &message.attributes().transaction_id().unwrap(),
            sender_nonce: &message.attributes().recipient_nonce().unwrap(),
            signers: &[&STEP_CA],
            recipient: &DEVICE,
            password: None,
            takes_obsolete_algorithms: true,
            now: now(),
        };
        let reply = Reply::read(&bytes, &expected).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(matches!(reply, Reply::Success(_)), is_granted);
    }
}

/// Hands each file of a target to its function, and so many mutations of each seed. What the fuzzer found is a mutation already,
/// and gets one more.
fn run(name: &str, mutations: u32) {
    let factor = env::var(FACTOR).map_or(1, |factor| factor.parse().unwrap());
    let (_, function) = TARGETS.into_iter().find(|(target, _)| *target == name).unwrap();
    let seeds = seeds(name).into_iter().map(|file| (file, mutations));
    // A new target has none.
    let corpus = format!("corpus/{name}");
    let found = if folder(&corpus).exists() { files(&corpus) } else { Vec::new() };
    let found = found.into_iter().map(|file| (file, 1));
    for (file, mutations) in seeds.chain(found) {
        let bytes = fs::read(&file).unwrap();
        try_one(name, &file, &bytes, &function);
        let mut dice = Dice(0x5ce9_1ab0_0000_0003 ^ bytes.len() as u64);
        for _ in 0..mutations * factor {
            try_one(name, &file, &dice.mutate(&bytes), &function);
        }
    }
}

/// Keeps the bytes that a function panics at, for `cargo fuzz run`.
fn try_one(name: &str, file: &Path, bytes: &[u8], function: &(impl Fn(&[u8]) + RefUnwindSafe)) {
    if catch_unwind(|| function(bytes)).is_err() {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.input"));
        fs::write(&kept, bytes).unwrap();
        panic!(
            "{name}: a property does not hold for {}, made of {}",
            kept.display(),
            file.display()
        );
    }
}

/// The seeds of a target; those of `yaml` are also all files of this repository.
fn seeds(name: &str) -> Vec<PathBuf> {
    let mut seeds = files(&format!("seeds/{name}"));
    if name == "yaml" {
        let is_yaml = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "yaml");
        seeds.extend(files("../scenarios").into_iter().filter(is_yaml));
    }
    seeds
}

/// The files in a folder and those below it, sorted.
fn files(name: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&folder(name), &mut files);
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder);
    for entry in entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
