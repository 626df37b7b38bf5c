//! Results as JSON.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::Reported;
use diagnostics::{ci_commands, must_be_escaped};
use results::Status;

/// Version of the format. It increases if a field is removed or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Frame<'a, R: Reported> {
    version: u32,
    #[serde(serialize_with = "counts")]
    counts: &'a R,
    #[serde(flatten)]
    results: &'a R,
}

pub(super) fn text<R: Reported>(results: &R) -> String {
    document(&Frame { version: VERSION, counts: results, results })
}

/// A document of JSON, in which characters that act on who looks at it are escaped. It ends with a line feed.
pub fn document(data: &impl Serialize) -> String {
    written(data, PrettyFormatter::new())
}

/// The same document in one line, for a reader of lines.
pub fn line(data: &impl Serialize) -> String {
    written(data, CompactFormatter)
}

fn written(data: &impl Serialize, formatter: impl Formatter) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Visible(formatter));
    // Plain data with text keys cannot fail; if it does, the report shows the error.
    match data.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned() + "\n",
        Err(error) => serde_json::json!({"error": error.to_string()}).to_string() + "\n",
    }
}

/// Escapes characters that act on who looks at the file, such as those that change the order of text. The values stay the same.
struct Visible<F>(F);

impl<F: Formatter> Formatter for Visible<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut commands = ci_commands(text).into_iter().peekable();
        for (at, character) in text.char_indices() {
            if commands.next_if_eq(&at).is_none() && !must_be_escaped(character) {
                write!(writer, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a field over by reference")]
fn counts<R: Reported, S: Serializer>(results: &&R, serializer: S) -> Result<S::Ok, S::Error> {
    let count = |(name, status)| (name, results.count(&[status]));
    serializer.collect_map(Status::COUNTED.map(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples;

    #[test]
    fn json_has_the_verdict_of_each_scenario() {
        let report: serde_json::Value = serde_json::from_str(&text(&samples::outcome())).unwrap();
        assert_eq!(report["counts"]["failed"], 1);
        assert_eq!(report["scenarios"][0]["verdict"]["kind"], "failed");
        assert_eq!(report["scenarios"][0]["verdict"]["findings"][0]["excerpt"]["line"], 27);
        assert_eq!(report["elapsed_seconds"], 20.5);
        let skipped = &report["scenarios"][2]["verdict"];
        assert_eq!(skipped["because"], "not-supported");
        assert_eq!(skipped["reason"], "the device does not support x");
    }
}
