//! Mistakes of people who write scenarios: what `check` and `run` say about the files of `tests/testdata/authoring`.
//!
//! `INSTA_UPDATE=always cargo test --test suite authoring` updates the snapshots; read the changes as the user who gets them.

mod siblings;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::sceplab::{run_in, workspace};
use crate::support::snapshots::assert_output_of;

/// A folder with the file of a case and the labs of this repository beside it.
fn folder_of(case: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for labs in ["labs", "fw/labs", "scenarios/labs"] {
        copy_files(&workspace().join("scenarios/labs"), &folder.path().join(labs));
    }
    let file = format!("{case}.yaml");
    let to = folder.path().join(&file);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(workspace().join("tests/testdata/authoring").join(&file), to).unwrap();
    folder
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Compares what `check` and `run` say about the file of a case with its snapshot.
#[track_caller]
fn assert_case(case: &str) {
    let folder = folder_of(case);
    let file = format!("{case}.yaml");
    let checked = run_in(folder.path(), &["check", &file]);
    let run = run_in(folder.path(), &["run", &file]);
    let output = [("check", &checked), ("run", &run)].map(|(command, ended)| {
        ended.assert_orderly();
        format!("$ sceplab {command} {file}\n{}\n", ended.transcript())
    });
    let output = output.concat();
    let name =
        case.rsplit_once('/').map_or_else(|| case.to_owned(), |(_, name)| format!("scep-{name}"));
    assert_output_of("../suite/authoring/snapshots", &name, &output);
}

/// A test for each case.
macro_rules! cases {
    ($($test:ident = $case:literal;)+) => {
        $(#[test]
        fn $test() {
            assert_case($case);
        })+

        #[test]
        fn every_file_has_its_test() {
            let files = |folder: &str| {
                let path = workspace().join("tests/testdata/authoring").join(folder);
                let names = fs::read_dir(path).unwrap().map(|it| it.unwrap().file_name());
                let names = names.map(|name| format!("{folder}{}", name.to_str().unwrap()));
                names.filter_map(|name| Some(name.strip_suffix(".yaml")?.to_owned())).collect::<Vec<String>>()
            };
            let mut found = [files(""), files("fw/scep/")].concat();
            found.sort();
            let mut tested = vec![$($case.to_owned()),+];
            tested.sort();
            assert_eq!(found, tested);
        }
    };
}

cases! {
    m00_good = "m00-good";
    m01_unquoted_colon = "m01-unquoted-colon";
    m02_tab = "m02-tab";
    m03_double_quoted_regex = "m03-double-quoted-regex";
    m04_duration = "m04-duration";
    m05_unknown_step = "m05-unknown-step";
    m06_name_outside = "m06-name-outside";
    m07_lab_missing = "m07-lab-missing";
    m08_expect_fail = "m08-expect-fail";
    m09_device_typo = "m09-device-typo";
    m10_placeholder = "m10-placeholder";
    m11_string_not_list = "m11-string-not-list";
    m12_duplicate_key = "m12-duplicate-key";
    m13_no_steps = "m13-no-steps";
    m14_command_typo = "m14-command-typo";
    m15_several_devices = "m15-several-devices";
    m16_unknown_device = "m16-unknown-device";
    m17_lookahead = "m17-lookahead";
    m18_smart_quotes = "m18-smart-quotes";
    m19_crlf = "m19-crlf";
    m20_anchor = "m20-anchor";
    m21_multi_doc = "m21-multi-doc";
    m22_empty = "m22-empty";
    m23_json = "m23-json";
    m24_dot_newline = "m24-dot-newline";
    m25_line_without_set = "m25-line-without-set";
    m26_wrong_subnet = "m26-wrong-subnet";
    m27_tags_string = "m27-tags-string";
    m28_lab_dir = "m28-lab-dir";
    m29_commit_line = "m29-commit-line";
    m30_approve_bare = "m30-approve-bare";
    m31_approve_colon = "m31-approve-colon";
    m32_scep_value = "m32-scep-value";
    m33_scep_key = "m33-scep-key";
    n1_lab_mistakes = "n1-lab-mistakes";
    n2 = "n2";
    r01_merge = "r01-merge";
    r02_merge2 = "r02-merge2";
    r03_include = "r03-include";
    r04_anchor_block = "r04-anchor-block";
    r05_capture = "r05-capture";
    r06_teardown = "r06-teardown";
    r07_env = "r07-env";
    r08_braces = "r08-braces";
    s01_short_secret = "s01-short-secret";
    s02_digit_secret = "s02-digit-secret";
    s03_word_secret = "s03-word-secret";
    scep_01_expiry = "fw/scep/01-expiry";
    scep_02_renew_before_expiry = "fw/scep/02-renew-before-expiry";
    scep_03_ca_rollover = "fw/scep/03-ca-rollover";
    scep_04_crl = "fw/scep/04-crl";
    scep_05_san = "fw/scep/05-san";
    scep_05b_san_raw = "fw/scep/05b-san-raw";
    scep_06_ec = "fw/scep/06-ec";
    scep_06b_ec_raw = "fw/scep/06b-ec-raw";
    scep_07_4096 = "fw/scep/07-4096";
    scep_08_https = "fw/scep/08-https";
    scep_09_proxy = "fw/scep/09-proxy";
    scep_10_ca_down_then_back = "fw/scep/10-ca-down-then-back";
    scep_11_reboot = "fw/scep/11-reboot";
    scep_11b_reboot_save = "fw/scep/11b-reboot-save";
    scep_12_clock_wrong = "fw/scep/12-clock-wrong";
    scep_13_two_cas = "fw/scep/13-two-cas";
    scep_14_chain = "fw/scep/14-chain";
    scep_15_long_pending = "fw/scep/15-long-pending";
}
