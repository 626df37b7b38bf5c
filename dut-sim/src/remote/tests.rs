//! A device and its console at the two ends of a stream, and each of them with a misbehaving peer.

mod sessions;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use process::messages::MESSAGE_LIMIT;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

use super::*;
use crate::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError, Stream,
};
use crate::{Device, DeviceSettings, Secret};

const CSR: &str = "set system certificate scep csr A url http://h/\n\
                   set system certificate scep csr A distinguished-names CN=x";

/// A network that never connects, and never applies the address [`NEVER_APPLIED`].
struct HangingNetwork;

const NEVER_APPLIED: &str = "192.0.2.99";

#[async_trait]
impl Network for HangingNetwork {
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        let never: Ipv4Addr = NEVER_APPLIED.parse().unwrap();
        if addressing.interfaces.iter().any(|given| given.address.addr() == never) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        assert_ne!(host, "panic");
        host.parse().map_err(|_| ResolveError::Unknown { host: host.to_owned() })
    }

    async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
        tokio::time::sleep(request.timeout).await;
        EchoOutcome::TimedOut
    }

    async fn connect(&self, _: Ipv4Addr, _: u16) -> Result<Box<dyn Stream>, ConnectError> {
        std::future::pending().await
    }
}

fn make(settings: Settings) -> Result<Arc<Device>, String> {
    if settings.interfaces.is_empty() {
        return Err("a device without interfaces is none".to_owned());
    }
    let mut made = DeviceSettings::new(Arc::new(HangingNetwork));
    made.own.hostname = settings.hostname;
    Ok(Device::start(made))
}

fn settings() -> Settings {
    Settings {
        hostname: "DUT0".to_owned(),
        interfaces: vec!["eth0".to_owned()],
        keyring: [("sealed".to_owned(), Secret::new("hunter2"))].into(),
        ..Settings::default()
    }
}

/// The client's end of a stream whose other end is served.
fn connected<F>(devices: &Arc<Devices<F>>) -> DuplexStream
where
    F: Fn(Settings) -> Result<Arc<Device>, String> + Send + Sync + 'static,
{
    let (here, there) = duplex(4096);
    let devices = Arc::clone(devices);
    tokio::spawn(async move { devices.serve(there).await });
    here
}

async fn console() -> RemoteConsole {
    let devices = Arc::new(Devices::new(make));
    RemoteConsole::start(connected(&devices), settings()).await.unwrap()
}

/// A console of `device`, after the greeting.
async fn console_of(device: impl AsyncFnOnce(BufReader<DuplexStream>) + 'static) -> RemoteConsole {
    let (here, there) = duplex(1 << 20);
    let mut there = BufReader::new(there);
    let greeting = async {
        there.read_line(&mut String::new()).await.unwrap();
        there.write_all(b"\"ready\"\n").await.unwrap();
    };
    let (console, ()) = tokio::join!(RemoteConsole::start(here, settings()), greeting);
    tokio::task::spawn_local(device(there));
    console.unwrap()
}

/// The error of a request that the device answers with `bytes`.
async fn error_after(bytes: Vec<u8>) -> RemoteError {
    let local = tokio::task::LocalSet::new();
    let request = local.run_until(async {
        let console = console_of(async move |mut there| {
            there.read_line(&mut String::new()).await.unwrap();
            // The client may close the stream before the end.
            let _ = there.write_all(&bytes).await;
        });
        let console = console.await;
        let error = console.execute("show date").await.unwrap_err();
        assert_eq!(RemoteError::Closed(console.closed().await), error);
        assert_eq!(console.protocol_log().await.unwrap_err(), error);
        error
    });
    tokio::time::timeout(Duration::from_secs(60), request).await.unwrap()
}

#[tokio::test]
async fn remote_console_works_like_the_device() {
    let console = console().await;
    let mut changes = console.subscribe();
    assert_eq!(console.prompt().await.unwrap(), "admin@DUT0$ ");
    console.replace_configuration(CSR).await.unwrap().unwrap();
    tokio::time::timeout(Duration::from_secs(60), changes.changed()).await.unwrap().unwrap();
    let reply = console.execute("pki scep show A").await.unwrap();
    assert!(reply.ok && reply.output.contains("usercert"), "{reply:?}");
    assert!(!console.execute("pki scep show B").await.unwrap().ok);
    let refused = console.modify_configuration("\nset nonsense").await.unwrap().unwrap_err();
    assert_eq!((refused.line, refused.line_text.as_str()), (2, "set nonsense"));
    let offered = console.complete(vec!["pki".to_owned()], "sc".to_owned()).await.unwrap();
    assert_eq!(offered.iter().map(|each| each.word.as_str()).collect::<Vec<_>>(), ["scep"]);
}

#[tokio::test]
async fn panic_in_a_command_is_its_answer_and_the_session_goes_on() {
    let console = console().await;
    let error = tokio::time::timeout(Duration::from_secs(60), console.execute("ping panic"));
    let told = "an internal error in the device ended this request";
    assert_eq!(error.await.unwrap().unwrap_err(), RemoteError::Failed(told.to_owned()));
    assert!(console.execute("show date").await.unwrap().ok);
}

