//! Watches the devices and PKIs of a lab that has its own time: what they do, if they ever come to rest, and if anything is still due.

use std::fmt;
use std::time::{Duration, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt};
use scep::clock::duration_text;
use tokio::time::{Instant, sleep};

use testbed::{Testbed, lab_time};

/// The time in which the changes of a lab are counted.
const SPAN: Duration = Duration::from_secs(60 * 60);

/// The number of changes in that time from which on a lab does not come to rest. Devices poll twice a second at most.
const MOST_CHANGES: u32 = 100_000;

/// The number of certificates for each device in that time from which on a lab does not come to rest: they live for seconds, and each
/// costs a key.
const MOST_CERTIFICATES: usize = 100;

/// The number of changes after which the certificates are counted, because that costs more than a change.
const CHANGES_BETWEEN_COUNTS: u32 = 200;

/// The time for which a lab at rest is watched. However long it is, it costs nothing: only what falls due ends it. Tokio's timers
/// end after thirty years.
const OUTLOOK: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);

/// The error for a lab whose devices change and change.
#[derive(Debug)]
pub(crate) struct Restless {
    what: Repeated,
    within: Duration,
    last: Option<News>,
}

/// What happens again and again.
#[derive(Debug, Clone, Copy)]
enum Repeated {
    Changes(u32),
    Certificates(usize),
}

impl fmt::Display for Restless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            Repeated::Changes(count) => write!(f, "{count} changes")?,
            Repeated::Certificates(count) => write!(f, "{count} certificates")?,
        }
        write!(f, " in {} of lab time", duration_text(self.within))
    }
}

impl Restless {
    /// The newest event, which most likely repeats.
    pub(crate) fn hint(&self) -> Option<String> {
        let cause = match self.what {
            Repeated::Changes(_) => "something repeats without a pause",
            Repeated::Certificates(_) => {
                "certificates live so short that they are renewed all the time: compare `valid-for` of the PKI with the length of \
                 the `advance`, or move the clock in smaller steps"
            }
        };
        self.last.as_ref().map(|last| format!("{cause}; the newest event: {last}"))
    }
}

/// What a device or a PKI told since the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) kind: Kind,
    /// The name of the device or PKI.
    pub(crate) name: String,
    /// The line of a device's log, or the event of a PKI.
    pub(crate) line: String,
}

/// Who told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Device,
    Pki,
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.line)
    }
}

/// A watch over the devices and PKIs of a lab.
pub(crate) struct Watch<'a> {
    testbed: &'a Testbed,
    /// Number of the lines of each device's log that were seen.
    seen: Vec<u64>,
    /// Number of the events of each PKI that were seen.
    seen_of_pkis: Vec<u64>,
    counted_from: Instant,
    changes: u32,
    /// Number of the certificates when the changes were counted from.
    certificates: usize,
    last: Option<News>,
}

impl<'a> Watch<'a> {
    /// Begins: what happened before is not an event.
    pub(crate) async fn begin(testbed: &'a Testbed) -> Self {
        let mut seen = Vec::new();
        for device in testbed.devices.values() {
            seen.push(device.protocol_log_after(u64::MAX).await.0);
        }
        let mut seen_of_pkis = Vec::new();
        for pki in testbed.pkis.values() {
            seen_of_pkis.push(pki.events_after(u64::MAX).await.0);
        }
        let (counted_from, certificates) = (Instant::now(), certificates(testbed).await);
        Self { testbed, seen, seen_of_pkis, counted_from, changes: 0, certificates, last: None }
    }

    /// Waits until a device changes or something falls due in a PKI, but at most `pause`.
    ///
    /// # Errors
    /// If the devices change so often that they do not come to rest.
    pub(crate) async fn next(&mut self, pause: Duration) -> Result<(), Restless> {
        let pause = pause.min(until_due(self.testbed).await.unwrap_or(pause));
        let devices = self.testbed.devices.values();
        let mut changed: FuturesUnordered<_> =
            devices.map(|device| device.changed(pause)).collect();
        if changed.next().await.is_none() {
            sleep(pause).await;
        }
        let within = self.counted_from.elapsed();
        if within > SPAN {
            (self.counted_from, self.changes) = (Instant::now(), 0);
            self.certificates = certificates(self.testbed).await;
        }
        self.changes += 1;
        if self.changes.is_multiple_of(CHANGES_BETWEEN_COUNTS) {
            self.expect_few_certificates(within, 1).await?;
        }
        if self.changes < MOST_CHANGES {
            return Ok(());
        }
        Err(self.restless(Repeated::Changes(self.changes), within))
    }

