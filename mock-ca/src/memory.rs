//! The memory that peers may make a CA hold, divided among its uses.
//!
//! ```text
//! 1/4   connections: the head and the body of a request that arrives at each
//! 1/8   requests that are worked on
//! 1/16  answers that are longer than a body, until they are sent
//! 1/16  the log
//! 1/2   issued certificates, and requests that wait or were denied, if they are not on disk
//! ```
//!
//! So what is kept leaves room to answer, and to approve, poll and renew. The sizes of work on requests are estimates from
//! measurements: most memory is that of OpenSSL's structures, which have no size to ask for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::settings::Limits;

/// The unit of the shares, in bytes.
const UNIT: usize = 1024;

/// The memory that a request of one byte needs while it is worked on, beside its size.
const LEAST_WORK: usize = 256 * 1024;

/// The memory for work on a request, as a multiple of its size: structures of many small parts are the largest.
const WORK_FACTOR: usize = 80;

/// The memory of OpenSSL for a connection: the messages of its handshake, or a record in each direction.
const TLS_BYTES: usize = 64 * 1024;

/// A part of a share, which is free again when this is dropped.
pub(crate) type Held = OwnedSemaphorePermit;

/// The shares.
#[derive(Debug)]
pub(crate) struct Memory {
    total: usize,
    work: Share,
    answers: Share,
}

impl Memory {
    /// Divides so many bytes.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, work: Share::new(total / 8), answers: Share::new(total / 16) }
    }

    /// The number of connections that may be open at once; `with_tls` if each has its TLS.
    pub(crate) fn connections(&self, limits: &Limits, with_tls: bool) -> usize {
        let tls = if with_tls { TLS_BYTES } else { 0 };
        let each = limits.head_bytes + limits.body_bytes + tls;
        limits.connections.min(self.total / 4 / each.max(1)).max(1)
    }

    /// Waits until there is room to work on a request of this size. The requests take turns in the order in which they came.
    pub(crate) async fn work(&self, request: usize) -> Option<Held> {
        self.work.wait_for(request.saturating_mul(WORK_FACTOR).max(LEAST_WORK)).await
    }

    /// Room for an answer of this size at a connection with room for `own` bytes; `Err` if there is none.
    pub(crate) fn answer(&self, size: usize, own: usize) -> Result<Option<Held>, NoRoom> {
        (size > own).then(|| self.answers.take(size)).transpose()
    }

    /// The size of the log in bytes.
    pub(crate) fn log_bytes(&self) -> usize {
        self.total / 16
    }

    /// The size, in bytes, of what is kept if it is not on disk.
    pub(crate) fn record_bytes(&self) -> usize {
        self.total / 2
    }
}

/// The error that a share is used up.
#[derive(Debug)]
pub(crate) struct NoRoom;

/// A number of units.
#[derive(Clone, Debug)]
struct Share {
    free: Arc<Semaphore>,
    units: u32,
}

impl Share {
    fn new(bytes: usize) -> Self {
        let units = units(bytes).max(1);
        Self { free: Arc::new(Semaphore::new(units as usize)), units }
    }

    fn take(&self, bytes: usize) -> Result<Held, NoRoom> {
        Arc::clone(&self.free).try_acquire_many_owned(units(bytes)).map_err(|_| NoRoom)
    }

    /// The whole share is enough for anything.
    async fn wait_for(&self, bytes: usize) -> Option<Held> {
        let wanted = units(bytes).min(self.units);
        Arc::clone(&self.free).acquire_many_owned(wanted).await.ok()
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn shares_are_no_more_than_the_whole() {
        let memory = Memory::new(256 * MIB);
        let shares = [&memory.work, &memory.answers];
        let divided: usize = shares.map(|share| share.units as usize * UNIT).iter().sum();
        let limits = Limits::default();
        let connections =
            memory.connections(&limits, true) * (limits.head_bytes + limits.body_bytes + TLS_BYTES);
        assert_eq!(memory.connections(&limits, true), limits.connections);
        let others = memory.log_bytes() + memory.record_bytes();
        assert!(divided + connections + others <= 256 * MIB);
    }

    #[test]
    fn little_memory_is_for_few_connections() {
        let memory = Memory::new(4 * MIB);
        assert_eq!(memory.connections(&Limits::default(), false), 5);
        assert_eq!(memory.connections(&Limits::default(), true), 4);
        assert_eq!(Memory::new(0).connections(&Limits::default(), false), 1);
    }

    #[tokio::test]
    async fn large_request_waits_for_the_others_and_is_worked_on() {
        let memory = Memory::new(8 * MIB);
        let first = memory.work(1).await;
        let large = memory.work(100 * MIB);
        tokio::pin!(large);
        assert!(futures_are_pending(large.as_mut()).await);
        drop(first);
        assert!(large.await.is_some());
    }

    async fn futures_are_pending(future: impl Future + Unpin) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
