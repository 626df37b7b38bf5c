//! The steps that a device takes.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::{Answer, Attempted, Memory, Miss, Stop, bounded, challenge};
use crate::wait::wait;
use model::scenario::{Action, Configuration, Ping, Run, Step};
use results::Sent;
use testbed::Bench;
use testbed::device::{Change, Device, DeviceError};

/// A configuration is given once: what a device refuses it would refuse again.
pub(super) async fn configure(
    step: &Step,
    configuration: &Configuration,
    replace: bool,
    bench: &Bench,
    memory: &mut Memory,
) -> Result<Attempted, Stop> {
    let target = &Target::of(&configuration.device, bench)?;
    // What is told of it is what the scenario has; passwords are for the device alone.
    let lines = configuration.lines.value.clone();
    let sent = Sent::Configuration { device: configuration.device.clone(), lines };
    let filled = challenge::filled(configuration, bench, &mut memory.secrets).await?;
    let change = if replace { Change::Replace(&filled) } else { Change::Modify(&filled) };
    let configure = || async move {
        match bounded(target.name, target.device.configure(change)).await? {
            Ok(()) => Ok(Answer::default()),
            Err(DeviceError::ConfigurationRefused { line, message, .. }) => {
                Ok(refused(configuration, line, message))
            }
            Err(other) => Err(target.stop(&other)),
        }
    };
    attempted(step, sent, Duration::ZERO, target, configure).await
}

fn refused(configuration: &Configuration, line: usize, said: String) -> Answer {
    // `[ interfaces ethernet eth7 ]` says where, the line below says what.
    let telling = |line: &&str| !line.is_empty() && !line.starts_with('[');
    let label = said.lines().map(str::trim).find(telling);
    Answer {
        message: "the device refused the configuration",
        misses: vec![Miss::at(&configuration.place_of(line), label.unwrap_or("refused"))],
        refused_line: (!is_of_commit(&said)).then_some(line),
        output: said,
        ..Answer::default()
    }
}

/// All echo requests are to be answered.
pub(super) async fn ping(step: &Step, ping: &Ping, bench: &Bench) -> Result<Attempted, Stop> {
    let target = &Target::of(&ping.device, bench)?;
    let sent = Sent::Command { device: ping.device.clone(), command: ping.command() };
    let attempt = || async move {
        let output = target.execute(&ping.command()).await?.output;
        let what = match answered(&output) {
            Some((_, received)) if received >= u32::from(ping.count) => None,
            Some((sent, received)) => Some(format!("{received} of {sent} answered")),
            None => Some("the device did not ping".to_owned()),
        };
        let misses = what.map(|what| Miss::at(&step.place, what)).into_iter().collect();
        let message = "not every ping was answered";
        Ok(Answer { output, message, misses, ..Answer::default() })
    };
    attempted(step, sent, ping.within, target, attempt).await
}

/// Where there are checks, they alone decide: the output of a refused command may be expected.
pub(super) async fn run(step: &Step, run: &Run, bench: &Bench) -> Result<Attempted, Stop> {
    let target = &Target::of(&run.device, bench)?;
    let sent = Sent::Command { device: run.device.clone(), command: run.command.clone() };
    // A command without a check is not tried again: it may do something.
    let within = if run.checks.is_empty() { Duration::ZERO } else { run.within };
    let attempt = || async move {
        let Executed { output, refused } = target.execute(&run.command).await?;
        if run.checks.is_empty() && refused {
            let misses = vec![Miss::at(&step.place, "refused")];
            let message = "the device refused the command";
            return Ok(Answer { output, message, misses, ..Answer::default() });
        }
        Ok(Answer::checked(output, &run.checks))
    };
    attempted(step, sent, within, target, attempt).await
}

/// Whether a refusal is that of the commit, which names the line that it is about too.
fn is_of_commit(said: &str) -> bool {
    let said = said.trim_end();
    said.is_empty() || said.ends_with("Commit failed")
}

/// How many echo requests were sent and answered, in the words of iputils.
fn answered(output: &str) -> Option<(u32, u32)> {
    // Compiled once: that takes longer than a ping through the virtual lab.
    static SUMMARY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(\d+) packets transmitted, (\d+) (?:packets )?received").ok()
    });
    let captures = SUMMARY.as_ref()?.captures(output)?;
    Some((captures[1].parse().ok()?, captures[2].parse().ok()?))
}

async fn attempted<A: Future<Output = Result<Answer, Stop>>>(
    step: &Step,
    sent: Sent,
    within: Duration,
    target: &Target<'_>,
    attempt: impl FnMut() -> A,
) -> Result<Attempted, Stop> {
    let pause = |longest| target.device.changed(longest);
    let answers = wait(within, attempt, pause, Answer::met).await?;
    let concerns_scep = matches!(step.action, Action::Run(_));
    let (expect, place) = (step.expect, step.place.clone());
    Ok(Attempted { sent, answers, within, expect, concerns_scep, place })
}

struct Target<'a> {
    name: &'a str,
    device: &'a dyn Device,
}

struct Executed {
    output: String,
    refused: bool,
}

impl<'a> Target<'a> {
    fn of(name: &'a str, bench: &'a Bench) -> Result<Self, Stop> {
        match bench.devices.get(name) {
            Some(device) => Ok(Self { name, device: device.as_ref() }),
            None => Err(Stop::Broken(format!("the lab was built without the device `{name}`"))),
        }
    }

    async fn execute(&self, command: &str) -> Result<Executed, Stop> {
        let (output, refused) = match bounded(self.name, self.device.execute(command)).await? {
            Ok(output) => (output, false),
            Err(DeviceError::CommandRefused { output }) => (output, true),
            Err(other) => return Err(self.stop(&other)),
        };
        Ok(Executed { output: output.replace("\r\n", "\n"), refused })
    }

    fn stop(&self, error: &DeviceError) -> Stop {
        let reason = format!("`{}`: {error}", self.name);
        match error {
            DeviceError::NotSupported { .. } => Stop::NotSupported(reason),
            _ => Stop::Broken(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_wordings_of_the_statistics_are_understood() {
        let linux = "1 packets transmitted, 1 received, 0% packet loss, time 0ms";
        let bsd = "5 packets transmitted, 3 packets received, 40% packet loss";
        assert_eq!(answered(linux), Some((1, 1)));
        assert_eq!(answered(bsd), Some((5, 3)));
        assert_eq!(answered("ping: unknown host"), None);
    }
}
