//! The real things of one run: each is opened once, whatever number of scenarios meet it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use mock_ca::control;
use parking_lot::Mutex;
use scep::attribute::TransactionId;
use scep::http::HttpRequest;

use super::live_pki::{Challenges, LivePki, NdesAdmin};
#[cfg(target_os = "linux")]
use super::sim::start as simulated;
use super::ssh_device::{SshDevice, SshSessions};
use model::lab::{ChallengeSource, Lab, PkiByUrl, Secret, SshTarget, password_of, passwords_in};
use simulated::connector::Connections;
use simulated::mock_pki::MockPki;
use testbed::pki::{Decision, Exchanged, IssuedCertificate, Pki, PkiError};
use testbed::{Driver, DriverName, Remains, Resource, Testbed, TestbedError};

/// How real things are handled, beside what the lab file says.
#[derive(Debug, Clone, Default)]
pub struct TargetOptions {
    /// Whether devices keep the configuration that a scenario gave them.
    pub keep_configuration: bool,
    /// Where challenge passwords come from, whatever the lab file says.
    pub challenge: Option<ChallengeSource>,
    /// Where they come from if the lab file does not say.
    pub otherwise: Option<ChallengeSource>,
}

/// The real devices and PKIs of a run, which are the driver of that run.
#[derive(Default)]
pub struct Targets {
    options: TargetOptions,
    pkis: Mutex<Vec<(PkiByUrl, OpenPki)>>,
    sessions: SshSessions,
}

impl Targets {
    /// Nothing is opened yet.
    pub fn new(options: TargetOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Logs in to a device, and out again: whoever cannot be reached is known before anything is changed.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn greet(&self, name: &str, target: &SshTarget) -> Result<(), TestbedError> {
        // Nothing was changed, and there is nothing to put back.
        let device = self.sessions.open(name, target, true).await?;
        device.restore().await;
        Ok(())
    }

    /// Where the challenge passwords of a PKI come from.
    pub fn source(&self, plan: &PkiByUrl) -> Option<ChallengeSource> {
        let TargetOptions { challenge, otherwise, .. } = &self.options;
        [challenge, &plan.challenge, otherwise].into_iter().find_map(Clone::clone)
    }

    /// The PKI, opened: its passwords are read, and nothing is sent.
    ///
    /// # Errors
    /// When its passwords cannot be read.
    fn pki(&self, plan: &PkiByUrl) -> Result<OpenPki, String> {
        let mut open = self.pkis.lock();
        if let Some((_, pki)) = open.iter().find(|(other, _)| other == plan) {
            return Ok(pki.clone());
        }
        let (challenges, secrets) = read(self.source(plan))?;
        let pki = LivePki::new(plan.url.clone(), challenges, plan.timeout, None);
        let control = plan.control.clone().map(|url| {
            let connections = Connections::by_url(url.clone(), plan.timeout);
            Arc::new(MockPki::by_url(url.to_string(), connections))
        });
        let (pki, issued_before, pending_before) = (Arc::new(pki), 0, BTreeSet::new());
        let pki = OpenPki { pki, secrets, control, issued_before, pending_before };
        open.push((plan.clone(), pki.clone()));
        Ok(pki)
    }

    /// Opens a PKI beforehand, so that what is wrong with its passwords is known before anything is sent.
    ///
    /// # Errors
    /// When its passwords cannot be read.
    pub fn prepare(&self, plan: &PkiByUrl) -> Result<(), String> {
        self.pki(plan).map(drop)
    }
}

#[async_trait]
impl Driver for Targets {
    async fn build(&self, lab: &Lab, _: &str) -> Result<Testbed, TestbedError> {
        if !lab.is_live() {
            let what =
                "a lab that names no device by SSH and no PKI by URL; `--lab FILE` names another";
            return Err(not_supported(what.to_owned()));
        }
        let mut testbed = Testbed::default();
        for (name, plan) in &lab.by_url {
            let broken = |reason| TestbedError::Pki { name: name.clone(), reason };
            let pki = self.pki(plan).map_err(broken)?;
            let pki = pki.for_scenario().await.map_err(|error| broken(error.to_string()))?;
            testbed.secrets.extend(pki.secrets.iter().cloned());
            testbed.pkis.insert(name.clone(), Arc::new(pki));
        }
        for (name, plan) in &lab.devices {
            let device = match &plan.ssh {
                Some(target) => {
                    let keeps = self.options.keep_configuration;
                    let device = Arc::new(self.sessions.open(name, target, keeps).await?);
                    testbed.resources.push(Box::new(Restoring(Arc::clone(&device))));
                    device
                }
                None => simulated(name, lab).await?,
            };
            testbed.devices.insert(name.clone(), device);
        }
        Ok(testbed)
    }

