//! Compares scenarios in labs with a time of their own with the same ones in labs that go by the system's clock.
//!
//! Both sides run in this process in turn, so that the ratio of a pair says more than the times. Enrolments make their own keys, which
//! takes most of the rest. `cargo bench --bench lab_time -- 10` sets the number of pairs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use driver_virtual::Virtual;
use model::lab::Lab;
use model::scenario::{Scenario, discover, load_each};
use results::Verdict;
use runner::{default_jobs, run_all};
use scep::clock::Stopwatch;
use testbed::{Driver, Testbed, TestbedError};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");

/// Default number of pairs.
const PAIRS: usize = 5;

/// The virtual labs without a time of their own.
struct SystemTime(Virtual);

#[async_trait]
impl Driver for SystemTime {
    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        self.0.build(lab, id).await
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a benchmark prints its results")]
async fn main() {
    let pairs = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(PAIRS);
    for (name, folder) in [("scenarios/scep", "scep"), ("scenarios", "")] {
        let scenarios = scenarios(folder);
        let mut ratios = Vec::new();
        for _ in 0..pairs {
            let system = run(Arc::new(SystemTime(Virtual::default())), &scenarios).await;
            let lab = run(Arc::new(Virtual::default()), &scenarios).await;
            ratios.push(lab.as_secs_f64() / system.as_secs_f64());
            println!(
                "{name}: {:.2} s by the system's clock, {:.2} s on lab time",
                system.as_secs_f64(),
                lab.as_secs_f64()
            );
        }
        ratios.sort_by(f64::total_cmp);
        println!("{name}: median ratio {:.2}", ratios[ratios.len() / 2]);
    }
}

fn scenarios(folder: &str) -> Vec<Scenario> {
    let found =
        discover(&[PathBuf::from(SCENARIOS).join(folder)]).expect("the scenarios are there");
    let mut scenarios = load_each(&found, None).expect("the scenarios are right");
    // Without time of its own, a lab cannot move its clock.
    scenarios.retain(|one| one.steps.iter().all(|step| step.action.kind() != "advance"));
    scenarios
}

/// The time of a run in which no scenario fails.
async fn run(driver: Arc<dyn Driver>, scenarios: &[Scenario]) -> Duration {
    let watch = Stopwatch::start();
    let stop = std::future::pending();
    let outcome = run_all(&driver, scenarios.to_vec(), default_jobs(), stop, |_| {}).await;
    for one in &outcome.scenarios {
        let is_fine = matches!(one.verdict, Verdict::Passed | Verdict::Skipped(_));
        assert!(is_fine, "{}: {:?}", one.id, one.verdict);
    }
    watch.elapsed()
}
