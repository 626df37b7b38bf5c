//! Labs on the kernel's network: what a lab process is made of.
//!
//! A lab is a tree of processes of its own. The first ([`isolation`]) makes the namespaces and starts the second
//! ([`lab_process`]), which is process 1 of the lab: the kernel ends whatever is in the lab when it ends, and it ends
//! when the runner does. It lives in the namespace of the links, a switch with a bridge for each subnet, and gives each
//! host and device a network namespace that is plugged into it ([`crate::lab::plan`] says how).

mod capture;
pub(crate) mod furnish;
mod isolation;
mod lab_process;
pub(crate) mod links;
mod namespace;
mod permission;
mod program;
pub(crate) mod registry;
mod shell;
mod surroundings;

pub(crate) use self::isolation::isolate;
pub(crate) use self::lab_process::serve;
pub(crate) use self::shell::{NotRun, run_in};
