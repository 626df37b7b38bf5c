//! Compares the documented Linux scenario in the virtual lab with its RSA and OpenSSL operations alone.
//!
//! A run builds the lab, carries out all steps and removes the lab. Reading the files is timed separately, because it
//! happens once for many runs. The bare operations are those that no implementation can avoid: seven with a private key,
//! the cheap ones with the public keys, and building, reading and printing the certificates and the request. Both sides
//! use one thread.
//!
//! The time for an RSA key is random, from 50 to 400 ms, and would hide everything else. So both sides first use keys made
//! beforehand, in turn; the result with key generation follows by adding the mean time of a key to both. At the end, runs
//! with their own keys are timed against bare operations with their own keys: the same comparison with the randomness.
//!
//! The medians are what a user sees. The fastest tenth is printed, too, because on a busy machine only that is about the
//! program.

use std::path::Path;
use std::time::Duration;

use criterion::Criterion;
use driver_virtual::Virtual;
use dut_sim::KeySource;
use model::scenario::{Scenario, discover, load};
use openssl::pkey::{PKey, Private};
use results::Verdict;
use runner::run_on;
use scep::clock::Stopwatch;
use testbed::Driver;
use tokio::runtime::{Builder, Runtime};

#[path = "bare/operations.rs"]
mod bare;

const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/scep/linux-pki.yaml");

/// Number of runs for a median.
const RUNS: usize = 400;
/// Number of keys for a mean time.
const KEYS: usize = 60;

fn main() {
    let lab = Lab::new();
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion, &lab);
    criterion.final_summary();
    // Criterion's own switches, such as `--test` and `--list`, skip the comparison.
    if std::env::args().all(|argument| argument == "--bench" || !argument.starts_with("--")) {
        compare(&lab);
    }
}

fn measure(criterion: &mut Criterion, lab: &Lab) {
    let mut group = criterion.benchmark_group("documented linux scenario");
    group.bench_function("bare operations, prepared keys", |bencher| {
        bencher.iter(|| lab.ca.enrol(&lab.device));
    });
    group.bench_function("scenario, prepared keys", |bencher| {
        bencher.iter(|| lab.run(&lab.prepared));
    });
    group.bench_function("reading the files", |bencher| bencher.iter(read));
    group.sample_size(20);
    group.bench_function("RSA key generation", |bencher| bencher.iter(bare::generate_key));
    group.finish();
}

/// Prints the ratios.
#[expect(clippy::print_stdout, reason = "a benchmark prints its results")]
fn compare(lab: &Lab) {
    let (mut scenario, mut bare, mut rsa) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        scenario.push(timed(|| lab.run(&lab.prepared)));
        bare.push(timed(|| lab.ca.enrol(&lab.device)));
        rsa.push(timed(|| bare::private_key_operations(&lab.device, lab.ca.key())));
    }
    let key = mean(KEYS, || drop(bare::generate_key()));
    let reading = mean(RUNS, || drop(read()));
    println!("\n{RUNS} runs, a key that takes {key:.1?} on average, files read in {reading:.2?}");
    for (name, part) in [("median", 2), ("fastest tenth", 10)] {
        let [scenario, bare, rsa] = [&scenario, &bare, &rsa].map(|times| quantile(times, part));
        let prepared = ratio(scenario, bare);
        let with_key = ratio(scenario + key, bare + key);
        println!("{name}: scenario {scenario:.2?}, bare {bare:.2?}, of it RSA {rsa:.2?}");
        println!(
            "  {prepared:.2} times with prepared keys, {with_key:.3} times with key generation"
        );
    }
    let scenario = mean(KEYS, || lab.run(&KeySource::Generate));
    let bare = mean(KEYS, || lab.ca.enrol(&bare::generate_key()));
    let times = ratio(scenario, bare);
    println!("with random keys: scenario {scenario:.1?}, bare {bare:.1?}, {times:.2} times");
}

/// Data that the runs share.
struct Lab {
    runtime: Runtime,
    scenario: Scenario,
    device: PKey<Private>,
    ca: bare::Authority,
    prepared: KeySource,
}

impl Lab {
    fn new() -> Self {
        let device = bare::generate_key();
        Self {
            runtime: Builder::new_current_thread().enable_all().build().expect("a runtime"),
            scenario: read(),
            prepared: KeySource::prepared(vec![device.clone()]),
            device,
            ca: bare::Authority::new(),
        }
    }

    /// One run, from the lab to the verdict.
    fn run(&self, keys: &KeySource) {
        self.runtime.block_on(async {
            let scenario = &self.scenario;
            let driver = Virtual::with_keys(keys.clone());
            let bench = driver.build(&scenario.lab, &scenario.id).await.expect("the lab is built");
            let outcome = run_on(scenario, &bench).await;
            assert!(matches!(outcome.verdict, Verdict::Passed), "{:?}", outcome.verdict);
        });
    }
}

fn read() -> Scenario {
    let found = discover(&[Path::new(SCENARIO).to_owned()]).expect("the scenario is there");
    load(&found[0], None).expect("the scenario is valid")
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Stopwatch::start();
    run();
    start.elapsed()
}

/// The longest time of the fastest half, tenth, …
fn quantile(times: &[Duration], part: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / part]
}

fn mean(runs: usize, mut run: impl FnMut()) -> Duration {
    let start = Stopwatch::start();
    (0..runs).for_each(|_| run());
    start.elapsed() / u32::try_from(runs).expect("a small number")
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
