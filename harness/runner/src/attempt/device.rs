//! The steps that a device carries out.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::pki::ask;
use super::refusal::Refusal;
use super::{Answer, Attempt, Attempted, Env, Miss, Stop, bounded};
use model::lab::{Secret, placeholders};
use model::scenario::{Configuration, Ping, Run, configuration_mistakes, suggestion};
use results::{Sent, SkipCause};
use testbed::Testbed;
use testbed::device::{Change, Device, DeviceError};

/// What a device says about a name that it does not know.
const UNKNOWN_HOST: &str = "Name or service not known";

/// The reason why a device without a configuration reaches nothing.
const NO_ADDRESS: &str =
    "the device has no address yet: a `configure` step comes before the first ping";

impl Attempt for Configuration {
    /// Configures once, because a device that refuses a configuration would refuse it again.
    async fn attempt(&self, env: Env<'_>) -> Result<Attempted, Stop> {
        let target = &Target::of(&self.device, env.testbed)?;
        // Reports show the scenario's own lines; only the device gets the passwords.
        let lines = self.lines.value.clone();
        let sent = Sent::Configuration { device: self.device.clone(), lines };
        let filled = filled(self, env.testbed, &mut env.state.secrets).await?;
        let change = if self.replaces { Change::Replace(&filled) } else { Change::Modify(&filled) };
        let configure = || async move {
            match bounded(target.name, target.device.configure(change)).await? {
                Ok(()) => Ok(Answer::default()),
                Err(DeviceError::ConfigurationRefused { line, message, .. }) => {
                    Ok(refused(self, line, message))
                }
                Err(other) => Err(target.stop(&other)),
            }
        };
        let tried = target.retry(&env, sent, Duration::ZERO, configure).await?;
        env.state.history(&self.device).is_configured |= tried.answers.last.met();
        Ok(Attempted { concerns_scep: false, ..tried })
    }
}

impl Attempt for Ping {
    /// Pings until all echo requests of one ping are answered.
    async fn attempt(&self, env: Env<'_>) -> Result<Attempted, Stop> {
        let target = &Target::of(&self.device, env.testbed)?;
        let sent = Sent::Command { device: self.device.clone(), command: self.command() };
        let place = &env.step.place;
        let is_configured = env.state.history(&self.device).is_configured;
        let ping = || async move {
            let output = target.execute(&self.command()).await?.output;
            let what = match answered(&output) {
                Some((_, received)) if received >= u32::from(self.count) => None,
                Some((sent, received)) => Some(format!("{received} of {sent} answered")),
                None => Some("the device did not ping".to_owned()),
            };
            let misses = what.map(|what| Miss::at(place, what)).into_iter().collect();
            let message = "not every ping was answered";
            let lacks_address = !is_configured && output.contains("Network is unreachable");
            let hint = lacks_address.then(|| NO_ADDRESS.to_owned());
            let is_final = self.is_simulated && (lacks_address || output.contains(UNKNOWN_HOST));
            Ok(Answer { output, message, misses, is_final, hint, ..Answer::default() })
        };
        let tried = target.retry(&env, sent, self.within, ping).await?;
        Ok(Attempted { concerns_scep: false, ..tried })
    }
}

impl Attempt for Run {
    /// If there are checks, they alone decide: the output of a refused command may be expected.
    async fn attempt(&self, env: Env<'_>) -> Result<Attempted, Stop> {
        let target = &Target::of(&self.device, env.testbed)?;
        let sent = Sent::Command { device: self.device.clone(), command: self.command.clone() };
        // A command without a check is not repeated, because it may have an effect.
        let within = if self.checks.is_empty() { Duration::ZERO } else { self.within };
        let place = &self.place;
        let history = *env.state.history(&self.device);
        let run = || async move {
            let Executed { output, refused } = target.execute(&self.command).await?;
            if !refused {
                return Ok(Answer::checked(output, &self.checks));
            }
            let refusal = Refusal::of(&self.command, &output);
            let answer = Answer::checked(output, &self.checks);
            let is_vacuous = refusal.is_of_line() && only_forbids(self);
            let is_refused = self.checks.is_empty() || is_vacuous;
            let answer = match answer {
                answer if answer.met() && !is_refused => return Ok(answer),
                answer if is_refused || refusal.is_of_line() => Answer {
                    message: "the device refused the command",
                    misses: vec![Miss::at(place, "refused")],
                    ..answer
                },
                answer => answer,
            };
            let is_final = self.is_simulated && answer.output.contains(UNKNOWN_HOST);
            Ok(refusal.explain(history, Answer { is_final, ..answer }))
        };
        let tried = target.retry(&env, sent, within, run).await?;
        let history = env.state.history(&self.device);
        history.is_restarted |= is_command(&self.command, "reboot");
        // In configuration mode, later commands may give it addresses.
        history.is_configured |= is_command(&self.command, "configure");
        Ok(tried)
    }
}

/// True if a command begins with this word, perhaps abbreviated.
fn is_command(command: &str, name: &str) -> bool {
    let word = command.split_whitespace().next().unwrap_or_default();
    word.len() > 2 && name.starts_with(word)
}

/// True if the checks forbid texts and demand none, so that any refusal would pass.
fn only_forbids(step: &Run) -> bool {
    step.checks.iter().all(|check| !check.found)
}

