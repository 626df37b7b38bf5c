//! Turns what happened into results: plain data of bounded size, with secrets masked.

use std::time::{Duration, SystemTime};

use explain::{Knowledge, failed_exchange};
use redact::{Masker, clear_passwords};

use super::attempt::{Attempted, Miss};
use super::closest::closest_line;
use super::hint::{Reader, hint};
use super::last_exchange::up_to_telling;
use diagnostics::floor_char_boundary;
use model::lab::Secret;
use model::scenario::{Expect, Scenario, Step};
use results::{
    FailedMessage, Failure, Finding, LogLine, Received, RefusedExchange, Reply, Sent, Skip,
    StepOutcome,
};
use scep::attribute::{FailInfo, PkiStatus};
use testbed::{Testbed, lab_time};

/// The longest output that is kept, in bytes.
const OUTPUT_LIMIT: usize = 256 * 1024;

/// Number of the newest lines of each log that are reported.
const LOG_LINES: usize = 6;

/// Masker for the secrets of a scenario, in its lab and in its steps.
pub fn masker(scenario: &Scenario) -> Masker {
    let given = scenario.steps.iter().filter_map(|step| step.action.given_to_device());
    Masker::new(scenario.lab.secrets().into_iter().chain(given.flat_map(clear_passwords)))
}

