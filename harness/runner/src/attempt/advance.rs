//! The step that moves the clock of the lab.

use std::time::{Duration, SystemTime};

use scep::clock::{BeyondRange, duration_text, last_moment, moment_text};
use tokio::time::{Instant, sleep};

use super::device::Target;
use super::pki::ask;
use super::{ANSWER_LIMIT, Answer, Attempt, Attempted, Env, Miss, Stop, bounded};
use crate::rest::{Restless, Watch};
use crate::wait::Waited;
use model::scenario::{Advance, Goal, LONGEST_ADVANCE};
use results::{Sent, SkipCause};
use testbed::{Testbed, lab_time};

/// The most events that a report lists; of more, it says their number.
const LISTED: usize = 100;

impl Attempt for Advance {
    /// Waits until the lab's clock shows the goal, which costs no time, or moves the clock of each part; lists what happens meanwhile.
    async fn attempt(&self, Env { step, testbed, .. }: Env<'_>) -> Result<Attempted, Stop> {
        if !lab_time::is_here() {
            expect_movable(testbed).await?;
        }
        let (begun, start) = (Instant::now(), testbed.clock.now());
        let last = match span(self.goal, start) {
            Err(wrong) => Answer {
                message: "the clock cannot be moved like this",
                misses: vec![Miss::at(&self.place, wrong)],
                ..Answer::default()
            },
            Ok(by) => {
                let mut events = Events::default();
                let passed = if lab_time::is_here() {
                    pass(testbed, by, &mut events).await
                } else {
                    move_over(testbed, by, &mut events).await?
                };
                let restless = passed.err();
                events.add_expiries(testbed, start).await?;
                let output = events.text(start, testbed.clock.now());
                let miss = |it: &Restless| Miss::at(&self.place, it.to_string());
                Answer {
                    output,
                    message: "the lab does not come to rest",
                    misses: restless.iter().map(miss).collect(),
                    hint: restless.as_ref().and_then(Restless::hint),
                    ..Answer::default()
                }
            }
        };
        let goal = match self.goal {
            Goal::By(by) => format!("by {}", duration_text(by)),
            Goal::To(to) => format!("to {}", moment_text(to)),
        };
        Ok(Attempted {
            sent: Sent::Clock { goal },
            answers: Waited { first: None, last, tries: 1, elapsed: begun.elapsed() },
            within: Duration::ZERO,
            expect: step.expect,
            concerns_scep: true,
            place: step.place.clone(),
        })
    }
}

/// The time from now to the goal, or what is wrong with it.
fn span(goal: Goal, now: SystemTime) -> Result<Duration, String> {
    let shown = moment_text(now);
    let by = match goal {
        Goal::By(by) => by,
        Goal::To(to) => to
            .duration_since(now)
            .map_err(|_| format!("it shows {shown} already, and only goes forward"))?,
    };
    if by > LONGEST_ADVANCE {
        return Err(format!(
            "it shows {shown}: that is more than a century, the most for one step"
        ));
    }
    if now.checked_add(by).is_none_or(|goal| goal > last_moment()) {
        return Err(BeyondRange.to_string());
    }
    Ok(by)
}

/// Lets so much time pass, and adds what happens.
async fn pass(testbed: &Testbed, by: Duration, events: &mut Events) -> Result<(), Restless> {
    let goal = Instant::now() + by;
    let mut watch = Watch::begin(testbed).await;
    loop {
        let left = goal.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        watch.next(left).await?;
        let now = testbed.clock.now();
        watch.new_lines().await.into_iter().for_each(|line| events.add(now, line));
    }
}

/// Moves the clocks of all parts of a lab that goes by the clock of the system, and adds what happens. It stops at each moment at which
/// anything is due, until that is done.
async fn move_over(
    testbed: &Testbed,
    by: Duration,
    events: &mut Events,
) -> Result<Result<(), Restless>, Stop> {
    let (mut left, mut hops) = (by, 0_u32);
    let mut watch = Watch::begin(testbed).await;
    loop {
        let due = settle(testbed).await?;
        let now = testbed.clock.now();
        watch.new_lines().await.into_iter().for_each(|line| events.add(now, line));
        if left.is_zero() {
            return Ok(Ok(()));
        }
        // A millisecond later it is due for certain.
        let hop = due.map_or(left, |due| left.min(due + Duration::from_millis(1)));
        advance_all(testbed, hop).await?;
        left -= hop;
        hops += 1;
        if let Some(restless) = watch.restless(hops, by - left) {
            return Ok(Err(restless));
        }
    }
}

/// What is still to be waited for in labs that go by the clock of the system: this is no time of the lab.
const SETTLING_PAUSE: Duration = Duration::from_millis(5);

/// Skips the scenario if any part of the lab goes by the clock of the system alone.
async fn expect_movable(testbed: &Testbed) -> Result<(), Stop> {
    let advised = |stop| match stop {
        Stop::Skip(because, reason) => {
            Stop::Skip(because, format!("{reason}; a lab of the driver `virtual` has its own time"))
        }
        other => other,
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

/// Waits until no device is busy; returns the time until the first of them goes on.
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
        let Some(busy) = busy else { return Ok(first) };
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

/// What happened while the clock moved, with the moment of each.
#[derive(Debug, Default)]
struct Events {
    listed: Vec<(SystemTime, String)>,
    /// Number of those that are not listed.
    others: usize,
}

impl Events {
    fn add(&mut self, at: SystemTime, what: String) {
        if self.listed.len() < LISTED {
            self.listed.push((at, what));
        } else {
            self.others += 1;
        }
    }

    /// Adds the certificates that expired since `start`.
    async fn add_expiries(&mut self, testbed: &Testbed, start: SystemTime) -> Result<(), Stop> {
        let now = testbed.clock.now();
        let mut expiries = Vec::new();
        for (name, pki) in &testbed.pkis {
            for one in ask(name, pki.issued()).await? {
                if let Some(end) = one.not_after.filter(|end| start <= *end && *end < now) {
                    let what =
                        format!("{name}: certificate {}, `{}`, expired", one.serial, one.subject);
                    expiries.push((end, what));
                }
            }
        }
        // Those are few, and must not be lost behind many tries.
        self.listed.extend(expiries);
        self.listed.sort_by_key(|(at, _)| *at);
        Ok(())
    }

    /// The list, one line each.
    fn text(&self, from: SystemTime, to: SystemTime) -> String {
        let (from, to) = (moment_text(from), moment_text(to));
        let count = match self.listed.len() + self.others {
            0 => "nothing happened".to_owned(),
            1 => "1 event".to_owned(),
            count => format!("{count} events"),
        };
        let mut lines = vec![format!("from {from} to {to}: {count}")];
        lines.extend(self.listed.iter().map(|(at, what)| format!("{}  {what}", moment_text(*at))));
        if self.others > 0 {
            lines.push(format!("… and {} more", self.others));
        }
        lines.join("\n")
    }
}