    /// Devices, passwords that serve once, and what a CA has issued: other scenarios would change them meanwhile.
    fn exclusive(&self, lab: &Lab) -> BTreeSet<String> {
        let serves_once = |source: &ChallengeSource| {
            !matches!(source, ChallengeSource::None | ChallengeSource::Static(_))
        };
        let is_held = |pki: &&PkiByUrl| {
            pki.control.is_some() || self.source(pki).as_ref().is_some_and(serves_once)
        };
        let pkis = lab.by_url.values().filter(is_held).map(|pki| pki.url.to_string());
        let controls = lab.by_url.values().filter_map(|pki| pki.control.as_ref());
        let devices = lab.devices.values().filter_map(|device| device.ssh.as_ref());
        pkis.chain(controls.map(|url| format!("control {url}")))
            .chain(devices.map(|target| format!("ssh {}:{}", target.host, target.port)))
            .collect()
    }

    fn remains(&self) -> Remains {
        let (devices, changed) = (self.sessions.complaints(), self.sessions.not_put_back());
        Remains { devices, changed, ..Remains::default() }
    }

    async fn settle(&self) -> Remains {
        let devices = self.sessions.settled().await;
        Remains { devices, ..Remains::default() }
    }
}

/// Elsewhere the simulated device has no sockets of the system's to ping with.
#[cfg(not(target_os = "linux"))]
async fn simulated(name: &str, _: &Lab) -> Result<Arc<dyn testbed::device::Device>, TestbedError> {
    Err(not_supported(format!("a simulated device, such as `{name}`, on this operating system")))
}

fn not_supported(what: String) -> TestbedError {
    TestbedError::NotSupported { driver: DriverName::Live, what }
}

/// Puts the configuration of a device back at the end of a lab; so does the device itself when it is dropped.
struct Restoring(Arc<SshDevice>);

#[async_trait]
impl Resource for Restoring {
    async fn close(self: Box<Self>) {
        // What comes of it is told at the end of the run.
        self.0.restore().await;
    }
}

/// A PKI whose passwords have been read.
#[derive(Clone)]
struct OpenPki {
    pki: Arc<LivePki>,
    /// Its passwords, as far as they are known.
    secrets: Vec<Secret>,
    /// The control port, which does what SCEP has no words for.
    control: Option<Arc<MockPki<Connections>>>,
    /// How many certificates are none of the scenario's.
    issued_before: usize,
    /// The transactions that wait, and are none of the scenario's.
    pending_before: BTreeSet<TransactionId>,
}

impl OpenPki {
    /// The same, for a scenario that begins now: what was issued already, or waits for a decision, is none of its business.
    ///
    /// # Errors
    /// When the control port, where there is one, does not tell of it.
    async fn for_scenario(mut self) -> Result<Self, PkiError> {
        if let Some(control) = &self.control {
            self.issued_before = control.issued().await?.len();
            self.pending_before = control.pending().await?;
        }
        Ok(self)
    }

    fn control(&self, what: &str) -> Result<&MockPki<Connections>, PkiError> {
        let what = || format!("{what} by its URL alone, without `control`");
        self.control.as_deref().ok_or_else(|| PkiError::NotSupported { what: what() })
    }
}

#[async_trait]
impl Pki for OpenPki {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        self.pki.exchange(request, suffix).await
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        self.pki.asks_for_challenge().await
    }

    async fn challenge(&self, expendable: bool) -> Result<Option<Secret>, PkiError> {
        self.pki.challenge(expendable).await
    }

    async fn challenge_unused(&self, challenge: Secret) -> Result<(), PkiError> {
        self.pki.challenge_unused(challenge).await
    }

    async fn expendable_granted(&self) -> Result<(), PkiError> {
        self.pki.expendable_granted().await
    }

    async fn approve(&self) -> Result<Decision, PkiError> {
        let control = self.control("approving requests")?;
        control.decide(control::Decision::Approve, &self.pending_before).await
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        let control = self.control("denying requests")?;
        control.decide(control::Decision::Deny, &self.pending_before).await
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        let issued = self.control("listing issued certificates")?.issued().await?;
        Ok(issued.into_iter().skip(self.issued_before).collect())
    }

