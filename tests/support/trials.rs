//! Trials that not every machine can run. One that cannot run here is ignored with its reason; it fails if
//! `SCEPLAB_MUST_RUN` names the group of what it needs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// The environment variable that names the groups that this machine must be able to run, separated by commas.
const MUST_RUN: &str = "SCEPLAB_MUST_RUN";

/// Every group: what a machine may have or lack.
const GROUPS: [&str; 14] = [
    "netns",         // network namespaces
    "userns",        // user namespaces, with limits of their own
    "docker",        // an engine, and its own client
    "ssh",           // OpenSSH's server, in namespaces that only root may make
    "scepclient",    // micromdm's client
    "scepserver",    // micromdm's server
    "strongswan",    // strongSwan's `pki`
    "sscep",         // certnanny's client
    "certmonger",    // certmonger's `scep-submit`
    "curl",          // an HTTP client
    "openssl",       // the command line tool
    "terminal",      // util-linux's `script`
    "another-user",  // root, who can become one
    "own-interface", // an Ethernet interface of the machine itself
];

/// Something that a machine may lack.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    group: &'static str,
    missing: Option<String>,
}

/// A test with what it needs.
pub(crate) struct Planned {
    name: String,
    needs: Vec<Need>,
    test: Box<dyn FnOnce() + Send>,
}

/// What can be tried; `Kind` tells the kinds of functions apart.
pub(crate) trait Test<Kind>: Send + 'static {
    /// Panics if the test fails.
    fn run(self);
}

/// The functions of this module as tests with these needs: `trials![&[&netns]; it_is_built, it_is_gone]`.
macro_rules! trials {
    ($needs:expr; $($test:ident),+ $(,)?) => {
        vec![$(crate::support::trials::Planned::new(
            concat!(module_path!(), "::", stringify!($test)), $needs, $test
        )),+]
    };
}
pub(crate) use trials;

impl Need {
    /// `missing` is the reason to run nothing that needs it, if there is one.
    #[track_caller]
    pub(crate) fn new(group: &'static str, missing: Option<String>) -> Self {
        assert!(GROUPS.contains(&group), "`{group}` is no group");
        Self { group, missing }
    }

    /// A program, and the package of Debian that has it.
    #[track_caller]
    pub(crate) fn program(group: &'static str, program: &str, package: &str) -> Self {
        let reason = || format!("there is no `{program}` (package `{package}`)");
        Self::new(group, find_program(program).is_none().then(reason))
    }

    /// What can be done about it: an ignored trial, or a failed one if this machine must be able to run it.
    fn unmet(&self) -> Option<Result<Completion, Failed>> {
        self.missing.as_deref().map(|reason| ignored(self.group, reason))
    }
}

/// The end of a trial that cannot run here: ignored, or failed if this machine must be able to run that group.
pub(crate) fn ignored(group: &str, reason: &str) -> Result<Completion, Failed> {
    if must_run().iter().any(|named| named == group) {
        return Err(format!("`{MUST_RUN}` names `{group}`, and it cannot run: {reason}").into());
    }
    Ok(Completion::ignored_with(reason))
}

impl Planned {
    /// The name begins with that of the crate, which is left out.
    pub(crate) fn new<Kind>(name: &str, needs: &[&Need], test: impl Test<Kind>) -> Self {
        let name = name.split_once("::").map_or(name, |(_, name)| name).to_owned();
        let needs = needs.iter().copied().cloned().collect();
        Self { name, needs, test: Box::new(|| test.run()) }
    }

    /// The same test inside of something else.
    pub(crate) fn within(self, surroundings: fn(Box<dyn FnOnce() + Send>)) -> Self {
        let test = self.test;
        Self { test: Box::new(move || surroundings(test)), ..self }
    }

    fn trial(self) -> Trial {
        let unmet = self.needs.into_iter().find(|need| need.missing.is_some());
        // nextest knows no trial that ignores itself, but it asks beforehand which ones are ignored.
        let is_for_nextest = std::env::var_os("NEXTEST").is_some();
        let is_ignored = |need: &Need| matches!(need.unmet(), Some(Ok(_)));
        let flag = is_for_nextest && unmet.as_ref().is_some_and(is_ignored);
        let test = self.test;
        let act = move || {
            if let Some(end) = unmet.as_ref().and_then(Need::unmet) {
                return end;
            }
            test();
            Ok(Completion::Completed)
        };
        Trial::ignorable_test(self.name, act).with_ignored_flag(flag)
    }
}

/// Runs the tests as the command line asks.
pub(crate) fn run(planned: Vec<Planned>) -> ExitCode {
    if let Some(unknown) = must_run().iter().find(|named| !GROUPS.contains(&named.as_str())) {
        complain(&format!(
            "`{MUST_RUN}` names `{unknown}`, which is none of {}",
            GROUPS.join(", ")
        ));
        return ExitCode::FAILURE;
    }
    let trials = planned.into_iter().map(Planned::trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The file of a program, by its path or its name.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::split_paths(&folders).map(|folder| folder.join(program));
    named.chain([Path::new(program).to_owned()]).find(|path| path.is_file())
}

fn must_run() -> Vec<String> {
    let named = std::env::var(MUST_RUN).unwrap_or_default();
    named.split(',').filter(|named| !named.is_empty()).map(str::to_owned).collect()
}

#[expect(clippy::print_stderr, reason = "a test program has nowhere else to say this")]
fn complain(reason: &str) {
    eprintln!("{reason}");
}

impl<T: FnOnce() + Send + 'static> Test<()> for T {
    fn run(self) {
        self();
    }
}

impl<T: FnOnce() -> Result<(), Failed> + Send + 'static> Test<Failed> for T {
    #[track_caller]
    fn run(self) {
        if let Err(failed) = self() {
            panic!("{}", failed.message().unwrap_or("it failed"));
        }
    }
}