    /// The error if the PKIs have issued more certificates in so many spans than devices need.
    async fn expect_few_certificates(
        &mut self,
        within: Duration,
        spans: usize,
    ) -> Result<(), Restless> {
        let new = certificates(self.testbed).await.saturating_sub(self.certificates);
        let most = MOST_CERTIFICATES * self.testbed.devices.len().max(1) * spans;
        if new < most { Ok(()) } else { Err(self.restless(Repeated::Certificates(new), within)) }
    }

    fn restless(&mut self, what: Repeated, within: Duration) -> Restless {
        Restless { what, within, last: self.last.take() }
    }

    /// Counts a move over `within` since the beginning, in a lab without a time of its own.
    ///
    /// # Errors
    /// If so many `moves` mean that the lab does not come to rest.
    pub(crate) async fn moved(&mut self, moves: u32, within: Duration) -> Result<(), Restless> {
        let spans = within.as_secs() / SPAN.as_secs() + 1;
        if moves.is_multiple_of(CHANGES_BETWEEN_COUNTS) {
            let spans = usize::try_from(spans).unwrap_or(usize::MAX);
            self.expect_few_certificates(within, spans).await?;
        }
        if u64::from(moves) / spans < u64::from(MOST_CHANGES) {
            return Ok(());
        }
        Err(self.restless(Repeated::Changes(moves), within))
    }

    /// The new lines of the devices' logs and the new events of the PKIs.
    pub(crate) async fn news(&mut self) -> Vec<News> {
        let of = |kind, name: &str, lines: Vec<String>| {
            let name = name.to_owned();
            lines.into_iter().map(move |line| News { kind, name: name.clone(), line })
        };
        let mut new = Vec::new();
        for ((name, device), seen) in self.testbed.devices.iter().zip(&mut self.seen) {
            let (count, lines) = device.protocol_log_after(*seen).await;
            *seen = count;
            new.extend(of(Kind::Device, name, lines));
        }
        for ((name, pki), seen) in self.testbed.pkis.iter().zip(&mut self.seen_of_pkis) {
            let (count, events) = pki.events_after(*seen).await;
            *seen = count;
            new.extend(of(Kind::Pki, name, events));
        }
        if let Some(last) = new.last() {
            self.last = Some(last.clone());
        }
        new
    }
}

/// The number of certificates that the PKIs of a lab have issued, as far as they tell.
async fn certificates(testbed: &Testbed) -> usize {
    let mut count = 0;
    for pki in testbed.pkis.values() {
        count += pki.issued().await.map_or(0, |issued| issued.len());
    }
    count
}

/// The time until something falls due in a PKI of a lab, if anything will.
pub(crate) async fn until_due(testbed: &Testbed) -> Option<Duration> {
    let mut first = None;
    for pki in testbed.pkis.values() {
        first = first.into_iter().chain(pki.until_due().await).min();
    }
    first
}

/// What is still to come in a lab with its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Nothing will change any more, so that no wait can help.
    AtRest,
    /// Nothing changes before this moment, which is an hour away at least.
    QuietUntil(SystemTime),
    /// Something changes soon.
    Busy,
}

