//! The CA as a container, with [`testcontainers`]: for tests in which the client under test reaches it over a network of
//! containers.
//!
//! The engine must have the project's image; `docker build -t sceplab .` makes it in a checkout.
//!
//! ```no_run
//! use mock_ca::container::{MockCaImage, testcontainers::runners::AsyncRunner};
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let container = MockCaImage::linux().challenge("s3cret").start().await?;
//! let url = MockCaImage::url(&container).await?;
//! // Your client enrols at `url`; the CA stops when `container` is dropped.
//! # Ok(())
//! # }
//! ```

use std::{borrow::Cow, collections::BTreeMap};

use scep::secret::Secret;
pub use testcontainers;
use testcontainers::{
    ContainerAsync, Image, TestcontainersError,
    core::{ContainerPort, WaitFor},
};

use crate::{FaultError, FaultRule, PersonalityName};

/// The variable with the challenge password.
const CHALLENGE: &str = "SCEPLAB_CHALLENGE";

/// The port in the container.
const PORT: ContainerPort = ContainerPort::Tcp(8080);

/// The project's image `sceplab:latest`, which serves a CA.
///
/// [`with_name`](testcontainers::ImageExt::with_name) and [`with_tag`](testcontainers::ImageExt::with_tag) choose another image.
#[derive(Clone, Debug)]
#[must_use = "it serves once it is started"]
pub struct MockCaImage {
    personality: PersonalityName,
    command: Vec<String>,
    environment: BTreeMap<&'static str, Secret>,
}

impl MockCaImage {
    /// A CA of this personality.
    pub fn new(personality: PersonalityName) -> Self {
        let listen = format!("0.0.0.0:{}", PORT.as_u16());
        Self {
            personality,
            command: vec!["serve".to_owned(), personality.to_string()],
            environment: [("SCEPLAB_LISTEN", Secret::new(listen))].into(),
        }
    }

    /// A CA that behaves like micromdm's scepserver.
    pub fn linux() -> Self {
        Self::new(PersonalityName::Linux)
    }

    /// A CA that behaves like Microsoft's Network Device Enrollment Service.
    pub fn ndes() -> Self {
        Self::new(PersonalityName::Ndes)
    }

    /// A CA that does what RFC 8894 asks, to the letter.
    pub fn rfc8894() -> Self {
        Self::new(PersonalityName::Rfc8894)
    }

    /// Every request needs this challenge password.
    pub fn challenge(mut self, password: impl Into<String>) -> Self {
        let is_first = self.environment.insert(CHALLENGE, Secret::new(password)).is_none();
        match self.personality {
            PersonalityName::Ndes | PersonalityName::Rfc8894 if is_first => {
                self.argument("--single-password")
            }
            // `linux` has one password for all requests in any case.
            _ => self,
        }
    }

    /// Adds a fault, as [`MockCa::fault`](crate::MockCa::fault) does.
    ///
    /// # Errors
    /// If the text is no rule, or the fault can never happen at this CA.
    pub fn fault(self, rule: &str) -> Result<Self, FaultError> {
        let rule: FaultRule = rule.parse()?;
        rule.expect_possible(self.personality, None)?;
        Ok(self.argument("--fault").argument(rule.to_string()))
    }

    /// Adds an argument to the command `sceplab serve`; `sceplab serve --help` lists them.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.command.push(argument.into());
        self
    }

    /// The URL of the SCEP service in a container, as it is reached from this process.
    ///
    /// # Errors
    /// If the engine does not say which port of the host leads to the container.
    pub async fn url(container: &ContainerAsync<Self>) -> Result<String, TestcontainersError> {
        let (host, port) = (container.get_host().await?, container.get_host_port_ipv4(PORT).await?);
        let paths = container.image().personality.paths();
        Ok(format!("http://{host}:{port}{}", paths.first().copied().unwrap_or_default()))
    }
}

impl Image for MockCaImage {
    fn name(&self) -> &'static str {
        "sceplab"
    }

    fn tag(&self) -> &'static str {
        "latest"
    }

    /// The line with the fingerprint of the CA's certificate is the last before it serves.
    fn ready_conditions(&self) -> Vec<WaitFor> {
        vec![WaitFor::message_on_stdout("ca             SHA-256")]
    }

    fn env_vars(
        &self,
    ) -> impl IntoIterator<Item = (impl Into<Cow<'_, str>>, impl Into<Cow<'_, str>>)> {
        self.environment.iter().map(|(name, value)| (*name, value.expose()))
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<Cow<'_, str>>> {
        &self.command
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &[PORT]
    }
}
