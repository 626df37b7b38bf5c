//! Moves the time of a lab whose parts go by the clock of the system: each by its own clock, from one moment at which anything is due to
//! the next.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::device::Target;
use super::super::pki::ask;
use super::super::{ANSWER_LIMIT, Stop, bounded};
use super::events::Events;
use crate::rest::{Restless, Watch, until_due};
use results::SkipCause;
use testbed::Testbed;

/// The pause between two looks at devices that are busy, in real time.
const SETTLING_PAUSE: Duration = Duration::from_millis(5);

/// Moves the clocks of all parts of a lab that goes by the clock of the system, and adds what happens. It stops at each moment at which
/// anything is due, until that is done.
pub(super) async fn move_over(
    testbed: &Testbed,
    by: Duration,
    events: &mut Events,
) -> Result<Result<(), Restless>, Stop> {
    let (mut left, mut hops) = (by, 0_u32);
    let mut watch = Watch::begin(testbed).await;
    loop {
        let due = settle(testbed).await?;
        let now = testbed.clock.now();
        watch.news().await.into_iter().for_each(|news| events.add(now, news));
        if left.is_zero() {
            return Ok(Ok(()));
        }
        // A millisecond later it is due for certain.
        let hop = due.map_or(left, |due| left.min(due + Duration::from_millis(1)));
        advance_all(testbed, hop).await?;
        left = left.saturating_sub(hop);
        hops += 1;
        if let Err(restless) = watch.moved(hops, by.saturating_sub(left)).await {
            return Ok(Err(restless));
        }
    }
}

/// Skips the scenario if any part of the lab goes by the clock of the system alone.
pub(super) async fn expect_movable(testbed: &Testbed) -> Result<(), Stop> {
    let advised = |stop| match stop {
        Stop::Skip(because, reason) => {
            Stop::Skip(because, format!("{reason}; a lab of the driver `virtual` has its own time"))
        }
        broken @ Stop::Broken(_) => broken,
    };
    for name in testbed.devices.keys() {
        let target = Target::of(name, testbed)?;
        let outlook = bounded(name, target.device().outlook()).await?;
        outlook.map_err(|error| advised(target.stop(&error)))?;
    }
    for (name, pki) in &testbed.pkis {
        ask(name, pki.advance(Duration::ZERO)).await.map_err(advised)?;
    }
    if testbed.devices.is_empty() && testbed.pkis.is_empty() {
        let reason = "nothing in this lab has a clock that can be moved".to_owned();
        return Err(Stop::Skip(SkipCause::NotSupported, reason));
    }
    Ok(())
}

/// Waits until no device is busy; returns the time until the first of them goes on, or something falls due in a PKI.
async fn settle(testbed: &Testbed) -> Result<Option<Duration>, Stop> {
    let begun = Instant::now();
    loop {
        let (mut busy, mut first) = (None, None);
        for name in testbed.devices.keys() {
            let target = Target::of(name, testbed)?;
            let outlook = bounded(name, target.device().outlook()).await?;
            let outlook = outlook.map_err(|error| target.stop(&error))?;
            busy = busy.or(outlook.is_busy.then_some(name));
            first = first.into_iter().chain(outlook.next_due).min();
        }
        let Some(busy) = busy else {
            return Ok(first.into_iter().chain(until_due(testbed).await).min());
        };
        if begun.elapsed() > ANSWER_LIMIT {
            let seconds = ANSWER_LIMIT.as_secs();
            let reason = format!("`{busy}` is still busy with what fell due, after {seconds} s");
            return Err(Stop::Broken(reason.into()));
        }
        sleep(SETTLING_PAUSE).await;
    }
}

/// Moves all clocks; the PKIs first, so that devices that go on at once find them there.
async fn advance_all(testbed: &Testbed, by: Duration) -> Result<(), Stop> {
    for (name, pki) in &testbed.pkis {
        ask(name, pki.advance(by)).await?;
    }
    // The goal was found to be in range.
    let _ = testbed.clock.advance(by);
    for name in testbed.devices.keys() {
        let target = Target::of(name, testbed)?;
        let moved = bounded(name, target.device().advance(by)).await?;
        moved.map_err(|error| target.stop(&error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use async_trait::async_trait;
    use parking_lot::Mutex;
    use testbed::device::{Change, Device, DeviceError, Outlook};

    use super::*;

    /// A device with something to do at these times after its start, in seconds.
    struct Movable {
        due: &'static [u64],
        passed: Mutex<Duration>,
        log: Mutex<Vec<String>>,
    }

    impl Movable {
        /// Does what has fallen due, and returns the time until the next of it.
        fn go_on(&self) -> Option<Duration> {
            let (passed, mut log) = (*self.passed.lock(), self.log.lock());
            let due = self.due.iter().map(|due| Duration::from_secs(*due));
            for done in due.clone().take_while(|due| *due <= passed).skip(log.len()) {
                log.push(format!("{}", done.as_secs()));
            }
            due.into_iter().find(|due| *due > passed).map(|due| due.saturating_sub(passed))
        }
    }

    #[async_trait]
    impl Device for Movable {
        async fn configure(&self, _: Change<'_>) -> Result<(), DeviceError> {
            Ok(())
        }

        async fn execute(&self, _: &str) -> Result<String, DeviceError> {
            Ok(String::new())
        }

        async fn advance(&self, by: Duration) -> Result<(), DeviceError> {
            *self.passed.lock() += by;
            Ok(())
        }

        async fn outlook(&self) -> Result<Outlook, DeviceError> {
            Ok(Outlook { is_busy: false, next_due: self.go_on() })
        }

        async fn protocol_log_after(&self, seen: u64) -> (u64, Vec<String>) {
            let log = self.log.lock();
            let seen = usize::try_from(seen).unwrap_or(usize::MAX);
            (log.len() as u64, log.iter().skip(seen).cloned().collect())
        }
    }

    #[tokio::test]
    async fn lab_without_a_time_of_its_own_is_moved_from_one_due_moment_to_the_next() {
        let clock = scep::clock::Clock::reading(|| SystemTime::UNIX_EPOCH);
        let mut testbed = Testbed { clock: clock.clone(), ..Testbed::default() };
        for (name, due) in [("DUT0", &[10, 70][..]), ("DUT1", &[30])] {
            let (passed, log) = (Mutex::default(), Mutex::default());
            testbed.devices.insert(name.to_owned(), Arc::new(Movable { due, passed, log }));
        }
        let mut events = Events::default();

        let moved = move_over(&testbed, Duration::from_secs(60), &mut events).await;

        assert!(matches!(moved, Ok(Ok(()))));
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(60));
        let told = events.text(SystemTime::UNIX_EPOCH, clock.now());
        let wanted = "from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z: 2 events
1970-01-01T00:00:10Z  DUT0: 10
1970-01-01T00:00:30Z  DUT1: 30";
        assert_eq!(told, wanted);
    }
}
