//! Keeps secrets and control characters out of what is shown: output, logs, reports, errors.
//!
//! Who calls knows the secrets; nothing here knows labs, files or diagnostics.
#![forbid(unsafe_code)]

mod configuration;
mod masker;
mod private_key;
mod visible;

pub use scep::secret::{MASK, Secret};

pub use self::configuration::{clear_passwords, clear_passwords_of_configuration};
pub use self::masker::{Marked, Masker};
pub use self::private_key::PrivateKeys;
pub use self::visible::visible;
