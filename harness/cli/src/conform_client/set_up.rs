//! Mistakes in the command of a client, by what was seen in the plain exchange.

use std::sync::LazyLock;

use regex::Regex;

use super::exchange::Exchange;
use diagnostics::{Diagnostic, counted};
use model::scenario::seen::SeenFact;
use model::scep_url::ScepUrl;
use process::is_no_text;
use simulated::client::Command;
use testbed::client::{Client, ClientEnd, ClientRun};
use testbed::pki::{PasswordProblem, SeenRequest};

/// Number of the last lines of a command's output that are shown.
const SHOWN: usize = 8;

/// Words with which programs say that they do not understand their arguments.
static USAGE: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?ix) \busage\b | \b(unrecogni[sz]ed|unknown|invalid|illegal|unexpected|ambiguous|undefined|missing)\b.{0,20}
        \b(option|argument|flag|parameter|command|switch)s?\b | not\ defined:\ - | \brequires?\ an?\ (argument|value)\b
        | too\ (many|few)\ arguments | --help\b",
    )
});

#[expect(clippy::expect_used, reason = "the expression is a constant, which a test tries")]
fn constant(text: &str) -> Regex {
    Regex::new(text).expect("a constant expression")
}

/// Words with which programs say that they cannot use a file or a folder.
static FILES: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?ix) no\ such\ file | not\ a\ directory | is\ a\ directory | permission\ denied | read-only\ file | no\ space\ left
        | file\ exists | (cannot|could\ not|can't|failed\ to|unable\ to)\ (create|write|open|save|mkdir)",
    )
});

/// The mistake in the command, if what was seen points at one: no request came, or none for a certificate; the client did not end;
/// it was refused because the command does not pass on what it is given; or it failed at its own files.
pub(super) fn mistake(command: &Command, exchange: &Exchange) -> Option<Diagnostic> {
    let name = command.name();
    let Some(run) = &exchange.run else {
        let reason = exchange.outcome.verdict.reason().unwrap_or_default();
        return Some(Diagnostic::general(format!("{name} could not be tried: {reason}")));
    };
    let (what, cause) = suspicion(command, run, exchange)?;
    let heading = Diagnostic::general(format!("{name} {what}: no case is tried"));
    // A program that was not run has said nothing.
    let said = if exchange.has_run() { said(run) } else { Vec::new() };
    let diagnostic = said.into_iter().fold(heading, Diagnostic::note);
    let as_run = exchange.command.iter().filter(|_| exchange.has_run());
    let as_run = as_run.map(|command| {
        format!("it was run as `{command}`; that CA and its folder are gone, `sceplab serve` starts another CA")
    });
    // Without a request there is nothing to judge.
    let all_the_same = (!exchange.seen.is_empty()).then(|| NO_GATE.to_owned());
    let further = as_run.chain(unused(command)).chain(all_the_same);
    Some(further.fold(diagnostic.note(cause), Diagnostic::note))
}

/// How to go on all the same.
const NO_GATE: &str = "`--no-gate` judges the client all the same";

/// The placeholders that the command does not use, if there are any.
fn unused(command: &Command) -> Option<String> {
    let names: Vec<String> = command.unused().iter().map(|one| format!("`{one}`")).collect();
    let (last, others) = names.split_last()?;
    Some(if others.is_empty() {
        format!("{last} would be filled in as well, and the command does not use it")
    } else {
        let others = others.join(", ");
        format!("{others} and {last} would be filled in as well, and the command does not use them")
    })
}

