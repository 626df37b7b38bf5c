//! Several users of one device, and its restarts.

use super::*;

/// A device, and users that come to it one after another.
struct Served(Arc<Device>);

impl Served {
    fn start(restarts_in_commit: Option<u64>) -> Self {
        let mut settings = DeviceSettings::new(Arc::new(Limbo));
        settings.restarts_in_commit = restarts_in_commit;
        Self(Device::start(settings))
    }

    async fn user(&self) -> Result<RemoteConsole, RemoteError> {
        let (here, there) = duplex(4096);
        tokio::spawn(serve(Arc::clone(&self.0), there));
        RemoteConsole::attach(here).await
    }
}

async fn says(user: &RemoteConsole, command: &str) -> String {
    user.execute(command).await.unwrap().output
}

#[tokio::test]
async fn each_user_has_a_candidate_of_his_own() {
    let device = Served::start(None);
    let (one, other) = (device.user().await.unwrap(), device.user().await.unwrap());
    says(&one, "configure").await;
    says(&one, "set system host-name R1").await;
    assert_eq!(other.prompt().await.unwrap(), "admin@osdx$ ");
    says(&other, "configure").await;
    assert_eq!(says(&other, "show").await, "");
    says(&other, "set interfaces ethernet eth0 address 10.0.0.1/24").await;
    assert_eq!(says(&one, "commit").await, "");
    assert_eq!(other.prompt().await.unwrap(), "admin@R1# ");
    // What others have made active is there, and no change of the user's own.
    assert_eq!(says(&other, "compare").await, "+ set interfaces ethernet eth0 address 10.0.0.1/24");
    assert_eq!(says(&other, "commit").await, "");
    assert_eq!(
        says(&one, "show").await,
        "set interfaces ethernet eth0 address 10.0.0.1/24\nset system host-name R1"
    );
    drop(one);
    assert_eq!(says(&device.user().await.unwrap(), "show running").await.lines().count(), 5);
    assert_eq!(says(&other, "exit").await, "Warning: configuration changes have not been saved.");
}

#[tokio::test]
async fn the_last_of_two_who_change_a_leaf_has_it() {
    let device = Served::start(None);
    let (one, other) = (device.user().await.unwrap(), device.user().await.unwrap());
    for (user, name) in [(&one, "R1"), (&other, "R2")] {
        says(user, "configure").await;
        says(user, &format!("set system host-name {name}")).await;
    }
    says(&one, "commit").await;
    assert_eq!(
        says(&other, "compare").await,
        "- set system host-name R1\n+ set system host-name R2"
    );
    says(&other, "commit").await;
    assert_eq!(says(&one, "compare").await, "No changes between working and active configurations");
    assert_eq!(one.prompt().await.unwrap(), "admin@R2# ");
}

#[tokio::test]
async fn one_user_at_a_time_commits_and_one_who_leaves_gives_way() {
    let device = Served::start(None);
    let (one, other) = (device.user().await.unwrap(), device.user().await.unwrap());
    for (user, line) in [
        (&one, format!("set interfaces ethernet eth0 address {NEVER_APPLIED}/24")),
        (&other, "set system host-name R2".to_owned()),
    ] {
        says(user, "configure").await;
        says(user, &line).await;
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
        assert!(tries < 1000, "whoever has left keeps the lock");
    }
    assert_eq!(other.prompt().await.unwrap(), "admin@R2# ");
}

#[tokio::test(start_paused = true)]
async fn a_restart_logs_users_out_and_keeps_what_was_saved() {
    let device = Served::start(None);
    let (one, other) = (device.user().await.unwrap(), device.user().await.unwrap());
    for line in ["configure", "set system host-name R1", "commit", "save"] {
        says(&one, line).await;
    }
    says(&one, CSR.lines().next().unwrap()).await;
    says(&one, CSR.lines().last().unwrap()).await;
    assert_eq!(says(&one, "commit").await, "");
    device.0.execute("configure").await;
    let pinging = tokio::spawn(async move { other.execute("ping 192.0.2.1 count 100").await });
    says(&one, "exit").await;
    let told = says(&one, "reboot").await;
    assert_eq!(told, "The system is going down for reboot NOW!");
    let cut = RemoteError::Closed("it refused: the device restarts".to_owned());
    assert_eq!(pinging.await.unwrap(), Err(cut.clone()));
    assert_eq!(one.execute("show date").await, Err(cut));
    let early = device.user().await.err();
    assert_eq!(early, Some(RemoteError::Failed("the device restarts".to_owned())));
    // The console waits for the device, and is no longer where it was.
    assert_eq!(device.0.prompt().await, "admin@R1$ ");
    let after = device.user().await.unwrap();
    assert_eq!(says(&after, "pki scep show").await, "No certificate request is configured");
    assert!(!says(&after, "show running").await.contains("Warning"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_of_a_commit_leaves_what_was_saved() {
    let device = Served::start(Some(2));
    let user = device.user().await.unwrap();
    for line in ["configure", "set system host-name R1", "commit", "save"] {
        says(&user, line).await;
    }
    says(&user, "set system host-name R2").await;
    let cut = user.execute("commit").await;
    assert_eq!(cut, Err(RemoteError::Closed("it refused: the device restarts".to_owned())));
    assert_eq!(device.0.prompt().await, "admin@R1$ ");
    let error = device.0.replace_configuration("set system host-name R3").await;
    assert_eq!(error, Ok(()), "it restarts once");
    assert_eq!(device.0.prompt().await, "admin@R3$ ");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_a_restart_cuts_short_is_told_as_refused() {
    let device = Served::start(Some(1));
    let error = device.0.replace_configuration("set system host-name R1").await.unwrap_err();
    assert_eq!(error.message, "the device restarts in the middle of the commit");
    assert_eq!(device.0.prompt().await, "admin@osdx$ ");
}
