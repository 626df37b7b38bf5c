//! Requests as servers and proxies log them, and their queries and URLs alone.

mod iis;
mod target;
mod when;

use self::target::{alone, in_line};
use super::{
    MAX_ITEMS,
    budget::Budget,
    reading::{Part, Reading},
    text::{lines, utf_8},
};
use crate::item::{Content, Exchange, Extent, Gap, Request};

/// The parameter that all requests of SCEP have.
const OPERATION: &str = "operation=";

/// A request that a text names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Logged {
    form: &'static str,
    method: String,
    target: String,
    /// The authority, if the target is a whole URL.
    server: Option<String>,
    /// What the line has after the request, such as the status.
    status: Option<u16>,
    gaps: Vec<String>,
}

/// The requests in a text.
pub(super) fn read(bytes: &[u8], _budget: &mut Budget) -> Reading {
    let Some(text) = utf_8(bytes) else { return Reading::No };
    let has_mark = text.contains(OPERATION) || text.contains("cs-uri-query");
    if !has_mark {
        return Reading::No;
    }
    if let Some(logged) = alone(text) {
        return Reading::Parts(vec![part(logged, Exchange::default())]);
    }
    let mut iis = iis::Columns::default();
    let mut parts = Vec::new();
    for line in lines(text) {
        let found = iis.read(line.text).or_else(|| {
            let logged = in_line(line.text)?;
            let exchange = Exchange {
                at: when::of_line(line.text),
                client: client(line.text),
                ..Exchange::default()
            };
            Some((logged, exchange))
        });
        if let Some((logged, exchange)) = found {
            parts.push(part(logged, exchange).at(format!("line {}", line.number)));
        }
        // One more than there may be, which is told.
        if parts.len() > MAX_ITEMS {
            break;
        }
    }
    Reading::of(parts)
}

fn part(logged: Logged, mut exchange: Exchange) -> Part {
    let is_short = !logged.gaps.is_empty();
    let mut gaps = Vec::new();
    if logged.form.contains("log") {
        gaps.push(match logged.status {
            Some(status) => {
                format!("a log has no bodies; it says that the reply had status {status}")
            }
            None => "a log has no bodies, and no reply but perhaps its status".to_owned(),
        });
        if logged.method == "POST" {
            gaps.push("the message was in the body of the POST, so it is not here".to_owned());
        }
    }
    gaps.extend(logged.gaps);
    exchange.gaps.extend(gaps.into_iter().map(Gap::Other));
    exchange.server = exchange.server.or(logged.server);
    let extent = if logged.method == "POST" || is_short { Extent::Partial } else { Extent::Whole };
    exchange.request = Some(Request {
        method: logged.method,
        target: logged.target,
        extent,
        ..Request::default()
    });
    Part::found(logged.form, Content::Exchange(exchange))
}

/// The address that the line begins with, as in the logs of Apache and nginx.
fn client(line: &str) -> Option<String> {
    let address = |word: &str| {
        let word = word.trim_matches(['[', ']', '"']);
        word.parse::<std::net::IpAddr>().ok().map(|address| address.to_string())
    };
    line.split_whitespace().take(2).find_map(address)
}

#[cfg(test)]
mod tests;
