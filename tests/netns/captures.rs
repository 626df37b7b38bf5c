//! Captures of each link and messages of each mock CA, complete when the run ends.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use pcap_file::pcap::PcapReader;
use pnet_packet::Packet;
use pnet_packet::ethernet::EthernetPacket;
use pnet_packet::icmp::{IcmpPacket, IcmpTypes};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::tcp::{TcpFlags, TcpPacket};

use super::lab::in_folders;
use crate::support::sceplab::{command, finish, without_environment, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let mut all = trials![
        needs;
        captures_have_every_ping_and_http_message_of_each_link,
        incomplete_capture_decides_the_exit_code,
        messages_at_mock_cas_in_namespaces_are_saved,
        failure_shows_the_last_messages_at_a_mock_ca,
    ];
    all.extend(trials![&[]; unwritable_capture_folder_is_rejected_before_the_run]);
    all
}

fn captures_have_every_ping_and_http_message_of_each_link() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = command(workspace(), &["run", "--driver", "netns", "--pcap"]);
    run.arg(folder.path().join("there")).arg("scenarios/scep/windows-pki.yaml");
    in_folders(&mut run, folder.path());
    let ended = finish(run);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let captures = folder.path().join("there/scep-windows-pki");
    let mut names: Vec<_> =
        fs::read_dir(&captures).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["10.0.12.0-30.pcap", "10.215.168.0-24.pcap", "192.168.212.0-22.pcap"]);
    for name in names {
        // A capture has what was sent, secrets too.
        let mode = fs::metadata(captures.join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", name.display());
        let described = descriptions(&captures.join(&name));
        for word in [
            "ICMP echo request",
            "ICMP echo reply",
            "TCP GET /CertSrv/mscep/mscep.dll/pkiclient.exe?operation=GetCACert",
            "TCP POST /CertSrv/mscep/mscep.dll/pkiclient.exe?operation=PKIOperation",
            "TCP HTTP/1.1 200 OK",
            "TCP end",
        ] {
            assert!(
                described.iter().any(|line| line.starts_with(word)),
                "{word}: {}: {described:#?}",
                name.display()
            );
        }
    }
}

/// Descriptions of the packets of a capture, all of which must be complete.
fn descriptions(file: &Path) -> Vec<String> {
    let mut reader = PcapReader::new(File::open(file).unwrap()).unwrap();
    let packets = std::iter::from_fn(|| {
        let packet = reader.next_packet()?.unwrap();
        assert_eq!(packet.data.len(), packet.orig_len as usize);
        Some(packet.data.into_owned())
    });
    packets.filter_map(|frame| describe(&frame)).collect()
}

/// The description of a ping, of a TCP segment by its first line, or of the end of a TCP connection.
fn describe(frame: &[u8]) -> Option<String> {
    let frame = EthernetPacket::new(frame)?;
    let packet = Ipv4Packet::new(frame.payload())?;
    match packet.get_next_level_protocol() {
        IpNextHeaderProtocols::Icmp => match IcmpPacket::new(packet.payload())?.get_icmp_type() {
            IcmpTypes::EchoRequest => Some("ICMP echo request".to_owned()),
            IcmpTypes::EchoReply => Some("ICMP echo reply".to_owned()),
            _ => None,
        },
        IpNextHeaderProtocols::Tcp => {
            let segment = TcpPacket::new(packet.payload())?;
            if segment.get_flags() & TcpFlags::FIN != 0 {
                return Some("TCP end".to_owned());
            }
            let text = String::from_utf8_lossy(segment.payload()).into_owned();
            Some(format!("TCP {}", text.lines().next()?))
        }
        _ => None,
    }
}

fn incomplete_capture_decides_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    // No file may be longer than four blocks, as if the disk were full.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"";
    let mut run = Command::new("sh");
    run.args(["-c", script, env!("CARGO_BIN_EXE_sceplab"), "run", "--driver", "netns", "--pcap"]);
    run.arg(folder.path().join("there")).arg("scenarios/scep/linux-pki.yaml");
    run.current_dir(workspace());
    without_environment(&mut run);
    in_folders(&mut run, folder.path());
    let ended = finish(run);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let full = folder.path().join("there/scep-linux-pki/10.215.168.0-24.pcap");
    let told = format!("the capture `{}` is incomplete: File too large", full.display());
    assert!(ended.stderr.contains(&told) && ended.stderr.contains("warning: "), "{ended:?}");
    assert_eq!(fs::read_dir(folder.path().join("temporary")).unwrap().count(), 0);
}

fn messages_at_mock_cas_in_namespaces_are_saved() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("m");
    let mut run = command(workspace(), &["run", "--driver", "netns", "--save-messages"]);
    run.arg(&saved).arg("scenarios/scep/linux-pki.yaml");
    in_folders(&mut run, folder.path());
    let ended = finish(run);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(fs::metadata(&saved).unwrap().permissions().mode() & 0o777, 0o700);
    let of_scenario = saved.join("scep-linux-pki");
    for entry in fs::read_dir(&of_scenario).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let exchanges = recording::read(&of_scenario).unwrap().exchanges;
    assert_eq!(exchanges.len(), 3, "{ended:?}");
    for exchange in exchanges {
        assert_eq!(exchange.server.as_deref(), Some("10.215.168.1:8080"));
        assert!(exchange.client.unwrap().starts_with("10.215.168.64:"));
        assert_eq!((exchange.reply.unwrap().status, exchange.gaps.len()), (Some(200), 0));
    }
}

fn failure_shows_the_last_messages_at_a_mock_ca() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "title: T
lab: {}/scenarios/labs/linux-pki.yaml
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.215.168.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=MyUserCert
        set system certificate scep csr CSR password another-word
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR url http://10.215.168.1
  - run: {{command: pki scep show CSR, matches: [usercert\\s+Valid], within: 2s}}
",
        workspace().display()
    );
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let mut run = command(folder.path(), &["run", "--driver", "netns", "a.yaml"]);
    in_folders(&mut run, folder.path());
    let ended = finish(run);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    for line in [
        "= request to linux-pki: PKCSReq, transaction ",
        "= reply of linux-pki: CertRep, FAILURE, badRequest",
    ] {
        assert!(ended.stdout.contains(line), "{ended:?}");
    }
}

fn unwritable_capture_folder_is_rejected_before_the_run() {
    let ended = finish(command(
        workspace(),
        &["run", "--driver", "netns", "--pcap", "/dev/null/there", "scenarios/scep/linux-pki.yaml"],
    ));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("cannot write captures to `/dev/null/there`"), "{ended:?}");
}
