//! Compares scenarios in labs with a time of their own with the same ones in labs that go by the system's clock.
//!
//! Both sides run in this process in turn, so that the ratio of a pair says more than the times. Enrolments make their own keys, which
//! takes most of the rest. `cargo bench --bench lab_time -- 10` sets the number of pairs.
//!
//! First, ten years of a device are compared with the RSA operations of its enrolments. As the time for an RSA key is random, both sides
//! use keys that were made beforehand, and the mean time of a key for each enrolment is added to both.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use driver_virtual::Virtual;
use dut_sim::KeySource;
use model::lab::Lab;
use model::scenario::{Scenario, discover, load_each};
use results::Verdict;
use runner::{default_jobs, run_all};
use scep::clock::Stopwatch;
use testbed::{Driver, Testbed, TestbedError};

#[expect(dead_code, reason = "another benchmark needs the rest")]
#[path = "bare/operations.rs"]
mod bare;

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");

/// Default number of pairs.
const PAIRS: usize = 5;
/// Number of enrolments in the ten years, as `lifecycle/ten-years` expects; each has a new key.
const ENROLMENTS: u32 = 13;
/// Number of keys for a mean time.
const KEYS: u32 = 60;

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
    println!("ten years of a device: {:.2} times the RSA operations", ten_years(pairs).await);
    for (name, folder) in [("scenarios/scep", "scep"), ("scenarios", "")] {
        let mut scenarios = scenarios(folder);
        // Without time of its own, a lab cannot move its clock.
        scenarios.retain(|one| one.steps.iter().all(|step| step.action.kind() != "advance"));
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
    load_each(&found, None).expect("the scenarios are right")
}

/// The median ratio between ten years of a device and the RSA operations of its enrolments, key generation included.
async fn ten_years(pairs: usize) -> f64 {
    let scenario = scenarios("lifecycle/ten-years.yaml");
    let (device, ca) = (bare::generate_key(), bare::generate_key());
    let watch = Stopwatch::start();
    (0..KEYS).for_each(|_| drop(bare::generate_key()));
    let keys = watch.elapsed() / KEYS * ENROLMENTS;
    let mut ratios = Vec::new();
    for _ in 0..pairs {
        let driver = Virtual::with_keys(KeySource::prepared(vec![device.clone()]));
        let years = run(Arc::new(driver), &scenario).await;
        let watch = Stopwatch::start();
        (0..ENROLMENTS).for_each(|_| bare::private_key_operations(&device, &ca));
        ratios.push((years + keys).as_secs_f64() / (watch.elapsed() + keys).as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
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
