//! The SCEP client inside the device: the built-in one, or an external program.
//!
//! A new program needs a file in the folder below, and an entry in each of the lists here.

mod certmonger;
mod scepclient;
mod sscep;
mod strongswan;

use std::env;
use std::ffi::OsStr;

use process::faketime::{Faketime, Hindrance};

use super::order::Missing;
use super::program::{Adapter, Installed};

scep::named! {
    /// The SCEP client that a device enrols with.
    #[derive(Default, PartialOrd, Ord)]
    ScepClient, "SCEP client" {
        /// The built-in client.
        #[default]
        Builtin = "builtin";
        /// strongSwan's `pki --scepca` and `pki --scep` (from 5.9.8 on).
        Strongswan = "strongswan";
        /// micromdm's `scepclient`.
        Scepclient = "scepclient";
        /// certnanny's `sscep`.
        Sscep = "sscep";
        /// certmonger's `scep-submit`, which sends the device's messages and verifies the replies.
        Certmonger = "certmonger";
    }
}

impl ScepClient {
    /// The adapter of the client, if it is a program.
    fn adapter(self) -> Option<&'static Adapter> {
        match self {
            Self::Builtin => None,
            Self::Strongswan => Some(&strongswan::ADAPTER),
            Self::Scepclient => Some(&scepclient::ADAPTER),
            Self::Sscep => Some(&sscep::ADAPTER),
            Self::Certmonger => Some(&certmonger::ADAPTER),
        }
    }

    /// Short description: "micromdm's `scepclient`".
    pub fn description(self) -> &'static str {
        match self {
            Self::Strongswan => "strongSwan's `pki --scepca` and `pki --scep`",
            _ => self.adapter().map_or("The device's own", |adapter| adapter.name),
        }
    }

    /// The program or part that is missing on this machine; `None` if the client can enrol.
    pub fn missing(self) -> Option<Missing> {
        self.find(env::var_os("PATH").as_deref()).err()
    }

    /// Why the client's program goes by the clock of the system whatever the device's shows; `None` if libfaketime works for it, and for
    /// the built-in client.
    pub fn time_hindrance(self) -> Option<Hindrance> {
        let installed = self.find(env::var_os("PATH").as_deref()).ok()??;
        Faketime::for_program(&installed.program).err()
    }

    /// The version of the client's program, as it tells it; none for the built-in client, and if the program does not tell it.
    pub async fn version(self) -> Option<String> {
        self.find(env::var_os("PATH").as_deref()).ok()??.version().await
    }

    /// Finds the client's program on `path` or in the folders of packages; `None` for the built-in client.
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
    fn client_names_are_the_same_in_text_and_json() {
        for client in ScepClient::ALL.iter().copied() {
            assert_eq!(client.to_string().parse(), Ok(client));
            assert_eq!(serde_json::to_value(client).unwrap(), client.as_str());
        }
        assert!("openscep".parse::<ScepClient>().is_err());
    }

    #[test]
    fn program_is_found_on_the_path() {
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
    fn pki_without_fetcher_plugin_is_reported_with_its_package() {
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
    fn pki_without_scep_is_skipped_and_reported() {
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
