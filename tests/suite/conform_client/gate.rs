//! The gate: what the command says if the evidence points at the command, and if the client fails at a CA that does nothing wrong.

use super::{SCEPLAB, asking, cases, script};
use crate::suite::sceplab::{Ended, command, finish, run, workspace};
use crate::support::conform::{Verdicts, conform};

/// Runs a script as the client with these arguments; the script's path in the output is replaced by `CLIENT`.
fn gate(text: &str, options: &[&str], arguments: &[&str]) -> (Ended, Verdicts) {
    let (_folder, client) = script(&format!("#!/bin/sh\n{text}\n"));
    let (mut ended, verdicts) = conform(options, &[&[client.as_str()], arguments].concat());
    ended.stdout = ended.stdout.replace(&client, "CLIENT");
    ended.stderr = ended.stderr.replace(&client, "CLIENT");
    (ended, verdicts)
}

/// What the command says about a mistaken command: one message on stderr, and no verdict.
#[track_caller]
fn mistaken(text: &str, options: &[&str], arguments: &[&str]) -> String {
    let (ended, verdicts) = gate(text, options, arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{}", ended.transcript());
    assert!(verdicts.is_empty(), "{verdicts:?}");
    let messages = ended.stderr.lines().filter(|line| line.starts_with("error:"));
    assert_eq!(messages.count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("no case is tried"), "{}", ended.stderr);
    // Without a request there is nothing to judge.
    let is_silent = ended.stderr.contains(" request to the CA: no case is tried");
    assert_eq!(ended.stderr.contains("--no-gate"), !is_silent, "{}", ended.stderr);
    ended.stderr
}

#[track_caller]
fn says(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "lacks `{word}`:\n{told}");
    }
}

#[test]
fn command_that_asks_for_nothing_is_distinguished_from_a_client_that_fails() {
    let all = ["{url}", "{challenge}"];
    let nothing = mistaken("exit 0", &[], &all);
    says(
        &nothing,
        &[
            "sends no request to the CA",
            "it ended with exit status: 0, and printed nothing",
            "ended with status 0, but sent nothing to the CA",
        ],
    );
    let fails = mistaken("echo started; echo 'no such profile: x' >&2; exit 1", &[], &all);
    says(&fails, &["it was run as `", "`{ca}` and `{dir}` would be filled in as well"]);
    assert!(fails.contains("****`; that CA"), "the command is not masked: {fails}");
    says(&fails, &["exit status: 1; its last lines:", "no such profile: x", "its own lines above"]);
    assert!(!fails.contains("started"), "stdout is shown although stderr has the reason: {fails}");
    for printed in ["", "head -c 613 /dev/zero; "] {
        let mute = mistaken(&format!("{printed}exit 1"), &[], &all);
        says(&mute, &["it does not say why", "try the command by hand"]);
        assert!(!mute.contains("its own lines above"), "{mute}");
    }
    let crash = mistaken("kill -SEGV $$", &[], &all);
    says(
        &crash,
        &["signal: 11 (SIGSEGV)", "crashes before it sends a request to the CA: no case is tried"],
    );
    let usage = mistaken("echo \"usage: client URL $2\" >&2; exit 64", &[], &all);
    says(
        &usage,
        &["exit status: 64", "usage: client URL ****", "does not understand its arguments"],
    );
    let option = mistaken("echo \"client: unrecognized option '--ulr'\"; exit 1", &[], &all);
    says(&option, &["unrecognized option '--ulr'", "does not understand its arguments"]);
    let hangs = mistaken("exec sleep 600", &["--timeout", "1"], &all);
    says(&hangs, &["it did not end in 1 s", "give it longer with `--timeout`"]);
    let unknown = mistaken("exec no-such-program-at-all", &[], &all);
    says(&unknown, &["exit status: 127", "no-such-program-at-all: not found"]);
}

