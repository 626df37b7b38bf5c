//! The documented scenarios, run in the virtual lab: what their commands printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::LazyLock;

use diagnostics::Palette;
use driver_virtual::Virtual;
use model::outcome::{Sent, Verdict};
use report::terminal;
use runner::run_file;
use testbed::Driver;

/// The outputs of a run, by command.
pub(crate) type Outputs = BTreeMap<String, String>;

/// What the scenario with the Linux PKI printed.
pub(crate) static LINUX: LazyLock<Outputs> = LazyLock::new(|| outputs("scep/linux-pki.yaml"));

/// What the scenario with the Windows PKI printed.
pub(crate) static WINDOWS: LazyLock<Outputs> = LazyLock::new(|| outputs("scep/windows-pki.yaml"));

/// A file below the folder `scenarios`.
pub(crate) fn scenario_path(relative: &str) -> PathBuf {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    workspace.join("scenarios").join(relative)
}

fn outputs(relative: &str) -> Outputs {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let driver: Arc<dyn Driver> = Arc::new(Virtual::default());
    let outcome = runtime.block_on(run_file(&driver, &scenario_path(relative)));
    let outcome = outcome.unwrap_or_else(|errors| panic!("{errors}"));
    let [scenario] = outcome.scenarios.as_slice() else { panic!("one scenario is run") };
    let explanation = || terminal::explanation(scenario, Palette::plain()).unwrap_or_default();
    assert!(scenario.verdict == Verdict::Passed, "{}", explanation());
    let outputs = scenario.steps.iter().filter_map(|step| match &step.sent {
        Sent::Command { command, .. } => Some((command.clone(), step.output.clone())),
        Sent::Configuration { .. } | Sent::Request { .. } => None,
    });
    outputs.collect()
}
