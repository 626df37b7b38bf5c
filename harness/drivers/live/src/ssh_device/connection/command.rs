//! Builds the command line of the system's `ssh`, and finds out to which host the user's `ssh_config(5)` leads it.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use diagnostics::visible;
use model::lab::{PasswordSource, SshTarget};

/// The options that override the user's configuration: the first value of an option counts, and the command line's come first.
const ALWAYS: [&str; 16] = [
    "StrictHostKeyChecking=yes",
    "NoHostAuthenticationForLocalhost=no",
    "VerifyHostKeyDNS=no",
    "UpdateHostKeys=no",
    // A separate session without additional channels.
    "ControlMaster=no",
    "ControlPath=none",
    "RemoteCommand=none",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "EscapeChar=none",
    "ConnectTimeout=10",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=6",
    // The log shows the progress of a login.
    "LogLevel=DEBUG1",
    "FingerprintHash=sha256",
];

/// Algorithms of old routers that OpenSSH no longer enables by default.
pub(super) const OLD_ALGORITHMS: [&str; 5] = [
    "KexAlgorithms=+diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,diffie-hellman-group1-sha1",
    "HostKeyAlgorithms=+ssh-rsa",
    "PubkeyAcceptedKeyTypes=+ssh-rsa",
    "Ciphers=+aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc",
    "MACs=+hmac-sha1,hmac-sha1-96,hmac-md5",
];

/// The default port of SSH; it is not passed on, because the user's configuration may name another.
const SSH_PORT: u16 = 22;

/// The number of attempts to type a password.
const QUESTIONS: usize = 3;

/// The command `ssh` for a target, with a first argument and further options.
pub(super) fn ssh(target: &SshTarget, first: &str, options: &[&str]) -> Result<Command, String> {
    let mut command = Command::new("ssh");
    command.args([first, "-l", &target.user]);
    if target.port != SSH_PORT {
        command.args(["-p", &target.port.to_string()]);
    }
    for option in ALWAYS.iter().chain(options) {
        command.args(["-o", option]);
    }
    if let Some(path) = &target.known_hosts {
        command.args(["-o", &format!("UserKnownHostsFile={}", quoted(path)?)]);
        command.args(["-o", "GlobalKnownHostsFile=/dev/null"]);
    }
    if let Some(path) = &target.identity {
        command.args(["-o", &format!("IdentityFile={}", quoted(path)?)]);
        command.args(["-o", "IdentitiesOnly=yes"]);
    }
    // A file or a variable would give the same answer again.
    let questions = if target.password.is_none() { QUESTIONS } else { 1 };
    command.args(["-o", &format!("NumberOfPasswordPrompts={questions}")]);
    command.args(["--", &target.host]);
    // `ssh` would send the user's language to the device.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name == "LANG" || name.starts_with("LC_")) {
            command.env_remove(name);
        }
    }
    if let Some(PasswordSource::Environment(name)) = &target.password {
        command.env_remove(name);
    }
    // A terminal without features, so that little is drawn on it.
    command.env("TERM", "dumb").kill_on_drop(true);
    Ok(command)
}

/// A path as the value of an option, in which `%` has a special meaning.
fn quoted(path: &Path) -> Result<String, String> {
    match path.to_str() {
        Some(text) if !text.contains(['"', '\\']) && !text.contains("${") => {
            Ok(format!("\"{}\"", text.replace('%', "%%")))
        }
        _ => Err(format!("`ssh` does not support the path `{}`: rename the file", path.display())),
    }
}

/// The route of `ssh` to a target, by the user's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The host name or address to connect to.
    pub host: String,
    /// The jump host or the program of the connection.
    pub through: Option<String>,
}

impl Route {
    /// Asks `ssh`, which sends nothing to the network for that.
    ///
    /// # Errors
    /// If there is no `ssh`, or its configuration is invalid.
    pub async fn of(target: &SshTarget) -> Result<Self, String> {
        let output = ssh(target, "-G", &[])?.stdin(Stdio::null()).output().await;
        let output = output.map_err(|error| not_started(&error))?;
        if !output.status.success() {
            let error = visible(String::from_utf8_lossy(&output.stderr).trim());
            return Err(format!("`ssh` cannot be used: {error}"));
        }
        Ok(Self::parse(target, &String::from_utf8_lossy(&output.stdout)))
    }

    fn parse(target: &SshTarget, printed: &str) -> Self {
        let value = |key: &str| {
            let mut values = printed.lines().filter_map(|line| line.split_once(' '));
            let found = values.find(|(name, value)| *name == key && *value != "none");
            found.map(|(_, value)| visible(value.trim()))
        };
        Self {
            host: value("hostname").unwrap_or_else(|| target.host.clone()),
            through: value("proxyjump").or_else(|| value("proxycommand")),
        }
    }
}

/// The error if `ssh` cannot be started, with advice.
pub(super) fn not_started(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "the program `ssh`, which connects to devices, is not installed: install OpenSSH's client \
                                (Debian: `apt-get install openssh-client`)"
            .to_owned(),
        _ => format!("`ssh` cannot be started: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_is_read_from_the_users_configuration() {
        let target = SshTarget::new("admin", "dut", 22);
        let printed =
            "user admin\nhostname 198.51.100.7\nport 2222\nproxyjump me@jump\nproxycommand none\n";
        let route = Route::parse(&target, printed);
        assert_eq!(route.host, "198.51.100.7");
        assert_eq!(route.through.as_deref(), Some("me@jump"));
        let route = Route::parse(&target, "hostname Dut\nport 22\nproxyjump none\n");
        assert_eq!((route.host.as_str(), route.through), ("Dut", None));
    }

    #[test]
    fn paths_are_quoted_for_ssh() {
        assert_eq!(quoted(Path::new("/a b/100%")).unwrap(), "\"/a b/100%%\"");
        assert!(quoted(Path::new("/a\"b")).unwrap_err().contains("rename the file"));
    }
}
