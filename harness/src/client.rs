//! The third seam: a SCEP client under test, as a scenario sees it.

mod builtin;
mod command;
mod enrolment;
mod files;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

pub use self::builtin::Builtin;
pub use self::command::{Command, CommandError};
pub(crate) use self::enrolment::new_key;
pub use self::enrolment::{Enrolled, Enrolment, EnrolmentError, Polling};
pub(crate) use self::files::fingerprint_of;
pub use self::files::{Files, FilesError};
use crate::lab::Secret;

/// What a client is asked to do: to enrol once.
#[derive(Debug, Clone)]
pub struct ClientOrder {
    /// Where the SCEP service is, `http://host:port/path`.
    pub url: String,
    /// The challenge password to present.
    pub challenge: Option<Secret>,
    /// The certificate of the CA in PEM, by which a client can authenticate it (RFC 8894 §2.2).
    pub ca: PathBuf,
    /// A folder of its own, where what it keeps from one run to the next can stay.
    pub folder: PathBuf,
    /// How long it may take; it is ended then.
    pub limit: Duration,
}

/// What a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRun {
    /// How it ended.
    pub end: ClientEnd,
    /// The last lines of what it said, secrets masked.
    pub output: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// How a client ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEnd {
    /// It says that it has a certificate.
    Succeeded,
    /// It says that it has none.
    Failed {
        /// How it says so: "it ended with exit status: 1".
        how: String,
    },
    /// It said nothing in its time, and was ended.
    Overdue {
        /// Its time.
        limit: Duration,
    },
    /// It could not be run.
    NotRun {
        /// Why.
        reason: String,
    },
}

/// A SCEP client: the project's own, or any program.
#[async_trait]
pub trait Client: Send + Sync {
    /// What it is, in a few words, without secrets.
    fn name(&self) -> String;

    /// Enrols once, and ends within the order's limit whatever the CA does.
    async fn enrol(&self, order: &ClientOrder) -> ClientRun;
}

impl fmt::Display for ClientEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("it succeeded"),
            Self::Failed { how } => f.write_str(how),
            Self::Overdue { limit } => {
                write!(f, "it did not end in {} s and was killed", limit.as_secs_f64())
            }
            Self::NotRun { reason } => write!(f, "it could not be run: {reason}"),
        }
    }
}
