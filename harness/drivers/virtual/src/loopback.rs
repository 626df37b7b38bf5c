//! Labs for a client under test that is a program. The mock CAs listen on this machine's loopback interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use model::lab::{self, Lab};
use recording::{Folder, Recorder};
use scep::clock::Clock;
use simulated::lab_ca::LabCa;
use simulated::mock_pki::MockPki;
use simulated::recorded_pki::RecordedPki;
use simulated::tapped::Tapped;
use testbed::client::Client;
use testbed::injection::panic_if_asked;
use testbed::pki::Pki;
use testbed::{Driver, DriverName, LabOptions, Resource, Testbed, TestbedError};

/// Starts mock CAs on the loopback interface, each on a port that the system chooses, and a client that enrols with them.
pub struct Loopback {
    client: Arc<dyn Client>,
    options: LabOptions,
}

impl Loopback {
    /// The driver for that client; what it exchanges is saved if there is a folder for it.
    pub fn new(client: Arc<dyn Client>, messages: Option<Folder>) -> Self {
        Self { client, options: LabOptions { messages, ..LabOptions::default() } }
    }
}

#[async_trait]
impl Driver for Loopback {
    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        if let Some(name) = lab.devices.keys().chain(lab.hosts.keys()).next() {
            let what = format!("a lab with devices and hosts, such as `{name}`, on loopback");
            return Err(TestbedError::NotSupported { driver: DriverName::Virtual, what });
        }
        panic_if_asked("driver");
        let mut testbed = Testbed {
            client: Some(Arc::clone(&self.client)),
            clock: lab.clock(),
            ..Testbed::default()
        };
        let recorder = self.options.recorder(id, &testbed.clock);
        testbed.wire = Some(Arc::new(recorder.clone()));
        for (name, plan) in &lab.pkis {
            let (pki, listener) = listen(name, plan, &testbed.clock, recorder.clone()).await?;
            testbed.pkis.insert(name.clone(), pki);
            testbed.resources.push(Box::new(listener));
        }
        for (name, plan) in &lab.recorded {
            let (listener, address) = bind().await?;
            let at = |_| Some(address);
            let pki = RecordedPki::open_at(name, plan, &testbed.clock, &recorder, at).await?;
            testbed.secrets.extend(pki.secrets());
            testbed.resources.push(Box::new(Listener::of(pki.service(), listener)));
            testbed.pkis.insert(name.clone(), Arc::new(pki));
        }
        Ok(testbed)
    }
}

/// The task that serves a CA; it ends with the lab.
struct Listener(JoinSet<()>);

impl Listener {
    fn of<S: mock_ca::Server>(service: Tapped<S>, listener: TcpListener) -> Self {
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            panic_if_asked("service");
            service.serve(listener, std::future::pending()).await;
        });
        Self(serving)
    }
}

#[async_trait]
impl Resource for Listener {
    async fn close(mut self: Box<Self>) {
        // Ends without waiting for open connections.
        self.0.shutdown().await;
    }
}

async fn listen(
    name: &str,
    plan: &lab::Pki,
    clock: &Clock,
    recorder: Recorder,
) -> Result<(Arc<dyn Pki>, Listener), TestbedError> {
    let (listener, address) = bind().await?;
    let ca = LabCa::open(name, plan, Some(address), clock)?.recorded(Some(recorder));
    let listener = Listener::of(ca.service(), listener);
    Ok((Arc::new(MockPki::in_this_process(&ca)), listener))
}

async fn bind() -> Result<(TcpListener, SocketAddr), TestbedError> {
    let network = |error: std::io::Error| TestbedError::Network { reason: error.to_string() };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(network)?;
    let address = listener.local_addr().map_err(network)?;
    Ok((listener, address))
}
