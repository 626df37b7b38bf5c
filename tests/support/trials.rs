//! Trials with needs: if a machine lacks one, the trial is ignored or fails.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Completion, Failed, Trial};

use super::arguments::arguments;
use super::groups::{self, ignored, is_flagged};

/// A requirement that a machine may not meet.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    group: &'static str,
    missing: Option<String>,
}

/// A test and its needs.
pub(crate) struct Planned {
    name: String,
    needs: Vec<Need>,
    test: Box<dyn FnOnce() + Send>,
}

/// A function that can be a trial; `Kind` distinguishes the kinds of functions.
pub(crate) trait Test<Kind>: Send + 'static {
    /// Panics if the test fails.
    fn run(self);
}

/// The functions of this module as trials with these needs: `trials![&[&netns]; lab_is_built, lab_is_removed]`.
macro_rules! trials {
    ($needs:expr; $($test:ident),+ $(,)?) => {
        vec![$(crate::support::trials::Planned::new(
            concat!(module_path!(), "::", stringify!($test)), $needs, $test
        )),+]
    };
}
pub(crate) use trials;

impl Need {
    /// `missing` is the reason why the machine does not meet the need, if it does not.
    #[track_caller]
    pub(crate) fn new(group: &'static str, missing: Option<String>) -> Self {
        assert!(groups::ALL.contains(&group), "`{group}` is no group");
        Self { group, missing }
    }

    /// A program, and its Debian package.
    #[track_caller]
    pub(crate) fn program(group: &'static str, program: &str, package: &str) -> Self {
        let reason = || format!("there is no `{program}` (package `{package}`)");
        Self::new(group, find_program(program).is_none().then(reason))
    }

    /// The result of a trial if the need is not met: ignored, or failed if this machine must run the group.
    fn unmet(&self) -> Option<Result<Completion, Failed>> {
        self.missing.as_deref().map(|reason| ignored(self.group, reason))
    }
}

impl Planned {
    /// `name` begins with the name of the crate, which is removed.
    pub(crate) fn new<Kind>(name: &str, needs: &[&Need], test: impl Test<Kind>) -> Self {
        let name = name.split_once("::").map_or(name, |(_, name)| name).to_owned();
        let needs = needs.iter().copied().cloned().collect();
        Self { name, needs, test: Box::new(|| test.run()) }
    }

    /// The same test, run by `surroundings`.
    pub(crate) fn within(self, surroundings: fn(Box<dyn FnOnce() + Send>)) -> Self {
        let test = self.test;
        Self { test: Box::new(move || surroundings(test)), ..self }
    }

    fn trial(self) -> Trial {
        let unmet = self.needs.into_iter().find(|need| need.missing.is_some());
        let (name, test) = (self.name, self.test);
        let flag = is_flagged(|| unmet.as_ref().and_then(Need::unmet));
        let act = move || {
            if let Some(end) = unmet.as_ref().and_then(Need::unmet) {
                return end;
            }
            test();
            Ok(Completion::Completed)
        };
        Trial::ignorable_test(name, act).with_ignored_flag(flag)
    }
}

/// Runs the tests as the command line asks.
pub(crate) fn run(planned: Vec<Planned>) -> ExitCode {
    if let Some(failure) = groups::failure() {
        return failure;
    }
    let trials = planned.into_iter().map(Planned::trial).collect();
    libtest_mimic::run(&arguments(), trials).exit_code()
}

/// The file of a program, by its path or its name.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::split_paths(&folders).map(|folder| folder.join(program));
    named.chain([Path::new(program).to_owned()]).find(|path| path.is_file())
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
