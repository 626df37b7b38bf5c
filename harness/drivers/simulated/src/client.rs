//! SCEP clients under test: the built-in one, and any program.

mod builtin;
mod command;
mod enrolment;
mod files;

pub use self::builtin::Builtin;
pub use self::command::{Command, CommandError};
pub use self::enrolment::new_key;
pub use self::enrolment::{Enrolled, Enrolment, EnrolmentError, Polling};
pub use self::files::fingerprint_of;
pub use self::files::{Files, FilesError};
