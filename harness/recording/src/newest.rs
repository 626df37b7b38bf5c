//! The newest exchanges in memory.

use std::collections::VecDeque;

use crate::exchange::{Exchange, Extent, Gap};

/// Limit of exchanges that are kept.
const MOST: usize = 8;

/// Limit of their bytes; of an exchange that is longer by itself, the bodies are left out.
const MOST_BYTES: usize = 256 << 10;

/// The newest exchanges, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Newest(VecDeque<Exchange>);

impl Newest {
    /// Adds an exchange. If there are too many, those go first of whose operation there is a newer one: a client that asks again and again
    /// must not push out the certificates of the CA.
    pub(crate) fn push(&mut self, exchange: Exchange) {
        self.0.push_back(without_long_bodies(exchange));
        while self.0.len() > 1 && self.is_too_much() {
            let operations: Vec<String> = self.0.iter().map(Exchange::operation).collect();
            let has_newer = |at: &usize| operations[at + 1..].contains(&operations[*at]);
            let oldest = (0..operations.len()).find(has_newer).unwrap_or(0);
            self.0.remove(oldest);
        }
    }

    fn is_too_much(&self) -> bool {
        self.0.len() > MOST || self.0.iter().map(Exchange::len).sum::<usize>() > MOST_BYTES
    }

    /// The exchanges in the order in which they ended.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.0.iter().cloned().collect()
    }
}

/// An exchange within the limit.
fn without_long_bodies(mut exchange: Exchange) -> Exchange {
    if exchange.len() <= MOST_BYTES {
        return exchange;
    }
    let bodies = [
        ("request", exchange.request.as_mut().map(|it| (&mut it.body, &mut it.extent))),
        ("reply", exchange.reply.as_mut().map(|it| (&mut it.body, &mut it.extent))),
    ];
    for (what, part) in bodies {
        if let Some((body, extent)) = part.filter(|(body, _)| !body.is_empty()) {
            let bytes = std::mem::take(body).len();
            *extent = Extent::Partial;
            exchange.gaps.push(Gap::Other(format!(
                "the {what}: the last {bytes} bytes of its body were too many, and are not saved"
            )));
        }
    }
    exchange
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Request;

    fn exchange(operation: &str, bytes: usize) -> Exchange {
        let target = format!("/scep?operation={operation}&message=x");
        let request = Some(Request { target, body: vec![0; bytes], ..Request::default() });
        Exchange { request, ..Exchange::default() }
    }

    fn operations(newest: &Newest) -> Vec<String> {
        newest.exchanges().iter().map(Exchange::operation).collect()
    }

    #[test]
    fn last_one_of_each_operation_outlives_repetitions_of_others() {
        let mut newest = Newest::default();
        newest.push(exchange("GetCACert", 1));
        for _ in 0..3 * MOST {
            newest.push(exchange("PKIOperation", 1));
        }
        let kept = operations(&newest);
        assert_eq!((kept.len(), kept[0].as_str()), (MOST, "getcacert"));
        assert!(kept[1..].iter().all(|it| it == "pkioperation"), "{kept:?}");
    }

    #[test]
    fn any_number_of_operations_and_bytes_is_bounded() {
        let mut newest = Newest::default();
        for number in 0..3 * MOST {
            newest.push(exchange(&format!("x{number}"), 1));
        }
        assert_eq!(newest.0.len(), MOST);
        for _ in 0..3 {
            newest.push(exchange("PKIOperation", MOST_BYTES - 100));
        }
        assert!(newest.0.iter().map(Exchange::len).sum::<usize>() <= MOST_BYTES);
        newest.push(exchange("PKIOperation", MOST_BYTES + 1));
        let last = newest.exchanges().pop().unwrap();
        assert!(last.request.unwrap().body.is_empty());
        assert_eq!(last.gaps.len(), 1, "{:?}", last.gaps);
    }
}
