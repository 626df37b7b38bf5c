//! The names of the personalities, and what can be asked of them.

use std::{fmt, str::FromStr};

use super::{Personality, Target, linux, ndes, rfc8894};

/// A server that the CA can behave like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PersonalityName {
    /// micromdm's scepserver.
    Linux,
    /// Microsoft's Network Device Enrollment Service.
    Ndes,
    /// A server that does what RFC 8894 asks, to the letter.
    Rfc8894,
}

impl PersonalityName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Linux, Self::Ndes, Self::Rfc8894];

    /// The name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Ndes => "ndes",
            Self::Rfc8894 => "rfc8894",
        }
    }

    /// The TCP port the real server listens on by default.
    pub fn default_port(self) -> u16 {
        self.personality().default_port
    }

    /// The paths under which SCEP is served.
    pub fn paths(self) -> Vec<&'static str> {
        self.paths_to(Target::Scep).collect()
    }

    /// The path of the page that gives out challenge passwords, where there is one.
    pub fn admin_path(self) -> Option<&'static str> {
        self.paths_to(Target::Admin).next()
    }

    fn paths_to(self, target: Target) -> impl Iterator<Item = &'static str> {
        let routes = self.personality().routes.iter();
        routes.filter(move |route| route.target == target).map(|route| route.path)
    }

    pub(crate) fn personality(self) -> &'static Personality {
        match self {
            Self::Linux => &linux::LINUX,
            Self::Ndes => &ndes::NDES,
            Self::Rfc8894 => &rfc8894::RFC8894,
        }
    }
}

impl fmt::Display for PersonalityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no personality's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no personality (known: linux, ndes, rfc8894)")]
pub struct UnknownPersonality(String);

impl FromStr for PersonalityName {
    type Err = UnknownPersonality;

    fn from_str(name: &str) -> Result<Self, UnknownPersonality> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == name);
        known.ok_or_else(|| UnknownPersonality(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for name in PersonalityName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        let error = "windows".parse::<PersonalityName>().unwrap_err();
        assert_eq!(error.to_string(), "`windows` is no personality (known: linux, ndes, rfc8894)");
    }

    #[test]
    fn a_windows_server_gives_out_passwords() {
        assert_eq!(PersonalityName::Ndes.admin_path(), Some("/certsrv/mscep_admin/"));
        assert_eq!(PersonalityName::Linux.admin_path(), None);
    }
}
