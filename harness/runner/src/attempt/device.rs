//! The steps that a device takes.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use regex::Regex;

use super::{Answer, Attempted, Memory, Miss, Stop, bounded, challenge};
use crate::wait::{Attempt, wait};
use diagnostics::Place;
use model::outcome::Sent;
use model::scenario::{Action, Configuration, Ping, Run, Step};
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
    let target = Target::of(&configuration.device, bench)?;
    // What is told of it is what the scenario has; passwords are for the device alone.
    let lines = configuration.lines.value.clone();
    let sent = Sent::Configuration { device: configuration.device.clone(), lines };
    let filled = challenge::filled(configuration, bench, &mut memory.secrets).await?;
    let change = if replace { Change::Replace(&filled) } else { Change::Modify(&filled) };
    attempted(step, sent, Duration::ZERO, target, Order::Configure(configuration, change)).await
}

/// All echo requests are to be answered.
pub(super) async fn ping(step: &Step, ping: &Ping, bench: &Bench) -> Result<Attempted, Stop> {
    let target = Target::of(&ping.device, bench)?;
    let sent = Sent::Command { device: ping.device.clone(), command: ping.command() };
    attempted(step, sent, ping.within, target, Order::Ping(ping)).await
}

/// Where there are checks, they alone decide: the output of a refused command may be expected.
pub(super) async fn run(step: &Step, run: &Run, bench: &Bench) -> Result<Attempted, Stop> {
    let target = Target::of(&run.device, bench)?;
    let sent = Sent::Command { device: run.device.clone(), command: run.command.clone() };
    // A command without a check is not tried again: it may do something.
    let within = if run.checks.is_empty() { Duration::ZERO } else { run.within };
    attempted(step, sent, within, target, Order::Run(run)).await
}

/// What a device is told to do; of a configuration, as the scenario has it and as the device gets it.
#[derive(Clone, Copy)]
enum Order<'a> {
    Configure(&'a Configuration, Change<'a>),
    Ping(&'a Ping),
    Run(&'a Run),
}

struct Ordering<'a> {
    target: Target<'a>,
    order: Order<'a>,
    place: &'a Place,
}

#[async_trait]
impl Attempt for Ordering<'_> {
    type Yield = Answer;
    type Error = Stop;

    async fn attempt(&mut self) -> Result<Answer, Stop> {
        match self.order {
            Order::Configure(configuration, change) => self.configure(configuration, change).await,
            Order::Ping(ping) => self.ping(ping).await,
            Order::Run(run) => self.run(run).await,
        }
    }

    async fn pause(&mut self, longest: Duration) {
        self.target.device.changed(longest).await;
    }

    fn is_done(&self, answer: &Answer) -> bool {
        answer.met()
    }
}

impl Ordering<'_> {
    async fn configure(
        &self,
        configuration: &Configuration,
        change: Change<'_>,
    ) -> Result<Answer, Stop> {
        let message = "the device refused the configuration";
        match bounded(self.target.name, self.target.device.configure(change)).await? {
            Ok(()) => {
                Ok(Answer { output: String::new(), message, misses: Vec::new(), notes: Vec::new() })
            }
            Err(DeviceError::ConfigurationRefused { line, message: said, .. }) => {
                let place = configuration.place_of(line);
                // `[ interfaces ethernet eth7 ]` says where, the line below says what.
                let telling = |line: &&str| !line.is_empty() && !line.starts_with('[');
                let label = said.lines().map(str::trim).find(telling);
                let miss = Miss::at(&place, label.unwrap_or("refused"));
                Ok(Answer { output: said, message, misses: vec![miss], notes: Vec::new() })
            }
            Err(other) => Err(self.target.stop(&other)),
        }
    }

    async fn ping(&self, ping: &Ping) -> Result<Answer, Stop> {
        let output = self.target.execute(&ping.command()).await?.output;
        let misses = match answered(&output) {
            Some((_, received)) if received >= u32::from(ping.count) => Vec::new(),
            Some((sent, received)) => {
                vec![Miss::at(self.place, format!("{received} of {sent} answered"))]
            }
            None => vec![Miss::at(self.place, "the device did not ping")],
        };
        Ok(Answer { output, message: "not every ping was answered", misses, notes: Vec::new() })
    }

    async fn run(&self, run: &Run) -> Result<Answer, Stop> {
        let executed = self.target.execute(&run.command).await?;
        if run.checks.is_empty() && executed.refused {
            let misses = vec![Miss::at(self.place, "refused")];
            let message = "the device refused the command";
            return Ok(Answer { output: executed.output, message, misses, notes: Vec::new() });
        }
        Ok(Answer::checked(executed.output, &run.checks))
    }
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

async fn attempted(
    step: &Step,
    sent: Sent,
    within: Duration,
    target: Target<'_>,
    order: Order<'_>,
) -> Result<Attempted, Stop> {
    let answers = wait(Ordering { target, order, place: &step.place }, within).await?;
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
