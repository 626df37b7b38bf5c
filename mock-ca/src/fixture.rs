//! A CA as a fixture: a test starts it, sends its client there, and asks what happened.

mod running;

use std::{io, thread::Builder};

use scep::secret::Secret;
use tokio::sync::oneshot;

pub use self::running::RunningCa;

use self::running::panicked;
use crate::{
    Approval, ChallengePolicy, FaultError, FaultRule, OpenError, PersonalityName, Settings,
};

/// A CA that a test is about to start.
///
/// It serves on a free port of 127.0.0.1, from a thread of its own, so that the client under test may block.
///
/// ```
/// use mock_ca::MockCa;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/client/mod.rs"));
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ca = MockCa::rfc8894()
///     .challenge("s3cret")
///     .fault("on: PKIOperation, nth: 1, do: http-status 503")?
///     .start_blocking()?;
///
/// // Your client enrols at `ca.url()`: in vain at first, then with success.
/// assert!(enrol(ca.url(), "s3cret").is_err());
/// enrol(ca.url(), "s3cret")?;
///
/// assert_eq!(ca.faults()[0].fired, 1);
/// assert_eq!(ca.issued()?[0].subject, "CN = device");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it serves once it is started"]
pub struct MockCa {
    settings: Settings,
}

/// The reason why a CA could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings or the state of the CA cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system gave no port.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(io::Error),
    /// The thread of the CA did not start, or could not serve.
    #[error("cannot serve from a thread: {0}")]
    Thread(io::Error),
}

impl MockCa {
    /// A CA of this personality, with the defaults of [`Settings::new`]: no challenge password, automatic approval.
    ///
    /// ```
    /// use mock_ca::{MockCa, PersonalityName};
    ///
    /// # fn main() -> Result<(), mock_ca::StartError> {
    /// for personality in PersonalityName::ALL {
    ///     let ca = MockCa::new(*personality).start_blocking()?;
    ///     // The same test of your client at each of them.
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(personality: PersonalityName) -> Self {
        Self { settings: Settings::new("mock-ca", personality) }
    }

    /// A CA that behaves like micromdm's scepserver.
    ///
    /// ```
    /// # fn main() -> Result<(), mock_ca::StartError> {
    /// let ca = mock_ca::MockCa::linux().start_blocking()?;
    /// assert!(ca.url().ends_with("/scep"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn linux() -> Self {
        Self::new(PersonalityName::Linux)
    }

    /// A CA that behaves like Microsoft's Network Device Enrollment Service.
    ///
    /// Its page of challenge passwords is at [`Ca::admin_path`](crate::Ca::admin_path).
    ///
    /// ```
    /// use mock_ca::{ChallengePolicy, MockCa};
    ///
    /// # fn main() -> Result<(), mock_ca::StartError> {
    /// let one_time = ChallengePolicy::one_time(Vec::new());
    /// let ca = MockCa::ndes().with(|settings| settings.challenge = one_time).start_blocking()?;
    /// let page = format!("http://{}{}", ca.address(), ca.admin_path().unwrap());
    /// assert!(page.ends_with("/certsrv/mscep_admin/"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn ndes() -> Self {
        Self::new(PersonalityName::Ndes)
    }

    /// A CA that does what RFC 8894 asks, to the letter.
    ///
    /// ```
    /// # fn main() -> Result<(), mock_ca::StartError> {
    /// let ca = mock_ca::MockCa::rfc8894().challenge("s3cret").start_blocking()?;
    /// assert!(ca.asks_for_challenge());
    /// # Ok(())
    /// # }
    /// ```
    pub fn rfc8894() -> Self {
        Self::new(PersonalityName::Rfc8894)
    }

    /// Every request needs this challenge password.
    pub fn challenge(self, password: impl Into<String>) -> Self {
        let password = Secret::new(password);
        self.with(|settings| settings.challenge = ChallengePolicy::Static(password))
    }

    /// Every request waits until the test calls [`Ca::approve`](crate::Ca::approve) or [`Ca::deny`](crate::Ca::deny).
    ///
    /// ```
    /// use mock_ca::MockCa;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ca = MockCa::rfc8894().manual_approval().start_blocking()?;
    /// // After your client has sent its request:
    /// for request in ca.pending()? {
    ///     ca.approve(&request.transaction_id)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn manual_approval(self) -> Self {
        self.with(|settings| settings.approval = Approval::Manual)
    }

    /// Adds something that the CA does wrong on purpose, such as `on: PKIOperation, nth: 2, do: http-status 503`.
    ///
    /// Without `nth` the fault happens each time. [`Fault::ALL`](crate::Fault::ALL) lists the faults.
    ///
    /// # Errors
    /// If the text is no rule, or the fault can never happen at this CA.
    ///
    /// ```
    /// use mock_ca::MockCa;
    ///
    /// let error = MockCa::linux().fault("on: PKIOperation, do: http-staus 503").unwrap_err();
    /// assert_eq!(error.to_string(), "`http-staus` is no fault (did you mean `http-status`?)");
    /// ```
    pub fn fault(self, rule: &str) -> Result<Self, FaultError> {
        let rule: FaultRule = rule.parse()?;
        rule.expect_suited(self.settings.personality)?;
        Ok(self.with(|settings| settings.faults.push(rule)))
    }

    /// Changes anything else in the settings.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mock_ca::MockCa;
    ///
    /// # fn main() -> Result<(), mock_ca::StartError> {
    /// let ca = MockCa::linux()
    ///     .with(|settings| settings.subject = Some("CN=Test CA".to_owned()))
    ///     .with(|settings| settings.valid_for = Some(Duration::from_secs(600)))
    ///     .start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts the CA on a free port of 127.0.0.1.
    ///
    /// Any executor will do, because the CA has a thread and a runtime of its own.
    ///
    /// # Errors
    /// If the settings cannot be used, or the system gives no port or thread.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mock_ca::StartError> {
    /// let ca = mock_ca::MockCa::linux().start().await?;
    /// tokio::net::TcpStream::connect(ca.address()).await.unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(self) -> Result<RunningCa, StartError> {
        let (started, starting) = oneshot::channel();
        let start = move || drop(started.send(self.start_blocking()));
        Builder::new().spawn(start).map_err(StartError::Thread)?;
        starting.await.unwrap_or_else(|_| Err(StartError::Thread(panicked())))
    }

    /// The blocking twin of [`MockCa::start`], for tests without an executor.
    ///
    /// # Errors
    /// If the settings cannot be used, or the system gives no port or thread.
    ///
    /// ```
    /// # fn main() -> Result<(), mock_ca::StartError> {
    /// let ca = mock_ca::MockCa::linux().start_blocking()?;
    /// std::net::TcpStream::connect(ca.address()).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_blocking(self) -> Result<RunningCa, StartError> {
        RunningCa::start(self.settings)
    }
}
