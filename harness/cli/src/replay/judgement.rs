//! The verdict on a bundle then and now, as plain data.

use std::time::UNIX_EPOCH;

use ::bundle::{Bundle, Check, FileKind, Verdict};
use diagnostics::counted;
use explain::Explanation;
use explain::text::{text, verdict_line};
use regex::RegexBuilder;
use scep::secret::Secret;
use serde::Serialize;

use crate::bundles::explained;

/// Version of the data in JSON. It increases if a field is removed or changes its meaning.
const VERSION: u32 = 1;

/// Memory limit of a compiled regular expression in bytes, as in scenario files.
const PATTERN_LIMIT: usize = 1024 * 1024;

/// The verdict on a bundle then and now.
#[derive(Debug, Serialize)]
pub(super) struct Judgement {
    version: u32,
    /// What the bundle is of.
    of: String,
    /// The command that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<String>,
    /// The version of the program that made the bundle.
    sceplab: String,
    /// What was taken out of the bundle.
    taken_out: Vec<String>,
    /// The number of keys in the bundle.
    keys: usize,
    /// The verdict then.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Verdict>,
    /// The checks of the failed step, then and now.
    checks: Vec<Held>,
    /// Who is wrong by the messages now.
    #[serde(skip_serializing_if = "Option::is_none")]
    explained: Option<String>,
    /// True if all is judged as then; none if a part cannot be judged again, and the rest is as then.
    #[serde(skip_serializing_if = "Option::is_none")]
    agrees: Option<bool>,
    /// True if what can be judged again is judged as then, and a part cannot.
    #[serde(skip)]
    agrees_in_part: bool,
    /// The explanation of the messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// A check then and now.
#[derive(Debug, Serialize)]
struct Held {
    #[serde(flatten)]
    check: Check,
    /// True if it holds now; none if its pattern or the output is not in the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<bool>,
}

impl Judgement {
    /// Judges a bundle again.
    pub(super) fn of(bundle: &Bundle, shows_secrets: bool) -> Self {
        let index = bundle.index.clone();
        let output = bundle.file(FileKind::Output).map(|file| file.text.as_str());
        let held = |check: Check| {
            let holds = output.and_then(|output| holds(&check, output));
            Held { check, holds }
        };
        let first = bundle.recording.exchanges.first().and_then(|exchange| exchange.at);
        let now = index.began.or(first).unwrap_or(UNIX_EPOCH);
        Self {
            version: VERSION,
            of: index.id,
            command: index.command,
            driver: index.driver,
            sceplab: index.sceplab,
            taken_out: index.taken_out,
            keys: bundle.keys.len(),
            recorded: index.verdict,
            checks: index.checks.into_iter().map(held).collect(),
            explained: None,
            agrees: None,
            agrees_in_part: false,
            explanation: explained(&bundle.recording, &bundle.keys, now, shows_secrets),
        }
    }

    /// The secrets that were read.
    pub(super) fn secrets(&self) -> &[Secret] {
        self.explanation.as_ref().map_or(&[], |explanation| &explanation.secrets)
    }

    /// Rewrites every text that may have words of a peer or of whoever made the bundle.
    pub(super) fn rewrite(&mut self, new: &dyn Fn(&str) -> String) {
        let change = |text: &mut String| *text = new(text);
        change(&mut self.of);
        change(&mut self.sceplab);
        self.command.iter_mut().chain(&mut self.driver).chain(&mut self.explained).for_each(change);
        self.taken_out.iter_mut().for_each(change);
        if let Some(Verdict { status, reason, explained, .. }) = &mut self.recorded {
            [status, reason].into_iter().chain(explained).for_each(change);
        }
        for Held { check: Check { field, text, .. }, .. } in &mut self.checks {
            [field, text].into_iter().for_each(change);
        }
        self.explanation.iter_mut().for_each(|explanation| explanation.rewrite(new));
    }

    /// Compares then and now, after secrets were masked in both.
    pub(super) fn compare(&mut self) {
        self.explained = self.explanation.as_ref().map(|it| verdict_line(&it.verdict));
        let then = self.recorded.as_ref().and_then(|verdict| verdict.explained.as_ref());
        let messages = then.zip(self.explained.as_ref()).map(|(then, now)| then == now);
        let checks = self.checks.iter().filter_map(|it| Some(it.holds? == it.check.held));
        let agrees = messages.into_iter().chain(checks).reduce(|all, one| all && one);
        self.agrees_in_part = agrees == Some(true) && self.untried() > 0;
        self.agrees = agrees.filter(|_| !self.agrees_in_part);
    }