/// Records the results of one scenario.
pub(super) struct Recorder<'a> {
    masker: Masker,
    testbed: &'a Testbed,
    /// The end of the last `scep` step, which exchanged messages by itself.
    own_until: Option<SystemTime>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(scenario: &Scenario, testbed: &'a Testbed) -> Self {
        let masker = masker(scenario).with(testbed.secrets.iter().cloned());
        Self { masker, testbed, own_until: None }
    }

    /// Masks these secrets too from now on.
    pub(super) fn add_secrets(&mut self, secrets: Vec<Secret>) {
        if !secrets.is_empty() {
            self.masker = self.masker.with(secrets);
        }
    }

    /// Notes that a step has ended.
    pub(super) fn ended(&mut self, attempted: &Attempted) {
        if attempted.exchanged() {
            self.own_until = Some(self.testbed.clock.now());
        }
    }

    /// The title of a step. Only the parts from the file may have secrets.
    fn title(&self, step: &Step) -> String {
        let Some(name) = &step.name else {
            let title = step.action.title();
            let given = step.action.given_to_device().filter(|given| title.contains(given));
            let Some(given) = given else { return title };
            return title.replace(given, &self.text(given));
        };
        self.text(name)
    }

    /// The text with its secrets masked.
    pub(super) fn text(&self, text: &str) -> String {
        self.masker.text(text)
    }

    /// Record of a step.
    pub(super) fn step(&self, number: usize, step: &Step, attempted: &Attempted) -> StepOutcome {
        StepOutcome {
            number,
            title: self.title(step),
            elapsed: attempted.answers.elapsed,
            tries: attempted.answers.tries,
            sent: self.sent(&attempted.sent),
            output: self.output(&attempted.answers.last.output),
        }
    }

    /// The skip, if the answer to a step proves nothing.
    pub(super) fn skip(&self, number: usize, step: &Step, attempted: &Attempted) -> Option<Skip> {
        let inconclusive = attempted.answers.last.inconclusive.as_ref()?;
        let seen = inconclusive.seen.iter().filter(|line| !line.is_empty());
        let seen: Vec<String> = seen.cloned().collect();
        let evidence = self.masker.lines(&seen);
        Some(Skip {
            because: inconclusive.because,
            reason: self.text(&inconclusive.reason),
            evidence: std::iter::once(self.heading(number, step)).chain(evidence).collect(),
            particulars: Vec::new(),
        })
    }

    /// Number and description of a step, in a line.
    pub(super) fn heading(&self, number: usize, step: &Step) -> String {
        format!("step {number}: {}", self.title(step))
    }

    /// Record of a step whose result is not as expected.
    pub(super) async fn failure(&self, step: usize, attempted: &Attempted) -> Failure {
        let answers = &attempted.answers;
        let output = self.output(&answers.last.output);
        let first = answers.first.as_ref().map(|answer| self.output(&answer.output));
        let log_lines =
            if attempted.concerns_scep { self.log(&attempted.sent).await } else { Vec::new() };
        let unexpected_success = attempted.expect == Expect::Failure;
        // The hints are about a device's configuration and its lab.
        let hint = if unexpected_success || self.testbed.devices.is_empty() {
            None
        } else {
            // Before masking, because a password may be a word of the line that the hint needs.
            let newest_first = log_lines.iter().rev().map(|line| line.line.as_str());
            let own = answers.last.hint.clone().map(|hint| self.masker.message(&hint));
            own.or_else(|| hint(newest_first.chain([answers.last.output.as_str()]), self.reader()))
        };
        let log = self.masked_log(log_lines);
        Failure {
            step,
            message: if unexpected_success {
                "the step succeeded but was expected to fail".to_owned()
            } else {
                answers.last.message.to_owned()
            },
            findings: self.findings(attempted),
            sent: self.sent(&attempted.sent),
            first_output: first.filter(|first| *first != output),
            output,
            reply: answers.last.reply.as_ref().map(|reply| self.reply(reply)),
            refusal: if attempted.concerns_scep { self.refusal().await } else { None },
            messages: self.messages(attempted).await,
            ended_server: answers.last.ended_server,
            refused_line: answers.last.refused_line,
            tries: answers.tries,
            elapsed: answers.elapsed,
            log,
            hint,
            is_unproved: false,
            idle_faults: Vec::new(),
        }
    }

    /// Failure of a scenario whose steps were as expected, but whose configured faults did not all happen.
    pub(super) fn unfired(&self, step: usize, last: &Step, rules: &[String]) -> Failure {
        let finding = |rule: &String| Finding {
            excerpt: last.place.excerpt().masked(&self.masker),
            label: self.text(&format!("`{rule}` did not happen up to this step")),
            closest: None,
            expected: None,
            facts: Vec::new(),
        };
        Failure {
            step,
            message: "a fault did not happen: nothing is proved".to_owned(),
            findings: rules.iter().map(finding).collect(),
            sent: Sent::Request {
                pki: self.testbed.pkis.keys().cloned().collect::<Vec<_>>().join(", "),
                request: "list the faults that happened".to_owned(),
            },
            first_output: None,
            output: String::new(),
            reply: None,
            refusal: None,
            messages: Vec::new(),
            ended_server: None,
            refused_line: None,
            tries: 1,
            elapsed: Duration::ZERO,
            log: Vec::new(),
            hint: None,
            is_unproved: true,
            idle_faults: Vec::new(),
        }
    }

    /// The refusal of the last request at a PKI that keeps a record of its requests.
    async fn refusal(&self) -> Option<RefusedExchange> {
        for pki in self.testbed.pkis.values() {
            let Ok(seen) = pki.seen().await else { continue };
            if let Some(last) = seen.last()
                && let Some(refusal) = &last.refusal
            {
                return Some(RefusedExchange {
                    exchange: self.text(last.exchange().unwrap_or("HTTP")),
                    http_status: refusal.http_status,
                    fail_info: self.fail_info(refusal.fail_info.as_ref()),
                    reason: self.text(&refusal.reason),
                });
            }
        }
        None
    }

    /// The exchange that a step is about: its own, or else the last one of a device or a client.
    async fn messages(&self, attempted: &Attempted) -> Vec<FailedMessage> {
        let wire = self.testbed.wire.as_ref().filter(|_| attempted.concerns_scep);
        let Some(wire) = wire else { return Vec::new() };
        let newest = wire.newest().await;
        let exchanges =
            if attempted.exchanged() { newest } else { up_to_telling(newest, self.own_until) };
        failed_exchange(exchanges, &self.knowledge().await, &|text| self.text(text))
    }

    /// The keys of the lab, which open what its ends sent each other, and the time.
    async fn knowledge(&self) -> Knowledge {
        let mut knowledge = Knowledge::new(self.testbed.clock.now());
        for pki in self.testbed.pkis.values() {
            for (_, identity) in pki.keys().await.unwrap_or_default() {
                knowledge.keys.push(identity.key);
                knowledge.certificates.push(identity.certificate);
            }
        }
        for device in self.testbed.devices.values() {
            knowledge.keys.extend(device.keys().await.unwrap_or_default());
        }
        knowledge
    }

    fn reply(&self, reply: &Reply) -> Reply {
        let fail_info = self.fail_info(reply.fail_info.as_ref());
        let pki_status = reply.pki_status.clone().map(|status| match status {
            PkiStatus::Other(value) => PkiStatus::Other(self.text(&value)),
            known => known,
        });
        Reply { pki_status, fail_info, details: self.masker.lines(&reply.details), ..reply.clone() }
    }

    /// A failInfo; one that no RFC has is the peer's text.
    fn fail_info(&self, fail_info: Option<&FailInfo>) -> Option<FailInfo> {
        match fail_info? {
            FailInfo::Other(value) => Some(FailInfo::Other(self.text(value))),
            known => Some(known.clone()),
        }
    }

    /// The log with its secrets masked, also those that are broken by the end of a line.
    fn masked_log(&self, log: Vec<LogLine>) -> Vec<LogLine> {
        let lines: Vec<String> = log.iter().map(|line| line.line.clone()).collect();
        let masked = self.masker.lines(&lines);
        log.into_iter().zip(masked).map(|(of, line)| LogLine { line, ..of }).collect()
    }

    fn findings(&self, attempted: &Attempted) -> Vec<Finding> {
        let answers = &attempted.answers;
        let effort = effort(attempted);
        if attempted.expect == Expect::Failure {
            let label = format!("succeeded{effort}");
            let excerpt = attempted.place.excerpt().masked(&self.masker);
            return vec![Finding {
                excerpt,
                label,
                closest: None,
                expected: None,
                facts: Vec::new(),
            }];
        }
        let finding = |miss: &Miss| Finding {
            excerpt: miss.place.excerpt().masked(&self.masker),
            label: format!("{}{effort}", self.what(miss)),
            closest: miss
                .pattern
                .as_ref()
                .and_then(|pattern| closest_line(&answers.last.output, pattern))
                .map(|line| self.text(line.trim())),
            expected: miss.expected.as_ref().map(|expected| self.text(expected)),
            facts: miss.facts.iter().map(|fact| self.text(fact)).collect(),
        };
        answers.last.misses.iter().map(finding).collect()
    }

    /// What is wrong at a place. About a pattern, these are words of our own.
    fn what(&self, miss: &Miss) -> String {
        if miss.pattern.is_some() { miss.what.clone() } else { self.text(&miss.what) }
    }

    fn sent(&self, sent: &Sent) -> Sent {
        match sent {
            Sent::Configuration { device, lines } => {
                Sent::Configuration { device: device.clone(), lines: self.text(lines) }
            }
            Sent::Command { device, command } => {
                Sent::Command { device: device.clone(), command: self.text(command) }
            }
            // Its words quote the peer, such as the name of the CA to which a message is enciphered.
            Sent::Request { pki, request } => {
                Sent::Request { pki: pki.clone(), request: self.text(request) }
            }
            Sent::Clock { goal } => Sent::Clock { goal: self.text(goal) },
            Sent::Order { part, order } => {
                Sent::Order { part: part.clone(), order: self.text(order) }
            }
        }
    }

    /// A certificate that was received. Its subject may have texts of the peer that an earlier step saved.
    pub(super) fn received(&self, received: Received) -> Received {
        Received { subject: self.text(&received.subject), ..received }
    }

    fn output(&self, output: &str) -> String {
        let end = floor_char_boundary(output, OUTPUT_LIMIT);
        if end == output.len() {
            return self.text(output);
        }
        self.masker.cut_text(&output[..end]) + "\n[cut]"
    }

    /// Notes of the devices' SCEP clients and of the PKIs for the reader of the result.
    pub(super) async fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for device in self.testbed.devices.values() {
            notes.extend(device.notes().await.iter().map(|note| self.text(note)));
        }
        for pki in self.testbed.pkis.values() {
            notes.extend(pki.notes().await.iter().map(|note| self.text(note)));
        }
        notes
    }

    /// What the SCEP clients of the devices that a step is about cannot do, although the scenario asked for it.
    pub(super) async fn limits(&self, sent: &Sent) -> Vec<String> {
        let mut limits = Vec::new();
        for (_, device) in self.testbed.devices.iter().filter(|(name, _)| concerns(sent, name)) {
            limits.extend(device.limits().await.iter().map(|limit| self.text(limit)));
        }
        limits.sort();
        limits.dedup();
        limits
    }

    /// The newest log lines of the device's SCEP client and of the PKIs, not masked yet.
    async fn log(&self, sent: &Sent) -> Vec<LogLine> {
        let mut logs = Vec::new();
        for (name, device) in &self.testbed.devices {
            if concerns(sent, name) {
                logs.push((self.client(name), true, device.protocol_log().await));
            }
        }
        for (name, pki) in &self.testbed.pkis {
            logs.push((name.clone(), false, pki.log().await));
        }
        let newest = logs.into_iter().flat_map(|(source, is_of_client, lines)| {
            let skipped = lines.len().saturating_sub(LOG_LINES);
            let newest = lines.into_iter().skip(skipped);
            newest.map(move |line| LogLine { source: source.clone(), line, is_of_client })
        });
        newest.collect()
    }

    fn reader(&self) -> Reader {
        if self.testbed.devices.is_empty() { Reader::OfPeer } else { Reader::OfDevice }
    }

    fn client(&self, device: &str) -> String {
        if self.testbed.devices.len() == 1 {
            "scep".to_owned()
        } else {
            format!("scep at {device}")
        }
    }
}

/// Elapsed time and number of tries; empty if the step is tried only once.
fn effort(attempted: &Attempted) -> String {
    let answers = &attempted.answers;
    if attempted.within.is_zero() {
        return String::new();
    }
    let seconds = format!("{:.1} s", answers.elapsed.as_secs_f64());
    match answers.tries {
        1 => format!(" in {seconds}, 1 try"),
        tries if lab_time::is_here() => format!(" in {seconds} of lab time, {tries} tries"),
        tries => format!(" in {seconds}, {tries} tries"),
    }
}

/// True if a step that sent this may be about the device of that name.
fn concerns(sent: &Sent, name: &str) -> bool {
    match sent {
        Sent::Configuration { device, .. } | Sent::Command { device, .. } => name == device,
        Sent::Request { .. } | Sent::Clock { .. } | Sent::Order { .. } => true,
    }
}
