//! The documented scenarios over SSH, typed by hand.

use super::ssh::typed;
use crate::support::rig::Rig;
use crate::support::rig::files::{ADMIN, ADMIN_PASSWORD};
use crate::support::sceplab::{finish, wait_until};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let curl = Need::program("curl", "curl", "curl");
    let mut all = trials![
        needs;
        documented_lines_typed_over_ssh_show_the_documented_outputs,
    ];
    all.extend(trials![&[needs, &[&curl]].concat(); mscep_admin_page_is_reachable_from_the_office]);
    all
}

const LINUX: &str = "configure
set interfaces ethernet eth0 address 10.215.168.64/24
set protocols static route 192.168.212.0/22 next-hop 10.215.168.1
set system certificate scep csr CSR cgi-path /scep
set system certificate scep csr CSR cipher aes
set system certificate scep csr CSR digest sha256
set system certificate scep csr CSR distinguished-names CN=MyUserCert
set system certificate scep csr CSR encrypted-password U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=
set system certificate scep csr CSR port 8080
set system certificate scep csr CSR url 'http://10.215.168.1'
set system login user admin authentication encrypted-password '$6$GSjsCj8gHLv$/VcqU6FLi6CT2Oxn0MJQ2C2tqnRDrYKNF8HIYWJp68nvXvPdFccDsT04.WtigUONbKYrgKg8d6rEs8PjljMkH0'
commit
exit
ping 10.215.168.1 count 1 size 56 timeout 1
exit
";

const WINDOWS: &str = "configure
set system certificate scep csr CSR cgi-path CertSrv/mscep/mscep.dll/pkiclient.exe
set system certificate scep csr CSR encrypted-password U2FsdGVkX1/cpKs60XW8glHBeDwbuldY39EE0iQqd2oH+aYMvhespzahhtjG9BVkN0r2s1k3scwkW82sbk6EpA==
set system certificate scep csr CSR url 'http://192.168.213.25/'
delete system certificate scep csr CSR port
delete system certificate scep csr CSR cipher
commit
exit
ping 192.168.213.25 count 1 size 56 timeout 1
exit
";

fn documented_lines_typed_over_ssh_show_the_documented_outputs() {
    let rig = Rig::start();
    let linux = typed(rig.ssh(&["-tt"]), LINUX);
    assert_eq!(linux.code, Some(0), "{linux:?}");
    assert!(linux.stdout.contains("icmp_seq=1 ttl=64 time="), "{}", linux.stdout);
    let table = || {
        let mut ssh = rig.ssh(&[]);
        ssh.arg("pki scep show CSR");
        finish(ssh).stdout
    };
    wait_until("both certificates are there", || {
        let table = table();
        table.matches(" Valid ").count() == 2 && table.contains("usercert")
    });
    let mut ssh = rig.ssh(&[]);
    ssh.arg("pki show certificate running://auth/certificates/scep/CSR/ca/ca.der");
    let shown = finish(ssh).stdout;
    assert!(shown.contains("Subject: CN = Teldat-PKI, O = Teldat, L = Madrid, C = ES"), "{shown}");
    // `show running` has the lines as they were typed, including sealed values.
    let running = rig.on_device("show running").stdout;
    let set = LINUX.lines().filter(|line| line.starts_with("set "));
    assert!(set.clone().count() > 9 && set.clone().all(|line| running.contains(line)), "{running}");

    let windows = typed(rig.ssh(&["-tt"]), WINDOWS);
    assert!(windows.stdout.contains("icmp_seq=1 ttl=126 time="), "{}", windows.stdout);
    wait_until("the other certificates are there", || {
        let table = table();
        table.matches(" Valid ").count() == 4 && table.contains("ra-2")
    });
}

fn mscep_admin_page_is_reachable_from_the_office() {
    let rig = Rig::start();
    let mut curl = rig.command("curl");
    curl.args([
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-u",
        &format!("{ADMIN}:{ADMIN_PASSWORD}"),
    ]);
    curl.arg("http://192.168.213.25/certsrv/mscep_admin/");
    let page = finish(curl);
    assert_eq!(page.stdout, "200", "{page:?}");
}
