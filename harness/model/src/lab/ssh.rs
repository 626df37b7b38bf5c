//! A real device, reached over SSH.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The port of SSH.
pub(super) const DEFAULT_PORT: u16 = 22;

/// How long a command may take where the lab file does not say.
pub(super) const DEFAULT_ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// Where a device's command line is, and how to get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshTarget {
    /// Who logs in.
    pub user: String,
    /// The name or address of the device.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The private key to log in with; where it is left out, those of the agent.
    pub identity: Option<PathBuf>,
    /// The host keys that are trusted, as OpenSSH keeps them; where it is left out, the user's own.
    pub known_hosts: Option<PathBuf>,
    /// Where the password comes from, if one is needed.
    pub password: PasswordSource,
    /// What the prompts look like.
    pub prompt: Prompts,
    /// What is never deleted from the configuration: the words that its lines begin with after `set`.
    pub keep: Vec<Vec<String>>,
    /// How long the device may take for a command.
    pub answer_within: Duration,
}

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordSource {
    /// The user, at the terminal.
    Asked,
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

/// Regular expressions of whole prompts; where one is left out, `admin@osdx$` and its like are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// Where commands are run.
    pub operational: Option<String>,
    /// Where the configuration is changed.
    pub configuration: Option<String>,
}

impl SshTarget {
    /// The device at `host`, with everything else as in a lab file that does not say.
    pub fn new(user: impl Into<String>, host: impl Into<String>, port: u16) -> Self {
        Self {
            user: user.into(),
            host: host.into(),
            port,
            identity: None,
            known_hosts: None,
            password: PasswordSource::Asked,
            prompt: Prompts::default(),
            keep: Vec::new(),
            answer_within: DEFAULT_ANSWER_WITHIN,
        }
    }
}

impl fmt::Display for SshTarget {
    /// As in `admin@198.51.100.7`, with the port where it is another than 22.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            DEFAULT_PORT => write!(f, "{}@{}", self.user, self.host),
            port if self.host.contains(':') => write!(f, "{}@[{}]:{port}", self.user, self.host),
            port => write!(f, "{}@{}:{port}", self.user, self.host),
        }
    }
}
