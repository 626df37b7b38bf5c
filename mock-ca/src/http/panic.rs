//! A panic in the handling of one request, which must not end its connection without an answer.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// The result of a future; `None` if it panicked. The panic hook has told where.
pub(super) async fn unless_panic<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    // Nothing of the future is used after a panic, and the locks of what it shares are released.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
        Err(_) => Poll::Ready(None),
    })
    .await
}
