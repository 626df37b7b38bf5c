//! `sceplab inspect` at a real server: Debian's scepserver, in a network of its own, because it listens on every address.

use std::process::Command;

use crate::support::sceplab::{finish, without_environment};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let scepserver = Need::program("scepserver", "scepserver", "scep");
    let ip = Need::program("scepserver", "ip", "iproute2");
    trials![&[needs, &[&scepserver, &ip]].concat(); scepserver_is_inspected]
}

/// Makes a CA, serves it, and inspects it as soon as it answers; the server ends with the network.
const SCRIPT: &str = r#"
ip link set lo up && scepserver ca -init >/dev/null 2>&1 || exit 9
scepserver -depot depot -port 8080 >log 2>&1 &
until "$0" health http://127.0.0.1:8080/scep >/dev/null 2>&1; do
    kill -0 $! || { cat log >&2; exit 9; }
    sleep 0.1
done
"$0" inspect http://127.0.0.1:8080/scep
code=$?
kill $!
exit $code
"#;

fn scepserver_is_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--", "sh", "-c", SCRIPT]);
    command.arg(env!("CARGO_BIN_EXE_sceplab")).current_dir(folder.path());
    without_environment(&mut command);
    let shown = finish(command);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for words in [
        // It answers at one path alone.
        "GetCACaps at the path with `/pkiclient.exe` after it HTTP 404",
        "the operation `SceplabInspect`, which does not exist HTTP 500",
        "1. root CA; Sceplab's client enciphers to it",
        "which does not name keyEncipherment, and RFC 8894 §2.1.2 demands that",
        " cisco-ios fails ",
        " sscep no trouble known",
        " strongswan no trouble known",
    ] {
        let told = shown.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(words), "{words}: {}", shown.stdout);
    }
}
