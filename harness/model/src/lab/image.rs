//! A container's image that a host runs as its PKI.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Ready, Secret};

/// An image and what its container is started with; its network is that of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image, as the engine names it: `micromdm/scep:latest`.
    pub name: String,
    /// The program in place of the image's own.
    pub entrypoint: Option<String>,
    /// The program's arguments in place of the image's own; where it is empty, they stay.
    pub command: Vec<String>,
    /// How it is known that it serves.
    pub ready: Ready,
    /// Environment variables beside the image's own.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are shown nowhere.
    pub secrets: BTreeMap<String, Secret>,
}
