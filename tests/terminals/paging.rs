//! A session with a device at a terminal.

use std::process::{Command, Stdio};

use crate::support::sceplab::{Running, command};
use crate::support::served::Served;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        long_output_is_paged,
        ctrl_c_ends_the_command_but_not_the_session,
    ]
}

/// A session at a terminal of ten lines. The device's configuration is longer.
fn session(served: &Served) -> Running {
    let interface = |number| format!("set interfaces ethernet eth0 address 10.0.{number}.1/24");
    let interfaces = (1..=20).map(interface).collect::<Vec<_>>().join("\n");
    let own = "set interfaces ethernet eth0 address 10.215.168.64/24";
    let configured = served.says(&format!("configure\n{interfaces}\n{own}\ncommit"));
    assert_eq!(configured.code, Some(0), "{configured:?}");
    let program = command(served.folder.path(), &[]).get_program().to_str().unwrap().to_owned();
    // Without `exec` some shells keep running, and Ctrl-C ends them.
    let line = format!("stty rows 10 cols 80; exec '{program}' dut --attach dut");
    let mut script = Command::new("script");
    script.args(["-qefc", &line, "/dev/null"]).current_dir(served.folder.path());
    script.env("TERM", "vt100").stdin(Stdio::piped());
    Running::start(script)
}

fn long_output_is_paged() {
    let served = Served::start(&[]);
    let mut session = session(&served);
    session.write_line("show running");
    session.stdout_line(|line| line.contains("address 10.0.6.1/24").then_some(()));
    session.type_in(" ");
    // The pager's prompt comes before the next page.
    session.stdout_line(|line| line.contains(":\r\x1b[Kset interfaces").then_some(()));
    session.stdout_line(|line| line.contains("address 10.0.15.1/24").then_some(()));
    session.type_in("q");
    session.write_line("set terminal length 0");
    session.write_line("show running");
    session.stdout_line(|line| line.contains("address 10.0.20.1/24").then_some(()));
    session.write_line("exit");
    assert_eq!(session.wait().code(), Some(0));
    let all = session.rest_of_stdout();
    assert_eq!(all.matches("address 10.0.16.1/24").count(), 1, "{all}");
    assert_eq!(all.matches("address 10.0.15.1/24").count(), 2, "{all}");
}

fn ctrl_c_ends_the_command_but_not_the_session() {
    let served = Served::start(&[]);
    let mut session = session(&served);
    session.write_line("ping 10.215.168.1 count 1000 timeout 1");
    session.stdout_line(|line| {
        line.contains("bytes from").then_some(()).or_else(|| line.contains("PING").then_some(()))
    });
    session.type_in("\x03");
    session.stdout_line(|line| line.contains("packets transmitted").then_some(()));
    session.write_line("exit");
    assert_eq!(session.wait().code(), Some(0));
}
