//! The device from outside: it is configured, asked, and enrols against a toy CA over a toy network.

mod toy_ca;
mod toy_network;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dut_sim::{Device, DeviceSettings, GrowingPause, KeyPool, KeySource, Secret};
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use tokio::time::timeout;

use self::toy_ca::{Answer, ToyCa};
use self::toy_network::ToyNetwork;

const DOCUMENTED: &str = "\
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
";

const SEALED: &str = "U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=";

struct Lab {
    ca: Arc<ToyCa>,
    network: Arc<ToyNetwork>,
    device: Arc<Device>,
}

impl Lab {
    fn new(answer: Answer) -> Self {
        Self::with(answer, &[(SEALED, "secret")])
    }

    fn with(answer: Answer, keyring: &[(&str, &str)]) -> Self {
        let ca = Arc::new(ToyCa::new(answer));
        let network = ToyNetwork::new(&ca);
        let longest = Duration::from_millis(50);
        let pause = GrowingPause { first: Duration::from_millis(5), longest };
        let opened = |(sealed, clear): &(&str, &str)| ((*sealed).to_owned(), Secret::new(*clear));
        let device = Device::start(DeviceSettings {
            keyring: keyring.iter().map(opened).collect::<HashMap<_, _>>(),
            key_source: KeySource::Prepared(keys()),
            retry_pause: pause,
            poll_pause: pause,
            ..DeviceSettings::new(Arc::clone(&network) as _)
        });
        Self { ca, network, device }
    }

    async fn output(&self, command: &str) -> String {
        self.device.execute(command).await.output
    }

    /// Waits until what the command prints has the words, white space folded.
    #[track_caller]
    fn shows(&self, words: &str) -> impl Future<Output = ()> {
        let mut changes = self.device.subscribe();
        async move {
            let waiting = async {
                loop {
                    changes.borrow_and_update();
                    let output = self.output("pki scep show CSR").await;
                    let folded = output.split_whitespace().collect::<Vec<_>>().join(" ");
                    if folded.contains(words) {
                        return;
                    }
                    changes.changed().await.unwrap();
                }
            };
            if timeout(Duration::from_secs(20), waiting).await.is_err() {
                let log = self.device.protocol_log().join("\n");
                panic!("no `{words}` in:\n{}\n{log}", self.output("pki scep show CSR").await);
            }
        }
    }
}

/// The same few keys serve every test; that fresh ones are made is tested where they are made.
fn keys() -> KeyPool {
    static KEYS: OnceLock<KeyPool> = OnceLock::new();
    let key = || PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    KEYS.get_or_init(|| KeyPool::new(vec![key(), key()])).clone()
}

#[tokio::test]
async fn documented_configuration_enrols() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid - ").await;
    let table = lab.output("pki scep show CSR").await;
    assert!(table.starts_with(&"-".repeat(97)), "{table}");
    assert!(table.contains("\nca           Valid   Encipherment & Signature  "), "{table}");
    assert_eq!(table.lines().count(), 5);
    let root = "pki show certificate running://auth/certificates/scep/CSR";
    let ca = lab.output(&format!("{root}/ca/ca.der")).await;
    assert!(ca.starts_with("Certificate:\n    Data:\n"), "{ca}");
    assert!(ca.contains("Subject: CN = Toy-PKI, O = Toy\n"), "{ca}");
    let user = lab.output(&format!("{root}/user/cert")).await;
    assert!(user.contains("Subject: CN = MyUserCert\n"), "{user}");
    assert_eq!(lab.ca.requests(), ["/scep GetCACaps", "/scep GetCACert", "/scep PKIOperation"]);
}

#[tokio::test]
async fn the_log_tells_what_happened() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    let log = lab.device.protocol_log();
    assert_eq!(
        log[0],
        "CSR: GetCACaps: 4 capabilities (AES, POSTPKIOperation, SHA-256, SCEPStandard)"
    );
    assert_eq!(log[1], "CSR: GetCACert: 1 certificate");
    assert!(
        log[2].starts_with("CSR: PKIOperation (PKCSReq) over POST, AES-128, SHA-256, transaction ")
    );
    assert_eq!(
        log[3],
        "CSR: PKIOperation (PKCSReq) was answered SUCCESS: certificate 02, `CN = MyUserCert`"
    );
    assert_eq!(lab.output("system journal show").await, log.join("\n"));
}

