//! The documented scenario on `sceplab dut` as the login shell of a real SSH server.

use std::time::Duration;

use tokio::time::Instant;

use driver_live::ssh_device::Restored;
use model::lab::SshTarget;
use testbed::device::{Change, Device};

use super::device::connect;
use super::sshd::Sshd;
use crate::support::sceplab::{DEADLINE, Running, command, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        documented_scenario_passes_over_ssh,
    ]
}

const LINES: &str = "\
set interfaces ethernet eth0 address 10.215.168.64/24
set system certificate scep csr CSR cgi-path /scep
set system certificate scep csr CSR distinguished-names CN=MyUserCert
set system certificate scep csr CSR encrypted-password U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=
set system certificate scep csr CSR port 8080
set system certificate scep csr CSR url 'http://10.215.168.1'";

async fn documented_scenario_passes_over_ssh() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("dut.sock");
    let socket = socket.to_str().unwrap();
    let mut dut = Running::start(command(workspace(), &["dut", "--serve", socket]));
    let program = env!("CARGO_BIN_EXE_sceplab");
    // First a terminal without capabilities, on which the device draws nothing, then one on which it redraws each line.
    for (terminal, name) in [("", "CN=MyUserCert"), ("TERM=vt100", "CN=Another")] {
        let server = Sshd::start(&format!("{terminal} exec {program} dut --attach {socket}\n"));
        let target = SshTarget { answer_within: Duration::from_secs(60), ..server.target() };
        let device = connect(&target).await.unwrap();
        let before = device.execute("show running").await.unwrap();
        device.configure(Change::Replace(&LINES.replace("CN=MyUserCert", name))).await.unwrap();
        let ping = device.execute("ping 10.215.168.1 count 1 size 56 timeout 1").await.unwrap();
        assert!(ping.contains("\n1 packets transmitted, 1 received, 0% packet loss"), "{ping}");
        let until = Instant::now() + DEADLINE;
        let table = loop {
            let table = device.execute("pki scep show CSR").await.unwrap();
            if table.lines().any(|line| line.starts_with("usercert") && line.contains("Valid")) {
                break table;
            }
            assert!(Instant::now() < until, "no certificate came: {table}");
            device.changed(Duration::from_millis(50)).await;
        };
        assert_eq!(table.lines().map(|line| line.trim_end().len()).max(), Some(97), "{table}");
        let certificate = "pki show certificate running://auth/certificates/scep/CSR/ca/ca.der";
        let certificate = device.execute(certificate).await.unwrap();
        assert!(certificate.contains("Subject: CN = Teldat-PKI, O = Teldat"), "{certificate}");
        assert!(!device.protocol_log().await.is_empty());
        assert_eq!(device.restore().await, Restored::PutBack);
        let device = connect(&target).await.unwrap();
        let after = device.execute("show running").await.unwrap();
        let lines = |text: &str| {
            text.lines()
                .filter(|line| line.starts_with("set"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(&after), lines(&before));
        device.restore().await;
    }
    dut.kill();
}
