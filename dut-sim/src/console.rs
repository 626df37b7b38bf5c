//! The device's console on the standard input and output of this process.

mod keys;
mod pager;
mod terminal;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;

use tokio::sync::{mpsc, oneshot, watch};

pub use self::keys::SavedTerminal;
use self::pager::ScreenSize;
use self::terminal::Terminal;
use crate::device::Step;
use crate::remote::{RemoteConsole, RemoteError};

/// Message for a line that is not UTF-8.
const NOT_UTF_8: &str = "CLI Error: the line is not UTF-8";
/// Maximum length of a line if there is no terminal, in bytes.
const LONGEST_LINE: u64 = 64 * 1024;
/// Message for a longer line, which is dropped entirely.
const TOO_LONG: &str = "CLI Error: the line is longer than 64 KiB";

/// Input of the user at a prompt.
pub(crate) enum Input {
    Line(String),
    /// A line that is not UTF-8.
    NotUtf8,
    /// A line that exceeds the maximum length.
    TooLong,
    /// Ctrl-C: the line is dropped.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
}

/// Reason why a console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The user left, the input ended, or the output was closed.
    Left,
    /// Ctrl-C without a terminal.
    Interrupted,
}

/// Runs the console until the user leaves it or the input ends.
///
/// On a terminal there is a prompt, editing, history, completion and a pager, and Ctrl-C drops the line or ends the
/// running command. Otherwise lines are read without a prompt, and only the output of the commands is printed.
///
/// # Errors
/// If standard input cannot be read, standard output cannot be written, or the connection to the device ends. A closed pipe
/// is not an error.
pub async fn run(device: RemoteConsole) -> io::Result<Ending> {
    let device = Arc::new(device);
    let terminal = io::stdin().is_terminal();
    let mut reader = LineReader::start(&device, terminal)?;
    // If the device ends the session, reading a line is interrupted and leaves the terminal in its reading mode.
    let _saved = SavedTerminal::save();
    let mut interrupts = Interrupts::listen();
    loop {
        let prompt = device.prompt().await?;
        let input = tokio::select! {
            input = reader.next(prompt, &mut interrupts) => input?,
            reason = device.closed() => {
                let _ = terminal && print("")?.is_break();
                return Err(RemoteError::Closed(reason).into());
            }
        };
        let line = match input {
            Input::Line(line) => line,
            Input::NotUtf8 if print(NOT_UTF_8)?.is_continue() => continue,
            Input::TooLong if print(TOO_LONG)?.is_continue() => continue,
            Input::Interrupted if terminal => continue,
            Input::Interrupted => return Ok(Ending::Interrupted),
            Input::NotUtf8 | Input::TooLong | Input::End => return Ok(Ending::Left),
        };
        let (step, interrupted) = interruptible(&device, &line, &mut interrupts).await;
        let Step { reply, shown, left, terminal_length } = step?;
        let silent = shown || reply.output.is_empty();
        let unread = !silent && reader.show(reply.output, terminal_length).await?.is_break();
        // At a terminal Ctrl-C ends the command only, not the console.
        if interrupted && !terminal {
            return Ok(Ending::Interrupted);
        }
        if left || unread {
            return Ok(Ending::Left);
        }
    }
}

/// Result of running single commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandsResult {
    /// All commands succeeded, or the output was closed.
    Done,
    /// A command was refused; the rest were not run.
    Refused,
    /// Ctrl-C.
    Interrupted,
}

/// Runs `commands`, one per line, until one is refused, and prints only their output.
///
/// # Errors
/// If standard output cannot be written, or the connection to the device ends.
pub async fn run_commands(device: &RemoteConsole, commands: &str) -> io::Result<CommandsResult> {
    let mut interrupts = Interrupts::listen();
    for line in commands.lines() {
        let (step, interrupted) = interruptible(device, line, &mut interrupts).await;
        let Step { reply, shown, left, .. } = step?;
        let silent = shown || reply.output.is_empty();
        let unread = !silent && print(&reply.output)?.is_break();
        match (interrupted, reply.ok) {
            (true, _) => return Ok(CommandsResult::Interrupted),
            (_, false) => return Ok(CommandsResult::Refused),
            _ if left || unread => break,
            _ => {}
        }
    }
    Ok(CommandsResult::Done)
}

/// Counts Ctrl-C all the time, so that none is missed between two waits.
struct Interrupts(watch::Receiver<u64>);

impl Interrupts {
    fn listen() -> Self {
        let (count, interrupts) = watch::channel(0);
        let mut first = Box::pin(tokio::signal::ctrl_c());
        // The first poll registers the listener, so a signal before the task starts is not missed.
        let mut context = Context::from_waker(Waker::noop());
        let _pending = first.as_mut().poll(&mut context);
        tokio::spawn(async move {
            // If signals are not available, the process can only be ended from outside.
            let mut next = first;
            while next.await.is_ok() {
                count.send_modify(|count| *count += 1);
                next = Box::pin(tokio::signal::ctrl_c());
            }
            std::future::pending::<()>().await;
        });
        Self(interrupts)
    }

