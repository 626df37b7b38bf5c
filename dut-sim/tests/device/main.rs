//! Tests of the device's public interface, with a toy CA on a toy network.

#![expect(clippy::unwrap_used, reason = "a broken test has to stop")]

mod certificate_request;
mod command_line;
mod enrolment;
mod hostile_lists;
mod hostile_next_ca;
mod https;
mod power_cut;
#[cfg(target_os = "linux")]
mod programs;
mod renewal;
mod request_commands;
mod restart;
mod revocation;
mod rollover;
mod toy_ca;
mod toy_list;
mod toy_network;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dut_sim::{Device, DeviceSettings, GrowingPause, KeySource, Secret};
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use scep::clock::{Clock, moment};
use tokio::time::{Instant, timeout};

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

/// Time after which a test gives up waiting. No test measures time.
const DEADLINE: Duration = Duration::from_secs(60);

/// Time that a step of a scenario waits if its file gives no other.
const SCENARIO_WAITS: Duration = Duration::from_secs(20);

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
        Self::pausing(answer, keyring, pause())
    }

    fn pausing(answer: Answer, opened: &[(&str, &str)], pause: GrowingPause) -> Self {
        let change = |settings: &mut DeviceSettings| {
            (settings.retry_pause, settings.poll_pause) = (pause, pause);
            settings.own.keyring = keyring(opened);
        };
        Self::on_clock(answer, Clock::system(), change)
    }

    /// A lab on lab time, which begins with 2026. The runtime's clock must be paused.
    fn in_2026(answer: Answer) -> (Self, Clock) {
        let (start, begun) = (moment("2026-01-01T00:00Z").unwrap(), Instant::now());
        let clock = Clock::reading(move || start + begun.elapsed());
        let change = |settings: &mut DeviceSettings| {
            settings.own.keyring = keyring(&[(SEALED, "secret")]);
        };
        (Self::on_clock(answer, clock.clone(), change), clock)
    }

    fn on_clock(answer: Answer, clock: Clock, change: impl FnOnce(&mut DeviceSettings)) -> Self {
        let ca = Arc::new(ToyCa::new(answer, clock.clone()));
        let network = ToyNetwork::new(&ca);
        let mut settings = DeviceSettings {
            key_source: keys(),
            clock,
            ..DeviceSettings::new(Arc::clone(&network) as _)
        };
        change(&mut settings);
        let device = Device::start(settings);
        Self { ca, network, device }
    }

    async fn output(&self, command: &str) -> String {
        self.device.execute(command).await.output
    }

    /// Waits until the output of `pki scep show CSR`, with white space folded, contains the words.
    #[track_caller]
    fn shows(&self, words: &str) -> impl Future<Output = ()> {
        self.shows_within(DEADLINE, words)
    }

    /// The same, with another time after which it gives up.
    #[track_caller]
    fn shows_within(&self, limit: Duration, words: &str) -> impl Future<Output = ()> {
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
            if timeout(limit, waiting).await.is_err() {
                let log = self.device.protocol_log().join("\n");
                panic!("no `{words}` in:\n{}\n{log}", self.output("pki scep show CSR").await);
            }
        }
    }
}

fn keyring(opened: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    opened.iter().map(|(sealed, clear)| ((*sealed).to_owned(), Secret::new(*clear))).collect()
}

fn pause() -> GrowingPause {
    GrowingPause { first: Duration::from_millis(5), longest: Duration::from_millis(50) }
}

/// All tests share two keys, which each device takes in turn; a unit test checks that fresh ones are generated.
fn keys() -> KeySource {
    static KEYS: OnceLock<Vec<PKey<Private>>> = OnceLock::new();
    let key = || PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    KeySource::prepared(KEYS.get_or_init(|| vec![key(), key()]).clone())
}
