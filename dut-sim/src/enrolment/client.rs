//! The SCEP client inside the device: its own, or a program of somebody else's.
//!
//! A further program is a file below, and an entry in each of the lists here.

mod certmonger;
mod scepclient;
mod sscep;
mod strongswan;

use std::env;
use std::ffi::OsStr;

use super::order::Missing;
use super::program::{Adapter, Installed};

scep::named! {
    /// The SCEP client that a device enrols with.
    #[derive(Default, PartialOrd, Ord)]
    ScepClient, "SCEP client" {
        /// The device's own.
        #[default]
        Builtin = "builtin";
        /// strongSwan's `pki --scepca` and `pki --scep` (from 5.9.8 on).
        Strongswan = "strongswan";
        /// micromdm's `scepclient`.
        Scepclient = "scepclient";
        /// certnanny's `sscep`.
        Sscep = "sscep";
        /// certmonger's `scep-submit`, which transports and verifies what the device makes.
        Certmonger = "certmonger";
    }
}

impl ScepClient {
    /// How the device uses it, if it is a program.
    fn adapter(self) -> Option<&'static Adapter> {
        match self {
            Self::Builtin => None,
            Self::Strongswan => Some(&strongswan::ADAPTER),
            Self::Scepclient => Some(&scepclient::ADAPTER),
            Self::Sscep => Some(&sscep::ADAPTER),
            Self::Certmonger => Some(&certmonger::ADAPTER),
        }
    }

    /// What it is in a few words: "micromdm's `scepclient`".
    pub fn description(self) -> &'static str {
        match self {
            Self::Strongswan => "strongSwan's `pki --scepca` and `pki --scep`",
            _ => self.adapter().map_or("The device's own", |adapter| adapter.name),
        }
    }

    /// What of this client's programs is not on this machine; nothing if it can enrol.
    pub fn missing(self) -> Option<Missing> {
        self.find(env::var_os("PATH").as_deref()).err()
    }

    /// The client's program on `path`, or in the places where packages put it; nothing for the device's own.
    pub(super) fn find(self, path: Option<&OsStr>) -> Result<Option<Installed>, Missing> {
        self.adapter().map(|adapter| adapter.find(path)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use super::*;

    fn program(folder: &Path, name: &str, text: &str) {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn found(client: ScepClient, path: Option<&OsStr>) -> Result<Option<PathBuf>, Missing> {
        client.find(path).map(|installed| installed.map(|installed| installed.program))
    }

    #[test]
    fn a_client_has_one_name_everywhere() {
        for client in ScepClient::ALL {
            assert_eq!(client.to_string().parse(), Ok(client));
            assert_eq!(serde_json::to_value(client).unwrap(), client.as_str());
        }
        assert!("openscep".parse::<ScepClient>().is_err());
    }

    #[test]
    fn a_program_is_found_on_the_path() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "sscep", "");
        let sscep = found(ScepClient::Sscep, Some(folder.path().as_os_str()));
        assert_eq!(sscep, Ok(Some(folder.path().join("sscep"))));
        assert_eq!(found(ScepClient::Builtin, None), Ok(None));
        let missing = found(ScepClient::Scepclient, Some(folder.path().as_os_str())).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "micromdm's `scepclient` is not installed (package `scep`)"
        );
        assert_eq!(
            found(ScepClient::Sscep, None).unwrap_err().to_string(),
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
        let missing = found(ScepClient::Strongswan, Some(bin.as_os_str())).unwrap_err();
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
        let missing = found(ScepClient::Strongswan, Some(old.path().as_os_str())).unwrap_err();
        let text = missing.to_string();
        assert!(text.contains("has no `--scep`, so it is one before 5.9.8 or Dogtag's"), "{text}");
        program(new.path(), "pki", "#!/bin/sh\n# --scepca\n");
        let path = env::join_paths([old.path(), new.path()]).unwrap();
        let found = found(ScepClient::Strongswan, Some(&path));
        assert_eq!(found, Ok(Some(new.path().join("pki"))));
    }
}
