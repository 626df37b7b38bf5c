//! The two servers, behind the contract for one PKI.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use driver_live::live_pki::{Challenges, LivePki};
use mock_ca::{Ca, ChallengePolicy, Keys, PersonalityName, Settings};
use model::lab::Secret;
use openssl::pkey::PKey;
use openssl::symm::Cipher;
use openssl::x509::X509;
use parking_lot::Mutex;
use scep::clock::Clock;
use scep::http::HttpRequest;
use tempfile::TempDir;
use testbed::pki::{Exchanged, IssuedCertificate, Pki, PkiError, ScepService};
use tokio::net::TcpListener;

use super::answer::Answer;
use crate::support::sceplab::{Running, wait_until};

pub(super) const CHALLENGE: &str = "differential-s3cret";

/// Password of scepserver's key.
const KEY_PASSWORD: &str = "good-for-one-test";

/// Time limit of an answer.
const LIMIT: Duration = Duration::from_secs(30);

pub(super) struct Servers {
    ca: Arc<Ca>,
    linux: LivePki,
    scepserver: LivePki,
    depot: TempDir,
    /// Name of the input that is being sent.
    input: Mutex<String>,
    compared: Mutex<usize>,
    differences: Mutex<BTreeMap<String, BTreeSet<String>>>,
    _process: Mutex<Running>,
    _state: TempDir,
}

impl Servers {
    /// Starts both with the same key and certificate.
    pub(super) async fn start() -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("linux", PersonalityName::Linux);
        settings.challenge = ChallengePolicy::Static(Secret::new(CHALLENGE));
        settings.keys = Keys::Fresh;
        settings.state = Some(state.path().join("state"));
        let ca = Ca::open(settings, Clock::system()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(mock_ca::serve(listener, Arc::clone(&ca), std::future::pending()));
        let depot = depot(&state.path().join("state"));
        let process = scepserver(depot.path());
        Self {
            ca,
            linux: at(port),
            scepserver: at(8080),
            depot,
            input: Mutex::default(),
            compared: Mutex::default(),
            differences: Mutex::default(),
            _process: Mutex::new(process),
            _state: state,
        }
    }

    pub(super) fn ca_certificate(&self) -> X509 {
        self.ca.ca_certificate()
    }

    /// Names what is sent from now on.
    pub(super) fn begin(&self, input: &str) {
        input.clone_into(&mut self.input.lock());
    }

    /// Sends a request to both servers, and notes what differs. Returns the answer of the mock CA.
    pub(super) async fn send(&self, request: &HttpRequest, suffix: &str) -> Exchanged {
        let (theirs, their_answer) = self.ask(&self.scepserver, request, suffix).await;
        let (ours, our_answer) = self.ask(&self.linux, request, suffix).await;
        drop(their_answer);
        *self.compared.lock() += 1;
        let input = self.input.lock().clone();
        let differ = theirs.differences(&ours);
        if !differ.is_empty() {
            self.differences.lock().entry(input.clone()).or_default().extend(differ);
        }
        our_answer
    }

    async fn ask(
        &self,
        server: &LivePki,
        request: &HttpRequest,
        suffix: &str,
    ) -> (Answer, Exchanged) {
        let is_ours = std::ptr::eq(server, &raw const self.linux);
        let count = || if is_ours { self.ca.issued().unwrap().len() } else { self.in_depot() };
        let before = count();
        let exchanged = server.exchange(request, suffix).await.unwrap();
        let answer = Answer::of(&exchanged, count() - before);
        (answer, exchanged)
    }

    /// Number of certificates that scepserver has issued.
    fn in_depot(&self) -> usize {
        fs::read_to_string(self.depot.path().join("index.txt")).unwrap().lines().count()
    }

    /// Number of compared answers, and what differs for each input.
    pub(super) fn found(&self) -> (usize, BTreeMap<String, BTreeSet<String>>) {
        (*self.compared.lock(), self.differences.lock().clone())
    }
}

fn at(port: u16) -> LivePki {
    let url = format!("http://127.0.0.1:{port}/scep").parse().unwrap();
    LivePki::new(url, Challenges::One(Secret::new(CHALLENGE)), LIMIT, None)
}

/// A depot with the mock CA's key, in the only form that scepserver reads, and its certificate.
fn depot(state: &Path) -> TempDir {
    let depot = tempfile::tempdir().unwrap();
    let key = PKey::private_key_from_pem(&fs::read(state.join("ca.key")).unwrap()).unwrap();
    let cipher = Cipher::aes_128_cbc();
    let pem = key.rsa().unwrap().private_key_to_pem_passphrase(cipher, KEY_PASSWORD.as_bytes());
    fs::write(depot.path().join("ca.key"), pem.unwrap()).unwrap();
    fs::copy(state.join("ca.pem"), depot.path().join("ca.pem")).unwrap();
    fs::write(depot.path().join("index.txt"), "").unwrap();
    depot
}

fn scepserver(depot: &Path) -> Running {
    let mut command = Command::new("scepserver");
    command.arg("-depot").arg(depot).args(["-port", "8080"]);
    command.env("SCEP_CA_PASS", KEY_PASSWORD).env("SCEP_CHALLENGE_PASSWORD", CHALLENGE);
    let running = Running::start(command);
    wait_until("scepserver listens", || TcpStream::connect("127.0.0.1:8080").is_ok());
    running
}

#[async_trait]
impl Pki for Servers {
    fn scep(&self) -> Result<&dyn ScepService, PkiError> {
        Ok(self)
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        Err(PkiError::NotSupported { what: "listing certificates of two servers".to_owned() })
    }
}

#[async_trait]
impl ScepService for Servers {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        Ok(self.send(request, suffix).await)
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(true)
    }

    async fn challenge(&self, _: bool) -> Result<Option<Secret>, PkiError> {
        Ok(Some(Secret::new(CHALLENGE)))
    }
}
