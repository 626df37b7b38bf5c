//! Advice on command lines that cannot be read.

use std::env;
use std::ffi::OsString;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The error of the command line, with a tip if the command of a client lacks its `--`.
pub(super) fn explained(mut error: Error) -> Error {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    if error.kind() == ErrorKind::UnknownArgument && lacks_dashes(&words) {
        let tip = "the command of the client comes after `--`: `sceplab conform-client -- COMMAND`";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// True if the words are a `conform-client` whose command is not set apart from the options.
fn lacks_dashes(words: &[OsString]) -> bool {
    words.first().is_some_and(|name| name == "conform-client")
        && words.iter().all(|word| word != "--")
}
