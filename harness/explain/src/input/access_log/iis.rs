//! Lines of IIS (W3C extended log format): fields between blanks, named by a line `#Fields:`.

use super::{Logged, OPERATION, target::logged, when};
use crate::item::Exchange;

/// The fields of IIS if no line names them: those that it writes unless it is configured otherwise.
const USUAL: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status";

/// What IIS writes in place of a query that is too long for its log.
const LEFT_OUT: &str = "...";

/// The names of the fields.
#[derive(Debug)]
pub(super) struct Columns(Vec<String>);

impl Default for Columns {
    fn default() -> Self {
        Self(USUAL.split(' ').map(str::to_owned).collect())
    }
}

impl Columns {
    /// The request in a line; takes the names of the fields if the line has them.
    pub(super) fn read(&mut self, line: &str) -> Option<(Logged, Exchange)> {
        if let Some(names) = line.strip_prefix("#Fields:") {
            self.0 = names.split_whitespace().map(str::to_owned).collect();
            return None;
        }
        let values: Vec<&str> = line.split(' ').collect();
        let value = |name: &str| {
            let place = self.0.iter().position(|other| other == name)?;
            values.get(place).copied().filter(|value| *value != "-")
        };
        let (method, stem) = (value("cs-method")?, value("cs-uri-stem")?);
        let query = value("cs-uri-query")?;
        let is_method = method.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_request = query.contains(OPERATION) || (query == LEFT_OUT && is_scep(stem));
        if !is_method || !stem.starts_with('/') || !is_request {
            return None;
        }
        let mut logged = logged("line of a log of IIS", method, &format!("{stem}?{query}"));
        logged.status = value("sc-status").and_then(|status| status.parse().ok());
        if query.contains(LEFT_OUT) {
            logged.gaps.push(format!(
                "IIS wrote `{LEFT_OUT}` in place of a query that was too long for its log"
            ));
        }
        let server = value("s-ip").map(|address| match value("s-port") {
            Some(port) if address.contains(':') => format!("[{address}]:{port}"),
            Some(port) => format!("{address}:{port}"),
            None => address.to_owned(),
        });
        let exchange = Exchange {
            at: value("date")
                .zip(value("time"))
                .and_then(|(date, time)| when::of_fields(date, time)),
            client: value("c-ip").map(str::to_owned),
            server,
            ..Exchange::default()
        };
        Some((logged, exchange))
    }
}

fn is_scep(stem: &str) -> bool {
    let stem = stem.to_ascii_lowercase();
    ["scep", "pkiclient"].iter().any(|word| stem.contains(word))
}