#[tokio::test]
async fn a_wrong_password_is_a_failure_with_its_reason() {
    let lab = Lab::with(Answer::Issue, &[(SEALED, "wrong")]);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    let reason = "PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck";
    lab.shows(&format!("usercert Failed - - - usercert: {reason}")).await;
    lab.shows("ca Valid").await;
    assert_eq!(lab.device.protocol_log().last().unwrap(), &format!("CSR: {reason}"));
}

#[tokio::test]
async fn what_a_server_says_shows_no_password() {
    let lab = Lab::with(Answer::Blab, &[(SEALED, "hunter2")]);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("badRequest: wrong challenge password `****************`").await;
    let all = lab.output("show running").await + &lab.device.protocol_log().join("\n");
    assert!(!all.contains("hunter2") && !all.contains(SEALED), "{all}");
}

#[tokio::test]
async fn a_password_that_nothing_opens_is_a_failure() {
    let lab = Lab::with(Answer::Issue, &[]);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows(
        "ca: the sealed password opens neither under the device's own key nor by its keyring",
    )
    .await;
    assert_eq!(lab.ca.requests(), [""; 0]);
}

#[tokio::test]
async fn a_clear_text_password_serves_as_well() {
    let lab = Lab::with(Answer::Issue, &[]);
    let lines = DOCUMENTED.replace(&format!("encrypted-password {SEALED}"), "password secret");
    lab.device.replace_configuration(&lines).await.unwrap();
    lab.shows("usercert Valid").await;
}

#[tokio::test]
async fn a_pending_request_is_polled() {
    let lab = Lab::new(Answer::PutOff);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Pending - - -").await;
    while lab.ca.requests().len() < 5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lab.ca.change(Answer::Issue);
    lab.shows("usercert Valid").await;
    let log = lab.device.protocol_log().join("\n");
    assert!(
        log.contains("PKIOperation (PKCSReq) was answered PENDING, next poll in 0.005 s"),
        "{log}"
    );
    assert!(log.contains("PKIOperation (CertPoll) was answered SUCCESS"), "{log}");
}

#[tokio::test]
async fn a_closed_port_is_tried_again() {
    let lab = Lab::new(Answer::Issue);
    lab.network.closed.store(true, Ordering::Relaxed);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca Failed - - - usercert Failed - - - ca: GetCACaps: connection refused by 10.215.168.1:8080, next try in")
        .await;
    lab.network.closed.store(false, Ordering::Relaxed);
    lab.shows("usercert Valid").await;
}

#[tokio::test]
async fn a_wrong_path_is_tried_again() {
    let lab = Lab::new(Answer::Status(404));
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca: GetCACert was answered HTTP 404, next try in").await;
    lab.ca.change(Answer::Issue);
    lab.shows("usercert Valid").await;
    let log = lab.device.protocol_log();
    assert!(log.contains(
        &"CSR: GetCACaps: 4 capabilities (AES, POSTPKIOperation, SHA-256, SCEPStandard)".into()
    ));
}

#[tokio::test]
async fn nonsense_and_endless_answers_are_refused() {
    let lab = Lab::new(Answer::Nonsense);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca: GetCACert: neither a certificate nor a certs-only message").await;
    let lab = Lab::new(Answer::Endless);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca: GetCACaps: the answer is longer than 2097152 bytes, next try in").await;
}

