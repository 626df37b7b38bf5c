//! Tests of conformance: what becomes of each case of the catalogue, held against its level and what is known of the target.

#![forbid(unsafe_code)]

mod books;
mod judge;
mod one_pki;
mod plan;
mod target;

pub use self::books::{Coverage, coverage};
pub use self::judge::judge;
pub use self::one_pki::OnePki;
pub use self::plan::{Budget, Plan, Planned};
pub use self::target::{Deviation, Target};
