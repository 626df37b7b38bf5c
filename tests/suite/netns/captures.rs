//! A capture of each link, complete when the run ends.

use std::fs;
use std::process::Command;

use super::lab::in_folders;
use super::{permitted, skip};
use crate::suite::sceplab::{command, finish, workspace};

#[test]
fn what_passed_the_links_is_in_the_files() {
    if !permitted() {
        return;
    }
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
        let mut tcpdump = Command::new("tcpdump");
        tcpdump.args(["-n", "-r"]).arg(captures.join(name)).stdin(std::process::Stdio::null());
        if tcpdump.output().is_err() {
            return skip("tcpdump is not installed");
        }
        let told = finish(tcpdump);
        assert_eq!(told.code, Some(0), "{told:?}");
        for word in [
            "ICMP echo request",
            "ICMP echo reply",
            "HTTP: GET /CertSrv/mscep/mscep.dll",
            "Flags [F",
        ] {
            assert!(told.stdout.contains(word), "{word}: {}", told.stdout);
        }
        assert!(!told.stderr.contains("truncated"), "{}", told.stderr);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_beforehand() {
    let ended = finish(command(
        workspace(),
        &["run", "--driver", "netns", "--pcap", "/dev/null/there", "scenarios/scep/linux-pki.yaml"],
    ));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("cannot write captures to `/dev/null/there`"), "{ended:?}");
}