#[tokio::test]
async fn a_refused_configuration_changes_nothing() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    let before = (lab.output("show running").await, lab.output("pki scep show").await);
    let refusals = [
        ("set system host-name DUT0\nset system nosuch x", 2, "[nosuch] is not valid"),
        ("\n# a comment\nset interfaces ethernet eth9 address 10.0.0.1/24", 3, "no such interface"),
        ("set system certificate scep csr B port 80\nset system host-name DUT1", 1, "needs `url`"),
        ("set interfaces ethernet eth0 address 10.215.168.200/24", 1, "in use"),
        ("commit", 1, "no configuration line"),
    ];
    for (lines, line, words) in refusals {
        let error = lab.device.modify_configuration(lines).await.unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let strip_date = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    let after = (lab.output("show running").await, lab.output("pki scep show").await);
    assert_eq!(strip_date(&after.0), strip_date(&before.0));
    assert_eq!(after.1, before.1);
    assert_eq!(lab.ca.requests().len(), 3);
}

#[tokio::test]
async fn only_changed_requests_start_anew_and_deleted_ones_lose_their_certificates() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    lab.device.modify_configuration("set system host-name DUT0").await.unwrap();
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    assert_eq!(lab.ca.requests().len(), 3);
    let csr = "system certificate scep csr CSR";
    lab.device.modify_configuration(&format!("set {csr} digest sha512")).await.unwrap();
    lab.shows("usercert Failed").await;
    lab.device.modify_configuration(&format!("delete {csr} digest")).await.unwrap();
    lab.shows("usercert Valid").await;
    lab.device.modify_configuration(&format!("delete {csr}")).await.unwrap();
    let gone = lab.device.execute("pki scep show CSR").await;
    assert_eq!(gone.output, "CLI Error: no certificate request `CSR`; none is configured");
    assert!(!gone.ok);
}

#[tokio::test]
async fn the_command_line_works_in_both_modes() {
    let lab = Lab::new(Answer::Issue);
    let device = &lab.device;
    assert_eq!(device.prompt().await, "admin@osdx$ ");
    assert_eq!(lab.output("frobnicate now").await, "Invalid command: [frobnicate]");
    assert_eq!(lab.output("configure").await, "[edit]");
    assert_eq!(device.prompt().await, "admin@osdx# ");
    assert_eq!(lab.output("se sy host DUT0").await, "");
    assert_eq!(lab.output("compare").await, "+ set system host-name DUT0");
    assert!(lab.output("exit").await.starts_with("Cannot exit: configuration modified."));
    assert_eq!(lab.output("commit").await, "");
    assert_eq!(lab.output("commit").await, "No configuration changes to commit");
    assert_eq!(device.prompt().await, "admin@DUT0# ");
    assert!(lab.output("run show running").await.contains("\nset system host-name DUT0"));
    assert_eq!(lab.output("exit").await, "Warning: configuration changes have not been saved.");
    assert_eq!(device.prompt().await, "admin@DUT0$ ");
    lab.output("configure").await;
    lab.output("set system host-name DUT1").await;
    assert_eq!(lab.output("discard").await, "Changes have been discarded");
    assert_eq!(lab.output("save").await, "Done");
    assert_eq!(lab.output("exit").await, "");
    assert!(!lab.output("show running").await.contains("Warning"));
}

#[tokio::test]
async fn ping_reads_as_documented() {
    let lab = Lab::new(Answer::Issue);
    let ping = lab.device.execute("ping 10.215.168.1 count 1 size 56 timeout 1").await;
    assert!(ping.ok);
    assert_eq!(
        ping.output,
        "PING 10.215.168.1 (10.215.168.1) 56(84) bytes of data.\n\
         64 bytes from 10.215.168.1: icmp_seq=1 ttl=64 time=0.147 ms\n\
         \n\
         --- 10.215.168.1 ping statistics ---\n\
         1 packets transmitted, 1 received, 0% packet loss, time 0ms\n\
         rtt min/avg/max/mdev = 0.147/0.147/0.147/0.000 ms"
    );
    let unrouted = lab.device.execute("ping 172.16.0.1 count 1").await;
    assert_eq!(unrouted.output, "ping: connect: Network is unreachable");
    assert!(!unrouted.ok);
}

#[tokio::test]
async fn dropping_the_device_ends_its_enrolments() {
    let lab = Lab::new(Answer::Status(503));
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("HTTP 503").await;
    drop(lab.device);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let asked = lab.ca.requests().len();
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(lab.ca.requests().len(), asked);
}
