//! The command line of a device on a terminal: a command typed, and what the device printed until its next prompt.
//!
//! A prompt is one when it stands alone in the last row and the device is quiet; where something was printed before it,
//! which may look like a prompt by chance, an empty line must bring the same prompt once more.

mod fault;
mod typing;

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

pub(super) use self::fault::Fault;
pub(super) use self::typing::can_be_typed;
use self::typing::typed;
use super::prompt::{Mode, Prompts, belongs_to_prompt, is_of_pager, pager};
use super::screen::Screen;

/// The most that a command may print, in bytes.
const OUTPUT_LIMIT: usize = 4 * 1024 * 1024;

/// The most characters that all that may take on the screen, blanks included.
const SCREEN_LIMIT: usize = 4 * OUTPUT_LIMIT;

/// How long the device is quiet after a prompt.
const QUIET: Duration = Duration::from_millis(4);

/// How long it is quiet after what may be its new prompt.
const QUIET_AFTER_STRANGE: Duration = Duration::from_millis(150);

/// How long it is quiet before a prompt is looked for that something else was printed after.
const QUIET_WITHOUT_PROMPT: Duration = Duration::from_secs(1);

/// How long the first prompt may take, and how long the one after Ctrl-C.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);
const INTERRUPTED_LIMIT: Duration = Duration::from_secs(10);

/// How long one reading waits, so that an end is noticed.
const TICK: Duration = Duration::from_millis(100);

/// How many empty lines are typed to find a prompt.
const PROBES: usize = 20;

const INTERRUPT: &[u8] = b"\x03";

/// How much of what came last is told, in bytes.
const TAIL: usize = 200;

/// A terminal at the other end of which is a device; whatever is asked of one that is gone is [`Fault::Lost`].
#[async_trait]
pub(super) trait Wire: Send {
    /// Waits for bytes, at most so long, and tells how many came; 0 if none did.
    async fn read(&mut self, buffer: &mut [u8], limit: Duration) -> Result<usize, Fault>;

    /// Sends bytes, all of them.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault>;
}

/// A device's command line, waiting for a command.
pub(super) struct Console {
    wire: Box<dyn Wire>,
    screen: Screen,
    prompts: Prompts,
    /// What the command line is for now.
    pub(super) mode: Mode,
    limit: Duration,
    /// The last bytes that came, whatever they were.
    tail: Vec<u8>,
}

/// What is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For<'a> {
    /// What this command prints, and a prompt.
    Output(&'a str),
    /// The prompt alone, which this command leads to if all is well.
    Nothing(&'a str),
    /// A prompt, whatever else is there. An empty line may be typed if none comes: some devices wait for one, and after
    /// Ctrl-C the prompt may stand behind what that is shown as.
    Prompt,
}

/// What is waited for, and how far that has got.
struct Waiting<'a> {
    what: For<'a>,
    since: Instant,
    limit: Duration,
    /// When bytes came last.
    heard: Instant,
    /// In bytes.
    received: usize,
    /// The rows at which an empty line was typed.
    probed: Vec<usize>,
    /// Whether something stands behind a prompt.
    buried: bool,
    /// Whether a pager was answered.
    paged: bool,
}

impl<'a> Waiting<'a> {
    fn new(what: For<'a>, limit: Duration) -> Self {
        let now = Instant::now();
        let (received, probed, buried, paged) = (0, Vec::new(), false, false);
        Self { what, since: now, limit, heard: now, received, probed, buried, paged }
    }

    /// The first row in which the prompt may stand: in the row of a command it is the one before it.
    fn first_row(&self) -> usize {
        usize::from(self.what != For::Prompt)
    }
}

impl Console {
    /// Waits for the first prompt, at most half a minute; a command may take as long as `limit`.
    pub(super) async fn open(
        wire: Box<dyn Wire>,
        prompts: Prompts,
        limit: Duration,
    ) -> Result<Self, Fault> {
        let (mode, screen, tail) = (Mode::Operational, Screen::default(), Vec::new());
        let mut console = Self { wire, screen, prompts, mode, limit, tail };
        console.wait(&mut Waiting::new(For::Prompt, LOGIN_LIMIT.min(limit))).await?;
        for line in ["set terminal length 0", "set terminal width 512"] {
            // Those that know no such setting say so, and need none.
            console.run(line).await?;
        }
        Ok(console)
    }

