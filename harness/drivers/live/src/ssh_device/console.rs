//! The command line of a device on a terminal: types a command, and returns what the device prints until its next prompt.
//!
//! A prompt counts if it is alone in the last row and the device is quiet. If something was printed before it, which may look
//! like a prompt by chance, an empty line must bring the same prompt once more.

mod error;
mod typing;

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

pub(super) use self::error::ConsoleError;
pub(super) use self::typing::can_be_typed;
use self::typing::typed;
use super::prompt::{Mode, Prompts, belongs_to_prompt, is_of_pager, pager};
use super::screen::Screen;

/// The maximum length of a command's output, in bytes.
const OUTPUT_LIMIT: usize = 4 * 1024 * 1024;

/// The maximum number of characters that one command may draw on the screen. Blanks count.
const SCREEN_LIMIT: usize = 4 * OUTPUT_LIMIT;

/// The time without output after which a known prompt counts.
const QUIET: Duration = Duration::from_millis(4);

/// The time without output after which an unknown prompt counts.
const QUIET_AFTER_UNKNOWN: Duration = Duration::from_millis(150);

/// The time without output after which a prompt with text behind it is searched for.
const QUIET_WITHOUT_PROMPT: Duration = Duration::from_secs(1);

/// The timeouts for the first prompt, and for the one after Ctrl-C.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);
const INTERRUPTED_LIMIT: Duration = Duration::from_secs(10);

/// The timeout of one read, so that the end of the connection is noticed.
const TICK: Duration = Duration::from_millis(100);

/// The maximum number of empty lines that are typed to find a prompt.
const PROBES: usize = 20;

const INTERRUPT: &[u8] = b"\x03";

/// The number of the latest bytes that errors show.
const TAIL: usize = 200;

/// A terminal connected to a device. If the connection has ended, calls fail with [`ConsoleError::Closed`].
#[async_trait]
pub(super) trait Terminal: Send {
    /// Waits for bytes until the timeout; returns their number, 0 if there were none.
    async fn read(&mut self, buffer: &mut [u8], limit: Duration) -> Result<usize, ConsoleError>;

    /// Sends all bytes.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConsoleError>;
}

/// A device's command line that waits for a command.
pub(super) struct Console {
    terminal: Box<dyn Terminal>,
    screen: Screen,
    prompts: Prompts,
    /// The current mode of the command line.
    pub(super) mode: Mode,
    limit: Duration,
    /// The latest bytes received.
    tail: Vec<u8>,
}

/// The expected output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected<'a> {
    /// The output of this command, and a prompt.
    Output(&'a str),
    /// A prompt alone, if this command succeeds.
    NoOutput(&'a str),
    /// A prompt, with or without other text. An empty line may be typed if none comes, because some devices wait for one, and
    /// after Ctrl-C the prompt may be behind the echo of that.
    Prompt,
}

/// The progress of waiting for expected output.
struct Wait<'a> {
    expected: Expected<'a>,
    since: Instant,
    limit: Duration,
    /// The time of the latest bytes.
    last_received: Instant,
    /// The number of bytes so far.
    received: usize,
    /// The rows in which an empty line was typed.
    probed: Vec<usize>,
    /// True if there is text behind a prompt.
    has_text_behind_prompt: bool,
    /// True if a pager was answered.
    paged: bool,
}

impl<'a> Wait<'a> {
    fn new(expected: Expected<'a>, limit: Duration) -> Self {
        let now = Instant::now();
        let (received, probed, has_text_behind_prompt, paged) = (0, Vec::new(), false, false);
        Self {
            expected,
            since: now,
            limit,
            last_received: now,
            received,
            probed,
            has_text_behind_prompt,
            paged,
        }
    }

    /// The first row in which the prompt may be: the row of a command has the previous prompt.
    fn first_row(&self) -> usize {
        usize::from(self.expected != Expected::Prompt)
    }
}

impl Console {
    /// Waits for the first prompt, at most half a minute; `limit` is the timeout of commands.
    pub(super) async fn open(
        terminal: Box<dyn Terminal>,
        prompts: Prompts,
        limit: Duration,
    ) -> Result<Self, ConsoleError> {
        let (mode, screen, tail) = (Mode::Operational, Screen::default(), Vec::new());
        let mut console = Self { terminal, screen, prompts, mode, limit, tail };
        console.wait(&mut Wait::new(Expected::Prompt, LOGIN_LIMIT.min(limit))).await?;
        for line in ["set terminal length 0", "set terminal width 512"] {
            // Devices without such a setting report an error, and do not need it.
            console.run(line).await?;
        }
        Ok(console)
    }

