//! `.ci/run` lists the groups of trials that this machine must run.

use std::collections::BTreeSet;
use std::fs;

use super::sceplab::workspace;
use crate::support::groups;

#[test]
fn ci_looks_for_every_group_of_trials() {
    let script = fs::read_to_string(workspace().join(".ci/run")).unwrap().replace("\\\n", "");
    let listed = script.lines().find_map(|line| line.strip_prefix("for group in ")).unwrap();
    let listed = listed.trim_end_matches("; do").split_whitespace().collect::<BTreeSet<_>>();
    assert_eq!(listed, groups::ALL.into_iter().collect());
}
