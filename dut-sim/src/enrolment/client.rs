//! The SCEP client inside the device: its own, or a program of somebody else's.

pub(super) mod strongswan;

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use process::is_executable;
use serde::{Deserialize, Serialize};

/// The SCEP client that a device enrols with.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ScepClient {
    /// The device's own.
    #[default]
    Builtin,
    /// strongSwan's `pki --scepca` and `pki --scep` (from 5.9.8 on).
    Strongswan,
    /// micromdm's `scepclient`.
    Scepclient,
    /// certnanny's `sscep`.
    Sscep,
    /// certmonger's `scep-submit`, which transports and verifies what the device makes.
    Certmonger,
}

/// A program that a client needs, or a part of one, and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{program} is not installed ({origin})")]
pub struct Missing {
    /// The program as people know it, such as "strongSwan's `pki`", and what was found in its place, if anything was.
    pub program: String,
    /// Where it can be had: "package `strongswan-pki`", which is Debian's.
    pub origin: &'static str,
}

/// A client's program.
struct Known {
    file: &'static str,
    /// As people know it.
    name: &'static str,
    origin: &'static str,
}

/// Where a helper lies that is not on the path, by distribution.
const HELPER_PLACES: [&str; 3] =
    ["/usr/lib/certmonger", "/usr/libexec/certmonger", "/usr/lib64/certmonger"];
/// `sscep` is in no release of Debian's up to 12.
const SSCEP_ORIGIN: &str = "https://github.com/certnanny/sscep; Debian 12 has no package";

impl ScepClient {
    /// Every client.
    pub const ALL: [Self; 5] =
        [Self::Builtin, Self::Strongswan, Self::Scepclient, Self::Sscep, Self::Certmonger];

    /// What of this client's programs is not on this machine; nothing where it can enrol.
    pub fn missing(self) -> Option<Missing> {
        self.find(env::var_os("PATH").as_deref()).err()
    }

    /// The client's program on `path`, or in the places where packages put it; nothing for the device's own.
    pub(super) fn find(self, path: Option<&OsStr>) -> Result<Option<PathBuf>, Missing> {
        let Some(Known { file, name, origin }) = self.program() else { return Ok(None) };
        let helpers = (self == Self::Certmonger).then_some(HELPER_PLACES.map(PathBuf::from));
        let folders = path.into_iter().flat_map(env::split_paths);
        let found: Vec<_> = folders
            .chain(helpers.into_iter().flatten())
            .map(|folder| folder.join(file))
            .filter(|candidate| is_executable(candidate))
            .collect();
        if let Some(program) = found.iter().find(|program| self.accepts(program)) {
            return if self == Self::Strongswan && !strongswan::can_fetch(program) {
                Err(strongswan::no_fetcher())
            } else {
                Ok(Some(program.clone()))
            };
        }
        let other = found.first().map(|other| {
            let other = other.display();
            format!(
                ": `{other}` has no `--scep`, so it is one before 5.9.8 or Dogtag's; this program"
            )
        });
        Err(Missing { program: format!("{name}{}", other.unwrap_or_default()), origin })
    }

    /// Whether a renewal is for the key of the old certificate, for the program takes no other.
    pub(super) fn keeps_key(self) -> bool {
        self == Self::Scepclient
    }

    fn program(self) -> Option<Known> {
        let (file, name, origin) = match self {
            Self::Builtin => return None,
            Self::Strongswan => ("pki", "strongSwan's `pki`", "package `strongswan-pki`"),
            Self::Scepclient => ("scepclient", "micromdm's `scepclient`", "package `scep`"),
            Self::Sscep => ("sscep", "certnanny's `sscep`", SSCEP_ORIGIN),
            Self::Certmonger => {
                ("scep-submit", "certmonger's `scep-submit`", "package `certmonger`")
            }
        };
        Some(Known { file, name, origin })
    }

    /// Whether a program of the right name is the right one.
    fn accepts(self, program: &Path) -> bool {
        self != Self::Strongswan || strongswan::has_scep(program)
    }
}

impl fmt::Display for ScepClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Builtin => "builtin",
            Self::Strongswan => "strongswan",
            Self::Scepclient => "scepclient",
            Self::Sscep => "sscep",
            Self::Certmonger => "certmonger",
        })
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(folder: &Path, name: &str, text: &str) {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_program_is_found_on_the_path() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "sscep", "");
        let found = ScepClient::Sscep.find(Some(folder.path().as_os_str()));
        assert_eq!(found, Ok(Some(folder.path().join("sscep"))));
        assert_eq!(ScepClient::Builtin.find(None), Ok(None));
        let missing = ScepClient::Scepclient.find(Some(folder.path().as_os_str())).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "micromdm's `scepclient` is not installed (package `scep`)"
        );
        assert_eq!(
            ScepClient::Sscep.find(None).unwrap_err().to_string(),
            "certnanny's `sscep` is not installed \
             (https://github.com/certnanny/sscep; Debian 12 has no package)"
        );
    }

    #[test]
    fn a_pki_that_cannot_fetch_is_told_with_the_package_of_its_plugin() {
        let prefix = tempfile::tempdir().unwrap();
        let (bin, plugins) = (prefix.path().join("bin"), prefix.path().join("lib/ipsec/plugins"));
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(&plugins).unwrap();
        program(&bin, "pki", "#!/bin/sh\n# --scepca\n");
        let missing = ScepClient::Strongswan.find(Some(bin.as_os_str())).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the plugin `curl`, by which strongSwan's `pki` fetches, is not installed \
             (package `libstrongswan-extra-plugins`)"
        );
    }

    #[test]
    fn a_pki_without_scep_is_told_plainly_and_passed_over() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        program(old.path(), "pki", "#!/bin/sh\n# Dogtag's\n");
        let missing = ScepClient::Strongswan.find(Some(old.path().as_os_str())).unwrap_err();
        let text = missing.to_string();
        assert!(text.contains("has no `--scep`, so it is one before 5.9.8 or Dogtag's"), "{text}");
        program(new.path(), "pki", "#!/bin/sh\n# --scepca\n");
        let path = env::join_paths([old.path(), new.path()]).unwrap();
        let found = ScepClient::Strongswan.find(Some(&path));
        assert_eq!(found, Ok(Some(new.path().join("pki"))));
    }
}
