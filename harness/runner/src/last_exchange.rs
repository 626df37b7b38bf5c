//! The exchange with a PKI that a failed step is about.

use std::time::SystemTime;

use recording::Exchange;

/// The exchanges up to the one that tells why a device or a client has no certificate, which is then the last one: the last PKIOperation, or
/// what came after it and was not answered with HTTP 200. Empty if none of them began after `own`, the end of the last `scep` step,
/// because those before it may be its own.
pub(crate) fn up_to_telling(
    mut exchanges: Vec<Exchange>,
    own: Option<SystemTime>,
) -> Vec<Exchange> {
    let is_of_step = |exchange: &Exchange| own.is_none_or(|own| exchange.at > Some(own));
    let is_unserved = |exchange: &Exchange| status(exchange) != Some(200);
    let telling = match exchanges.last() {
        Some(last) if is_unserved(last) => Some(exchanges.len() - 1),
        Some(_) => exchanges
            .iter()
            .rposition(Exchange::is_pki_operation)
            .or_else(|| exchanges.len().checked_sub(1)),
        None => None,
    };
    match telling.filter(|at| is_of_step(&exchanges[*at])) {
        Some(at) => exchanges.truncate(at + 1),
        None => exchanges.clear(),
    }
    exchanges
}

fn status(exchange: &Exchange) -> Option<u16> {
    exchange.reply.as_ref().and_then(|reply| reply.status)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use recording::{End, Reply, Request};

    use super::*;

    fn exchange(seconds: u64, operation: &str, status: u16) -> Exchange {
        let target = format!("/scep?operation={operation}");
        Exchange {
            connection: 1,
            seen_by: Some(End::Server),
            at: Some(after(seconds)),
            request: Some(Request { target, ..Request::default() }),
            reply: Some(Reply { status: Some(status), ..Reply::default() }),
            ..Exchange::default()
        }
    }

    fn after(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn telling(exchanges: &[Exchange], own: Option<SystemTime>) -> Option<SystemTime> {
        up_to_telling(exchanges.to_vec(), own).last().and_then(|exchange| exchange.at)
    }

    #[test]
    fn last_message_tells_more_than_questions_that_were_answered() {
        let exchanges = [
            exchange(1, "GetCACert", 200),
            exchange(2, "PKIOperation", 200),
            exchange(3, "GetCACert", 200),
        ];
        assert_eq!(telling(&exchanges, None), Some(after(2)));
        assert_eq!(telling(&exchanges[..1], None), Some(after(1)));
        assert_eq!(telling(&[], None), None);
    }

    #[test]
    fn question_that_was_not_answered_tells_why_no_message_followed() {
        let exchanges = [exchange(1, "PKIOperation", 200), exchange(2, "GetCACert", 404)];
        assert_eq!(telling(&exchanges, None), Some(after(2)));
    }

    #[test]
    fn exchanges_of_a_step_itself_are_not_those_of_a_device() {
        let exchanges = [exchange(1, "PKIOperation", 200)];
        assert_eq!(telling(&exchanges, Some(after(1))), None);
        assert_eq!(telling(&exchanges, Some(after(0))), Some(after(1)));
    }
}
