//! The indexes of recordings and bundles: JSON with the name of its format and a version, which is read before the rest.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The most characters of a program's version that are shown.
const MOST_SHOWN: usize = 40;

/// Why an index is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexError {
    /// It is no index of the format; the reason.
    NotOfFormat(String),
    /// It is of another version.
    OtherVersion {
        /// The version of the format.
        version: u64,
        /// The version of the program that wrote it.
        sceplab: String,
    },
}

/// The index in these bytes, if it is of that format and version.
///
/// # Errors
/// If it is not, or has a value that no index has.
pub fn versioned<T: DeserializeOwned>(
    bytes: &[u8],
    format: &str,
    version: u32,
) -> Result<T, IndexError> {
    let no_index = |reason: String| IndexError::NotOfFormat(reason);
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| no_index(error.to_string()))?;
    if value.get("format").and_then(Value::as_str) != Some(format) {
        return Err(no_index(format!("its `format` is not `{format}`")));
    }
    // Before the rest, which another version may write in another way.
    let Some(own) = value.get("version").and_then(Value::as_u64) else {
        return Err(no_index("its `version` is missing or no whole number".to_owned()));
    };
    if own != u64::from(version) {
        let sceplab = value.get("sceplab").and_then(Value::as_str).unwrap_or("another one");
        let sceplab = sceplab.chars().filter(|char| !char.is_control()).take(MOST_SHOWN).collect();
        return Err(IndexError::OtherVersion { version: own, sceplab });
    }
    serde_json::from_value(value).map_err(|error| no_index(error.to_string()))
}