    async fn url(&self) -> Result<String, PkiError> {
        Ok(self.pki.url.to_string())
    }

    /// Asked after a failure: whether it is to be reached from here, and what it says of itself.
    async fn log(&self) -> Vec<String> {
        vec![self.pki.introduction().await]
    }
}

fn read(source: Option<ChallengeSource>) -> Result<(Challenges, Vec<Secret>), String> {
    let all = |passwords: Vec<Secret>| (Challenges::given(passwords.clone()), passwords);
    Ok(match source {
        None | Some(ChallengeSource::None) => (Challenges::None, Vec::new()),
        Some(ChallengeSource::Static(secret)) => (Challenges::One(secret.clone()), vec![secret]),
        Some(ChallengeSource::OneTime(list)) => {
            (Challenges::OneTime(Mutex::new(list.clone().into())), list)
        }
        Some(ChallengeSource::File(path)) => all(passwords_in(&path)?),
        Some(ChallengeSource::Environment(name)) => all(vec![password_of(&name)?]),
        Some(ChallengeSource::Ndes(page)) => {
            let password = page.password.read()?;
            let secrets = vec![password.clone()];
            (Challenges::Ndes(NdesAdmin::new(page.url, page.user, password)), secrets)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use diagnostics::Source;

    use super::*;

    fn plan(challenge: Option<ChallengeSource>) -> PkiByUrl {
        let url = "http://127.0.0.1:1/scep".parse().unwrap();
        PkiByUrl { url, challenge, control: None, timeout: Duration::from_secs(1) }
    }

    #[tokio::test]
    async fn passwords_that_serve_once_are_shared_by_the_scenarios_of_a_run() {
        let once = ["a1", "b2"].map(Secret::new).to_vec();
        let plan = plan(Some(ChallengeSource::OneTime(once)));
        let targets = Targets::default();
        for expected in ["a1", "b2"] {
            let pki = targets.pki(&plan).unwrap();
            assert_eq!(pki.challenge(false).await.unwrap().unwrap().expose(), expected);
        }
        let spent = targets.pki(&plan).unwrap().challenge(false).await;
        assert!(matches!(spent, Err(PkiError::NotSupported { .. })), "{spent:?}");
    }

    #[tokio::test]
    async fn the_command_line_goes_before_the_lab_file_and_the_environment_after_it() {
        let one = |text: &str| Some(ChallengeSource::Static(Secret::new(text)));
        let given = |challenge, otherwise| {
            Targets::new(TargetOptions { challenge, otherwise, ..TargetOptions::default() })
        };
        for (targets, lab, expected) in [
            (given(one("typed"), one("set")), one("written"), "typed"),
            (given(None, one("set")), one("written"), "written"),
            (given(None, one("set")), None, "set"),
        ] {
            let pki = targets.pki(&plan(lab)).unwrap();
            assert_eq!(pki.challenge(false).await.unwrap().unwrap().expose(), expected);
        }
        let none = given(None, one("set")).pki(&plan(Some(ChallengeSource::None))).unwrap();
        assert_eq!(none.asks_for_challenge().await, Ok(false));
    }

    #[test]
    fn passwords_that_are_nowhere_are_missed_beforehand() {
        let missing = plan(Some(ChallengeSource::Environment("SCEPLAB_NO_SUCH_VARIABLE".into())));
        let reason = Targets::default().prepare(&missing).unwrap_err();
        assert_eq!(reason, "the environment variable `SCEPLAB_NO_SUCH_VARIABLE` holds no password");
        let missing = plan(Some(ChallengeSource::File("/nowhere/at/all".into())));
        let reason = Targets::default().prepare(&missing).unwrap_err();
        assert!(reason.starts_with("`/nowhere/at/all` cannot be read: "), "{reason}");
    }

    #[test]
    fn passwords_that_serve_once_are_held_and_one_for_all_is_not() {
        let held = |challenge: &str| {
            let text =
                format!("pki: {{p: {{url: http://127.0.0.1:1/scep, challenge: {challenge}}}}}");
            let lab = Lab::parse(&Source::new("lab", text)).unwrap();
            Targets::default().exclusive(&lab)
        };
        let url = BTreeSet::from(["http://127.0.0.1:1/scep".to_owned()]);
        assert_eq!(held("{one-time: [a-password, b-password]}"), url);
        assert_eq!(held("{static: a-password}"), BTreeSet::new());
    }
}
