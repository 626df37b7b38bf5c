//! Finds out if the client under test goes by the clock that a case shows it: a further plain exchange, at another time.
//!
//! What the client thinks of the time is in its message: it makes the certificate of a first request itself.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::exchange::Exchange;
use crate::exit::{CommandError, Exit};
use model::lab::Lab;
use model::scenario::Scenario;
use model::scenario::seen::SeenFact;
use process::faketime::Faketime;
use results::{Skip, SkipCause};
use scep::clock::{Clock, moment, moment_text};
use simulated::client::Command;
use testbed::pki::SeenRequest;

/// How far the time of the trial is ahead of that of the system.
const AHEAD: Duration = Duration::from_secs(400 * 86_400);

/// How far from the time that a client knows its own certificate may begin: some begin earlier, because clocks differ.
const NEAR: Duration = Duration::from_secs(30 * 86_400);

/// Why the cases with a time of their own are skipped; none if the client goes by the time that it is shown, or there is no such case.
/// `plain` is a plain exchange.
///
/// # Errors
/// If the exchange could not be made for a reason of this side.
pub(super) async fn hindrance(
    cases: &[Scenario],
    plain: Option<Scenario>,
    client: &Arc<Command>,
) -> Result<Option<Skip>, CommandError> {
    if !cases.iter().any(|case| case.lab.leaves_system_time()) {
        return Ok(None);
    }
    if let Err(missing) = Faketime::find() {
        let reason = format!("the case has a time of its own, and {missing}");
        return Ok(Some(Skip::new(SkipCause::NotInstalled, reason)));
    }
    let Some(plain) = plain else {
        let reason = "the case has a time of its own, and there is no plain exchange to find out if the client goes by it";
        return Ok(Some(Skip::new(SkipCause::NoPlainExchange, reason)));
    };
    let (real, shown) = (Clock::system().now(), Clock::system().now() + AHEAD);
    let trial = Scenario { lab: Lab { start: Some(shown), ..plain.lab.clone() }, ..plain };
    let exchange = Exchange::run(&trial, client, None).await;
    let exchange = exchange.map_err(|wrong| Exit::Lab.with(vec![wrong]))?;
    let is_own = |one: &&SeenRequest| one.value(SeenFact::Signer) == Some("self-signed");
    let mut own = exchange.seen.iter().filter(is_own);
    let begins = own.find_map(|one| moment(one.value(SeenFact::SignerFrom)?).ok());
    Ok(judged(begins, real, shown))
}

/// What the beginning of the client's own certificate says, if it has been shown `shown` at the time `real`.
fn judged(begins: Option<SystemTime>, real: SystemTime, shown: SystemTime) -> Option<Skip> {
    let shown_text = moment_text(shown);
    let (reason, evidence) = match begins {
        Some(begins) if is_near(begins, shown) => return None,
        Some(begins) if is_near(begins, real) => (
            "the case has a time of its own, and the client goes by the system's clock; libfaketime does not reach it, as it does not reach Go programs, which ask the kernel",
            format!(
                "libfaketime showed it {shown_text}, and the certificate that it made itself begins at {}",
                moment_text(begins)
            ),
        ),
        Some(begins) => (
            "the case has a time of its own, and nothing tells by which clock the client goes",
            format!(
                "libfaketime showed it {shown_text}, and the certificate that it made itself begins at {}, which is neither that time nor the system's",
                moment_text(begins)
            ),
        ),
        None => (
            "the case has a time of its own, and nothing tells by which clock the client goes",
            format!(
                "libfaketime showed it {shown_text}, and it sent no message with a certificate that it made itself"
            ),
        ),
    };
    Some(Skip { evidence: vec![evidence], ..Skip::new(SkipCause::NotSupported, reason) })
}

fn is_near(one: SystemTime, other: SystemTime) -> bool {
    let apart = one.duration_since(other).unwrap_or_else(|error| error.duration());
    apart < NEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_of_the_clients_own_certificate_tells_its_clock() {
        let (real, hour) = (SystemTime::UNIX_EPOCH + 20 * AHEAD, Duration::from_secs(3600));
        let shown = real + AHEAD;
        assert!(judged(Some(shown - hour), real, shown).is_none());
        let reason = |begins| judged(begins, real, shown).unwrap().reason;
        assert!(reason(Some(real - hour)).contains("goes by the system's clock"));
        assert!(reason(Some(SystemTime::UNIX_EPOCH)).contains("nothing tells"));
        assert!(reason(None).contains("nothing tells"));
    }
}
