//! Report files of a run.

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::{complain, keep_stdout_for_report, say_report};
use super::stop::{StopSignals, interruptible};
use ::report::{Format, ReportPlace, Reported, Target};
use testbed::injection::panic_if_asked;

/// The requested reports.
#[derive(Debug, Args)]
pub(super) struct Reports {
    #[arg(long = "report", value_name = "KIND=FILE", help = help())]
    targets: Vec<Target>,
}

impl Reports {
    /// Checks before the run that the reports can be written. If one goes to stdout, other results go to stderr.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let (on_stdout, files): (Vec<&Target>, Vec<&Target>) =
            self.targets.iter().partition(|target| is_stdout(target));
        if on_stdout.len() > 1 {
            return Err(Exit::Usage.because("only one report can go to standard output"));
        }
        if !on_stdout.is_empty() {
            keep_stdout_for_report();
        }
        files
            .iter()
            .try_for_each(|target| target.check())
            .map_err(|error| Exit::Usage.because(error))?;
        let places = self.targets.iter().map(|target| (target, place(target)));
        let places: Vec<(&Target, Option<ReportPlace>)> = places.collect();
        for (index, (target, place)) in places.iter().enumerate() {
            let same = places[..index].iter().find(|(_, other)| place.is_some() && place == other);
            if let Some((other, _)) = same {
                return Err(Exit::Usage.because(format!(
                    "the reports `{}` and `{}` are one file; name two",
                    other.path.display(),
                    target.path.display()
                )));
            }
        }
        Ok(())
    }

    /// Checks, when the command has read its files, that no report takes the place of one of them.
    pub(super) fn spare_inputs(&self) -> Result<(), CommandError> {
        let spared = self.targets.iter().filter(|target| !is_stdout(target));
        let mut spared = spared.map(Target::spare_inputs);
        spared.try_for_each(|spared| spared.map_err(|error| Exit::Usage.because(error)))
    }

    /// Writes the reports, and returns `exit` unless one could not be written. A signal ends the wait for the reader of a pipe.
    pub(super) async fn write(
        &self,
        results: &impl Reported,
        exit: Exit,
        stop: &StopSignals,
    ) -> Exit {
        let mut exit = exit;
        for target in &self.targets {
            panic_if_asked("report");
            let text = target.format.text(results);
            if is_stdout(target) {
                say_report(&text);
                continue;
            }
            let writing = target.clone();
            let written = tokio::select! {
                written = interruptible(move || writing.write(&text)) => written,
                () = stop.another() => return Exit::Interrupted,
            };
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    complain(&error.to_string());
                    exit = Exit::Lab;
                }
                Err(error) => exit = error.report(),
            }
        }
        exit
    }
}

/// The place of a report, also if it is standard output; `None` if any number of reports can go there.
fn place(target: &Target) -> Option<ReportPlace> {
    if is_stdout(target) { ReportPlace::of_stdout() } else { ReportPlace::of(&target.path) }
}

/// True if a report goes to standard output: `junit=-`.
fn is_stdout(target: &Target) -> bool {
    target.path.as_os_str() == "-"
}

fn help() -> String {
    let formats = Format::names(|name| format!("`{name}=FILE`"), " or ");
    format!(
        "Write a report: {formats}, or `-` as the file for standard output; may be given several times"
    )
}
