//! Challenge passwords, also sealed ones, and private keys appear in no output, report or error.

mod echo;
mod failed_loads;
mod forms;
mod scenarios;
mod servers;
mod sinks;

use std::fs;
use std::path::Path;

use super::sceplab::{Ended, run_in};

/// The passwords of these tests. Their words appear nowhere else.
const STATIC: &str = "Kohlrabi-7Xq";
const ONE_TIME: &str = "0FC2A9B37E5D41680FC2A9B37E5D4168";
const KEYRING: &str = "Zwetschge-9Kp";
const TYPED: &str = "Pfifferling-3Wz";
const ADMIN: &str = "Mirabelle-5Tn";

/// Fails if a text has a private key, or half of a password in any case.
#[track_caller]
fn assert_silent(text: &str) {
    let lower = text.to_lowercase();
    for secret in [STATIC, ONE_TIME, KEYRING, TYPED, ADMIN] {
        let (half, _) = secret.split_at(8);
        assert!(!lower.contains(&half.to_lowercase()), "`{secret}` is shown:\n{text}");
    }
    assert!(!text.contains("PRIVATE KEY"), "a private key is shown");
}

#[track_caller]
fn assert_ended_silently(ended: &Ended) {
    assert_silent(&ended.stdout);
    assert_silent(&ended.stderr);
}

/// Runs the binary in a folder. Fails if its outputs or reports show a secret.
#[track_caller]
fn silent_run(folder: &Path, arguments: &[&str], reports: &[&str]) -> Ended {
    let ended = run_in(folder, arguments);
    assert_ended_silently(&ended);
    for report in reports {
        let text = fs::read_to_string(folder.join(report)).unwrap();
        assert!(text.contains("scenario") || text.contains("testsuite"), "{text}");
        assert_silent(&text);
    }
    ended
}
