//! The device's console on this process's standard input and output.

mod terminal;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use self::terminal::Terminal;
use crate::device::{Device, Step};

/// What is said of a line that cannot be read.
const NOT_UTF_8: &str = "CLI Error: the line is not UTF-8";

/// What the user did at a prompt.
pub(crate) enum Input {
    Line(String),
    /// Bytes that are no characters.
    NotUtf8,
    /// Ctrl-C: the line is dropped.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
}

/// Runs the console until the user leaves it or the input ends.
///
/// On a terminal there is a prompt, editing, history and completion, and Ctrl-C drops the line or ends the command under
/// way. Otherwise lines are read as they come, and only what the commands print is printed.
///
/// # Errors
/// When standard input cannot be read or standard output not be written; a closed pipe is no error.
pub async fn run(device: Arc<Device>) -> io::Result<()> {
    let terminal = io::stdin().is_terminal();
    let mut reader = LineReader::start(&device, terminal)?;
    loop {
        let line = match reader.next(device.prompt().await).await? {
            Input::Line(line) => line,
            Input::NotUtf8 if print(NOT_UTF_8)?.is_continue() => continue,
            Input::Interrupted if terminal => continue,
            Input::NotUtf8 | Input::Interrupted | Input::End => return Ok(()),
        };
        let Step { reply, shown, left } = interruptible(&device, &line).await?;
        let silent = shown || reply.output.is_empty();
        if left || !silent && print(&reply.output)?.is_break() {
            return Ok(());
        }
    }
}

/// Runs a command; Ctrl-C ends what takes its time.
async fn interruptible(device: &Device, line: &str) -> io::Result<Step> {
    // A screen that is gone is noticed at the next prompt.
    let screen = &mut |line: &str| drop(print(line));
    let step = device.step(line, screen);
    tokio::pin!(step);
    loop {
        tokio::select! {
            step = &mut step => return Ok(step),
            interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| device.interrupt())?,
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

/// Reads lines on a thread of its own: standard input knows no waiting that can be given up.
struct LineReader {
    terminal: bool,
    prompts: mpsc::UnboundedSender<(String, oneshot::Sender<io::Result<Input>>)>,
}

impl LineReader {
    fn start(device: &Arc<Device>, terminal: bool) -> io::Result<Self> {
        let (prompts, mut asked) = mpsc::unbounded_channel::<(String, oneshot::Sender<_>)>();
        let mut source = if terminal { Source::terminal(device)? } else { Source::Plain };
        thread::Builder::new().name("console".to_owned()).spawn(move || {
            while let Some((prompt, answer)) = asked.blocking_recv() {
                // Nobody waits for the answer once the console has ended.
                let _ = answer.send(source.read(&prompt));
            }
        })?;
        Ok(Self { terminal, prompts })
    }

    async fn next(&mut self, prompt: String) -> io::Result<Input> {
        let (answer, line) = oneshot::channel();
        let gone = || io::Error::other("the console's reader has ended");
        self.prompts.send((prompt, answer)).map_err(|_| gone())?;
        tokio::select! {
            line = line => line.map_err(|_| gone())?,
            // A terminal in raw mode sends Ctrl-C as a character, anything else as a signal.
            interrupted = tokio::signal::ctrl_c(), if !self.terminal => interrupted.map(|()| Input::Interrupted),
        }
    }
}

enum Source {
    Terminal(Box<Terminal>),
    Plain,
}

impl Source {
    fn terminal(device: &Arc<Device>) -> io::Result<Self> {
        Terminal::new(device).map(|terminal| Self::Terminal(Box::new(terminal)))
    }

    fn read(&mut self, prompt: &str) -> io::Result<Input> {
        match self {
            Self::Terminal(terminal) => terminal.read(prompt),
            Self::Plain => {
                let mut line = Vec::new();
                let length = io::stdin().lock().read_until(b'\n', &mut line)?;
                Ok(match str::from_utf8(&line) {
                    _ if length == 0 => Input::End,
                    Ok(text) => Input::Line(text.trim_end_matches(['\r', '\n']).to_owned()),
                    Err(_) => Input::NotUtf8,
                })
            }
        }
    }
}