#[tokio::test]
async fn later_connections_share_the_device_of_the_first_one() {
    let devices = Arc::new(Devices::new(make));
    let early = RemoteConsole::attach(connected(&devices)).await.err();
    assert_eq!(early, Some(RemoteError::Failed("the device has not been started".to_owned())));
    let nothing = RemoteConsole::start(connected(&devices), Settings::default()).await.err();
    assert!(matches!(nothing, Some(RemoteError::Failed(reason)) if reason.contains("interfaces")));
    let first = RemoteConsole::start(connected(&devices), settings()).await.unwrap();
    let second = RemoteConsole::attach(connected(&devices)).await.unwrap();
    let late = RemoteConsole::start(connected(&devices), settings()).await.err();
    assert!(matches!(late, Some(RemoteError::Failed(reason)) if reason.contains("already")));
    first.replace_configuration("set system host-name R1").await.unwrap().unwrap();
    assert_eq!(second.prompt().await.unwrap(), "admin@R1$ ");
}

#[tokio::test(start_paused = true)]
async fn dropped_command_is_cancelled() {
    let console = console().await;
    let ping = console.execute("ping 192.0.2.1 count 1000 timeout 10");
    assert!(tokio::time::timeout(Duration::from_secs(3), ping).await.is_err());
    // The device runs one command at a time.
    let next = tokio::time::timeout(Duration::from_secs(3), console.execute("show date"));
    assert!(next.await.unwrap().unwrap().ok);
}

#[tokio::test(start_paused = true)]
async fn running_command_shows_its_lines_and_can_be_interrupted() {
    let console = console().await;
    let mut seen = Vec::new();
    let mut screen = |line: &str| {
        seen.push(line.to_owned());
        if seen.len() == 1 {
            console.interrupt();
        }
    };
    let step = console.step("ping 192.0.2.1 count 1000 timeout 1", &mut screen).await.unwrap();
    assert!(step.shown && !step.reply.ok, "{:?}", step.reply);
    assert!(seen.iter().any(|line| line.contains("packet loss")), "{seen:?}");
    assert!(console.step("exit", &mut |_| {}).await.unwrap().left);
}

#[tokio::test(start_paused = true)]
async fn long_command_is_awaited_and_silent_device_times_out() {
    let console = console().await;
    let reply = console.execute("ping 192.0.2.1 count 300 timeout 1").await.unwrap();
    assert!(reply.output.contains("300 packets transmitted"), "{}", reply.output);

    let local = tokio::task::LocalSet::new();
    let error = local.run_until(async {
        let console = console_of(async |mut there| {
            let _ = there.read_to_end(&mut Vec::new()).await;
        });
        console.await.execute("show date").await.unwrap_err()
    });
    assert_eq!(error.await.to_string(), "it sent nothing for 30 s");
}

#[tokio::test]
async fn broken_device_is_reported_with_the_reason() {
    let error = async |bytes: &[u8]| error_after(bytes.to_vec()).await.to_string();
    assert_eq!(error(b"").await, "the connection ended");
    assert_eq!(
        error(b"{\"answer\":{\"id\":1").await,
        "the connection ended in the middle of a message"
    );
    assert!(error(b"hello\n").await.starts_with("a message is not understood: no JSON"));
    assert!(error(b"{\"answer\":{\"id\":1}}\n").await.contains("unknown content"));
    assert!(error(b"\xff\x00\xfe\n").await.contains("not understood"));
    assert_eq!(error(b"{\"refused\":\"no\"}\n").await, "it refused: no");
    let endless = vec![b'x'; MESSAGE_LIMIT + MESSAGE_LIMIT / 4];
    assert_eq!(error(&endless).await, "a message is longer than 16 MiB");
}

#[tokio::test]
async fn device_survives_invalid_messages() {
    let devices = Arc::new(Devices::new(make));
    for garbage in
        [&b"hello\n"[..], b"{\"start\":{\"hostname\":7}}\n", b"{\"start\"", b"\n", b"\xff\n"]
    {
        let mut stream = connected(&devices);
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("{\"refused\":"), "{said}");
    }
    let console = RemoteConsole::start(connected(&devices), settings()).await.unwrap();
    let mut stream = connected(&devices);
    stream.write_all(b"\"attach\"\n{\"id\":1,\"call\":\"dance\"}\n").await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("\"ready\"\n{\"refused\":"), "{said}");
    assert!(console.execute("show date").await.unwrap().ok);
}

#[tokio::test]
async fn too_long_configuration_is_not_sent() {
    let console = console().await;
    let error = console.replace_configuration(&"#".repeat(MESSAGE_LIMIT)).await.unwrap_err();
    assert_eq!(error.to_string(), "the request is longer than 16 MiB");
    assert!(console.execute("show date").await.unwrap().ok);
}

#[test]
fn debug_form_of_settings_shows_no_secret() {
    assert!(!format!("{:?}", settings()).contains("hunter2"));
}
