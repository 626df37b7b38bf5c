//! Outputs of devices: no prompt, pages, floods, colours, text like a prompt, and endless silence.

use std::time::Duration;

use model::lab::{Prompts, SshTarget};
use testbed::device::{Device, DeviceError};

use super::device::{assert_contains, connect, reason, script};
use super::sshd::Sshd;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        missing_prompt_is_reported_with_the_received_text,
        prompts_can_be_configured,
        paged_output_is_read_completely,
        output_of_ten_megabytes_is_stopped_and_reported,
        output_of_three_megabytes_is_read,
        endless_command_is_interrupted,
        control_characters_are_removed_from_output,
        output_that_resembles_a_prompt_is_kept,
        slow_output_is_read_completely,
        refused_commands_and_control_keys_are_errors,
        abandoned_command_is_stopped,
    ]
}

/// A function of the login shell that runs its function `it` for `show it`.
const PRINTS: &str = r#"special() { [ "$1" = 'show it' ] && { it; return 0; }; return 1; }"#;

async fn shown(it: &str) -> Result<String, DeviceError> {
    shown_within(Duration::from_secs(60), it).await
}

async fn shown_within(answer_within: Duration, it: &str) -> Result<String, DeviceError> {
    let server = Sshd::start(&script(&format!("it() {{\n{it}\n}}\n{PRINTS}")));
    let target = SshTarget { answer_within, ..server.target() };
    let device = connect(&target).await.unwrap();
    let shown = device.execute("show it").await;
    // Afterwards the session still works.
    let after = device.execute("show running").await;
    assert!(after.as_ref().is_ok_and(|text| text.starts_with("# A device")), "{after:?}");
    device.restore().await;
    shown
}

#[track_caller]
fn broken(outcome: Result<String, DeviceError>) -> String {
    match outcome {
        Err(DeviceError::Broken { reason }) => reason,
        other => panic!("the device is not broken: {other:?}"),
    }
}

async fn missing_prompt_is_reported_with_the_received_text() {
    let server = Sshd::start("printf 'Router \\033[1mR1\\033[0m\\nR1>> '; exec sleep 1000");
    let target = SshTarget { answer_within: Duration::from_secs(10), ..server.target() };
    let told = reason(connect(&target).await);
    assert_contains(
        &told,
        &[
            "no prompt was seen in 10 s",
            r"\u{1b}[1mR1\u{1b}[0m\r\nR1>> ",
            "`prompt: {operational: REGEX}`",
        ],
    );
}

async fn prompts_can_be_configured() {
    let prompt =
        r#"prompt() { case "$mode" in '$') printf 'R1>> ' ;; *) printf 'R1(config)>> ' ;; esac; }"#;
    let server = Sshd::start(&script(prompt));
    let given = Prompts {
        operational: Some("R1>>".to_owned()),
        configuration: Some(r"R1\(config\)>>".to_owned()),
    };
    let device = connect(&SshTarget { prompt: given, ..server.target() }).await.unwrap();
    let change = testbed::device::Change::Modify("set system host-name x");
    device.configure(change).await.unwrap();
    assert_eq!(server.text("running"), "set system host-name x\n");
    device.restore().await;
    assert_eq!(server.text("running"), "");
}

async fn paged_output_is_read_completely() {
    let more = r"
        key() { stty -icanon -echo; dd bs=1 count=1 2>/dev/null > key; stty icanon echo; printf '\r          \r'; }
        for page in 1 2 3; do
            printf 'line %s a\r\nline %s b\r\n' $page $page
            [ $page = 3 ] || { printf -- '--More--'; key; }
        done";
    let shown = shown(more).await.unwrap();
    assert_eq!(shown, "line 1 a\nline 1 b\nline 2 a\nline 2 b\nline 3 a\nline 3 b");
}

async fn output_of_ten_megabytes_is_stopped_and_reported() {
    let told =
        broken(shown("trap : INT; yes 'a line of a log that has no end' | head -c 10000000").await);
    assert_contains(&told, &["more than 4 MiB", "Ctrl-C"]);
}

async fn output_of_three_megabytes_is_read() {
    let shown = shown("yes 'a line of a log' | head -n 190000").await.unwrap();
    assert_eq!(shown.lines().count(), 190_000);
    assert!(shown.lines().all(|line| line == "a line of a log"));
}

async fn endless_command_is_interrupted() {
    let ping = "trap 'echo --- statistics ---' INT; echo PING 10.0.0.1; sleep 1000; trap - INT";
    let told = broken(shown_within(Duration::from_secs(10), ping).await);
    assert_contains(
        &told,
        &["`show it` did not end in 10 s", "PING 10.0.0.1", "`answer-within: 5m`"],
    );
}

async fn control_characters_are_removed_from_output() {
    let colours = r"printf '\033]0;title\007\033[1;31mred\033[0m\007 \000and\010\010\010AND\r\n10%%\r100%%\r\n\377\303\251\r\n'";
    assert_eq!(shown(colours).await.unwrap(), "red AND\n100%\n\u{e9}");
}

async fn output_that_resembles_a_prompt_is_kept() {
    let shown = shown(
        r"printf 'admin@osdx$ '; sleep 0.3; printf 'show date\r\nat admin@osdx$ \r\nend\r\n'",
    )
    .await;
    let shown = shown.unwrap();
    let lines: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.last(), Some(&"end"), "{shown}");
    assert!(lines.contains(&"at admin@osdx$"), "{shown}");
}

async fn slow_output_is_read_completely() {
    let slow =
        r"for word in one two three; do printf %s $word; sleep 0.2; printf '\r\n'; sleep 0.2; done";
    assert_eq!(shown(slow).await.unwrap(), "one\ntwo\nthree");
}

async fn refused_commands_and_control_keys_are_errors() {
    let server = Sshd::start(&script(""));
    let device = connect(&server.target()).await.unwrap();
    let output = "Invalid command: [frobnicate]".to_owned();
    assert_eq!(device.execute("frobnicate").await, Err(DeviceError::CommandRefused { output }));
    let typed = server.text("typed");
    let refused = device.execute("show\u{3}running").await;
    assert!(
        matches!(&refused, Err(DeviceError::CommandRefused { output }) if output.contains(r"\u{3}")),
        "{refused:?}"
    );
    assert_eq!(server.text("typed"), typed);
    let refused = device.execute("show url 'http://h/?a=b'").await.unwrap_err();
    assert_contains(&refused.to_string(), &["[show url 'http://h/?a=b']"]);
    device.restore().await;
}

async fn abandoned_command_is_stopped() {
    let special = r#"special() {
        [ "$1" = ping ] || return 1
        trap over=1 INT; touch begun; until [ "$over" ]; do sleep 0.05; done; trap - INT
    }"#;
    let server = Sshd::start(&script(special));
    let target = SshTarget { answer_within: Duration::from_secs(600), ..server.target() };
    let device = connect(&target).await.unwrap();
    let begun = async {
        while !server.path("begun").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = device.execute("ping") => panic!("it ended by itself: {ended:?}"),
        () = begun => {}
    }
    // Without Ctrl-C the command would take until `answer_within`.
    let after = tokio::time::timeout(Duration::from_secs(60), device.execute("show running")).await;
    assert!(after.is_ok_and(|text| text.is_ok()));
    device.restore().await;
}