/// What is still to come; this lets the time of the lab pass until then. `None` if the lab has no time of its own, or no devices.
pub(crate) async fn outlook(testbed: &Testbed) -> Option<Outlook> {
    if !lab_time::is_here() || testbed.devices.is_empty() {
        return None;
    }
    let begun = Instant::now();
    let mut watch = Watch::begin(testbed).await;
    let _ = watch.next(OUTLOOK).await;
    Some(match begun.elapsed() {
        quiet if quiet >= OUTLOOK => Outlook::AtRest,
        quiet if quiet >= SPAN => Outlook::QuietUntil(testbed.clock.now()),
        _ => Outlook::Busy,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{SystemTime, UNIX_EPOCH};

    use async_trait::async_trait;
    use scep::clock::Clock;

    use super::*;
    use testbed::device::{Change, Device, DeviceError};
    use testbed::pki::Pki;

    /// A device that changes after each pause, or never.
    struct Changing(Option<Duration>);

    #[async_trait]
    impl Device for Changing {
        async fn configure(&self, _: Change<'_>) -> Result<(), DeviceError> {
            Ok(())
        }

        async fn execute(&self, _: &str) -> Result<String, DeviceError> {
            Ok(String::new())
        }

        async fn changed(&self, pause: Duration) {
            sleep(self.0.unwrap_or(pause).min(pause)).await;
        }

        async fn protocol_log_after(&self, seen: u64) -> (u64, Vec<String>) {
            if seen == u64::MAX { (0, Vec::new()) } else { (seen + 1, vec!["again".to_owned()]) }
        }
    }

    fn lab(pauses: &[Option<Duration>]) -> Testbed {
        let mut testbed = Testbed::default();
        for (number, pause) in pauses.iter().enumerate() {
            testbed.devices.insert(format!("DUT{number}"), Arc::new(Changing(*pause)));
        }
        testbed
    }

    /// A PKI in which something falls due once.
    struct Due {
        at: SystemTime,
        clock: Clock,
    }

    #[async_trait]
    impl Pki for Due {
        async fn until_due(&self) -> Option<Duration> {
            self.at.duration_since(self.clock.now()).ok().filter(|left| !left.is_zero())
        }

        async fn events_after(&self, seen: u64) -> (u64, Vec<String>) {
            let count = u64::from(self.clock.now() >= self.at);
            let is_new = seen < count;
            (count, is_new.then(|| "granted".to_owned()).into_iter().collect())
        }
    }

    #[tokio::test]
    async fn watch_stops_when_something_falls_due_in_a_pki() {
        let hour = Duration::from_secs(3600);
        let watched = lab_time::run(move || async move {
            let clock = lab_time::clock(UNIX_EPOCH);
            let due = Due { at: UNIX_EPOCH + hour, clock: clock.clone() };
            let mut testbed = Testbed { clock: clock.clone(), ..lab(&[None]) };
            testbed.pkis.insert("ca".to_owned(), Arc::new(due));
            let mut watch = Watch::begin(&testbed).await;
            watch.next(24 * hour).await?;
            let news = watch.news().await;
            let lines: Vec<String> = news
                .iter()
                .filter(|news| news.kind == Kind::Pki)
                .map(ToString::to_string)
                .collect();
            let at_due = clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
            watch.next(24 * hour).await?;
            let later = clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok::<_, Restless>((lines, at_due, later))
        });
        let (lines, at_due, later) = watched.await.unwrap();
        assert_eq!((lines, at_due, later), (vec!["ca: granted".to_owned()], hour, 25 * hour));
    }

    #[tokio::test]
    async fn lab_is_at_rest_if_no_device_changes_any_more() {
        let at_rest = lab_time::run(|| async { outlook(&lab(&[None, None])).await }).await;
        assert_eq!(at_rest, Some(Outlook::AtRest));
        let minute = Some(Duration::from_secs(60));
        let busy = lab_time::run(move || async move { outlook(&lab(&[None, minute])).await }).await;
        assert_eq!(busy, Some(Outlook::Busy));
        // Without a time of its own, nobody would wait for a year.
        assert_eq!(outlook(&lab(&[None])).await, None);
    }

    #[tokio::test]
    async fn lab_is_quiet_until_something_falls_due_in_a_pki() {
        let in_ten_years = UNIX_EPOCH + Duration::from_secs(10 * 365 * 86_400);
        let outlook = lab_time::run(move || async move {
            let clock = lab_time::clock(UNIX_EPOCH);
            let due = Due { at: in_ten_years, clock: clock.clone() };
            let mut testbed = Testbed { clock, ..lab(&[None]) };
            testbed.pkis.insert("ca".to_owned(), Arc::new(due));
            outlook(&testbed).await
        });
        assert_eq!(outlook.await, Some(Outlook::QuietUntil(in_ten_years)));
    }

    #[tokio::test]
    async fn device_that_changes_every_millisecond_is_told() {
        let watched = |pause: Duration, times: u32| {
            lab_time::run(move || async move {
                let testbed = lab(&[Some(pause)]);
                let mut watch = Watch::begin(&testbed).await;
                for _ in 0..times {
                    watch.next(SPAN).await?;
                    watch.news().await;
                }
                Ok::<_, Restless>(())
            })
        };
        let restless = watched(Duration::from_millis(1), MOST_CHANGES).await.unwrap_err();
        assert_eq!(restless.to_string(), "100000 changes in 100s of lab time");
        assert!(restless.hint().unwrap().ends_with("the newest event: DUT0: again"));
        let busy = Duration::from_millis(100);
        assert!(watched(busy, 2 * MOST_CHANGES).await.is_ok());
    }
}