    /// Waits for a Ctrl-C after the last call.
    async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs a command, which Ctrl-C ends; also returns whether Ctrl-C was pressed.
async fn interruptible(
    device: &RemoteConsole,
    line: &str,
    interrupts: &mut Interrupts,
) -> (Result<Step, RemoteError>, bool) {
    // A closed output is noticed at the next prompt.
    let screen = &mut |line: &str| drop(print(line));
    let step = device.step(line, screen);
    tokio::pin!(step);
    let mut interrupted = false;
    loop {
        tokio::select! {
            step = &mut step => return (step, interrupted),
            () = interrupts.next() => {
                interrupted = true;
                device.interrupt();
            }
        }
    }
}

/// Prints a text; a closed pipe ends the console without an error.
fn print(text: &str) -> io::Result<ControlFlow<()>> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error),
    }
}

/// A task for the thread that owns the terminal.
type Task = Box<dyn FnOnce(&mut Source) + Send>;

/// Reads lines on a separate thread, because waiting for standard input cannot be cancelled.
struct LineReader {
    terminal: bool,
    tasks: mpsc::UnboundedSender<Task>,
}

impl LineReader {
    fn start(device: &Arc<RemoteConsole>, terminal: bool) -> io::Result<Self> {
        let (tasks, mut queue) = mpsc::unbounded_channel::<Task>();
        let mut source = Source::Plain;
        if terminal {
            source = Source::Terminal(Box::new(Terminal::new(device)?));
        }
        thread::Builder::new().name("console".to_owned()).spawn(move || {
            while let Some(task) = queue.blocking_recv() {
                task(&mut source);
            }
        })?;
        Ok(Self { terminal, tasks })
    }

    async fn next(&mut self, prompt: String, interrupts: &mut Interrupts) -> io::Result<Input> {
        tokio::select! {
            line = self.run_on_thread(move |source| source.read(&prompt)) => line,
            // A terminal in raw mode delivers Ctrl-C as a character; otherwise it is a signal.
            () = interrupts.next(), if !self.terminal => Ok(Input::Interrupted),
        }
    }

    /// Shows a text; at a terminal, this number of lines at a time.
    async fn show(&mut self, text: String, lines: Option<u16>) -> io::Result<ControlFlow<()>> {
        self.run_on_thread(move |source| source.show(&text, lines)).await
    }

    async fn run_on_thread<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Source) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (answer, done) = oneshot::channel();
        // The receiver is gone if the console has ended.
        let task = move |source: &mut Source| drop(answer.send(task(source)));
        self.tasks.send(Box::new(task)).map_err(|_| ended())?;
        done.await.map_err(|_| ended())?
    }
}

fn ended() -> io::Error {
    io::Error::other("the console's reader has ended")
}

enum Source {
    Terminal(Box<Terminal>),
    Plain,
}

impl Source {
    fn read(&mut self, prompt: &str) -> io::Result<Input> {
        match self {
            Self::Terminal(terminal) => terminal.read(prompt),
            Self::Plain => read_line(&mut io::stdin().lock()),
        }
    }

    fn show(&mut self, text: &str, lines: Option<u16>) -> io::Result<ControlFlow<()>> {
        match self {
            Self::Terminal(terminal) => pager::show(text, &ScreenSize::of(terminal.size(), lines)),
            Self::Plain => print(text),
        }
    }
}

fn read_line(input: &mut impl BufRead) -> io::Result<Input> {
    let mut line = Vec::new();
    let length = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if length as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Input::TooLong);
    }
    Ok(match str::from_utf8(&line) {
        _ if length == 0 => Input::End,
        Ok(text) => Input::Line(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(_) => Input::NotUtf8,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut input: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(match read_line(&mut input).unwrap() {
                Input::Line(line) => line,
                Input::TooLong => "too long".to_owned(),
                Input::NotUtf8 => "not UTF-8".to_owned(),
                Input::End => return lines,
                Input::Interrupted => unreachable!("there is no Ctrl-C here"),
            });
        }
    }

    #[test]
    fn too_long_line_is_dropped_and_the_next_one_is_read() {
        let limit = usize::try_from(LONGEST_LINE).unwrap();
        let flood = format!("a\n{}\nb\n{}\r\nc", "x".repeat(3 * limit), "y".repeat(limit - 2));
        assert_eq!(read_all(flood.as_bytes()), ["a", "too long", "b", &"y".repeat(limit - 2), "c"]);
        assert_eq!(read_all(&vec![b'x'; 2 * limit]), ["too long"]);
        assert_eq!(read_all(b"\xff\n\nx"), ["not UTF-8", "", "x"]);
    }
}
