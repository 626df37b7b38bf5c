//! A server that answers no message any more: nobody is to wait for it in case after case.

use tokio::sync::watch;

/// After how many messages in a row without an answer a server is given up that has answered none at all.
const NEVER_HEARD: usize = 4;

/// The same for one that has answered: what is wrong on purpose may well leave a server speechless, a few times in a row.
const FALLEN_SILENT: usize = 12;

/// The messages that had no answer in their time.
#[derive(Default)]
pub(super) struct Silence(watch::Sender<Count>);

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    in_a_row: usize,
    has_answered: bool,
}

impl Silence {
    /// Notes what came of a message.
    pub(super) fn note(&self, was_answered: bool) {
        self.0.send_modify(|count| {
            count.in_a_row = if was_answered { 0 } else { count.in_a_row + 1 };
            count.has_answered |= was_answered;
        });
    }

    /// Waits until there is no use in waiting for another answer; tells how many messages in a row had none.
    pub(super) async fn lasts(&self) -> usize {
        let mut counts = self.0.subscribe();
        match counts.wait_for(Count::is_hopeless).await {
            Ok(count) => count.in_a_row,
            // The sender is this one's.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Count {
    fn is_hopeless(&self) -> bool {
        self.in_a_row >= if self.has_answered { FALLEN_SILENT } else { NEVER_HEARD }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn lasts(noted: &[bool]) -> Option<usize> {
        let silence = Silence::default();
        for was_answered in noted {
            silence.note(*was_answered);
        }
        silence.lasts().now_or_never()
    }

    #[test]
    fn whoever_never_answered_is_given_up_sooner_than_who_did() {
        assert_eq!(lasts(&[false; 3]), None);
        assert_eq!(lasts(&[false; 4]), Some(4));
        let heard = [&[true][..], &[false; 11]].concat();
        assert_eq!(lasts(&heard), None);
        assert_eq!(lasts(&[&heard[..], &[false]].concat()), Some(12));
        // Each answer is a new beginning.
        assert_eq!(lasts(&[&heard[..], &heard].concat()), None);
    }
}