    /// The number of checks that cannot be tried again.
    fn untried(&self) -> usize {
        self.checks.iter().filter(|check| check.holds.is_none()).count()
    }

    /// True if there is nothing that can be judged, now or then.
    pub(super) fn is_empty(&self) -> bool {
        self.explanation.is_none() && self.checks.is_empty() && self.recorded.is_none()
    }

    /// True if something is wrong now.
    pub(super) fn is_wrong(&self) -> bool {
        let by_messages = self.explanation.as_ref().is_some_and(|it| it.verdict.is_wrong());
        by_messages || self.checks.iter().any(|check| check.holds == Some(false))
    }

    /// The judgement as lines: what it is of, then and now, and the messages, `all` of them in full.
    pub(super) fn text(&self, all: bool) -> String {
        let mut lines = vec![self.heading()];
        if let Some(Verdict { status, reason, step, explained }) = &self.recorded {
            let step = step.map(|step| format!(" in step {step}")).unwrap_or_default();
            lines.push(format!("then:      {status}{step}: {reason}"));
            lines
                .extend(explained.iter().map(|line| format!("           by the messages, {line}")));
        }
        let now = match &self.explained {
            Some(line) => format!("by the messages, {line}"),
            None => "there are no messages to judge".to_owned(),
        };
        lines.push(format!("now:       {now}"));
        lines.extend(self.checks.iter().map(|check| format!("           {}", check.words())));
        lines.push(format!("agreement: {}", self.agreement()));
        lines.extend(self.taken_out.iter().map(|what| format!("note:      {what}")));
        if let Some(explanation) = &self.explanation {
            lines.extend([String::new(), text(explanation, all)]);
        }
        lines.join("\n")
    }

    fn heading(&self) -> String {
        let Some(command) = &self.command else {
            return format!("messages:  `{}`", self.of);
        };
        let driver = self.driver.as_ref().map(|it| format!(" in a lab of `{it}`"));
        let keys = if self.keys == 0 { "no keys".to_owned() } else { counted(self.keys, "key") };
        format!(
            "bundle:    `{}` of `sceplab {command}`{}, by version {}, with {keys}",
            self.of,
            driver.unwrap_or_default(),
            self.sceplab
        )
    }

    fn agreement(&self) -> String {
        if self.agrees_in_part {
            let untried = counted(self.untried(), "check");
            return format!(
                "the same as then, as far as it can be judged again: {untried} cannot be tried"
            );
        }
        let words = match self.agrees {
            Some(true) => "the same as then",
            Some(false) => {
                "not the same as then: what was taken out may be the reason, or another version of Sceplab made the bundle, or somebody changed it"
            }
            None if self.recorded.is_none() => "there is no verdict of then",
            None => "nothing of it can be judged again",
        };
        words.to_owned()
    }
}

impl Held {
    fn words(&self) -> String {
        let Check { field, text, held } = &self.check;
        let word = |holds: bool| if holds { "holds" } else { "does not hold" };
        let now = match self.holds {
            Some(holds) if holds == *held => format!("{}, as then", word(holds)),
            Some(holds) => format!("{}, and then it was otherwise", word(holds)),
            None => format!("cannot be tried again; then it was: {}", word(*held)),
        };
        format!("`{field}: {text}` {now}")
    }
}

/// What stands for a secret in a bundle.
const MASK: &str = "****";

/// True if a check holds for an output; none if it is no check that this version knows.
fn holds(check: &Check, output: &str) -> Option<bool> {
    if check.text.contains(MASK) {
        // It is not the check that was made.
        return None;
    }
    let found = match check.field.as_str() {
        "matches" | "matches_not" => {
            let mut pattern = RegexBuilder::new(&check.text);
            let pattern = pattern.multi_line(true).size_limit(PATTERN_LIMIT).build();
            pattern.ok()?.is_match(output)
        }
        "contains" | "contains_not" => output.contains(&check.text),
        _ => return None,
    };
    Some(found != check.field.ends_with("_not"))
}
