//! Which options cannot be followed, and why.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Why the options cannot be followed.
#[derive(Debug, Error)]
pub(crate) enum ArgumentError {
    /// A file with a secret cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    File {
        /// As given.
        path: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file with a password holds none.
    #[error("`{path}` holds no password")]
    EmptyFile {
        /// As given.
        path: String,
    },
    /// Too many or too few challenge passwords.
    #[error("{what} takes one challenge password, {given} were given")]
    OneChallenge {
        /// Who takes one.
        what: &'static str,
        /// How many there are.
        given: usize,
    },
    /// A challenge password that nobody can present.
    #[error("`--challenge` takes a password, and an empty one was given")]
    EmptyChallenge,
    /// A variable of the environment is no text.
    #[error("the environment's `{0}` is not UTF-8")]
    Encoding(&'static str),
    /// A variable of the environment is no address to listen on.
    #[error("the environment's `{variable}` is `{text}`, and no address such as `0.0.0.0:8080`")]
    Listen {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        text: String,
    },
    /// An option that the personality has no use for.
    #[error("`{option}` is for `ndes` alone")]
    NdesOnly {
        /// The option.
        option: &'static str,
    },
    /// An option that `linux` has no use for.
    #[error("`{option}` is not for `linux`")]
    NotForLinux {
        /// The option.
        option: &'static str,
    },
    /// A capability that the personality has not got.
    #[error("`{keyword}` is for `rfc8894` alone")]
    Rfc8894Only {
        /// The keyword.
        keyword: &'static str,
    },
    /// A control port that others could reach.
    #[error(
        "`--control` listens on loopback alone, and `{address}` is not: whoever reaches it rules the CA"
    )]
    Control {
        /// As given.
        address: SocketAddr,
    },
}
