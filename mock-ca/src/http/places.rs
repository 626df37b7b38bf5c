//! Places for connections, and the one that a connection gives up when all are taken.
//!
//! A connection waits for its peer from the time it is accepted, or its last answer was ready, until its next request has
//! arrived. Bytes in between change nothing, so a peer that sends one now and then gains nothing. While its request is worked on,
//! a connection waits for nothing and keeps its place.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

/// The part of the places, as a divisor, that a host may have before it gives up its own first.
const SHARE: usize = 4;

/// The part of the places, as a divisor, by which connections that are about to give up theirs may exceed the limit.
const LEAVING_SHARE: usize = 8;

/// The places of a listener.
#[derive(Debug)]
pub(crate) struct Places {
    table: Mutex<Table>,
    /// Signals that a place is free, or that a connection that was asked for its place keeps it.
    changed: Notify,
    limit: usize,
    /// The time that each connection may wait before it is asked for its place.
    least_wait: Duration,
}

#[derive(Debug, Default)]
struct Table {
    taken: HashMap<u64, Taken>,
    /// The number of the next place, and of the next connection in the order of waiting.
    next: u64,
    /// The number of connections that are asked to give up their places.
    leaving: usize,
    given_up: GivenUp,
}

/// A connection with a place.
#[derive(Debug)]
struct Taken {
    origin: Origin,
    /// Since when the connection waits for its peer; `None` while its request is worked on.
    waits: Option<Since>,
    is_asked: bool,
    leave: Arc<Notify>,
}

#[derive(Clone, Copy, Debug)]
struct Since {
    /// The order of waiting.
    order: u64,
    time: Instant,
}

/// The connections that gave up their places since the last line about them.
#[derive(Debug, Default)]
struct GivenUp {
    count: usize,
    told: Option<Instant>,
}

/// The host from which a connection comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Address(IpAddr),
    Named(String),
}

