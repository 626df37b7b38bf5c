//! The device's console on this process's standard input and output.

mod keys;
mod pager;
mod terminal;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;

use tokio::sync::{mpsc, oneshot, watch};

pub use self::keys::Attributes;
use self::pager::Lines;
use self::terminal::Terminal;
use crate::device::Step;
use crate::remote::{RemoteConsole, RemoteError};

/// What is said of a line that cannot be read.
const NOT_UTF_8: &str = "CLI Error: the line is not UTF-8";
/// The longest line that is read where there is no terminal, in bytes.
const LONGEST_LINE: u64 = 64 * 1024;
/// What is said of a longer one, all of which is dropped.
const TOO_LONG: &str = "CLI Error: the line is longer than 64 KiB";

/// What the user did at a prompt.
pub(crate) enum Input {
    Line(String),
    /// Bytes that are no characters.
    NotUtf8,
    /// More than a line has.
    TooLong,
    /// Ctrl-C: the line is dropped.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
}

/// How a console came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The user left, the input ended, or nobody reads the output any more.
    Left,
    /// Ctrl-C, where there is no terminal.
    Interrupted,
}

/// Runs the console until the user leaves it or the input ends.
///
/// On a terminal there is a prompt, editing, history, completion and a pager, and Ctrl-C drops the line or ends the
/// command under way. Otherwise lines are read as they come, and only what the commands print is printed.
///
/// # Errors
/// When standard input cannot be read or standard output not be written, or the connection to the device
/// ends; a closed pipe is no error.
pub async fn run(device: RemoteConsole) -> io::Result<Ending> {
    let device = Arc::new(device);
    let terminal = io::stdin().is_terminal();
    let mut reader = LineReader::start(&device, terminal)?;
    // A device that ends the session leaves a line half read, and the terminal as it is for that.
    let _attributes = Attributes::kept();
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
        // At a terminal Ctrl-C is about the command alone.
        if interrupted && !terminal {
            return Ok(Ending::Interrupted);
        }
        if left || unread {
            return Ok(Ending::Left);
        }
    }
}

/// How single commands came to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commanded {
    /// All did what they were asked to, or nobody reads the output any more.
    Done,
    /// One was refused, and the rest left alone.
    Refused,
    /// Ctrl-C.
    Interrupted,
}

/// Runs `commands`, one a line, as far as they are not refused, and prints only what they print.
///
/// # Errors
/// When standard output cannot be written, or the connection to the device ends.
pub async fn run_commands(device: &RemoteConsole, commands: &str) -> io::Result<Commanded> {
    let mut interrupts = Interrupts::listen();
    for line in commands.lines() {
        let (step, interrupted) = interruptible(device, line, &mut interrupts).await;
        let Step { reply, shown, left, .. } = step?;
        let silent = shown || reply.output.is_empty();
        let unread = !silent && print(&reply.output)?.is_break();
        match (interrupted, reply.ok) {
            (true, _) => return Ok(Commanded::Interrupted),
            (_, false) => return Ok(Commanded::Refused),
            _ if left || unread => break,
            _ => {}
        }
    }
    Ok(Commanded::Done)
}

/// Ctrl-C, listened for all the time, so that none is missed between two waits for it.
struct Interrupts(watch::Receiver<u64>);

impl Interrupts {
    fn listen() -> Self {
        let (count, interrupts) = watch::channel(0);
        let mut first = Box::pin(tokio::signal::ctrl_c());
        // Asked once, it listens: a signal that comes before the task begins is not missed.
        let mut nobody = Context::from_waker(Waker::noop());
        let _pending = first.as_mut().poll(&mut nobody);
        tokio::spawn(async move {
            // Where signals cannot be had, the process is ended from outside.
            let mut next = first;
            while next.await.is_ok() {
                count.send_modify(|count| *count += 1);
                next = Box::pin(tokio::signal::ctrl_c());
            }
            std::future::pending::<()>().await;
        });
        Self(interrupts)
    }

    /// Waits for the next one since this was asked last.
    async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs a command; Ctrl-C ends what takes its time, and whether it was pressed is told.
async fn interruptible(
    device: &RemoteConsole,
    line: &str,
    interrupts: &mut Interrupts,
) -> (Result<Step, RemoteError>, bool) {
    // A screen that is gone is noticed at the next prompt.
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

/// Prints a text; a reader that has seen enough is a reason to end, and none to complain.
fn print(text: &str) -> io::Result<ControlFlow<()>> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error),
    }
}

/// Something to do on the thread that has the terminal.
type Work = Box<dyn FnOnce(&mut Source) + Send>;

/// Reads lines on a thread of its own: standard input knows no waiting that can be given up.
struct LineReader {
    terminal: bool,
    works: mpsc::UnboundedSender<Work>,
}

impl LineReader {
    fn start(device: &Arc<RemoteConsole>, terminal: bool) -> io::Result<Self> {
        let (works, mut to_do) = mpsc::unbounded_channel::<Work>();
        let mut source = Source::Plain;
        if terminal {
            source = Source::Terminal(Box::new(Terminal::new(device)?));
        }
        thread::Builder::new().name("console".to_owned()).spawn(move || {
            while let Some(work) = to_do.blocking_recv() {
                work(&mut source);
            }
        })?;
        Ok(Self { terminal, works })
    }

    async fn next(&mut self, prompt: String, interrupts: &mut Interrupts) -> io::Result<Input> {
        tokio::select! {
            line = self.on_its_thread(move |source| source.read(&prompt)) => line,
            // A terminal in raw mode sends Ctrl-C as a character, anything else as a signal.
            () = interrupts.next(), if !self.terminal => Ok(Input::Interrupted),
        }
    }

    /// Shows a text, at a terminal so many lines at a time.
    async fn show(&mut self, text: String, lines: Option<u16>) -> io::Result<ControlFlow<()>> {
        self.on_its_thread(move |source| source.show(&text, lines)).await
    }

    async fn on_its_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Source) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (answer, done) = oneshot::channel();
        // Nobody waits for the answer once the console has ended.
        let work = move |source: &mut Source| drop(answer.send(work(source)));
        self.works.send(Box::new(work)).map_err(|_| ended())?;
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
            Self::Terminal(terminal) => pager::show(text, &Lines::of(terminal.size(), lines)),
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

    fn told(mut input: &[u8]) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            told.push(match read_line(&mut input).unwrap() {
                Input::Line(line) => line,
                Input::TooLong => "too long".to_owned(),
                Input::NotUtf8 => "not UTF-8".to_owned(),
                Input::End => return told,
                Input::Interrupted => unreachable!("nobody presses Ctrl-C"),
            });
        }
    }

    #[test]
    fn too_long_a_line_is_dropped_and_the_next_one_read() {
        let limit = usize::try_from(LONGEST_LINE).unwrap();
        let flood = format!("a\n{}\nb\n{}\r\nc", "x".repeat(3 * limit), "y".repeat(limit - 2));
        assert_eq!(told(flood.as_bytes()), ["a", "too long", "b", &"y".repeat(limit - 2), "c"]);
        assert_eq!(told(&vec![b'x'; 2 * limit]), ["too long"]);
        assert_eq!(told(b"\xff\n\nx"), ["not UTF-8", "", "x"]);
    }
}
