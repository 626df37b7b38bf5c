//! `sceplab matrix` on the kernel's network, with clients and servers that are not installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::matrix_samples::{REFUSED, samples, write};
use crate::support::sceplab::{Ended, command, finish};
use crate::support::snapshots::assert_output;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        missing_client_is_skipped_and_names_its_package,
        client_without_fetch_plugin_is_skipped_and_names_its_package,
        missing_server_is_skipped_and_names_its_package,
    ]
}

/// Runs `sceplab matrix` with an empty path.
fn without_programs(folder: &Path, arguments: &[&str]) -> Ended {
    with_path(Path::new(""), folder, arguments)
}

/// Runs `sceplab matrix` with this path.
fn with_path(path: &Path, folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = command(folder, &[&["matrix"], arguments].concat());
    command.env("PATH", path);
    let ended = finish(command);
    ended.assert_orderly();
    ended
}

fn missing_client_is_skipped_and_names_its_package() {
    let samples = samples();
    write(samples.path(), "scenarios/matrix-ledger.yaml", REFUSED);
    let clients = ["builtin", "strongswan", "scepclient", "sscep"];
    let clients: Vec<&str> = clients.iter().flat_map(|client| ["--client", client]).collect();
    let ended = without_programs(samples.path(), &clients);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_output("matrix-missing", &ended.transcript());
}

fn client_without_fetch_plugin_is_skipped_and_names_its_package() {
    let samples = samples();
    let bin = samples.path().join("prefix/bin");
    write(&bin, "pki", "#!/bin/sh\n# --scepca\n");
    fs::set_permissions(bin.join("pki"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(samples.path().join("prefix/lib/ipsec/plugins")).unwrap();
    let ended = with_path(&bin, samples.path(), &["--client", "strongswan"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("2 skipped in"), "{}", ended.stdout);
    assert!(ended.stdout.contains("(package `libstrongswan-extra-plugins`)"), "{}", ended.stdout);
}

fn missing_server_is_skipped_and_names_its_package() {
    let samples = samples();
    let server = "stands-in-for: first.yaml
devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  gateway:
    addresses: [10.0.0.1/24]
    runs: {program: [scepserver, -port, '8080'], ready: {port: 8080}, package: scep}
";
    write(samples.path(), "scenarios/labs/second.yaml", server);
    let ended = without_programs(samples.path(), &["--client", "builtin"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 passed, 1 skipped in"), "{}", ended.stdout);
    assert!(ended.stdout.contains("(package `scep`)"), "{}", ended.stdout);
}