impl Origin {
    /// The host of a peer such as `127.0.0.1:4711`. Addresses of IPv6 in one network of 64 bits are one host, because a host can
    /// take any of them.
    fn of(peer: &str) -> Self {
        let Ok(address) = peer.parse::<SocketAddr>() else { return Self::Named(peer.to_owned()) };
        Self::Address(match address.ip().to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl Places {
    pub(crate) fn new(limit: usize, least_wait: Duration) -> Arc<Self> {
        let (table, changed) = (Mutex::default(), Notify::new());
        Arc::new(Self { table, changed, limit: limit.max(1), least_wait })
    }

    /// A place for a connection from this peer. If all are taken, the connection that has waited longest for its peer gives up
    /// its own; if none waits, this one waits until an answer is ready. Only one task may call this.
    pub(crate) async fn take(self: &Arc<Self>, peer: &str) -> Place {
        loop {
            let staying = self.table.lock().staying();
            let asked = (staying >= self.limit).then(|| self.ask());
            if let Some(place) = self.take_free(peer) {
                return place;
            }
            match asked {
                Some(Asked::TooEarly(rest)) => {
                    let _ = timeout(rest, self.changed.notified()).await;
                }
                _ => self.changed.notified().await,
            }
        }
    }

    /// Frees a place, because the system has no further file for a connection; false if no connection waits.
    pub(crate) async fn free_one(&self) -> bool {
        let leaving = self.table.lock().leaving;
        let is_leaving = leaving > 0 || self.ask() == Asked::Leaves;
        if is_leaving {
            self.changed.notified().await;
        }
        is_leaving
    }

    fn take_free(self: &Arc<Self>, peer: &str) -> Option<Place> {
        let mut table = self.table.lock();
        let most = self.limit.saturating_add(self.limit / LEAVING_SHARE);
        if table.staying() >= self.limit || table.taken.len() >= most {
            return None;
        }
        let leave = Arc::<Notify>::default();
        let since = table.now();
        let taken = Taken {
            origin: Origin::of(peer),
            waits: Some(since),
            is_asked: false,
            leave: Arc::clone(&leave),
        };
        table.taken.insert(since.order, taken);
        Some(Place { places: Arc::clone(self), number: since.order, leave })
    }

    /// Asks the connection that has waited longest, of those that are not asked, to give up its place.
    fn ask(&self) -> Asked {
        let mut table = self.table.lock();
        let Some((number, since)) = table.longest_waiting((self.limit / SHARE).max(1)) else {
            return Asked::Nobody;
        };
        let rest = self.least_wait.saturating_sub(since.time.elapsed());
        if !rest.is_zero() {
            return Asked::TooEarly(rest);
        }
        if let Some(taken) = table.taken.get_mut(&number) {
            taken.is_asked = true;
            taken.leave.notify_one();
            table.leaving += 1;
        }
        Asked::Leaves
    }
}

/// The connection that was asked for its place.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// None waits.
    Nobody,
    /// None has waited long enough; this is the rest of the time.
    TooEarly(Duration),
    /// One leaves, unless its request has arrived meanwhile.
    Leaves,
}

impl Table {
    /// The number of connections that are not about to give up their places.
    fn staying(&self) -> usize {
        self.taken.len() - self.leaving
    }

    fn now(&mut self) -> Since {
        self.next += 1;
        Since { order: self.next, time: Instant::now() }
    }

    /// The connection that has waited longest. If hosts have more than `share` connections, it is one of the host with most, so that
    /// a host with many takes no place of others.
    fn longest_waiting(&self, share: usize) -> Option<(u64, Since)> {
        let mut counts = HashMap::<_, usize>::new();
        for taken in self.taken.values() {
            *counts.entry(&taken.origin).or_default() += 1;
        }
        let others = self.taken.iter().filter(|(_, taken)| !taken.is_asked);
        let waiting = others.filter_map(|(number, taken)| Some((number, taken, taken.waits?)));
        let longest = waiting.max_by_key(|(_, taken, since)| {
            let count = counts.get(&taken.origin).copied();
            (count.filter(|count| *count > share), Reverse(since.order))
        });
        longest.map(|(number, _, since)| (*number, since))
    }
}

/// A connection's place, which is free when this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    number: u64,
    leave: Arc<Notify>,
}

impl Place {
    /// A place that no other connection wants.
    pub fn alone() -> Self {
        let places = Places::new(usize::MAX, Duration::ZERO);
        let leave = Arc::default();
        Self { places, number: 0, leave }
    }

    /// Says that a request of this connection is worked on, until the returned value is dropped.
    pub fn work(&self) -> Work<'_> {
        if let Some(taken) = self.places.table.lock().taken.get_mut(&self.number) {
            taken.waits = None;
        }
        Work(self)
    }

    /// Completes when the connection must give up its place, with the time that it has waited for its peer.
    pub async fn given_up(&self) -> Duration {
        loop {
            self.leave.notified().await;
            if let Some(waited) = self.answer() {
                return waited;
            }
        }
    }

    /// The answer to a demand for the place: the time that the connection has waited, or `None` if it keeps the place.
    fn answer(&self) -> Option<Duration> {
        let mut table = self.places.table.lock();
        let taken = table.taken.get_mut(&self.number)?;
        let waited = taken.waits.map(|since| since.time.elapsed());
        if waited.is_none() {
            taken.is_asked = false;
            table.leaving -= 1;
            self.places.changed.notify_one();
        }
        waited
    }

    /// Counts a connection that has given up its place: the number of all since the last call that returned one. Within
    /// `pause` of that call there is none, so that a flood of connections is no flood of log lines.
    pub(crate) fn count_given_up(&self, pause: Duration) -> Option<usize> {
        let given_up = &mut self.places.table.lock().given_up;
        given_up.count += 1;
        if given_up.told.is_some_and(|told| told.elapsed() < pause) {
            return None;
        }
        given_up.told = Some(Instant::now());
        Some(std::mem::take(&mut given_up.count))
    }