    /// Types a line and waits for the prompt after it; at the limit, the command is interrupted. What was printed is without
    /// the line's echo, the prompt, pagers and blank rows at the end.
    pub(super) async fn run(&mut self, line: &str) -> Result<String, Fault> {
        self.run_within(line, self.limit).await
    }

    /// The same, within another limit.
    pub(super) async fn run_within(
        &mut self,
        line: &str,
        limit: Duration,
    ) -> Result<String, Fault> {
        self.carry_out(line, Waiting::new(For::Output(line), limit)).await
    }

    /// The same for a line that prints nothing if all is well, so that nothing can look like a prompt.
    pub(super) async fn run_silent(&mut self, line: &str) -> Result<String, Fault> {
        self.carry_out(line, Waiting::new(For::Nothing(line), self.limit)).await
    }

    async fn carry_out(&mut self, line: &str, mut waiting: Waiting<'_>) -> Result<String, Fault> {
        let typed = typed(line)?;
        self.drain().await?;
        self.screen.begin();
        self.tail.clear();
        self.wire.write(&typed).await?;
        match self.wait(&mut waiting).await {
            Ok(row) => Ok(self.printed(row, &waiting)),
            Err(fault) => Err(self.interrupted(fault).await),
        }
    }

    /// Reads what comes while nobody asked, so that a device that is gone is noticed.
    pub(super) async fn drain(&mut self) -> Result<(), Fault> {
        let start = Instant::now();
        while start.elapsed() < TICK && self.read(Duration::ZERO).await? > 0 {
            self.screen.begin();
        }
        Ok(())
    }

