//! The configuration: the table of nodes, the tree of set values, the verbs, and the typed settings.

pub(crate) mod message;
pub(crate) mod parse;
pub(crate) mod schema;
pub(crate) mod session;
pub(crate) mod system;
pub(crate) mod tree;
pub(crate) mod value;