    /// The number of places in all.
    pub(crate) fn limit(&self) -> usize {
        self.places.limit
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table.lock();
        let taken = table.taken.remove(&self.number);
        table.leaving -= usize::from(taken.is_some_and(|taken| taken.is_asked));
        self.places.changed.notify_one();
    }
}

/// Work on a request of a connection.
#[derive(Debug)]
pub struct Work<'a>(&'a Place);

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let mut table = self.0.places.table.lock();
        let since = table.now();
        if let Some(taken) = table.taken.get_mut(&self.0.number) {
            taken.waits = Some(since);
        }
        self.0.places.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(peer: &str) -> Origin {
        Origin::of(peer)
    }

    #[test]
    fn host_of_a_peer_is_its_address_or_its_network_of_64_bits() {
        assert_eq!(host("192.0.2.1:1"), host("192.0.2.1:2"));
        assert_ne!(host("192.0.2.1:1"), host("192.0.2.2:1"));
        assert_eq!(host("[2001:db8::1]:1"), host("[2001:db8::ffff:2]:1"));
        assert_ne!(host("[2001:db8::1]:1"), host("[2001:db8:0:1::1]:1"));
        assert_eq!(host("[::ffff:192.0.2.1]:1"), host("192.0.2.1:1"));
        assert_ne!(host("a socket"), host("another"));
    }

    #[tokio::test]
    async fn connection_that_has_waited_longest_is_asked_first() {
        let places = Places::new(3, Duration::ZERO);
        let first = places.take("192.0.2.1:1").await;
        let second = places.take("192.0.2.1:2").await;
        let third = places.take("192.0.2.1:3").await;
        // The first has worked since, so the second has waited longest.
        drop(first.work());
        let _working = third.work();
        assert_eq!(places.ask(), Asked::Leaves);
        assert!(second.given_up().await < Duration::from_secs(60));
        drop(second);
        assert_eq!(places.ask(), Asked::Leaves);
        first.given_up().await;
        drop(first);
        assert_eq!(places.ask(), Asked::Nobody, "the last one works");
    }

    #[tokio::test]
    async fn host_with_most_connections_makes_room() {
        let places = Places::new(3, Duration::ZERO);
        let honest = places.take("192.0.2.9:1").await;
        let many = [places.take("192.0.2.1:1").await, places.take("192.0.2.1:2").await];
        assert_eq!(places.ask(), Asked::Leaves);
        many[0].given_up().await;
        assert!(!places.table.lock().taken[&honest.number].is_asked);
    }

    #[tokio::test]
    async fn host_with_few_more_connections_keeps_its_newest() {
        let places = Places::new(12, Duration::ZERO);
        let oldest = places.take("192.0.2.1:1").await;
        let _others = [places.take("192.0.2.9:1").await, places.take("192.0.2.9:2").await];
        assert_eq!(places.ask(), Asked::Leaves);
        oldest.given_up().await;
    }

    #[tokio::test]
    async fn connection_whose_request_has_arrived_meanwhile_keeps_its_place() {
        let places = Places::new(1, Duration::ZERO);
        let only = places.take("192.0.2.1:1").await;
        assert_eq!(places.ask(), Asked::Leaves);
        let work = only.work();
        assert_eq!(only.answer(), None);
        assert_eq!(places.ask(), Asked::Nobody);
        drop(work);
        assert_eq!(places.ask(), Asked::Leaves);
        assert!(only.answer().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn connection_has_its_time_to_send_a_request() {
        let second = Duration::from_secs(1);
        let places = Places::new(1, second);
        let only = places.take("192.0.2.1:1").await;
        assert!(matches!(places.ask(), Asked::TooEarly(_)));
        let start = Instant::now();
        let leaving = async {
            let waited = only.given_up().await;
            drop(only);
            waited
        };
        let (waited, _next) = tokio::join!(leaving, places.take("192.0.2.1:2"));
        assert!(waited >= second && start.elapsed() < 2 * second, "{waited:?}");
    }
}
