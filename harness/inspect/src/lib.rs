//! What a PKI shows before anybody enrols, and which clients will have trouble with it.
//!
//! [`ask`] sends requests that change nothing and use nothing up; [`Inspection::of`] says what their answers mean.

#![forbid(unsafe_code)]

mod ask;
mod capability;
mod certificate;
mod changes;
mod inspection;
mod markdown;
mod needs;
mod probe;
mod probed;
mod registration;
mod remarks;
mod seen;
mod table;
mod text;
mod verdict;

pub use self::ask::{Asking, ask, look};
pub use self::changes::{ChangeDocument, answer_changes, content_changes};
pub use self::inspection::{Inspection, VERSION};
pub use self::markdown::markdown;
pub use self::probe::Probe;
pub use self::probed::{NotProbed, Probed};
pub use self::seen::{Answer, Seen};
pub use self::table::table;
pub use self::text::text;
pub use self::verdict::{ClientVerdict, Verdict};
