//! The existing devices and PKIs of a run. Each PKI is opened once, for all scenarios.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use mock_ca::control;
use parking_lot::Mutex;
use recording::{Folder, Recorder};
use scep::attribute::TransactionId;

use super::live_pki::{Challenges, LivePki, NdesAdmin};
#[cfg(target_os = "linux")]
use super::sim::start as simulated;
use super::ssh_device::{SshDevice, SshSessions};
use model::lab::{
    ChallengeSource, Lab, PasswordError, PkiByUrl, Secret, SshTarget, password_of, passwords_in,
};
use simulated::connector::Connections;
use simulated::mock_pki::MockPki;
use testbed::access::Access;
use testbed::pki::{Decision, IssuedCertificate, Pki, PkiError, ScepService};
use testbed::{Driver, DriverName, KeyStore, LabOptions, Remains, Resource, Testbed, TestbedError};

/// How existing devices and PKIs are used, in addition to the lab file.
#[derive(Clone, Default)]
pub struct TargetOptions {
    /// True if devices keep the configuration of a scenario.
    pub keep_configuration: bool,
    /// The source of challenge passwords; overrides the lab file.
    pub challenge: Option<ChallengeSource>,
    /// The source of challenge passwords if the lab file has none.
    pub otherwise: Option<ChallengeSource>,
    /// Folder for what is exchanged with PKIs.
    pub messages: Option<Folder>,
    /// How PKIs are reached.
    pub access: Access,
}

/// The existing devices and PKIs of a run, as the driver of that run.
#[derive(Default)]
pub struct Targets {
    options: TargetOptions,
    pkis: Mutex<Vec<(PkiByUrl, OpenPki)>>,
    sessions: SshSessions,
    /// The source of the keys to certify; each scenario has its own.
    keys: KeyStore,
}

impl Targets {
    /// The driver; nothing is opened yet.
    pub fn new(options: TargetOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Logs in to a device, and out again, so that an unreachable device is found before anything is changed.
    ///
    /// # Errors
    /// Why the login failed.
    pub async fn check_login(&self, name: &str, target: &SshTarget) -> Result<(), TestbedError> {
        // With `keep_config`, because nothing is changed and nothing has to be restored.
        let device = self.sessions.open(name, target, true).await?;
        device.restore().await;
        Ok(())
    }

    /// The warning about connections to PKIs, if nobody verifies them.
    pub fn warning(&self) -> Option<&'static str> {
        self.options.access.warning()
    }

    /// The source of a PKI's challenge passwords.
    pub fn source(&self, plan: &PkiByUrl) -> Option<ChallengeSource> {
        let TargetOptions { challenge, otherwise, .. } = &self.options;
        [challenge, &plan.challenge, otherwise].into_iter().find_map(Clone::clone)
    }

    /// Opens the PKI: reads its passwords, but sends nothing.
    ///
    /// # Errors
    /// If the PKI's passwords cannot be read.
    fn pki(&self, plan: &PkiByUrl) -> Result<OpenPki, PasswordError> {
        let mut open = self.pkis.lock();
        if let Some((_, pki)) = open.iter().find(|(other, _)| other == plan) {
            return Ok(pki.clone());
        }
        let (challenges, secrets) = read(self.source(plan))?;
        let pki = LivePki::new(plan.url.clone(), challenges, plan.timeout, None);
        let pki = pki.through(self.options.access.clone());
        let control = plan.control.clone().map(|url| {
            let connections = Connections::by_url(url.clone(), plan.timeout);
            Arc::new(MockPki::by_url(url.to_string(), connections))
        });
        let (pki, issued_before, pending_before) = (Arc::new(pki), 0, BTreeSet::new());
        let pki = OpenPki { pki, secrets, control, issued_before, pending_before };
        open.push((plan.clone(), pki.clone()));
        Ok(pki)
    }

    /// Opens a PKI in advance, so that errors of its passwords are found before anything is sent.
    ///
    /// # Errors
    /// If the PKI's passwords cannot be read.
    pub fn prepare(&self, plan: &PkiByUrl) -> Result<(), PasswordError> {
        self.pki(plan).map(drop)
    }
}

