//! The file `index.json` of a recording.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcDateTime};

use crate::exchange::{End, Extent};

/// The name of the file.
pub(crate) const FILE: &str = "index.json";

/// The value of the field `format`.
pub(crate) const FORMAT: &str = "sceplab saved messages";

/// The version of the format; readers refuse a later one.
pub(crate) const VERSION: u32 = 1;

/// The index of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) format: String,
    pub(crate) version: u32,
    /// The version of the program that wrote it.
    pub(crate) sceplab: String,
    /// What was recorded: the id of a scenario, or a command.
    pub(crate) of: String,
    pub(crate) exchanges: Vec<Entry>,
    /// Exchanges that were not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<LeftOut>,
}

/// Exchanges that were not saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    pub(crate) exchanges: u64,
    pub(crate) why: String,
}

/// An exchange in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pki: Option<String>,
    pub(crate) seen_by: End,
    pub(crate) connection: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// RFC 3339 in UTC.
    pub(crate) at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replied_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<RequestEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<ReplyEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gaps: Vec<String>,
}

/// A request in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestEntry {
    /// Empty if the bytes are no HTTP/1.
    pub(crate) method: String,
    pub(crate) target: String,
    /// File with the head.
    pub(crate) head: String,
    /// File with the body, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// File with the message that the query of a GET has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(default, skip_serializing_if = "is_whole")]
    pub(crate) extent: Extent,
}

/// A reply in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplyEntry {
    /// None if the bytes are no HTTP/1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// File with the head.
    pub(crate) head: String,
    /// File with the body, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    #[serde(default, skip_serializing_if = "is_whole")]
    pub(crate) extent: Extent,
}

impl Index {
    /// An index without exchanges.
    pub(crate) fn new(of: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            sceplab: env!("CARGO_PKG_VERSION").to_owned(),
            of,
            exchanges: Vec::new(),
            left_out: None,
        }
    }

    /// The text of the file.
    pub(crate) fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_whole(extent: &Extent) -> bool {
    *extent == Extent::Whole
}

/// A time in the index, to the microsecond.
pub(crate) fn text_of(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let whole =
        UNIX_EPOCH + Duration::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX));
    UtcDateTime::from(whole).format(&Rfc3339).unwrap_or_default()
}

/// A time of the index; none if the text is no time.
pub(crate) fn time_of(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use scep::clock::moment;

    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        let time = moment("2026-05-05T02:00:55Z").unwrap() + Duration::from_micros(1_500);
        assert_eq!(text_of(time), "2026-05-05T02:00:55.0015Z");
        assert_eq!(time_of(&text_of(time)), Some(time));
        assert_eq!(time_of("yesterday"), None);
    }
}
