//! A device in this process whose network is the operating system's own loopback.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dut_sim::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError, Stream,
};
use dut_sim::{Device, DeviceSettings, GrowingPause, ScepClient};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::sceplab::DEADLINE;

/// The host's own network, which stays unchanged.
struct Loopback;

#[async_trait]
impl Network for Loopback {
    async fn apply(&self, _: &Addressing) -> Result<(), ApplyError> {
        Ok(())
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        host.parse().map_err(|_| ResolveError::Unknown { host: host.to_owned() })
    }

    async fn echo(&self, _: &EchoRequest) -> EchoOutcome {
        EchoOutcome::NoRoute
    }

    async fn connect(&self, address: Ipv4Addr, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
        match TcpStream::connect((address, port)).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Err(ConnectError::Refused)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A device that enrols with a client of another project.
pub(crate) struct ClientDevice(Arc<Device>);

impl ClientDevice {
    /// A device with this client. Its program must be installed.
    pub(crate) fn with(client: ScepClient) -> Self {
        let pause =
            GrowingPause { first: Duration::from_millis(50), longest: Duration::from_millis(200) };
        let mut settings = DeviceSettings {
            retry_pause: pause,
            poll_pause: pause,
            ..DeviceSettings::new(Arc::new(Loopback))
        };
        settings.own.client = client;
        Self(Device::start(settings))
    }

    /// Configures the request `CSR` with the server at `url` and these further lines.
    #[track_caller]
    pub(crate) fn configure(&self, url: &str, lines: &[&str]) -> impl Future<Output = ()> {
        let csr = "set system certificate scep csr CSR";
        let given = lines.iter().map(|line| format!("{csr} {line}\n"));
        let lines: String = std::iter::once(format!("{csr} url '{url}'\n")).chain(given).collect();
        async move { self.0.replace_configuration(&lines).await.unwrap() }
    }

    pub(crate) async fn output(&self, command: &str) -> String {
        self.0.execute(command).await.output
    }

    pub(crate) fn log(&self) -> String {
        self.0.protocol_log().join("\n")
    }

    pub(crate) fn notes(&self) -> String {
        self.0.notes().join("\n")
    }

    /// Waits until `pki scep show` has one of the texts, and returns its output with white space folded.
    pub(crate) async fn shows(&self, texts: &[&str]) -> String {
        let mut changes = self.0.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                let output = self.output("pki scep show CSR").await;
                let folded = output.split_whitespace().collect::<Vec<_>>().join(" ");
                if texts.iter().any(|text| folded.contains(text)) {
                    return folded;
                }
                changes.changed().await.unwrap();
            }
        };
        if let Ok(shown) = timeout(DEADLINE, waiting).await {
            return shown;
        }
        let shown = self.output("pki scep show CSR").await;
        panic!("none of {texts:?} in:\n{shown}\n{}", self.log());
    }

    /// Waits until the output of a command has the text, and returns the output.
    pub(crate) async fn outputs(&self, command: &str, text: &str) -> String {
        // The log announces a certificate before it is stored.
        let waiting = async {
            loop {
                let output = self.output(command).await;
                if output.contains(text) {
                    return output;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        if let Ok(output) = timeout(DEADLINE, waiting).await {
            return output;
        }
        panic!("no `{text}` in:\n{}\n{}", self.output(command).await, self.log());
    }

    /// Waits until the log has a line with the text.
    pub(crate) async fn logs(&self, text: &str) {
        // A line of a program's output is no change of the device, so nothing announces it.
        let waiting = async {
            while !self.log().contains(text) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let seen = timeout(DEADLINE, waiting).await.is_ok();
        assert!(seen, "no `{text}` in:\n{}", self.log());
    }
}
