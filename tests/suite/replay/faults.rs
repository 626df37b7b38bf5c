//! Every mistake of a server is made again: a client has the same outcome at the recorded server as it had at the original one.

use std::sync::Arc;
use std::time::Duration;

use bundle::{Bundle, Index, Key, Role};
use driver_live::live_pki::{Challenges, LivePki};
use mock_ca::{Ca, Fault, FaultRule, Keys, PersonalityName, Server, Settings, Trigger};
use openssl::pkey::{PKey, Private};
use recorded::{RecordedServer, Source};
use recording::{Folder, Recorder, Recording};
use regex::Regex;
use scep::algorithm::Digest;
use scep::clock::Clock;
use scep::identity::Identity;
use scep::key::KeyKind;
use scep::name;
use scep::request::self_signed;
use simulated::client::{Polling, enrol, new_key};
use tokio::net::TcpListener;

/// A client's key is made once, because that takes longer than all the rest.
async fn client_key() -> PKey<Private> {
    static KEY: tokio::sync::OnceCell<PKey<Private>> = tokio::sync::OnceCell::const_new();
    KEY.get_or_init(|| async { new_key(KeyKind::default()).await.unwrap() }).await.clone()
}

/// Serves on a free port until the runtime ends; returns the address.
async fn serve(server: Arc<impl Server>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(mock_ca::serve(listener, server, std::future::pending()));
    address
}

/// What a client makes of a server, without what is new each time.
async fn outcome(address: &str, path: &str, recorder: Option<Recorder>) -> String {
    let url = format!("http://{address}{path}").parse().unwrap();
    let pki = LivePki::new(url, Challenges::None, Duration::from_secs(20), None);
    let pki = recorder.map_or_else(|| pki.clone(), |recorder| pki.with_recorder(recorder));
    let subject = name::parse("CN=device").unwrap();
    let settings = scep::client::Settings::new(client_key().await, subject);
    let pause = Duration::from_millis(1);
    let polling = Polling { pause, within: Duration::from_secs(5) };
    let enrolled = enrol(&pki, settings, polling, &Clock::system(), |_| ()).await;
    let text = match enrolled {
        Ok(enrolled) => {
            let certificate = &enrolled.certificate;
            let names = [certificate.subject_name(), certificate.issuer_name()].map(name::to_text);
            format!(
                "issued {names:?} {:?} {:?}",
                certificate.signature_algorithm().object(),
                enrolled.differences
            )
        }
        Err(error) => error.to_string(),
    };
    // Numbers, identifiers, addresses and dates.
    let new = Regex::new(r"[0-9A-Fa-f]{8,}|127\.0\.0\.1:\d+|\d\d:\d\d:\d\d|\d+ bytes|\w{3} +\d+")
        .unwrap();
    new.replace_all(&text, "#").into_owned()
}

/// What is known of the keys.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    All,
    None,
}

/// One enrolment at a server, and what is known of it afterwards.
pub(super) struct Original {
    outcome: String,
    path: &'static str,
    pub(super) recording: Recording,
    pub(super) keys: Vec<Identity>,
}

/// Records an enrolment at a server with this fault.
pub(super) async fn record(personality: PersonalityName, on: Trigger, fault: Fault) -> Original {
    let folder = tempfile::tempdir().unwrap();
    let (state, messages) = (folder.path().join("state"), folder.path().join("messages"));
    let mut settings = Settings::new("pki", personality);
    settings.keys = Keys::Lab;
    settings.faults = vec![FaultRule::new(on, None, fault).unwrap()];
    settings.state = Some(state.clone());
    let ca = Ca::open(settings, Clock::system()).unwrap();
    let path = ca.paths()[0];
    let address = serve(Arc::clone(&ca)).await;
    let saved = Folder::begin(&messages).unwrap();
    let recorder = saved.whole("test", Clock::system()).unwrap();
    let outcome = outcome(&address, path, Some(recorder.clone())).await;
    recorder.finish();
    let mut keys = mock_ca::identities(&state).unwrap();
    let (subject, now) = (name::parse("CN=device").unwrap(), Clock::system().now());
    keys.push(self_signed(&subject, &client_key().await, Digest::Sha256, now).unwrap());
    Original { outcome, path, recording: recording::read(&messages).unwrap(), keys }
}

/// The outcomes at a server with this fault, and at the recording of it.
async fn outcomes(
    personality: PersonalityName,
    on: Trigger,
    fault: Fault,
    known: Known,
) -> [String; 2] {
    let Original { outcome, path, recording, mut keys } = record(personality, on, fault).await;
    keys.retain(|_| known == Known::All);
    [outcome, replayed(recording, keys, path).await]
}

/// The recording as a source, with these keys.
pub(super) fn source(recording: Recording, keys: Vec<Identity>) -> Source {
    let key = |identity| Key { pki: None, role: Role::Client, identity };
    let keys = keys.into_iter().map(key).collect();
    let (folder, index, files) = ("".into(), Index::new("test"), Vec::new());
    Source::of(Bundle { folder, index, recording, keys, files }, None).unwrap()
}

async fn replayed(recording: Recording, keys: Vec<Identity>, path: &str) -> String {
    let source = source(recording, keys);
    let server =
        tokio::task::spawn_blocking(move || RecordedServer::new(source, Clock::system(), None));
    let address = serve(Arc::new(server.await.unwrap())).await;
    outcome(&address, path, None).await
}

/// True if the client cannot see the fault again: a delay is not made again, and what an envelope has is not known without the client's key.
fn is_lost(fault: Fault, known: Known) -> bool {
    match fault {
        Fault::Delay(_) => true,
        Fault::SuccessWithoutCertificate | Fault::CorruptEnvelope => known == Known::None,
        _ => false,
    }
}

async fn compare_all(personality: PersonalityName, known: Known) {
    let mut wrong = Vec::new();
    for fault in Fault::ALL.iter().copied().filter(|fault| fault.suits(personality)) {
        for on in [Trigger::GetCaCaps, Trigger::GetCaCert, Trigger::PkcsReq] {
            if !fault.fits(on) || is_lost(fault, known) {
                continue;
            }
            let [first, second] = outcomes(personality, on, fault, known).await;
            if first != second {
                wrong.push(format!("{fault} on {on}:\n  original {first}\n  replayed {second}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{personality}, keys known: {known:?}\n{}", wrong.join("\n"));
}

macro_rules! all_faults {
    ($($name:ident: $personality:ident, $known:ident;)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            compare_all(PersonalityName::$personality, Known::$known).await;
        })+
    };
}

all_faults! {
    faults_of_the_standard_are_made_again: Rfc8894, All;
    faults_of_linux_are_made_again: Linux, All;
    faults_of_ndes_are_made_again: Ndes, All;
    faults_of_linux_are_made_again_without_keys: Linux, None;
}
