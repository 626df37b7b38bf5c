//! The names in a bundle, and which paths may be in its index.

use std::path::{Component, Path};

/// The name of the index.
pub(crate) const INDEX: &str = "bundle.json";

/// The value of the field `format`.
pub(crate) const FORMAT: &str = "sceplab bundle";

/// The version of the format; readers refuse a later one.
pub(crate) const VERSION: u32 = 1;

/// The folder with the messages.
pub(crate) const MESSAGES: &str = "messages";

/// The folder with the keys.
pub(crate) const KEYS: &str = "keys";

/// Limit of the index in bytes.
pub(crate) const LONGEST_INDEX: u64 = 1 << 20;

/// Limit of a key file in bytes.
pub(crate) const LONGEST_KEY: u64 = 64 << 10;

/// Limit of all other files together in bytes.
pub(crate) const MOST_FILE_BYTES: u64 = 64 << 20;

/// Limit of files, and of keys.
pub(crate) const MOST_FILES: usize = 1_000;

/// Limit of checks.
pub(crate) const MOST_CHECKS: usize = 1_000;

/// Limit of the length of a path in the index, in bytes.
const LONGEST_PATH: usize = 1_000;

/// True for a relative path that stays in the folder.
pub(crate) fn is_inside(path: &str) -> bool {
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let has_parts = !path.is_empty() && !path.split('/').any(str::is_empty);
    let is_short = path.len() <= LONGEST_PATH && !path.contains('\0');
    has_parts && is_short && Path::new(path).components().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_that_leaves_the_folder_is_noticed() {
        for inside in ["a", "files/labs/a.yaml", "a..b"] {
            assert!(is_inside(inside), "{inside}");
        }
        for outside in ["", "/etc/passwd", "../a", "files/../../a", "a//b", "./a", "a/", "a\0"] {
            assert!(!is_inside(outside), "{outside}");
        }
    }
}
