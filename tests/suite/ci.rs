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

#[test]
fn workflow_runs_scripts_that_exist_and_looks_for_advisories() {
    let workflow = fs::read_to_string(workspace().join(".github/workflows/ci.yml")).unwrap();
    let commands = workflow.lines().filter_map(|line| line.trim_start().strip_prefix("- run: "));
    let commands: Vec<&str> = commands.collect();
    let scripts = commands.iter().filter(|command| command.starts_with(".ci/"));
    for script in scripts.map(|command| command.split(' ').next().unwrap()) {
        assert!(workspace().join(script).is_file(), "{script}");
    }
    assert!(commands.contains(&".ci/run"), "{commands:?}");
    assert!(commands.contains(&"cargo deny --locked check advisories"), "{commands:?}");
    let run = fs::read_to_string(workspace().join(".ci/run")).unwrap();
    assert!(run.lines().any(|line| line == ".ci/deny"), "the supply chain is not checked");
}