/// What the command does, and what is probably wrong with it.
fn suspicion(command: &Command, run: &ClientRun, exchange: &Exchange) -> Option<(String, String)> {
    let seen = &exchange.seen;
    if let ClientEnd::NotRun { reason } = &run.end {
        let cause = "probably the file is no program for this machine: `file` says what it is; try the command by hand";
        return Some((format!("could not be run: {reason}"), cause.to_owned()));
    }
    if seen.is_empty() {
        let what = match &run.end {
            ClientEnd::Crashed { .. } => "crashes before it sends a request to the CA",
            _ => "sends no request to the CA",
        };
        return Some((what.to_owned(), why_silent(command, run)));
    }
    if let ClientEnd::Overdue { limit } = run.end {
        let limit = limit.as_secs_f64();
        let what = format!("did not end in {limit} s at a CA that answers at once");
        let cause = format!(
            "the CA got {}, the last one {}: if the client needs longer, give it longer with `--timeout`; it must end by itself after \
             one enrolment",
            counted(seen.len(), "request"),
            seen.last().map(described).unwrap_or_default()
        );
        return Some((what, cause));
    }
    not_scep(exchange)
        .or_else(|| password_missing(command, exchange))
        .or_else(|| no_message(run, exchange))
        .or_else(|| own_files(run, exchange))
}

/// A client that asks for capabilities or certificates of the CA, and never for a certificate of its own. One that crashes at a right
/// reply is judged.
fn no_message(run: &ClientRun, exchange: &Exchange) -> Option<(String, String)> {
    let has_message = |one: &SeenRequest| one.value(SeenFact::Operation) == Some("PKIOperation");
    if exchange.seen.iter().any(has_message) || matches!(run.end, ClientEnd::Crashed { .. }) {
        return None;
    }
    let mut asked: Vec<&str> =
        exchange.seen.iter().filter_map(|one| one.value(SeenFact::Operation)).collect();
    asked.dedup();
    let what = format!("asks only for {}, and for no certificate of its own", asked.join(", "));
    let cause = if matches!(run.end, ClientEnd::Succeeded) {
        "it ended with status 0, although the CA got no request for a certificate: it probably needs another argument, only downloads, or had its certificate already".to_owned()
    } else {
        format!(
            "it ended before it enrolled: {}; perhaps it does not trust the CA, whose certificate is in `{{ca}}`",
            where_the_reason_is(run)
        )
    };
    Some((what, cause))
}

/// A client that gets its certificate, and then fails at a file of its own.
fn own_files(run: &ClientRun, exchange: &Exchange) -> Option<(String, String)> {
    let lines = if run.errors.is_empty() { &run.output } else { &run.errors };
    let said = lines.iter().rev().find(|line| FILES.is_match(line))?;
    if !exchange.was_issued || !matches!(run.end, ClientEnd::Failed { .. }) {
        return None;
    }
    let what = "gets a certificate, and then fails for a reason of its own".to_owned();
    let cause = format!(
        "it says `{}`: probably a path in the command is wrong; a folder for its files is `{{dir}}`",
        said.trim()
    );
    Some((what, cause))
}

/// The probable reason why no request came.
fn why_silent(command: &Command, run: &ClientRun) -> String {
    let lines = run.output.iter().any(|line| USAGE.is_match(line));
    match &run.end {
        ClientEnd::Crashed { .. } => "try the command by hand".to_owned(),
        _ if !command.takes_url() => {
            "the command has no `{url}`, so the client probably does not know where the CA is".to_owned()
        }
        _ if lines => {
            "it probably does not understand its arguments: compare them with the client's own help".to_owned()
        }
        ClientEnd::Overdue { .. } => {
            "it may wait for input, or for another address; if it only needs longer, give it longer with `--timeout`".to_owned()
        }
        ClientEnd::Succeeded => {
            "it ended with status 0, but sent nothing to the CA: it probably needs another argument, has another address, or had its certificate already".to_owned()
        }
        _ => format!("{}; try the command by hand", where_the_reason_is(run)),
    }
}

/// Where a client that fails says why.
fn where_the_reason_is(run: &ClientRun) -> &'static str {
    let lines = run.last_lines(SHOWN);
    let no_text = lines.iter().filter(|line| is_no_text(line)).count();
    if no_text * 2 < lines.len() {
        "the reason may be in its own lines above"
    } else {
        "it does not say why: it may have a log, or an option for more output"
    }
}