#[test]
fn the_same_holds_for_one_case_and_for_one_requirement() {
    for select in [["--case", "polling/never"], ["--requirement", "R31"]] {
        says(&mistaken("exit 1", &select, &["{url}"]), &["sends no request to the CA"]);
    }
}

#[test]
fn command_without_url_or_challenge_is_named() {
    let no_url = mistaken("exit 1", &[], &["{challenge}"]);
    says(&no_url, &["the command has no `{url}`"]);
    let enrol = format!("exec {SCEPLAB} enrol \"$1\" ${{2:+--challenge}} ${{2:+\"$2\"}}");
    let no_challenge = mistaken(&enrol, &[], &["{url}"]);
    says(
        &no_challenge,
        &["no challenge password in the request", "the command has no `{challenge}`"],
    );
    let other = mistaken(&enrol, &[], &["{url}", "another"]);
    says(&other, &["the CA says `wrong challenge password`", "the command has no `{challenge}`"]);
    let dropped = mistaken(&format!("exec {SCEPLAB} enrol \"$1\""), &[], &["{url}", "{challenge}"]);
    says(
        &dropped,
        &["no challenge password in the request", "it probably does not reach the client"],
    );
}

#[test]
fn requests_that_are_not_scep_or_at_another_path_are_shown() {
    let browser = r#"exec bash -c 'h=${0#http://}; h=${h%%/*}; exec 3<>/dev/tcp/${h%:*}/${h#*:}; printf "GET / HTTP/1.0\r\n\r\n" >&3; cat <&3' "$1""#;
    let page = mistaken(browser, &[], &["{url}", "{challenge}"]);
    says(&page, &["sends requests that are not SCEP's", "`GET /`, without an operation"]);
    let ask = |path: &str| {
        format!(
            "host=${{1#http://}}; host=${{host%%/*}}\nexec {SCEPLAB} health \"http://$host{path}\" --timeout 60"
        )
    };
    let elsewhere = mistaken(&ask("/elsewhere"), &[], &["{url}", "{challenge}"]);
    says(&elsewhere, &["asks at another path", "`GET /elsewhere?operation=GetCACaps`"]);
}

#[test]
fn client_that_needs_longer_than_its_timeout_is_not_judged() {
    let slow = format!("{SCEPLAB} enrol \"$1\" --challenge \"$2\" || exit 1\nexec sleep 600");
    let told = mistaken(&slow, &["--timeout", "10"], &["{url}", "{challenge}"]);
    says(&told, &["did not end in 10 s", "the last one `POST", "give it longer with `--timeout`"]);
}