    /// Types a line and waits for the prompt after it; on a timeout, the command is interrupted. Returns the output without the
    /// line's echo, the prompt, text of pagers and blank rows at the end.
    pub(super) async fn run(&mut self, line: &str) -> Result<String, ConsoleError> {
        self.run_within(line, self.limit).await
    }

    /// The same with another timeout.
    pub(super) async fn run_within(
        &mut self,
        line: &str,
        limit: Duration,
    ) -> Result<String, ConsoleError> {
        self.run_line(line, Wait::new(Expected::Output(line), limit)).await
    }

    /// The same for a line without output if it succeeds, so that no output can look like a prompt.
    pub(super) async fn run_silent(&mut self, line: &str) -> Result<String, ConsoleError> {
        self.run_line(line, Wait::new(Expected::NoOutput(line), self.limit)).await
    }

    async fn run_line(&mut self, line: &str, mut wait: Wait<'_>) -> Result<String, ConsoleError> {
        let typed = typed(line)?;
        self.drain().await?;
        self.screen.begin();
        self.tail.clear();
        self.terminal.write(&typed).await?;
        match self.wait(&mut wait).await {
            Ok(row) => Ok(self.printed(row, &wait)),
            Err(error) => Err(self.interrupted(error).await),
        }
    }

    /// Reads output that belongs to no command, so that the end of the connection is noticed.
    pub(super) async fn drain(&mut self) -> Result<(), ConsoleError> {
        let start = Instant::now();
        while start.elapsed() < TICK && self.read(Duration::ZERO).await? > 0 {
            self.screen.begin();
        }
        Ok(())
    }

