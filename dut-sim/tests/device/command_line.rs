//! The device's answers to commands.

use super::toy_ca::Answer;
use super::{DOCUMENTED, Lab};

#[tokio::test]
async fn refused_configuration_changes_nothing() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    let before = (lab.output("show running").await, lab.output("pki scep show").await);
    let refusals = [
        ("set system host-name DUT0\nset system nosuch x", 2, "[nosuch] is not valid"),
        ("\n# a comment\nset interfaces ethernet eth9 address 10.0.0.1/24", 3, "no such interface"),
        ("set system certificate scep csr B port 80\nset system host-name DUT1", 1, "needs `url`"),
        ("set interfaces ethernet eth0 address 10.215.168.200/24", 1, "in use"),
        ("commit", 1, "no configuration line"),
    ];
    for (lines, line, words) in refusals {
        let error = lab.device.modify_configuration(lines).await.unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let strip_date = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    let after = (lab.output("show running").await, lab.output("pki scep show").await);
    assert_eq!(strip_date(&after.0), strip_date(&before.0));
    assert_eq!(after.1, before.1);
    assert_eq!(lab.ca.requests().len(), 3);
}

#[tokio::test]
async fn command_line_works_in_both_modes() {
    let lab = Lab::new(Answer::Issue);
    let device = &lab.device;
    assert_eq!(device.prompt().await, "admin@osdx$ ");
    assert_eq!(lab.output("frobnicate now").await, "Invalid command: [frobnicate]");
    let misspelt = "Invalid command: pki scep [shwo]\nDid you mean `show`?";
    assert_eq!(lab.output("pki scep shwo CSR").await, misspelt);
    assert_eq!(lab.output("configure").await, "[edit]");
    assert_eq!(device.prompt().await, "admin@osdx# ");
    for (line, refusal) in [
        (
            "set system certificate scep csr CSR cgi-pth /scep",
            "Configuration path: system certificate scep csr CSR [cgi-pth] is not valid\nSet failed\nDid you mean \
             `cgi-path`?",
        ),
        (
            "delete sytem",
            "Configuration path: [sytem] is not valid\nDelete failed\nDid you mean `system`?",
        ),
        ("comit", "Invalid command: [comit]\nDid you mean `commit`?"),
    ] {
        assert_eq!(lab.output(line).await, refusal);
    }
    assert_eq!(lab.output("se sy host DUT0").await, "");
    assert_eq!(lab.output("compare").await, "+ set system host-name DUT0");
    assert!(lab.output("exit").await.starts_with("Cannot exit: configuration modified."));
    assert_eq!(lab.output("commit").await, "");
    assert_eq!(lab.output("commit").await, "No configuration changes to commit");
    assert_eq!(device.prompt().await, "admin@DUT0# ");
    assert!(lab.output("run show running").await.contains("\nset system host-name DUT0"));
    assert_eq!(lab.output("exit").await, "Warning: configuration changes have not been saved.");
    assert_eq!(device.prompt().await, "admin@DUT0$ ");
    lab.output("configure").await;
    lab.output("set system host-name DUT1").await;
    assert_eq!(lab.output("discard").await, "Changes have been discarded");
    assert_eq!(lab.output("save").await, "Done");
    assert_eq!(lab.output("exit").await, "");
    assert!(!lab.output("show running").await.contains("Warning"));
}

#[tokio::test]
async fn unknown_request_or_file_is_refused_with_the_known_ones() {
    let lab = Lab::new(Answer::Issue);
    assert_eq!(lab.output("pki scep show").await, "No certificate request is configured");
    let root = "pki show certificate running://auth/certificates/scep";
    assert_eq!(
        lab.output(&format!("{root}/NO/ca/ca.der")).await,
        "CLI Error: no certificate request `NO`; none is configured"
    );
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    for command in ["scep show", "scep renew", "scep clear", "scep poll", "crl show"] {
        let reply = lab.device.execute(&format!("pki {command} NO")).await;
        assert_eq!(reply.output, "CLI Error: no certificate request `NO`; configured: CSR");
        assert!(!reply.ok, "{command}");
    }
    let url = "running://auth/certificates/scep/CSR/ca/ra.der";
    assert_eq!(
        lab.output(&format!("{root}/CSR/ca/ra.der")).await,
        format!("CLI Error: no file `{url}`; `CSR` has ca/ca.der, user/cert")
    );
    assert_eq!(
        lab.output("pki show certificate /etc/passwd").await,
        "CLI Error: `/etc/passwd` is not the URL of a certificate; \
         those begin with `running://auth/certificates/scep/`"
    );
    assert!(lab.output("pki scep show").await.starts_with("CSR:\n-----"));
}

// The clock stands still, so that the time of the ping is always the documented one.
#[tokio::test(start_paused = true)]
async fn ping_output_is_the_documented_one() {
    let lab = Lab::new(Answer::Issue);
    let ping = lab.device.execute("ping 10.215.168.1 count 1 size 56 timeout 1").await;
    assert!(ping.ok);
    assert_eq!(
        ping.output,
        "PING 10.215.168.1 (10.215.168.1) 56(84) bytes of data.\n\
         64 bytes from 10.215.168.1: icmp_seq=1 ttl=64 time=0.147 ms\n\
         \n\
         --- 10.215.168.1 ping statistics ---\n\
         1 packets transmitted, 1 received, 0% packet loss, time 0ms\n\
         rtt min/avg/max/mdev = 0.147/0.147/0.147/0.000 ms"
    );
    let unrouted = lab.device.execute("ping 172.16.0.1 count 1").await;
    assert_eq!(unrouted.output, "ping: connect: Network is unreachable");
    assert!(!unrouted.ok);
}
