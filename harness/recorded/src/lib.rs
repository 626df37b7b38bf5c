//! A recorded SCEP server that answers again, and recorded requests that are sent again.
//!
//! [`Source`] is the recording of one server with the keys that are known. [`RecordedServer`] answers real clients from it: for each request
//! it finds the recorded exchange, and answers as that was answered, mistakes included. What is no SCEP message is sent byte for byte; a
//! CertRep is made again for the new request by [`scep::danger::Template`], and certificates whose keys are not known by
//! [`scep::danger::Reissued`]. What is other than in the recording is a [`Difference`].
//!
//! [`Anew`] makes the recorded requests anew for another server, and holds its answers against the recorded ones.
#![forbid(unsafe_code)]

mod anew;
mod answer;
mod asked;
mod authorities;
mod certificates;
mod certrep;
mod compare;
mod content;
mod difference;
mod facts;
mod grant;
mod issue;
mod script;
mod server;
mod source;
mod wire;

pub use self::anew::{Anew, Held, Made};
pub use self::answer::Served;
pub use self::difference::{About, Difference, Differences};
pub use self::server::{Observer, RecordedServer, Shown};
pub use self::source::{Source, SourceError};
