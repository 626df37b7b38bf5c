//! The last words of a process: what it wrote to standard error, the newest of it.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;

/// So many bytes are kept.
const KEPT: usize = 4096;

/// How long the output of a process that has ended is read on; others may hold its other end.
const AFTERMATH: Duration = Duration::from_millis(200);

/// An output that is read to its end and not kept but for its end.
pub struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    reading: JoinHandle<()>,
}

impl Tail {
    /// Reads on in the background.
    pub fn of(mut output: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::<Mutex<VecDeque<u8>>>::default();
        let shared = Arc::clone(&kept);
        let reading = tokio::spawn(async move {
            let mut buffer = [0; KEPT];
            while let Ok(length @ 1..) = output.read(&mut buffer).await {
                let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&buffer[..length]);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        });
        Self { kept, reading }
    }

    /// How a process ended, and its last words, in one line.
    pub async fn epitaph(self, status: Option<ExitStatus>) -> String {
        let how = status.map_or_else(|| "ended".to_owned(), |status| format!("ended ({status})"));
        self.under(&how).await
    }

    /// What there is to say of a process, and its last words, in one line.
    pub async fn under(mut self, how: &str) -> String {
        let _ = tokio::time::timeout(AFTERMATH, &mut self.reading).await;
        self.reading.abort();
        match self.text() {
            words if words.is_empty() => how.to_owned(),
            words => format!("{how}; its last words: {words}"),
        }
    }

    fn text(&self) -> String {
        let kept: Vec<u8> =
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        let text = String::from_utf8_lossy(&kept);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(visible).collect::<Vec<_>>().join(" | ")
    }
}

/// What would move a terminal's cursor is written out.
fn visible(line: &str) -> String {
    let mut visible = String::new();
    for char in line.chars() {
        if char.is_control() {
            visible.extend(char.escape_debug());
        } else {
            visible.push(char);
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_words_are_kept_on_one_line() {
        let output = "x".repeat(3 * KEPT) + "\none\x1b[2J\n\n two\n";
        let epitaph = Tail::of(std::io::Cursor::new(output.into_bytes())).epitaph(None).await;
        assert!(epitaph.starts_with("ended; its last words: xxx"), "{epitaph}");
        assert!(epitaph.ends_with("x | one\\u{1b}[2J | two"), "{epitaph}");
        assert!(epitaph.len() < KEPT + 100);
    }

    #[tokio::test]
    async fn an_output_that_never_ends_is_not_waited_for() {
        let epitaph = Tail::of(tokio::io::repeat(b'x')).epitaph(None).await;
        assert!(epitaph.len() < KEPT + 100);
    }
}
