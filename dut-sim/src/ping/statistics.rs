//! Minimum, average, maximum and mean deviation of round trips, in the integer arithmetic of iputils.

use std::fmt;
use std::time::Duration;

/// From here on iputils subtracts in another order, for fear of overflow.
const LARGE_SUM: u128 = i32::MAX as u128;

#[derive(Debug, Default)]
pub(super) struct RoundTrips {
    /// In microseconds.
    micros: Vec<u64>,
}

impl RoundTrips {
    /// Adds a round trip; returns it in microseconds.
    pub(super) fn add(&mut self, round_trip: Duration) -> u64 {
        let micros = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
        self.micros.push(micros);
        micros
    }

    fn sum(&self) -> u128 {
        self.micros.iter().copied().map(u128::from).sum()
    }

    fn deviation(&self) -> u128 {
        let count = self.micros.len() as u128;
        let sum = self.sum();
        let squares: u128 = self.micros.iter().map(|each| u128::from(*each).pow(2)).sum();
        let variance = if sum < LARGE_SUM {
            (squares - sum * sum / count) / count
        } else {
            (squares / count).saturating_sub((sum / count).pow(2))
        };
        variance.isqrt()
    }
}

impl fmt::Display for RoundTrips {
    /// The line of the statistics; nothing when nothing came back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(min), Some(max)) = (self.micros.iter().min(), self.micros.iter().max()) else {
            return Ok(());
        };
        let average = self.sum() / self.micros.len() as u128;
        let [min, average, max, deviation] =
            [u128::from(*min), average, u128::from(*max), self.deviation()]
                .map(|micros| format!("{}.{:03}", micros / 1000, micros % 1000));
        write!(f, "rtt min/avg/max/mdev = {min}/{average}/{max}/{deviation} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(micros: &[u64]) -> String {
        let mut round_trips = RoundTrips::default();
        for each in micros {
            round_trips.add(Duration::from_micros(*each));
        }
        round_trips.to_string()
    }

    #[test]
    fn deviation_is_that_of_iputils() {
        assert_eq!(line(&[211]), "rtt min/avg/max/mdev = 0.211/0.211/0.211/0.000 ms");
        assert_eq!(line(&[100, 300]), "rtt min/avg/max/mdev = 0.100/0.200/0.300/0.100 ms");
        assert_eq!(line(&[47, 58, 61]), "rtt min/avg/max/mdev = 0.047/0.055/0.061/0.006 ms");
        assert_eq!(
            line(&[2_000_000_000, 2_000_000_000]),
            "rtt min/avg/max/mdev = 2000000.000/2000000.000/2000000.000/0.000 ms"
        );
        assert_eq!(line(&[]), "");
    }
}