#[async_trait]
impl Driver for Targets {
    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        if !lab.is_live() {
            let what =
                "a lab without a device by SSH or a PKI by URL; choose another with `--lab FILE`";
            return Err(not_supported(what.to_owned()));
        }
        let mut testbed = Testbed { keys: self.keys.with_new_names(), ..Testbed::default() };
        let recorder =
            LabOptions { messages: self.options.messages.clone(), ..LabOptions::default() };
        let recorder = recorder.recorder(id, &testbed.clock);
        testbed.wire = Some(Arc::new(recorder.clone()));
        for (name, plan) in &lab.by_url {
            let broken = |reason| TestbedError::Pki { name: name.clone(), reason };
            let pki = self.pki(plan).map_err(|error| broken(error.to_string()))?;
            let pki = pki
                .recorded_by(&recorder)
                .for_scenario()
                .await
                .map_err(|error| broken(error.to_string()))?;
            testbed.secrets.extend(pki.secrets.iter().cloned());
            testbed.pkis.insert(name.clone(), Arc::new(pki));
        }
        for (name, plan) in &lab.devices {
            let device = match &plan.ssh {
                Some(target) => {
                    let keeps = self.options.keep_configuration;
                    let device = Arc::new(self.sessions.open(name, target, keeps).await?);
                    testbed.resources.push(Box::new(RestoreOnClose(Arc::clone(&device))));
                    device
                }
                None => simulated(name, lab, &recorder).await?,
            };
            testbed.devices.insert(name.clone(), device);
        }
        Ok(testbed)
    }

    /// Devices, one-time passwords and the CA's issued certificates, because concurrent scenarios would change them.
    fn exclusive(&self, lab: &Lab) -> BTreeSet<String> {
        let is_one_time = |source: &ChallengeSource| {
            !matches!(source, ChallengeSource::None | ChallengeSource::Static(_))
        };
        let is_held = |pki: &&PkiByUrl| {
            pki.control.is_some() || self.source(pki).as_ref().is_some_and(is_one_time)
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

/// Refuses simulated devices, because their ping needs sockets that exist only on Linux.
#[cfg(not(target_os = "linux"))]
async fn simulated(
    name: &str,
    _: &Lab,
    _: &Recorder,
) -> Result<Arc<dyn testbed::device::Device>, TestbedError> {
    Err(not_supported(format!("a simulated device, such as `{name}`, on this operating system")))
}

fn not_supported(what: String) -> TestbedError {
    TestbedError::NotSupported { driver: DriverName::Live, what }
}

/// Restores the configuration of a device at the end of a lab. The device also does so itself on drop.
struct RestoreOnClose(Arc<SshDevice>);

#[async_trait]
impl Resource for RestoreOnClose {
    async fn close(self: Box<Self>) {
        // The result is reported at the end of the run.
        self.0.restore().await;
    }
}

/// A PKI whose passwords have been read.
#[derive(Clone)]
struct OpenPki {
    pki: Arc<LivePki>,
    /// The PKI's passwords, if they are known.
    secrets: Vec<Secret>,
    /// The control API, for operations that SCEP does not have.
    control: Option<Arc<MockPki<Connections>>>,
    /// The number of certificates from before the scenario.
    issued_before: usize,
    /// The transactions that were pending before the scenario.
    pending_before: BTreeSet<TransactionId>,
}

impl OpenPki {
    /// The PKI for a scenario that begins now, which must ignore certificates and pending requests from before.
    ///
    /// # Errors
    /// If there is a control API and it does not answer.
    async fn for_scenario(mut self) -> Result<Self, PkiError> {
        if let Some(control) = &self.control {
            self.issued_before = control.issued().await?.len();
            self.pending_before = control.pending().await?;
        }
        Ok(self)
    }

    /// The PKI, with its exchanges recorded.
    fn recorded_by(mut self, recorder: &Recorder) -> Self {
        self.pki = Arc::new(self.pki.with_recorder(recorder.clone()));
        self
    }

    fn control(&self, what: &str) -> Result<&MockPki<Connections>, PkiError> {
        let what = || format!("{what} by its URL alone, without `control`");
        self.control.as_deref().ok_or_else(|| PkiError::NotSupported { what: what() })
    }
}

#[async_trait]
impl Pki for OpenPki {
    fn scep(&self) -> Result<&dyn ScepService, PkiError> {
        Ok(&*self.pki)
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

    /// Called after a failure: whether the PKI can be reached from here, and its answer to GetCACaps.
    async fn log(&self) -> Vec<String> {
        vec![self.pki.describe().await]
    }
}

fn read(source: Option<ChallengeSource>) -> Result<(Challenges, Vec<Secret>), PasswordError> {
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
    async fn one_time_passwords_are_shared_by_the_scenarios_of_a_run() {
        let once = ["a1", "b2"].map(Secret::new).to_vec();
        let plan = plan(Some(ChallengeSource::OneTime(once)));
        let targets = Targets::default();
        for expected in ["a1", "b2"] {
            let pki = targets.pki(&plan).unwrap();
            assert_eq!(
                pki.scep().unwrap().challenge(false).await.unwrap().unwrap().expose(),
                expected
            );
        }
        let pki = targets.pki(&plan).unwrap();
        let spent = pki.scep().unwrap().challenge(false).await;
        assert!(matches!(spent, Err(PkiError::NoPassword { .. })), "{spent:?}");
    }

    #[tokio::test]
    async fn command_line_overrides_lab_file_and_environment_is_the_default() {
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
            assert_eq!(
                pki.scep().unwrap().challenge(false).await.unwrap().unwrap().expose(),
                expected
            );
        }
        let none = given(None, one("set")).pki(&plan(Some(ChallengeSource::None))).unwrap();
        assert_eq!(none.scep().unwrap().asks_for_challenge().await, Ok(false));
    }

    #[test]
    fn missing_passwords_are_reported_in_advance() {
        let missing = plan(Some(ChallengeSource::Environment("SCEPLAB_NO_SUCH_VARIABLE".into())));
        let reason = Targets::default().prepare(&missing).unwrap_err().to_string();
        assert_eq!(reason, "the environment variable `SCEPLAB_NO_SUCH_VARIABLE` holds no password");
        let missing = plan(Some(ChallengeSource::File("/nowhere/at/all".into())));
        let reason = Targets::default().prepare(&missing).unwrap_err().to_string();
        assert!(reason.starts_with("`/nowhere/at/all` cannot be read: "), "{reason}");
    }

    #[test]
    fn only_one_time_passwords_are_exclusive() {
        let exclusive = |challenge: &str| {
            let text =
                format!("pki: {{p: {{url: http://127.0.0.1:1/scep, challenge: {challenge}}}}}");
            let lab = Lab::parse(&Source::new("lab", text)).unwrap();
            Targets::default().exclusive(&lab)
        };
        let url = BTreeSet::from(["http://127.0.0.1:1/scep".to_owned()]);
        assert_eq!(exclusive("{one-time: [a-password, b-password]}"), url);
        assert_eq!(exclusive("{static: a-password}"), BTreeSet::new());
    }
}
