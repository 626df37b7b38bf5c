//! Labs of containers, on a Docker engine.

pub mod engine;
pub mod leftovers;
pub mod network;
pub mod node_image;