    /// Reads and draws bytes until the timeout; returns their number.
    async fn read(&mut self, limit: Duration) -> Result<usize, ConsoleError> {
        let mut buffer = vec![0; 4096];
        let count = self.terminal.read(&mut buffer, limit).await?;
        self.screen.feed(&buffer[..count]);
        self.tail.extend_from_slice(&buffer[..count]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        Ok(count)
    }

    /// Interrupts a command after an error, so that the next one finds a prompt.
    pub(super) async fn interrupted(&mut self, error: ConsoleError) -> ConsoleError {
        if let ConsoleError::Closed(_) = error {
            return error;
        }
        match self.interrupt().await {
            Ok(()) => error,
            Err(disconnected @ ConsoleError::Closed(_)) => disconnected,
            Err(_) => ConsoleError::Stuck(Box::new(error)),
        }
    }

    async fn interrupt(&mut self) -> Result<(), ConsoleError> {
        let deadline = Instant::now() + INTERRUPTED_LIMIT;
        self.terminal.write(INTERRUPT).await?;
        loop {
            self.screen = Screen::default();
            let limit = deadline.saturating_duration_since(Instant::now());
            match self.wait(&mut Wait::new(Expected::Prompt, limit)).await {
                Ok(_) => return Ok(()),
                // This output was printed before the interrupt arrived.
                Err(ConsoleError::OutputTooLong) => {}
                Err(other) => return Err(other),
            }
        }
    }

    /// Reads until the device waits for a command; returns the row of the prompt.
    async fn wait(&mut self, wait: &mut Wait<'_>) -> Result<usize, ConsoleError> {
        loop {
            let count = self.read(self.read_timeout(wait)).await?;
            if count > 0 {
                wait.last_received = Instant::now();
                wait.received += count;
            }
            if wait.received > OUTPUT_LIMIT || self.screen.cells > SCREEN_LIMIT {
                return Err(ConsoleError::OutputTooLong);
            }
            if let Some(row) = self.check_last_row(wait).await? {
                return Ok(row);
            }
            if wait.since.elapsed() >= wait.limit {
                let (after, tail) = (wait.limit, self.tail.clone());
                return Err(match wait.expected {
                    Expected::Prompt => ConsoleError::PromptNeverSeen { after, tail },
                    Expected::Output(command) | Expected::NoOutput(command) => {
                        ConsoleError::TimedOut { after, command: command.to_owned(), tail }
                    }
                });
            }
        }
    }

    /// The timeout until the screen must be checked again.
    fn read_timeout(&self, wait: &Wait<'_>) -> Duration {
        let left = wait.limit.saturating_sub(wait.since.elapsed());
        let until_quiet =
            self.quiet(&self.screen.last_row()).saturating_sub(wait.last_received.elapsed());
        until_quiet.clamp(Duration::from_millis(1), TICK).min(left)
    }

    /// The time without output after which the last row counts.
    fn quiet(&self, last: &str) -> Duration {
        match self.prompts.seen(last) {
            Some(seen) if seen.known => QUIET,
            Some(_) => QUIET_AFTER_UNKNOWN,
            None => pager(last).map_or(QUIET_WITHOUT_PROMPT, |(_, quiet)| quiet),
        }
    }

    /// Checks the last row if the device is quiet: a prompt must be confirmed by another one, and a pager is answered.
    async fn check_last_row(&mut self, wait: &mut Wait<'_>) -> Result<Option<usize>, ConsoleError> {
        let (last, row) = (self.screen.last_row(), self.screen.height() - 1);
        if wait.last_received.elapsed() < self.quiet(&last) {
            return Ok(None);
        }
        if let Some(seen) = self.prompts.seen(&last).filter(|_| row >= wait.first_row()) {
            let is_silent = matches!(wait.expected, Expected::NoOutput(_));
            let end = if is_silent && seen.known && self.nothing_before(row) {
                Some(row)
            } else {
                self.confirmed_prompt(wait, row)
            };
            if end.is_some() {
                let last = self.prompts.last(&last).to_owned();
                self.prompts.learn(&last, seen.mode);
                self.mode = seen.mode;
                return Ok(end);
            }
            if wait.probed.last() != Some(&row) {
                self.probe(wait, row).await?;
            }
        } else if let Some((answer, _)) = pager(&last) {
            self.screen.erase_last_row();
            self.terminal.write(answer).await?;
            wait.paged = true;
            wait.last_received = Instant::now();
        } else if wait.expected == Expected::Prompt || self.prompt_has_text_behind_it(wait) {
            wait.has_text_behind_prompt = wait.expected != Expected::Prompt;
            self.probe(wait, row).await?;
        }
        Ok(None)
    }

    /// True if the command printed nothing but the prompt.
    fn nothing_before(&self, row: usize) -> bool {
        let first = self.screen.end_of_first_line();
        row >= first && (first..row).all(|row| self.screen.row(row).is_empty())
    }

    /// The row of an earlier prompt, if an empty line typed there brought this prompt and nothing else.
    fn confirmed_prompt(&self, wait: &Wait<'_>, row: usize) -> Option<usize> {
        let mut probed = wait.probed.iter().copied().filter(|probed| *probed < row);
        let is_prompt = |at: usize| self.prompts.seen(&self.screen.row(at)).is_some();
        let last = self.screen.row(row);
        let same = |at: usize| self.prompts.last(&self.screen.row(at)) == self.prompts.last(&last);
        let nothing = |at: usize| {
            (at + 1..row).all(|row| belongs_to_prompt(&self.screen.row(row)) || is_prompt(row))
        };
        let mut end = probed.find(|at| is_prompt(*at) && same(*at) && nothing(*at))?;
        // Empty lines typed before at rows without a prompt were answered as well.
        for _ in 1..wait.probed.len() {
            let above = (0..end).rev().find(|at| !belongs_to_prompt(&self.screen.row(*at)));
            match above.filter(|at| *at >= wait.first_row() && same(*at)) {
                Some(above) => end = above,
                None => break,
            }
        }
        Some(end)
    }

    async fn probe(&mut self, wait: &mut Wait<'_>, row: usize) -> Result<(), ConsoleError> {
        if wait.probed.len() < PROBES {
            self.terminal.write(b"\r").await?;
            wait.probed.push(row);
            wait.last_received = Instant::now();
        }
        Ok(())
    }

    /// True if something, such as a log message, was printed behind a prompt, so that it is not alone in its row.
    fn prompt_has_text_behind_it(&self, wait: &Wait<'_>) -> bool {
        let first = self.screen.end_of_first_line().max(wait.first_row());
        let rows = first..self.screen.height();
        wait.probed.len() < PROBES
            && rows.rev().take(50).any(|row| self.prompts.at_start(&self.screen.row(row)).is_some())
    }

    /// The text between the command and the prompt.
    fn printed(&self, row: usize, wait: &Wait<'_>) -> String {
        let mut lines = self.screen.lines(self.screen.end_of_first_line(), row);
        if wait.paged {
            lines.retain(|line| !is_of_pager(line));
        }
        while lines.last().is_some_and(|it| belongs_to_prompt(it) || wait.paged && it == "~") {
            lines.pop();
        }
        if wait.has_text_behind_prompt {
            // The text behind a prompt is output, the prompt is not.
            for line in &mut lines {
                if let Some(prompt) = self.prompts.at_start(line).map(str::len) {
                    *line = line[prompt..].trim_start().to_owned();
                }
            }
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests;
