//! The time of a lab that is all in one thread: it stands still while anything computes, and jumps to the next moment at which
//! anything is due when everything waits.
//!
//! This is tokio's paused clock on a runtime of one thread. Work off that thread must be tokio's `spawn_blocking`, for which the time
//! stands still, too; it would jump while a thread of another kind works. The runtime has no driver for sockets, because the time
//! would jump while a peer elsewhere works on its answer.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::time::SystemTime;

use scep::clock::{Clock, later};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

thread_local! {
    static IS_LAB_TIME: Cell<bool> = const { Cell::new(false) };
}

/// True in the thread of a lab that has its own time.
pub fn is_here() -> bool {
    IS_LAB_TIME.get()
}

/// A clock that shows `start` now, and goes on with the time of tokio: that of the lab, if it has its own.
pub fn clock(start: SystemTime) -> Clock {
    let begun = Instant::now();
    Clock::reading(move || later(start, begun.elapsed()))
}

/// Does `work` in a thread of its own with a time of its own. If the returned future is dropped, the work is, too.
///
/// Must be called in a tokio runtime.
///
/// # Panics
/// If `work` does, or the operating system gives no thread.
pub async fn run<F>(work: impl FnOnce() -> F + Send + 'static) -> F::Output
where
    F: Future<Output: Send + 'static>,
{
    let (_keep, dropped) = oneshot::channel::<()>();
    let thread = spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        // Without a driver for sockets, a runtime needs nothing but memory.
        let runtime = runtime.expect("a runtime without sockets needs nothing of the system");
        IS_LAB_TIME.set(true);
        let done = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = dropped => None,
                done = work() => Some(done),
            }
        });
        IS_LAB_TIME.set(false);
        done
    });
    match thread.await {
        Ok(Some(done)) => done,
        Err(stopped) if stopped.is_panic() => resume_unwind(stopped.into_panic()),
        // The runtime is being shut down, and this future with it.
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use scep::clock::Stopwatch;
    use tokio::time::sleep;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[tokio::test]
    async fn ten_years_cost_no_time_and_the_clock_shows_them() {
        let (start, real) = (SystemTime::UNIX_EPOCH, Stopwatch::start());
        let shown = run(move || async move {
            let clock = clock(start);
            sleep(3650 * DAY).await;
            clock.now()
        })
        .await;
        assert!(shown.duration_since(start).unwrap() >= 3650 * DAY);
        assert!(real.elapsed() < 3650 * DAY);
        assert!(!is_here());
    }

    #[tokio::test]
    async fn time_stands_still_while_a_blocking_task_works() {
        let elapsed = run(|| async {
            assert!(is_here());
            let begun = Instant::now();
            let (release, released) = std::sync::mpsc::channel::<()>();
            let work = spawn_blocking(move || released.recv().is_ok());
            // The timer below would fire first if the time jumped while the task works.
            let early = Arc::new(AtomicBool::new(false));
            let fired = Arc::clone(&early);
            let timer = tokio::spawn(async move {
                sleep(DAY).await;
                fired.store(true, Ordering::SeqCst);
            });
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert!(!early.load(Ordering::SeqCst));
            release.send(()).unwrap();
            assert!(work.await.unwrap());
            timer.abort();
            begun.elapsed()
        })
        .await;
        assert_eq!(elapsed, Duration::ZERO);
    }

    #[tokio::test]
    async fn dropped_work_ends() {
        let (alive, gone) = oneshot::channel::<()>();
        let work = tokio::spawn(run(|| async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        }));
        tokio::task::yield_now().await;
        work.abort();
        assert!(gone.await.is_err());
    }

    #[tokio::test]
    async fn panic_goes_on_to_the_caller() {
        let work = tokio::spawn(run(|| async { panic!("as asked") }));
        let panic = work.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"as asked"));
    }
}
