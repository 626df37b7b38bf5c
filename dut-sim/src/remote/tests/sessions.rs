//! Several users of one device, and its restarts.

use super::*;

/// A device that several users connect to.
struct SharedDevice(Arc<Device>);

impl SharedDevice {
    fn start(restarts_in_commit: Option<u64>) -> Self {
        let mut settings = DeviceSettings::new(Arc::new(HangingNetwork));
        settings.restarts_in_commit = restarts_in_commit;
        Self(Device::start(settings))
    }

    async fn user(&self) -> Result<RemoteConsole, RemoteError> {
        let (here, there) = duplex(4096);
        tokio::spawn(serve(Arc::clone(&self.0), there, || true));
        RemoteConsole::attach(here).await
    }
}

async fn output(user: &RemoteConsole, command: &str) -> String {
    user.execute(command).await.unwrap().output
}

#[tokio::test]
async fn each_user_has_a_separate_candidate() {
    let device = SharedDevice::start(None);
    let (one, other) = (device.user().await.unwrap(), device.user().await.unwrap());
    output(&one, "configure").await;
    output(&one, "set system host-name R1").await;
    assert_eq!(other.prompt().await.unwrap(), "admin@osdx$ ");
    output(&other, "configure").await;
    assert_eq!(output(&other, "show").await, "");
    output(&other, "set interfaces ethernet eth0 address 10.0.0.1/24").await;
    assert_eq!(output(&one, "commit").await, "");
    assert_eq!(other.prompt().await.unwrap(), "admin@R1# ");
    // The other user's commit is merged and is not shown as a change.
    assert_eq!(
        output(&other, "compare").await,
        "+ set interfaces ethernet eth0 address 10.0.0.1/24"
    );
    assert_eq!(output(&other, "commit").await, "");
    assert_eq!(
        output(&one, "show").await,
        "set interfaces ethernet eth0 address 10.0.0.1/24\nset system host-name R1"
    );
    drop(one);
    assert_eq!(output(&device.user().await.unwrap(), "show running").await.lines().count(), 5);
    assert_eq!(output(&other, "exit").await, "Warning: configuration changes have not been saved.");
}

#[tokio::test]
async fn last_commit_of_a_leaf_wins() {
    let device = SharedDevice::start(None);
    let (one, other) = (device.user().await.unwrap(), device.user().await.unwrap());
    for (user, name) in [(&one, "R1"), (&other, "R2")] {
        output(user, "configure").await;
        output(user, &format!("set system host-name {name}")).await;
    }
    output(&one, "commit").await;
    assert_eq!(
        output(&other, "compare").await,
        "- set system host-name R1\n+ set system host-name R2"
    );
    output(&other, "commit").await;
    assert_eq!(
        output(&one, "compare").await,
        "No changes between working and active configurations"
    );
    assert_eq!(one.prompt().await.unwrap(), "admin@R2# ");
}

/// The clock is paused and advances only when nothing is left to do, so the first commit is under way after the wait.
#[tokio::test(start_paused = true)]
async fn commits_exclude_each_other_and_a_disconnect_releases_the_lock() {
    let device = SharedDevice::start(None);
    let (one, other) = (device.user().await.unwrap(), device.user().await.unwrap());
    for (user, line) in [
        (&one, format!("set interfaces ethernet eth0 address {NEVER_APPLIED}/24")),
        (&other, "set system host-name R2".to_owned()),
    ] {
        output(user, "configure").await;
        output(user, &line).await;
    }
    let mut committing = Box::pin(one.execute("commit"));
    let under_way = tokio::time::timeout(Duration::from_millis(100), &mut committing).await;
    assert!(under_way.is_err());
    let refused = other.execute("commit").await.unwrap();
    assert_eq!(
        (refused.ok, refused.output.as_str()),
        (false, "Configuration system temporarily locked due to another commit in progress")
    );
    drop(committing);
    drop(one);
    let mut tries = 0;
    while !other.execute("commit").await.unwrap().ok {
        tokio::time::sleep(Duration::from_millis(10)).await;
        tries += 1;
        assert!(tries < 1000, "the disconnected user keeps the lock");
    }
    assert_eq!(other.prompt().await.unwrap(), "admin@R2# ");
}

