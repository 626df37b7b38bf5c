//! The command line of a device on a terminal: a command typed, and what the device printed until its next prompt.
//!
//! A prompt is one when it stands alone in the last row and the device is quiet; where something was printed before it,
//! which may look like a prompt by chance, an empty line must bring the same prompt once more.

mod fault;
mod typing;
mod waiting;

use std::time::Duration;

use tokio::time::Instant;

pub(super) use self::fault::Fault;
pub(super) use self::typing::can_be_typed;
use self::typing::{remember, typed};
pub(super) use self::waiting::Stopped;
use self::waiting::{End, For, Waiting};
use super::prompt::{Mode, Prompts, belongs_to_prompt, is_of_pager, pager};
use super::screen::Screen;
use super::wire::{Lost, Wire};

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

/// What the device printed for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Printed {
    /// Without the command's echo, the prompt, pagers and blank rows at the end.
    pub(super) text: String,
    /// What the prompt after it is for.
    pub(super) mode: Mode,
}

/// A device's command line, waiting for a command.
pub(super) struct Console {
    wire: Box<dyn Wire>,
    screen: Screen,
    prompts: Prompts,
    mode: Mode,
    limit: Duration,
    /// The last bytes that came, whatever they were.
    tail: Vec<u8>,
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
        match console.wait(Waiting::new(For::Prompt, LOGIN_LIMIT.min(limit), &|| false)).await {
            Ok(_) => {}
            Err(Fault::TimedOut { after, tail, .. }) => {
                return Err(Fault::PromptNeverSeen { after, tail });
            }
            Err(other) => return Err(other),
        }
        for line in ["set terminal length 0", "set terminal width 512"] {
            // Those that know no such setting say so, and need none.
            console.run(line, &|| false).await?;
        }
        Ok(console)
    }

    /// What the command line is for now.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Types a line and waits for the prompt after it; at the limit, or where `stopped` says so, it is interrupted.
    pub(super) async fn run(&mut self, line: &str, stopped: Stopped<'_>) -> Result<Printed, Fault> {
        self.carry_out(line, Waiting::new(For::Output, self.limit, stopped)).await
    }

    /// The same, within another limit.
    pub(super) async fn run_within(
        &mut self,
        line: &str,
        limit: Duration,
    ) -> Result<Printed, Fault> {
        self.carry_out(line, Waiting::new(For::Output, limit, &|| false)).await
    }

    /// The same for a line that prints nothing where all is well, so that nothing can look like a prompt.
    pub(super) async fn run_silent(
        &mut self,
        line: &str,
        stopped: Stopped<'_>,
    ) -> Result<Printed, Fault> {
        self.carry_out(line, Waiting::new(For::Nothing, self.limit, stopped)).await
    }

    async fn carry_out(&mut self, line: &str, waiting: Waiting<'_>) -> Result<Printed, Fault> {
        let typed = typed(line)?;
        self.drain().await?;
        self.screen.begin();
        self.tail.clear();
        self.wire.write(&typed).await?;
        match self.wait(waiting).await {
            Ok(end) => Ok(Printed { text: self.printed(end), mode: self.mode }),
            Err(fault) => Err(self.interrupted(fault.of_command(line)).await),
        }
    }

    /// Reads what comes while nobody asked, so that a device that is gone is noticed.
    pub(super) async fn drain(&mut self) -> Result<(), Lost> {
        let mut buffer = vec![0; 4096];
        let start = Instant::now();
        while start.elapsed() < TICK {
            let count = self.wire.read(&mut buffer, Duration::ZERO).await?;
            if count == 0 {
                break;
            }
            self.screen.feed(&buffer[..count]);
            self.screen.begin();
            remember(&mut self.tail, &buffer[..count]);
        }
        Ok(())
    }

    /// Stops a command that is under way, so that the next one finds a prompt.
    async fn interrupted(&mut self, fault: Fault) -> Fault {
        if let Fault::Lost(_) | Fault::NotTyped { .. } = fault {
            return fault;
        }
        match self.interrupt().await {
            Ok(()) => fault,
            Err(Fault::Lost(lost)) => Fault::Lost(lost),
            Err(_) => Fault::Stuck(Box::new(fault)),
        }
    }

    async fn interrupt(&mut self) -> Result<(), Fault> {
        let deadline = Instant::now() + INTERRUPTED_LIMIT;
        self.wire.write(INTERRUPT).await?;
        loop {
            self.screen = Screen::default();
            let limit = deadline.saturating_duration_since(Instant::now());
            match self.wait(Waiting::new(For::Prompt, limit, &|| false)).await {
                Ok(_) => return Ok(()),
                // It had been printed before the device was told.
                Err(Fault::TooMuch { .. }) => {}
                Err(other) => return Err(other),
            }
        }
    }

    /// Reads until the device waits for a command.
    async fn wait(&mut self, mut waiting: Waiting<'_>) -> Result<End, Fault> {
        let mut buffer = vec![0; 16384];
        loop {
            let patience = self.patience(&waiting);
            let count = self.wire.read(&mut buffer, patience).await?;
            if count > 0 {
                waiting.heard = Instant::now();
                waiting.received += count;
                self.screen.feed(&buffer[..count]);
                remember(&mut self.tail, &buffer[..count]);
            }
            if waiting.received > OUTPUT_LIMIT || self.screen.cells() > SCREEN_LIMIT {
                return Err(Fault::TooMuch { limit: OUTPUT_LIMIT });
            }
            if (waiting.stopped)() {
                return Err(Fault::Stopped);
            }
            if let Some(row) = self.look(&mut waiting).await? {
                return Ok(End { row, buried: waiting.buried, paged: waiting.paged });
            }
            if waiting.since.elapsed() >= waiting.limit {
                return Err(Fault::TimedOut {
                    after: waiting.limit,
                    command: String::new(),
                    tail: self.tail.clone(),
                });
            }
        }
    }

    /// How long to wait for more bytes before looking at the screen again.
    fn patience(&self, waiting: &Waiting<'_>) -> Duration {
        let left = waiting.limit.saturating_sub(waiting.since.elapsed());
        let last = self.screen.last_row();
        let quiet = match self.prompts.seen(&last) {
            Some(seen) if seen.known => QUIET,
            Some(_) => QUIET_AFTER_STRANGE,
            None => pager(&last).map_or(TICK, |(_, quiet)| quiet),
        };
        quiet
            .saturating_sub(waiting.heard.elapsed())
            .max(Duration::from_millis(1))
            .min(TICK)
            .min(left)
    }

    /// Looks at the last row while the device is quiet: at a prompt it is asked for another, at a pager to go on.
    async fn look(&mut self, waiting: &mut Waiting<'_>) -> Result<Option<usize>, Fault> {
        let (last, quiet) = (self.screen.last_row(), waiting.heard.elapsed());
        let row = self.screen.height() - 1;
        if let Some(seen) = self.prompts.seen(&last).filter(|_| row >= waiting.first_row()) {
            let enough = if seen.known { QUIET } else { QUIET_AFTER_STRANGE };
            if quiet < enough {
                return Ok(None);
            }
            let end = if waiting.what == For::Nothing && seen.known && self.nothing_before(row) {
                Some(row)
            } else {
                self.asked_twice(waiting, row)
            };
            if let Some(end) = end {
                let last = self.prompts.last(&last).to_owned();
                self.prompts.learn(&last, seen.mode);
                self.mode = seen.mode;
                return Ok(Some(end));
            }
            if waiting.probed.last() != Some(&row) {
                self.probe(waiting, row).await?;
            }
            return Ok(None);
        }
        if let Some((answer, enough)) = pager(&last) {
            if quiet >= enough {
                self.screen.erase_last_row();
                self.wire.write(answer).await?;
                waiting.paged = true;
                waiting.heard = Instant::now();
            }
            return Ok(None);
        }
        if quiet >= QUIET_WITHOUT_PROMPT
            && (waiting.what == For::Prompt || self.prompt_is_buried(waiting))
        {
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
    fn printed(&self, end: End) -> String {
        let mut lines = self.screen.lines(self.screen.end_of_first_line(), end.row);
        if end.paged {
            lines.retain(|line| !is_of_pager(line));
        }
        while lines.last().is_some_and(|it| belongs_to_prompt(it) || end.paged && it == "~") {
            lines.pop();
        }
        if end.buried {
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
