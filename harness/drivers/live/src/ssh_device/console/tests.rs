//! Tests the console with fake devices, byte by byte: echo, pagers, text like prompts, long output, silence.

use std::collections::VecDeque;

use redact::Masker;

use super::typing::LINE_LIMIT;
use super::*;
use model::lab;

/// What a fake device sends next.
#[derive(Debug, Clone)]
enum Sent {
    /// Bytes, at once.
    Bytes(Vec<u8>),
    /// Nothing, for this time.
    Silence(Duration),
    /// The end of the connection.
    Gone,
}

/// A fake device, with a function for what it sends after a line or a key.
struct FakeDevice<F> {
    answer: F,
    typed: Vec<u8>,
    sends: VecDeque<Sent>,
}

#[async_trait::async_trait]
impl<F: FnMut(&str) -> Vec<Sent> + Send> Terminal for FakeDevice<F> {
    async fn read(&mut self, buffer: &mut [u8], limit: Duration) -> Result<usize, ConsoleError> {
        match self.sends.pop_front() {
            Some(Sent::Bytes(bytes)) => {
                let (now, later) = bytes.split_at(bytes.len().min(buffer.len()));
                buffer[..now.len()].copy_from_slice(now);
                if !later.is_empty() {
                    self.sends.push_front(Sent::Bytes(later.to_vec()));
                }
                Ok(now.len())
            }
            Some(Sent::Silence(left)) => {
                let now = left.min(limit);
                tokio::time::sleep(now).await;
                if now < left {
                    self.sends.push_front(Sent::Silence(left.checked_sub(now).unwrap()));
                }
                Ok(0)
            }
            Some(Sent::Gone) => Err(ConsoleError::Closed("reset".to_owned())),
            None => {
                tokio::time::sleep(limit).await;
                Ok(0)
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        for byte in bytes {
            self.typed.push(*byte);
            if matches!(byte, b'\r' | 0x03 | b'q') || self.typed == b" " {
                let typed = String::from_utf8(std::mem::take(&mut self.typed)).unwrap();
                self.sends.extend((self.answer)(&typed));
            }
        }
        Ok(())
    }
}

fn bytes(text: impl AsRef<[u8]>) -> Sent {
    Sent::Bytes(text.as_ref().to_vec())
}

/// A device that echoes, answers a line by the function's result, and prints its prompt.
fn device(
    mut answer: impl FnMut(&str) -> Vec<Sent> + Send,
) -> impl FnMut(&str) -> Vec<Sent> + Send {
    move |typed| {
        let line = typed.trim_end_matches('\r');
        if matches!(typed, "\x03" | " " | "q") {
            return answer(typed);
        }
        let mut sends = vec![bytes(format!("{line}\r\n"))];
        let reply = if line.is_empty() { Vec::new() } else { answer(line) };
        let addresses =
            reply.iter().any(|sent| matches!(sent, Sent::Gone | Sent::Silence(Duration::MAX)));
        sends.extend(reply);
        if !addresses {
            sends.push(bytes("admin@osdx$ "));
        }
        sends
    }
}

/// A device that never finishes.
const FOR_EVER: Sent = Sent::Silence(Duration::MAX);

async fn open(answer: impl FnMut(&str) -> Vec<Sent> + Send + 'static) -> Console {
    let sends = [bytes("Welcome\r\n\r\nadmin@osdx$ ")].into();
    let terminal = FakeDevice { answer, typed: Vec::new(), sends };
    let prompts = Prompts::new(&lab::Prompts::default()).unwrap();
    // Long enough for a busy machine; no test waits until it expires.
    Console::open(Box::new(terminal), prompts, Duration::from_secs(120)).await.unwrap()
}

/// The output of one command that a device answers with `sent`.
async fn printed(sent: Vec<Sent>) -> Result<String, ConsoleError> {
    let mut console = open(device(move |line| match line {
        "show it" => sent.clone(),
        _ => Vec::new(),
    }))
    .await;
    console.run("show it").await
}

async fn print(text: &str) -> String {
    printed(vec![bytes(text)]).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn output_is_between_echo_and_prompt() {
    assert_eq!(print("").await, "");
    assert_eq!(print("one\r\n").await, "one");
    assert_eq!(print("\r\n  one\r\n\r\n  two  \r\n\r\n").await, "\n  one\n\n  two");
    assert_eq!(print("cost: 5$\r\n[edit]\r\n").await, "cost: 5$");
}

#[tokio::test(start_paused = true)]
async fn output_may_arrive_byte_by_byte() {
    let text = "first line\r\n\x1b[1msecond\x1b[0m line\r\n";
    let trickle = |byte: &u8| [Sent::Bytes(vec![*byte]), Sent::Silence(Duration::from_millis(6))];
    let sent = text.as_bytes().iter().flat_map(trickle).collect();
    assert_eq!(printed(sent).await.unwrap(), "first line\nsecond line");
}

#[tokio::test(start_paused = true)]
async fn text_like_a_prompt_is_output_if_more_follows() {
    for pause in [Sent::Silence(Duration::from_millis(40)), bytes("")] {
        let sent = vec![
            bytes("log of yesterday:\r\nadmin@osdx$ "),
            pause.clone(),
            bytes("show date\r\nadmin@osdx$ "),
            pause,
            bytes("\r\nend\r\n"),
        ];
        let text = printed(sent).await.unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["log of yesterday:", "admin@osdx$ show date", "admin@osdx$", "end"]);
    }
    // The prompt of another device, and one in the middle of a line.
    assert_eq!(print("bob@other$ \r\nsee admin@osdx$ \r\n").await, "bob@other$\nsee admin@osdx$");
}

#[tokio::test(start_paused = true)]
async fn early_echo_of_an_empty_line_is_not_a_prompt() {
    // As in the kernel's terminal: an empty line that is typed early is echoed at once, and read later.
    let mut waiting = 0;
    let mut console = open(move |typed: &str| match typed {
        "show it\r" => {
            waiting = 1;
            vec![bytes("show it\r\nadmin@osdx$ ")]
        }
        "\r" if waiting == 1 => {
            waiting = 0;
            let rest = "\r\nof yesterday\r\nadmin@osdx$ admin@osdx$ ";
            vec![bytes("\r\n"), Sent::Silence(Duration::from_millis(40)), bytes(rest)]
        }
        other => vec![bytes(format!("{}\r\nadmin@osdx$ ", other.trim_end()))],
    })
    .await;
    let text = console.run("show it").await.unwrap();
    assert_eq!(text, "admin@osdx$\n\nof yesterday");
    assert_eq!(console.run("show date").await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn prompt_may_be_behind_the_echo_of_ctrl_c() {
    let mut console = open(move |typed: &str| match typed {
        "ping\r" => vec![bytes("ping\r\n")],
        "\x03" => vec![bytes("^Cadmin@osdx$ ")],
        other => vec![bytes(format!("{}\r\nadmin@osdx$ ", other.trim_end()))],
    })
    .await;
    let error = console.run_within("ping", Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, ConsoleError::TimedOut { .. }), "{error}");
    assert_eq!(console.run("show date").await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn prompt_with_a_log_message_behind_it_is_found() {
    let mut logged = false;
    let mut console = open(move |typed: &str| {
        let line = typed.trim_end_matches('\r');
        let echo = bytes(format!("{line}\r\n"));
        if line == "show it" && !std::mem::replace(&mut logged, true) {
            return vec![echo, bytes("it\r\nadmin@osdx$ kernel: link is up\r\n")];
        }
        vec![echo, bytes("admin@osdx$ ")]
    })
    .await;
    let text = console.run("show it").await.unwrap();
    assert_eq!(text, "it\nkernel: link is up");
    assert_eq!(console.run("show it").await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn pagers_are_answered_until_the_end() {
    let mut pages =
        vec!["\r        \rthree\r\n", "\x08\x08\x08\x08\x08\x08\x08\x08\x1b[Ktwo\r\n--More--"];
    let mut console = open(move |typed: &str| match typed {
        "show it\r" => vec![bytes("show it\r\none\r\n--More--")],
        " " => {
            let page = pages.pop().unwrap();
            let end = if pages.is_empty() { "admin@osdx$ " } else { "" };
            vec![bytes(page), bytes(end)]
        }
        other => vec![bytes(format!("{}\r\nadmin@osdx$ ", other.trim_end()))],
    })
    .await;
    assert_eq!(console.run("show it").await.unwrap(), "one\ntwo\nthree");
}

#[tokio::test(start_paused = true)]
async fn less_is_quit_at_its_end() {
    let mut paging = false;
    let mut console = open(move |typed: &str| match typed {
        "show it\r" => {
            paging = true;
            let complaint = "WARNING: terminal is not fully functional\r\n-  (press RETURN)";
            vec![bytes("show it\r\n"), bytes(complaint)]
        }
        "\r" if paging => {
            vec![bytes("\r                   \rone\r\n~\r\n~\r\n\x1b[7m(END)\x1b[27m")]
        }
        "q" => {
            paging = false;
            vec![bytes("\r\x1b[Kadmin@osdx$ ")]
        }
        other => vec![bytes(format!("{}\r\nadmin@osdx$ ", other.trim_end()))],
    })
    .await;
    assert_eq!(console.run("show it").await.unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn echo_may_be_redrawn() {
    for echo in [
        "s\x08sh\x08\x08show it\r\n",
        "\r\x1b[Jadmin@osdx$ show\r\x1b[16C\r\x1b[Jadmin@osdx$ show it\r\n",
        "show it\x1b[K\x1b[?2004l\r\r\n",
    ] {
        let echo = echo.to_owned();
        let mut console = open(move |typed: &str| match typed {
            "show it\r" => vec![bytes(&echo), bytes("done\r\nadmin@osdx$ ")],
            other => vec![bytes(format!("{}\r\nadmin@osdx$ ", other.trim_end()))],
        })
        .await;
        assert_eq!(console.run("show it").await.unwrap(), "done");
    }
}

#[tokio::test(start_paused = true)]
async fn echo_longer_than_the_screen_is_not_output() {
    let long = format!("set {}", "x".repeat(1500));
    let mut console = open(device(|_| vec![bytes("ok\r\n")])).await;
    assert_eq!(console.run(&long).await.unwrap(), "ok");
}

#[tokio::test(start_paused = true)]
async fn mode_and_new_host_name_are_read_from_the_prompt() {
    let mut prompt = "admin@osdx$ ";
    let mut console = open(move |typed: &str| {
        match typed {
            "configure\r" => prompt = "admin@osdx# ",
            "commit\r" => prompt = "admin@r1# ",
            _ => {}
        }
        vec![bytes(format!("{}\r\n{prompt}", typed.trim_end()))]
    })
    .await;
    let mut mode = async |line: &str| {
        console.run_silent(line).await.unwrap();
        console.mode
    };
    assert_eq!(mode("show date").await, Mode::Operational);
    assert_eq!(mode("configure").await, Mode::Configuration);
    assert_eq!(mode("commit").await, Mode::Configuration);
    assert_eq!(mode("show").await, Mode::Configuration);
}

#[tokio::test(start_paused = true)]
async fn too_long_output_is_stopped() {
    let mut flood: Vec<Sent> = vec![bytes(vec![b'x'; OUTPUT_LIMIT / 8]); 20];
    flood.push(FOR_EVER);
    let mut console = open(device(move |line| match line {
        "show it" => flood.clone(),
        _ => vec![bytes("ok\r\n")],
    }))
    .await;
    // Output that was sent before Ctrl-C still arrives.
    let mut interrupted = console.run("show it").await;
    if let Err(ConsoleError::Stuck(inner)) = interrupted {
        interrupted = Err(*inner);
    }
    assert_eq!(interrupted, Err(ConsoleError::OutputTooLong));
}

#[tokio::test(start_paused = true)]
async fn invisible_output_is_limited_too() {
    let row = b"\x1b[511Cx\r\n";
    let sent = vec![bytes(row.repeat(SCREEN_LIMIT / 512 + 1000)), FOR_EVER];
    let error = printed(sent).await.unwrap_err();
    assert!(
        matches!(&error, ConsoleError::Stuck(inner) if matches!(**inner, ConsoleError::OutputTooLong)),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn command_that_does_not_end_is_interrupted() {
    let mut console = open(move |typed: &str| match typed {
        "ping 10.0.0.1\r" => vec![bytes("ping 10.0.0.1\r\n64 bytes\r\n")],
        "\x03" => vec![bytes("^C\r\n--- statistics ---\r\nadmin@osdx$ ")],
        other => vec![bytes(format!("{}\r\nadmin@osdx$ ", other.trim_end()))],
    })
    .await;
    let error = console.run_within("ping 10.0.0.1", Duration::from_millis(300)).await.unwrap_err();
    let text = error.describe(&Masker::default());
    assert!(text.contains("`ping 10.0.0.1` did not end in 0.3 s"), "{text}");
    assert!(text.contains(r"`ping 10.0.0.1\r\n64 bytes\r\n`"), "{text}");
    assert!(text.contains("`answer-within: 5m`"), "{text}");
    assert_eq!(console.run("show date").await.unwrap(), "");
    let cancelled = tokio::time::timeout(Duration::from_millis(300), console.run("ping 10.0.0.1"));
    assert!(cancelled.await.is_err());
    assert_eq!(console.interrupted(ConsoleError::Cancelled).await, ConsoleError::Cancelled);
    assert_eq!(console.run("show date").await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn lost_connection_is_reported() {
    assert_eq!(
        printed(vec![bytes("half"), Sent::Gone]).await,
        Err(ConsoleError::Closed("reset".to_owned()))
    );
}

#[tokio::test(start_paused = true)]
async fn missing_prompt_is_reported_with_the_masked_output() {
    let sends = [bytes("\x1b[31mhunter2\x07 >> ")].into();
    let terminal = FakeDevice { answer: |_: &str| Vec::new(), typed: Vec::new(), sends };
    let prompts = Prompts::new(&lab::Prompts::default()).unwrap();
    let opened = Console::open(Box::new(terminal), prompts, Duration::from_millis(300)).await;
    let error = opened.err().unwrap();
    let text = error.describe(&Masker::new([lab::Secret::new("hunter2")]));
    assert!(text.contains(r"`\u{1b}[31m****\u{7} >> `"), "{text}");
    assert!(text.contains("`prompt: {operational: REGEX}`"), "{text}");
    assert!(error.ends_session());
}

#[tokio::test(start_paused = true)]
async fn keys_are_typed_literally_or_rejected() {
    assert_eq!(typed("set url 'http://h/?a'").unwrap(), b"set url 'http://h/\x16?a'\r");
    for line in ["a\x03b", "a\nb", "\x1b[A"] {
        assert!(matches!(typed(line), Err(ConsoleError::NotTyped(_))), "{line:?}");
    }
    assert!(matches!(typed(&"x".repeat(LINE_LIMIT + 1)), Err(ConsoleError::NotTyped(_))));
}
