//! The labs of a driver that have not ended, and what was wrong when others did.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// Counts the labs of a driver; clones share the count.
#[derive(Debug, Clone, Default)]
pub struct LabBook(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    open: watch::Sender<usize>,
    /// What was wrong with labs when they ended, as far as nobody has asked.
    complaints: Mutex<Vec<String>>,
}

/// A lab in the book, from before anything of it is made until nothing of it is left.
#[derive(Debug)]
pub struct LabEntry(LabBook);

impl LabBook {
    /// Enters a lab, which ends when the entry is dropped.
    pub fn enter(&self) -> LabEntry {
        self.0.open.send_modify(|open| *open += 1);
        LabEntry(self.clone())
    }

    /// What was wrong so far; nothing is taken from it.
    pub fn complaints(&self) -> Vec<String> {
        self.0.complaints.lock().clone()
    }

    /// Waits until every lab has ended; returns once what was wrong.
    pub async fn settled(&self) -> Vec<String> {
        // The sender is this book's own.
        let _ = self.0.open.subscribe().wait_for(|open| *open == 0).await;
        std::mem::take(&mut *self.0.complaints.lock())
    }
}

impl LabEntry {
    /// Notes what is wrong with the end of the lab.
    pub fn complain(&self, complaint: String) {
        self.0.0.complaints.lock().push(complaint);
    }
}

impl Drop for LabEntry {
    fn drop(&mut self) {
        self.0.0.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn complaints_are_returned_once_when_every_lab_has_ended() {
        let book = LabBook::default();
        let (first, second) = (book.enter(), book.enter());
        first.complain("it was killed".to_owned());
        drop((first, second));
        assert_eq!(book.complaints(), ["it was killed"]);
        assert_eq!(book.settled().await, ["it was killed"]);
        assert_eq!(book.settled().await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_lab_that_has_not_ended_is_waited_for() {
        let book = LabBook::default();
        let entry = book.enter();
        let other = book.clone();
        let waiting = tokio::spawn(async move { other.settled().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        entry.complain("late".to_owned());
        drop(entry);
        assert_eq!(waiting.await.unwrap(), ["late"]);
    }
}
