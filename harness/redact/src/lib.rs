//! Masks secrets and makes text from elsewhere visible in output, logs, reports and errors.
//!
//! The caller supplies the secrets. Nothing here depends on labs, files or diagnostics.
#![forbid(unsafe_code)]

mod command;
mod configuration;
mod credentials;
mod lines;
mod masker;
mod message;
mod name;
mod needle;
mod private_key;
mod search;
mod short;
mod view;
mod visible;

pub use scep::secret::{MASK, Secret};

pub use self::command::passwords_of_command;
pub use self::configuration::{clear_passwords, clear_passwords_of_configuration};
pub use self::lines::{LinesBefore, OutputLine};
pub use self::masker::{Marked, Masker, without_quotations};
pub use self::name::{names_a_secret, names_the_challenge};
pub use self::private_key::PrivateKeys;
pub use self::short::{SHORT_NOTE, is_short};
pub use self::visible::{ci_commands, must_be_escaped, printable, visible, visible_lines};