#[test]
fn unknown_placeholder_is_rejected_before_anything_runs() {
    let (ended, _) =
        gate("exit 0", &[], &["{url}", "{chalenge}", "{URL}", "--dir={ dir }", "{}", "${HOME}"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.transcript());
    says(
        &ended.stderr,
        &[
            "argument 2 of the command: `{chalenge}` is no placeholder",
            "did you mean `{challenge}`?",
            "argument 3 of the command: `{URL}` is no placeholder",
            "did you mean `{url}`?",
            "`{ dir }` is no placeholder",
            "did you mean `{dir}`?",
            "`{}` is no placeholder",
            "`{HOME}` is no placeholder",
            "a brace that is no part of a placeholder is written twice",
        ],
    );
}

#[test]
fn doubled_braces_reach_the_client_as_braces() {
    let told = mistaken("echo \"$1 $2\" >&2; exit 1", &[], &["{{\"u\": \"{url}\"}}", "${{X}}"]);
    says(&told, &["{\"u\": \"http://127.0.0.1:", "/cgi-bin/pkiclient.exe\"} ${X}"]);
}

/// A client that enrols and then fails, or that crashes at the CA's certificate: its verdict is that of the plain exchange.
#[test]
fn client_that_fails_at_the_plain_exchange_gets_that_verdict_alone() {
    let enrol = format!("{SCEPLAB} enrol \"$1\" --challenge \"$2\" >/dev/null");
    for (text, end, told) in [
        (enrol, "exit 1", "the client fails although the CA issued a certificate"),
        (asking(), "kill -SEGV $$", "the client crashes"),
    ] {
        let text = format!("{text}\necho last words >&2\n{end}");
        let (ended, verdicts) = gate(&text, &["--case", "attributes"], &["{url}", "{challenge}"]);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        says(
            &ended.stdout,
            &["FAIL   R02 MUST   conformance/client/enrolment/right", told, "last words"],
        );
        let judged: Vec<_> = verdicts.iter().filter(|(_, kind)| *kind != "skipped").collect();
        assert_eq!(judged.len(), 1, "{judged:?}");
        assert_eq!(verdicts["enrolment/right"], "failed");
        says(
            &ended.stdout,
            &["the client does not complete the plain right exchange at `rfc8894`"],
        );
    }
}

#[test]
fn command_that_asks_for_no_certificate_of_its_own_is_not_judged() {
    let ends = [("exit 0", "only downloads"), ("exit 1", "perhaps it does not trust the CA")];
    for (end, cause) in ends {
        let text = format!("{}\n{end}", asking());
        let told = mistaken(&text, &[], &["{url}", "{challenge}"]);
        says(
            &told,
            &["asks only for GetCACaps, GetCACert, and for no certificate of its own", cause],
        );
    }
    // Like `curl`, which prints the certificate as it comes.
    let download = r#"exec bash -c 'h=${0#http://}; p=/${h#*/}; h=${h%%/*}; exec 3<>/dev/tcp/${h%:*}/${h#*:}; printf "GET $p?operation=GetCACert HTTP/1.0\r\n\r\n" >&3; cat <&3' "$1""#;
    let told = mistaken(download, &[], &["{url}"]);
    says(&told, &["asks only for GetCACert", "only downloads", "bytes that are no text)"]);
    assert!(!told.contains("\\x"), "the certificate is shown: {told}");
}

#[test]
fn failure_at_a_file_of_the_client_is_not_told_as_a_verdict() {
    let enrol = format!("{SCEPLAB} enrol \"$1\" --challenge \"$2\" >/dev/null || exit 1");
    let text =
        format!("{enrol}\necho 'cannot write /proc/nope: No such file or directory' >&2\nexit 1");
    let told = mistaken(&text, &[], &["{url}", "{challenge}"]);
    says(
        &told,
        &["gets a certificate, and then fails for a reason of its own", "/proc/nope", "`{dir}`"],
    );
    let own = [SCEPLAB, "enrol", "{url}", "--challenge", "{challenge}", "--out", "/proc/nope"];
    let (ended, verdicts) = conform(&[], &own);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(verdicts.is_empty() && ended.stderr.contains("/proc/nope"), "{}", ended.transcript());
}

/// A client with a lock file, which does nothing while another run of it is under way.
#[test]
fn client_that_permits_one_run_at_a_time_is_judged_by_single_runs() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock").display().to_string();
    let text = format!(
        "mkdir {lock} 2>/dev/null || {{ echo another run is under way >&2; exit 1; }}\n\
         {SCEPLAB} enrol \"$1\" --challenge \"$2\" >/dev/null; status=$?\nrmdir {lock}; exit $status"
    );
    let select = ["--case", "attributes", "--case", "enrolment/right", "--jobs", "8"];
    let (ended, verdicts) = gate(&text, &select, &["{url}", "{challenge}"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let failed: Vec<_> = verdicts.iter().filter(|(_, kind)| *kind == "failed").collect();
    assert!(failed.is_empty(), "{failed:?}");
    says(&ended.stderr, &["trying again, one at a time", "one run at a time: `-j 1`"]);
    let (alone, _) = gate(&text, &[&select[..4], &["-j", "1"]].concat(), &["{url}", "{challenge}"]);
    assert_eq!(alone.code, Some(0), "{}", alone.transcript());
    assert!(!alone.stderr.contains("trying again"), "{}", alone.stderr);
}

/// A client that is only wrong at one personality is judged at the other one.
#[test]
fn personality_at_which_the_client_fails_is_judged_by_its_plain_case_alone() {
    let text = format!(
        "case $1 in *mscep*) {}; exit 1;; esac\nexec {SCEPLAB} enrol \"$1\" --challenge \"$2\"",
        asking()
    );
    let select = ["--case", "ca-certificates", "--case", "enrolment/right"];
    let (ended, verdicts) = gate(&text, &select, &["{url}", "{challenge}"]);
    assert_eq!(verdicts["enrolment/right"], "conforms", "{}", ended.transcript());
    assert_eq!(verdicts["enrolment/registration-authority"], "failed", "{}", ended.transcript());
    assert_eq!(verdicts["ca-certificates/ra-expired"], "skipped", "{}", ended.transcript());
    assert_eq!(verdicts["ca-certificates/web-page"], "conforms", "{}", ended.transcript());
}

#[test]
fn without_the_gate_the_client_is_judged_all_the_same() {
    let (ended, verdicts) = gate("exit 1", &["--no-gate"], &["{url}", "{challenge}"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert_eq!(verdicts.len(), cases().len());
    says(&ended.stdout, &["the client sends no request to the CA"]);
}

#[test]
fn exchange_that_breaks_on_this_side_blames_no_client() {
    // The folder of the client cannot be made, before it is run.
    let case = ["conform-client", "--case", "enrolment/right", "--", "sh", "-c", "exit 1", "{url}"];
    let mut command = command(workspace(), &case);
    command.env("TMPDIR", "/nonexistent");
    let ended = finish(command);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    says(
        &ended.stderr,
        &["the plain exchange could not be made, so the client is not judged", "No such file"],
    );
    assert!(!ended.stderr.contains("no case is tried"), "{}", ended.stderr);
}

#[test]
fn misspelt_case_is_rejected_with_a_suggestion() {
    let misspelt = ["--case", "atributes", "--case", "enrolment/rigth"];
    let ended = run(&[&["conform-client"], &misspelt[..], &["--", "true"]].concat());
    assert_eq!(ended.code, Some(5), "{}", ended.transcript());
    says(&ended.stderr, &["`atributes`", "did you mean", "enrolment/right"]);
    // One kind of mistake has one code.
    for command in ["conform", "conform-client"] {
        let ended = run(&[command, "--list", "--requirement", "R99"]);
        assert_eq!(ended.code, Some(5), "{}", ended.transcript());
        says(&ended.stderr, &["there is no requirement `R99`"]);
    }
}

#[test]
fn selection_without_a_case_says_what_was_asked_and_where_it_is_tested() {
    for (arguments, words) in [
        (
            ["--case", "enrolment", "--requirement", "R31"].as_slice(),
            "no case in `enrolment` is of R31",
        ),
        (
            &["--requirement", "R3"],
            "R03 is tested at a client: `sceplab conform-client --requirement R03`",
        ),
        (
            &["--case", "attributes/wrong-nonce"],
            "there is one for a client: `sceplab conform-client --case attributes/wrong-nonce`",
        ),
    ] {
        let ended = run(&[&["conform", "--list"], arguments].concat());
        assert_eq!(ended.code, Some(5), "{}", ended.transcript());
        says(&ended.stderr, &[words]);
    }
}

#[test]
fn what_the_ends_have_in_common_is_said_once_at_the_end() {
    let select = ["--no-gate", "--case", "attributes"];
    let hangs = gate("exec sleep 600", &[&select[..], &["--timeout", "1"]].concat(), &["{url}"]).0;
    says(&hangs.stderr, &["the client hung in ", "give it longer with `--timeout`"]);
    assert_eq!(hangs.stderr.matches("the client hung in").count(), 1, "{}", hangs.stderr);
    let always = gate("exit 0", &select, &["{url}"]).0;
    says(&always.stderr, &["the client ended with status 0 in every case"]);
    assert!(!always.stderr.contains("hung"), "{}", always.stderr);
}
