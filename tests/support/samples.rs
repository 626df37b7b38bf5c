//! Scenarios and their labs.

use std::fs;

use tempfile::TempDir;

pub(crate) const LAB: &str = "devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  gateway: {addresses: [10.0.0.1/24], runs: ca}
pki:
  ca: {personality: linux, port: 8080, challenge: {static: hunter2}}
";

/// A lab with other addresses than [`LAB`].
pub(crate) const FAR_LAB: &str = "devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  router: {addresses: [10.0.0.2/24, 10.0.1.2/24], forwards: true}
  gateway: {addresses: [10.0.1.1/24], routes: {default: 10.0.1.2}}
";

pub(crate) const PING: &str = "title: The gateway answers
tags: [quick, network]
lab: labs/lab.yaml
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - ping: {address: 10.0.0.1, count: 2}
";

pub(crate) const TTL: &str = "title: The gateway is one router away
tags: [network]
lab: labs/lab.yaml
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - run:
      name: Ping the gateway
      command: ping 10.0.0.1 count 1 size 56 timeout 1
      matches: ['icmp_seq=1', 'ttl=63 time=']
      within: 0s
";

pub(crate) const CHALLENGE: &str = "title: The device knows the challenge password
tags: [scep]
lab: labs/lab.yaml
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=MyUserCert
        set system certificate scep csr CSR password a-wrong-one
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR url 'http://10.0.0.1'
  - run: {command: pki scep show CSR, matches: ['usercert\\s+Failed']}
  - run:
      command: pki scep show CSR
      matches:
        - ca\\s+Valid
        - usercert\\s+Valid
      within: 1s
";

/// A scenario in which a device gets a certificate.
pub(crate) const ENROLS: &str = "title: Enrols
tags: [matrix]
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts: {gateway: {addresses: [10.0.0.1/24], runs: ca}}
  pki: {ca: {personality: linux, port: 8080}}
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=a
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR url http://10.0.0.1
  - run: {command: pki scep show CSR, matches: ['usercert\\s+Valid'], within: 60s}
";

/// A folder with three scenarios. One of them passes.
pub(crate) fn samples() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("scenarios/labs/lab.yaml", LAB);
    write("scenarios/labs/far.yaml", FAR_LAB);
    write("scenarios/ping.yaml", PING);
    write("scenarios/ttl.yaml", TTL);
    write("scenarios/scep/challenge.yaml", &CHALLENGE.replace("labs/", "../labs/"));
    folder
}
