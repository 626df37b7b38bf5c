//! Runs thousands of scenarios in one process and prints its memory, which must not grow.
//!
//! `cargo bench --bench memory -- 20000` sets the number. The memory is known on Linux only.

use std::path::Path;

use driver_virtual::Virtual;
use dut_sim::KeySource;
use model::scenario::{Scenario, discover, load};
use results::Verdict;
use runner::run_on;
use testbed::Driver;

#[path = "bare/operations.rs"]
#[expect(dead_code, reason = "only the key is needed here")]
mod bare;

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/scep");

/// Default number of scenarios.
const RUNS: usize = 5_000;
/// Number of times that the memory is printed.
const REPORTS: usize = 10;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a benchmark prints its results")]
async fn main() {
    let runs = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(RUNS);
    let scenarios = documented_scenarios();
    let keys = KeySource::prepared(vec![bare::generate_key()]);
    for number in 1..=runs {
        run(&scenarios[number % scenarios.len()], &keys).await;
        if number % (runs / REPORTS).max(1) == 0 {
            let resident = resident_kib().map_or("unknown".to_owned(), |kib| format!("{kib} KiB"));
            println!("{number:>8} scenarios, resident memory {resident}");
        }
    }
}

fn documented_scenarios() -> Vec<Scenario> {
    let found = discover(&[Path::new(SCENARIOS).to_owned()]).expect("the scenarios are there");
    let scenarios = found.iter().filter_map(|found| load(found, None).ok());
    scenarios.filter(|scenario| scenario.tags.iter().any(|tag| tag == "documented")).collect()
}

async fn run(scenario: &Scenario, keys: &KeySource) {
    let driver = Virtual::with_keys(keys.clone());
    let bench = driver.build(&scenario.lab, &scenario.id).await.expect("the lab is built");
    let outcome = run_on(scenario, &bench).await;
    assert!(matches!(outcome.verdict, Verdict::Passed), "{:?}", outcome.verdict);
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