    /// Draws what comes in that time, and tells how many bytes those were.
    async fn read(&mut self, limit: Duration) -> Result<usize, Fault> {
        let mut buffer = vec![0; 4096];
        let count = self.wire.read(&mut buffer, limit).await?;
        self.screen.feed(&buffer[..count]);
        self.tail.extend_from_slice(&buffer[..count]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        Ok(count)
    }

    /// Stops a command that is under way because of a fault, so that the next one finds a prompt.
    pub(super) async fn interrupted(&mut self, fault: Fault) -> Fault {
        if let Fault::Lost(_) = fault {
            return fault;
        }
        match self.interrupt().await {
            Ok(()) => fault,
            Err(lost @ Fault::Lost(_)) => lost,
            Err(_) => Fault::Stuck(Box::new(fault)),
        }
    }

    async fn interrupt(&mut self) -> Result<(), Fault> {
        let deadline = Instant::now() + INTERRUPTED_LIMIT;
        self.wire.write(INTERRUPT).await?;
        loop {
            self.screen = Screen::default();
            let limit = deadline.saturating_duration_since(Instant::now());
            match self.wait(&mut Waiting::new(For::Prompt, limit)).await {
                Ok(_) => return Ok(()),
                // It had been printed before the device was told.
                Err(Fault::TooMuch) => {}
                Err(other) => return Err(other),
            }
        }
    }

    /// Reads until the device waits for a command, and tells the row of the prompt.
    async fn wait(&mut self, waiting: &mut Waiting<'_>) -> Result<usize, Fault> {
        loop {
            let count = self.read(self.patience(waiting)).await?;
            if count > 0 {
                waiting.heard = Instant::now();
                waiting.received += count;
            }
            if waiting.received > OUTPUT_LIMIT || self.screen.cells > SCREEN_LIMIT {
                return Err(Fault::TooMuch);
            }
            if let Some(row) = self.look(waiting).await? {
                return Ok(row);
            }
            if waiting.since.elapsed() >= waiting.limit {
                let (after, tail) = (waiting.limit, self.tail.clone());
                return Err(match waiting.what {
                    For::Prompt => Fault::PromptNeverSeen { after, tail },
                    For::Output(command) | For::Nothing(command) => {
                        Fault::TimedOut { after, command: command.to_owned(), tail }
                    }
                });
            }
        }
    }

    /// How long to wait for more bytes before looking at the screen again.
    fn patience(&self, waiting: &Waiting<'_>) -> Duration {
        let left = waiting.limit.saturating_sub(waiting.since.elapsed());
        let until_quiet =
            self.quiet(&self.screen.last_row()).saturating_sub(waiting.heard.elapsed());
        until_quiet.clamp(Duration::from_millis(1), TICK).min(left)
    }

    /// How long the device is quiet before its last row tells anything.
    fn quiet(&self, last: &str) -> Duration {
        match self.prompts.seen(last) {
            Some(seen) if seen.known => QUIET,
            Some(_) => QUIET_AFTER_STRANGE,
            None => pager(last).map_or(QUIET_WITHOUT_PROMPT, |(_, quiet)| quiet),
        }
    }

    /// Looks at the last row while the device is quiet: at a prompt it is asked for another, at a pager to go on.
    async fn look(&mut self, waiting: &mut Waiting<'_>) -> Result<Option<usize>, Fault> {
        let (last, row) = (self.screen.last_row(), self.screen.height() - 1);
        if waiting.heard.elapsed() < self.quiet(&last) {
            return Ok(None);
        }
        if let Some(seen) = self.prompts.seen(&last).filter(|_| row >= waiting.first_row()) {
            let is_silent = matches!(waiting.what, For::Nothing(_));
            let end = if is_silent && seen.known && self.nothing_before(row) {
                Some(row)
            } else {
                self.asked_twice(waiting, row)
            };
            if end.is_some() {
                let last = self.prompts.last(&last).to_owned();
                self.prompts.learn(&last, seen.mode);
                self.mode = seen.mode;
                return Ok(end);
            }
            if waiting.probed.last() != Some(&row) {
                self.probe(waiting, row).await?;
            }
        } else if let Some((answer, _)) = pager(&last) {
            self.screen.erase_last_row();
            self.wire.write(answer).await?;
            waiting.paged = true;
            waiting.heard = Instant::now();
        } else if waiting.what == For::Prompt || self.prompt_is_buried(waiting) {
            waiting.buried = waiting.what != For::Prompt;
            self.probe(waiting, row).await?;
        }
        Ok(None)
    }

    /// Whether the device printed nothing for the command but its prompt.
    fn nothing_before(&self, row: usize) -> bool {
        let first = self.screen.end_of_first_line();
        row >= first && (first..row).all(|row| self.screen.row(row).is_empty())
    }

    /// The row of an earlier prompt, where an empty line typed there brought this one and nothing else.
    fn asked_twice(&self, waiting: &Waiting<'_>, row: usize) -> Option<usize> {
        let mut probed = waiting.probed.iter().copied().filter(|probed| *probed < row);
        let is_prompt = |at: usize| self.prompts.seen(&self.screen.row(at)).is_some();
        let last = self.screen.row(row);
        let same = |at: usize| self.prompts.last(&self.screen.row(at)) == self.prompts.last(&last);
        let nothing = |at: usize| {
            (at + 1..row).all(|row| belongs_to_prompt(&self.screen.row(row)) || is_prompt(row))
        };
        let mut end = probed.find(|at| is_prompt(*at) && same(*at) && nothing(*at))?;
        // Empty lines that were typed at what was no prompt were answered before.
        for _ in 1..waiting.probed.len() {
            let above = (0..end).rev().find(|at| !belongs_to_prompt(&self.screen.row(*at)));
            match above.filter(|at| *at >= waiting.first_row() && same(*at)) {
                Some(above) => end = above,
                None => break,
            }
        }
        Some(end)
    }

    async fn probe(&mut self, waiting: &mut Waiting<'_>, row: usize) -> Result<(), Fault> {
        if waiting.probed.len() < PROBES {
            self.wire.write(b"\r").await?;
            waiting.probed.push(row);
            waiting.heard = Instant::now();
        }
        Ok(())
    }

    /// Whether something was printed after a prompt, as a log does it, so that it does not stand alone.
    fn prompt_is_buried(&self, waiting: &Waiting<'_>) -> bool {
        let first = self.screen.end_of_first_line().max(waiting.first_row());
        let rows = first..self.screen.height();
        waiting.probed.len() < PROBES
            && rows.rev().take(50).any(|row| self.prompts.at_start(&self.screen.row(row)).is_some())
    }

    /// What stands between the command and the prompt.
    fn printed(&self, row: usize, waiting: &Waiting<'_>) -> String {
        let mut lines = self.screen.lines(self.screen.end_of_first_line(), row);
        if waiting.paged {
            lines.retain(|line| !is_of_pager(line));
        }
        while lines.last().is_some_and(|it| belongs_to_prompt(it) || waiting.paged && it == "~") {
            lines.pop();
        }
        if waiting.buried {
            // What a prompt was buried under is output, the prompt is not.
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
