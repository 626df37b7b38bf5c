//! The step that moves the clock of the lab.

mod each_part;
mod events;

use std::time::{Duration, SystemTime};

use scep::clock::{BeyondRange, duration_text, last_moment, moment_text};
use tokio::time::Instant;

use self::each_part::{expect_movable, move_over};
use self::events::Events;
use super::{Answer, Attempt, Attempted, Env, Miss, Stop};
use crate::rest::{Restless, Watch};
use crate::wait::Waited;
use model::scenario::{Advance, Goal, LONGEST_ADVANCE};
use results::Sent;
use testbed::{Testbed, lab_time};

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
        watch.news().await.into_iter().for_each(|news| events.add(now, news));
    }
}
