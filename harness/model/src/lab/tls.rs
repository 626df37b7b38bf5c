//! TLS of a simulated PKI.

use std::path::PathBuf;
use std::time::Duration;

use mock_ca::TlsVersion;
use serde::{Deserialize, Serialize};

use super::Lab;

/// TLS of a simulated PKI, whose URL then begins with `https://`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Names and addresses of the hosts that run the PKI, which its certificate is for.
    pub names: Vec<String>,
    /// Time from the opening of the PKI to the end of the certificate; ten years if absent.
    pub valid_for: Option<Duration>,
    /// The oldest version that the server speaks; 1.2 if absent.
    pub least_version: Option<TlsVersion>,
    /// The files with the certificate; it is made, below the root of all labs, if absent.
    pub files: Option<TlsFiles>,
}

/// A certificate and its key in files, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFiles {
    /// The server's certificate, then those of the CAs above it.
    pub certificate: PathBuf,
    /// The private key, without a passphrase.
    pub key: PathBuf,
}

/// Notes at each PKI with TLS the names and addresses of the hosts that run it.
pub(super) fn name_servers(lab: &mut Lab) {
    let names_of = |pki: &str| {
        let hosts = lab.hosts_that_run(pki).map(|name| (name, &lab.hosts[name]));
        let names = hosts.map(|(name, host)| {
            let addresses = host.addresses.iter().map(|address| address.addr().to_string());
            std::iter::once(name.clone()).chain(addresses).collect::<Vec<_>>()
        });
        names.flatten().collect::<Vec<_>>()
    };
    let names: Vec<_> = lab.pkis.keys().map(|pki| names_of(pki)).collect();
    for (pki, names) in lab.pkis.values_mut().zip(names) {
        pki.tls.iter_mut().for_each(|tls| tls.names.clone_from(&names));
    }
}
