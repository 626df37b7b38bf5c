//! Runs the documented scenarios in the virtual lab and keeps the output of their commands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::LazyLock;

use diagnostics::Palette;
use driver_virtual::Virtual;
use report::terminal;
use results::{Sent, Verdict};
use runner::run_file;
use testbed::Driver;

/// The outputs of a run, by command.
pub(crate) type Outputs = BTreeMap<String, String>;

/// The outputs of the scenario with the Linux PKI.
pub(crate) static LINUX: LazyLock<Outputs> = LazyLock::new(|| outputs("scep/linux-pki.yaml"));

/// The outputs of the scenario with the Windows PKI.
pub(crate) static WINDOWS: LazyLock<Outputs> = LazyLock::new(|| outputs("scep/windows-pki.yaml"));

/// Path of a file below the folder `scenarios`.
pub(crate) fn scenario_path(relative: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap().join("scenarios").join(relative)
}

fn outputs(relative: &str) -> Outputs {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let driver: Arc<dyn Driver> = Arc::new(Virtual::default());
    let outcome = runtime.block_on(run_file(&driver, &scenario_path(relative)));
    let outcome = outcome.unwrap_or_else(|errors| panic!("{errors}"));
    let [scenario] = outcome.scenarios.as_slice() else { panic!("one scenario is run") };
    let explanation =
        || terminal::explanation(scenario, false, Palette::plain()).unwrap_or_default();
    assert!(scenario.verdict == Verdict::Passed, "{}", explanation());
    let outputs = scenario.steps.iter().filter_map(|step| match &step.sent {
        Sent::Command { command, .. } => Some((command.clone(), step.output.clone())),
        Sent::Configuration { .. }
        | Sent::Request { .. }
        | Sent::Clock { .. }
        | Sent::Order { .. } => None,
    });
    outputs.collect()
}