/// Requests that are not for the SCEP service: at another path, or without an operation.
fn not_scep(exchange: &Exchange) -> Option<(String, String)> {
    let (seen, path) = (&exchange.seen, path_of(&exchange.url));
    let first = seen.first()?;
    if seen.iter().all(|one| one.value(SeenFact::Operation).is_none()) {
        let what = "sends requests that are not SCEP's".to_owned();
        let cause = format!("the first one is {}, without an operation", described(first));
        return Some((what, cause));
    }
    let is_elsewhere = |one: &SeenRequest| one.value(SeenFact::Path).is_some_and(|its| its != path);
    let has_message = seen.iter().any(|one| one.value(SeenFact::Digest).is_some());
    if !has_message && seen.iter().all(is_elsewhere) {
        let what = "asks at another path than the one of `{url}`".to_owned();
        let cause = format!(
            "`{{url}}` is {}, and the first request is {}: the client may append a path of its own, or take only the host",
            exchange.url,
            described(first)
        );
        return Some((what, cause));
    }
    None
}

/// A request that the CA refuses because it lacks the password that the client was given.
fn password_missing(command: &Command, exchange: &Exchange) -> Option<(String, String)> {
    let refusals = exchange.seen.iter().rev().filter_map(|one| one.refusal.as_ref());
    let refusal = refusals.into_iter().find(|refusal| refusal.password.is_some())?;
    // A misplaced password has reached the client.
    if refusal.password == Some(PasswordProblem::Misplaced) {
        return None;
    }
    let what = format!("gets no certificate, because the CA says `{}`", refusal.reason);
    let cause = if command.takes_challenge() {
        "the command has `{challenge}`, but the request does not have that password: it probably does not reach the client"
    } else {
        "the command has no `{challenge}`, so the client does not know the password that the CA asks for"
    };
    Some((what, cause.to_owned()))
}

/// A request in a few words: `GET /x?operation=GetCACaps`.
fn described(request: &SeenRequest) -> String {
    let value = |fact| request.value(fact).unwrap_or_default();
    let operation = request.value(SeenFact::Operation);
    let operation = operation.map(|it| format!("?operation={it}")).unwrap_or_default();
    let line = format!("{} {}{operation}", value(SeenFact::Method), value(SeenFact::Path));
    format!("`{}`", diagnostics::visible(&line))
}

/// The path of a URL.
fn path_of(url: &str) -> String {
    url.parse::<ScepUrl>().map_or_else(|_| url.to_owned(), |url| url.path().to_owned())
}

/// How the command ended, and its last lines: those of its standard error, or else those of its standard output.
fn said(run: &ClientRun) -> Vec<String> {
    let last = run.last_lines(SHOWN);
    let end = match &run.end {
        ClientEnd::Succeeded => "it ended with exit status: 0".to_owned(),
        other => other.to_string(),
    };
    if last.is_empty() {
        return vec![format!("{end}, and printed nothing")];
    }
    let printed = last.into_iter().map(|line| format!("  {line}"));
    std::iter::once(format!("{end}; its last lines:")).chain(printed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_about_arguments_are_recognised() {
        for said in [
            "usage: client URL",
            "Usage: client [options]",
            "client: unrecognized option '--ulr'",
            "error: unexpected argument '--x' found",
            "flag provided but not defined: -server",
            "unknown flag: --server",
            "option requires an argument -- 'u'",
            "invalid option -- 'z'",
            "missing required argument",
            "Try 'client --help' for more information.",
        ] {
            assert!(USAGE.is_match(said), "{said}");
        }
        for said in ["unknown host pki.example.com", "invalid signature", "no certificate"] {
            assert!(!USAGE.is_match(said), "{said}");
        }
    }

    #[test]
    fn path_of_a_url_is_found() {
        assert_eq!(path_of("http://127.0.0.1:80/cgi-bin/x"), "/cgi-bin/x");
        assert_eq!(path_of("http://127.0.0.1:80"), "/");
    }
}
