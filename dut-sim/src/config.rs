//! The configuration: a table of nodes, the tree of what is set, the verbs, and what the device makes of it.

pub(crate) mod message;
pub(crate) mod parse;
pub(crate) mod schema;
pub(crate) mod session;
pub(crate) mod system;
pub(crate) mod tree;
pub(crate) mod value;