fn refused(configuration: &Configuration, line: usize, said: String) -> Answer {
    let text = configuration.lines.value.lines().nth(line.wrapping_sub(1)).unwrap_or_default();
    let mistake = configuration_mistakes(text, None).into_iter().next();
    // `[ interfaces ethernet eth7 ]` names the place; the reason follows in the next line.
    let is_reason = |line: &&str| !line.is_empty() && !line.starts_with('[');
    let label = said.lines().map(str::trim).find(is_reason);
    Answer {
        message: "the device refused the configuration",
        misses: vec![Miss::at(&configuration.place_of(line), label.unwrap_or("refused"))],
        refused_line: (!is_of_commit(&said)).then_some(line),
        hint: mistake.and_then(|(_, mistake)| suggestion(&mistake)),
        output: said,
        ..Answer::default()
    }
}

/// True if the commit was refused. Such a refusal also names a line.
fn is_of_commit(said: &str) -> bool {
    let said = said.trim_end();
    said.is_empty() || said.ends_with("Commit failed")
}

/// Numbers of echo requests sent and answered, from the statistics as iputils or BSD prints them.
fn answered(output: &str) -> Option<(u32, u32)> {
    // Compiled once: that takes longer than a ping through the virtual lab.
    static SUMMARY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(\d+) packets transmitted, (\d+) (?:packets )?received").ok()
    });
    let captures = SUMMARY.as_ref()?.captures(output)?;
    Some((captures[1].parse().ok()?, captures[2].parse().ok()?))
}

/// The lines with a challenge password in each placeholder; the passwords are added to `secrets`.
///
/// Each placeholder gets its own password, because a password may be valid only once.
async fn filled(
    configuration: &Configuration,
    testbed: &Testbed,
    secrets: &mut Vec<Secret>,
) -> Result<String, Stop> {
    let lines = configuration.lines.value.as_str();
    let (mut filled, mut rest) = (String::new(), 0);
    for (name, range) in placeholders(lines) {
        let Some(pki) = configuration.challenges.get(name) else { continue };
        let password = password(pki, testbed).await?;
        filled.push_str(&lines[rest..range.start]);
        let word = quoted(password.expose(), &filled);
        filled.push_str(&word);
        rest = range.end;
        secrets.push(password);
    }
    filled.push_str(&lines[rest..]);
    Ok(filled)
}

async fn password(pki: &str, testbed: &Testbed) -> Result<Secret, Stop> {
    match ask(pki, super::pki::scep(testbed, pki)?.challenge(false)).await? {
        Some(password) if password.expose().contains(|c: char| c.is_control()) => {
            let what = "has a control character, which no configuration line can carry";
            Err(Stop::Broken(format!("`{pki}`: the challenge password {what}").into()))
        }
        Some(password) => Ok(password),
        None => Err(Stop::Skip(
            SkipCause::NoPassword,
            format!("`{pki}` has no challenge password to give: none is configured or given"),
        )),
    }
}

/// The password as one word of a line; unchanged if the line already has quotes around it.
fn quoted(password: &str, before: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "+-./=_@%,".contains(c);
    if before.ends_with(['\'', '"']) || password.chars().all(plain) {
        return password.to_owned();
    }
    if !password.contains('\'') {
        return format!("'{password}'");
    }
    format!("\"{}\"", password.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A device with its name in the lab.
pub(super) struct Target<'a> {
    name: &'a str,
    device: &'a dyn Device,
}

/// The answer of a device to a command.
pub(super) struct Executed {
    pub(super) output: String,
    pub(super) refused: bool,
}

impl<'a> Target<'a> {
    /// The device of that name.
    pub(super) fn of(name: &'a str, testbed: &'a Testbed) -> Result<Self, Stop> {
        match testbed.devices.get(name) {
            Some(device) => Ok(Self { name, device: device.as_ref() }),
            None => {
                Err(Stop::Broken(format!("the lab was built without the device `{name}`").into()))
            }
        }
    }

    /// The device.
    pub(super) fn device(&self) -> &'a dyn Device {
        self.device
    }

    /// Runs a command.
    pub(super) async fn execute(&self, command: &str) -> Result<Executed, Stop> {
        let (output, refused) = match bounded(self.name, self.device.execute(command)).await? {
            Ok(output) => (output, false),
            Err(DeviceError::CommandRefused { output }) => (output, true),
            Err(other) => return Err(self.stop(&other)),
        };
        Ok(Executed { output: output.replace("\r\n", "\n"), refused })
    }

    /// Tries a step at the device as [`Attempted::retry`] does; each pause ends when the device changes.
    pub(super) async fn retry<A: Future<Output = Result<Answer, Stop>>>(
        &self,
        env: &Env<'_>,
        sent: Sent,
        within: Duration,
        attempt: impl FnMut() -> A,
    ) -> Result<Attempted, Stop> {
        let pause = |longest| self.device.changed(longest);
        Attempted::retry(env.step, sent, within, attempt, pause).await
    }

    /// Why the scenario ends after this error.
    pub(super) fn stop(&self, error: &DeviceError) -> Stop {
        let reason = format!("`{}`: {error}", self.name);
        match error {
            DeviceError::NotSupported { .. } => Stop::Skip(SkipCause::NotSupported, reason),
            _ => Stop::Broken(reason.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ping_statistics_of_linux_and_bsd_are_parsed() {
        let linux = "1 packets transmitted, 1 received, 0% packet loss, time 0ms";
        let bsd = "5 packets transmitted, 3 packets received, 40% packet loss";
        assert_eq!(answered(linux), Some((1, 1)));
        assert_eq!(answered(bsd), Some((5, 3)));
        assert_eq!(answered("ping: unknown host"), None);
    }

    #[test]
    fn password_with_special_characters_is_quoted_as_one_word() {
        assert_eq!(quoted("8CE3+/=", "x "), "8CE3+/=");
        assert_eq!(quoted("two $words", "x "), "'two $words'");
        assert_eq!(quoted("it's \"it\\", "x "), r#""it's \"it\\""#);
        assert_eq!(quoted("two words", "x '"), "two words");
    }
}