#[tokio::test(start_paused = true)]
async fn restart_logs_users_out_and_loads_the_saved_configuration() {
    let device = SharedDevice::start(None);
    let (one, other) = (device.user().await.unwrap(), device.user().await.unwrap());
    for line in ["configure", "set system host-name R1", "commit", "save"] {
        output(&one, line).await;
    }
    output(&one, CSR.lines().next().unwrap()).await;
    output(&one, CSR.lines().last().unwrap()).await;
    assert_eq!(output(&one, "commit").await, "");
    device.0.execute("configure").await;
    let pinging = tokio::spawn(async move { other.execute("ping 192.0.2.1 count 100").await });
    output(&one, "exit").await;
    let reply = output(&one, "reboot").await;
    assert_eq!(reply, "The system is going down for reboot NOW!");
    let cut = RemoteError::Closed("it refused: the device restarts".to_owned());
    assert_eq!(pinging.await.unwrap(), Err(cut.clone()));
    assert_eq!(one.execute("show date").await, Err(cut));
    let early = device.user().await.err();
    assert_eq!(early, Some(RemoteError::Failed("the device restarts".to_owned())));
    // The console waits for the device, and has left configuration mode.
    assert_eq!(device.0.prompt().await, "admin@R1$ ");
    let after = device.user().await.unwrap();
    assert_eq!(output(&after, "pki scep show").await, "No certificate request is configured");
    assert!(!output(&after, "show running").await.contains("Warning"));
}

#[tokio::test(start_paused = true)]
async fn restart_during_a_commit_loads_the_saved_configuration() {
    let device = SharedDevice::start(Some(2));
    let user = device.user().await.unwrap();
    for line in ["configure", "set system host-name R1", "commit", "save"] {
        output(&user, line).await;
    }
    output(&user, "set system host-name R2").await;
    let cut = user.execute("commit").await;
    assert_eq!(cut, Err(RemoteError::Closed("it refused: the device restarts".to_owned())));
    assert_eq!(device.0.prompt().await, "admin@R1$ ");
    let error = device.0.replace_configuration("set system host-name R3").await;
    assert_eq!(error, Ok(()), "it restarts once");
    assert_eq!(device.0.prompt().await, "admin@R3$ ");
}

#[tokio::test(start_paused = true)]
async fn configuration_interrupted_by_a_restart_is_refused() {
    let device = SharedDevice::start(Some(1));
    let error = device.0.replace_configuration("set system host-name R1").await.unwrap_err();
    assert_eq!(error.message, "the device restarts in the middle of the commit");
    assert_eq!(device.0.prompt().await, "admin@osdx$ ");
}

#[tokio::test(start_paused = true)]
async fn power_cut_logs_users_out_and_ends_a_commit() {
    let device = SharedDevice::start(None);
    let user = device.user().await.unwrap();
    for line in ["configure", "set system host-name R1", "commit", "save"] {
        output(&user, line).await;
    }
    let console = RemoteConsole::of(Arc::clone(&device.0)).await.unwrap();
    let lines =
        format!("set system host-name R2\nset interfaces ethernet eth0 address {NEVER_APPLIED}/24");
    let mut committing = Box::pin(console.replace_configuration(&lines));
    let under_way = tokio::time::timeout(Duration::from_millis(100), &mut committing).await;
    assert!(under_way.is_err());
    assert_eq!(console.cut_power().await, Ok(()));
    let error = committing.await.unwrap().unwrap_err();
    assert_eq!(error.message, "the device restarts in the middle of the commit");
    let cut = RemoteError::Closed("it refused: the device restarts".to_owned());
    assert_eq!(user.execute("show date").await, Err(cut));
    assert_eq!(console.prompt().await.unwrap(), "admin@R1$ ");
    let journal = console.protocol_log().await.unwrap();
    assert_eq!(journal, ["the device has started after a power cut"]);
}
