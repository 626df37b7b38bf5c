//! Explains why `ssh` did not log in, from its log, with advice.

use tokio::process::Command;

use super::SessionError;
use diagnostics::visible;
use model::lab::SshTarget;

/// The maximum number of lines of `ssh`'s log in a message.
const LINES: usize = 6;

/// Texts in `ssh`'s log, the error that they mean, and its message. In the message, `{error}` stands for `ssh`'s own text,
/// `{device}`, `{user}`, `{host}` and `{port}` for the target, `{key}` for the host key that it showed, `{before}` for the known
/// one, `{place}` for the file and line of that, `{file}` for the file of known host keys, and `{name}` for the device's name in
/// it.
type Cause = (&'static [&'static str], fn(String) -> SessionError, &'static str);

/// The first that matches counts.
const CAUSES: [Cause; 10] = [
    (
        &["no matching "],
        SessionError::Unreachable,
        "{device} and this machine have no algorithms in common: {error}; `ssh -Q kex`, `-Q key`, `-Q cipher` and `-Q mac` list \
         this machine's, and `ssh -vv` shows both; `~/.ssh/config` can allow more",
    ),
    (
        &["UNKNOWN port"],
        SessionError::Unreachable,
        "the jump host for {device} in `~/.ssh/config` cannot be reached: {error}",
    ),
    (
        &["Offending "],
        SessionError::Permanent,
        "THE HOST KEY OF {device} HAS CHANGED: it is {key}, and was {before} (`{place}`). Nothing was sent to it, because another \
         machine may answer at this address. If the device was set up anew, compare the new fingerprint with the one on its own \
         console, type `ssh-keygen -f {file} -R '{name}'`, and connect once by hand: `ssh -p {port} {user}@{host}`",
    ),
    (
        &["was revoked"],
        SessionError::Permanent,
        "the host key of {device} is {key}, which is marked as revoked in the known host keys: {error}",
    ),
    (
        &["Host key verification failed"],
        SessionError::Permanent,
        "the host key of {device} is not known: it is {key}, and `{file}` has no key for `{name}`. Nothing was sent to it. \
         Compare the key with the fingerprint on the device's own console, then connect once by hand, `ssh -p {port} \
         {user}@{host}`, or type `ssh-keyscan -p {port} {host} >> {file}`",
    ),
    (
        &["Could not resolve hostname"],
        SessionError::Unreachable,
        "`{host}` is not resolved: {error}",
    ),
    (
        &["Connection refused"],
        SessionError::Unreachable,
        "`{host}` refused the connection to port {port}: no SSH server listens there; is SSH enabled (`set \
         service ssh`), and the port correct? ({error})",
    ),
    (
        &["Connection timed out"],
        SessionError::Unreachable,
        "`{host}` gave no answer on port {port} in 10 s: is it switched on, is the address correct, and does a firewall drop the \
         packets? ({error})",
    ),
    (
        &["No route to host", "Network is unreachable"],
        SessionError::Unreachable,
        "`{host}` cannot be reached from here ({error}): is there a route?",
    ),
    (
        &["kex_exchange_identification", "closed by", "reset by"],
        SessionError::Unreachable,
        "{device} closed the connection before the SSH handshake was complete ({error}): it may not be an SSH server, allow no more \
         sessions, or refuse this address",
    ),
];

/// The lines of `ssh`'s output that are not log messages.
pub(super) fn own_output(log: &str) -> String {
    const LOGGED: [&str; 4] = ["debug", "OpenSSH_", "Authenticated to ", "@"];
    let is_own =
        |line: &&str| !line.is_empty() && !LOGGED.iter().any(|start| line.starts_with(start));
    let lines: Vec<&str> = log.lines().map(str::trim).filter(is_own).collect();
    visible(&lines[lines.len().saturating_sub(LINES)..].join("; "))
}

/// True if old algorithms may help.
pub(super) fn wants_old_algorithms(log: &str) -> bool {
    log.contains(": no matching ") || log.contains("no mutual signature")
}

/// Why `ssh` ended without a session; `tried` lists the rejected credentials.
pub(super) async fn diagnose(target: &SshTarget, log: &str, tried: &str) -> SessionError {
    let own = own_output(log);
    if let Some(methods) = between(&own, "Permission denied (", ")") {
        let tried = if tried.is_empty() { "there were no credentials" } else { tried };
        return SessionError::LoginFailed(format!(
            "the login at {target} failed: {tried}; it accepts {}; in the lab file, `identity` names a key, \
             and `password-file` or `password-env` a password",
            methods.replace(',', ", ")
        ));
    }
    if log.contains("Authentications that can continue: ") {
        return SessionError::LoginFailed(format!(
            "{target} ended the connection during the login ({own}): after too many failures, or because the user may not log in from \
             here"
        ));
    }
    let fits = |(words, ..): &&Cause| words.iter().any(|words| own.contains(words));
    match CAUSES.iter().find(fits) {
        Some((_, error, text)) => error(filled_in(text, target, log, &own).await),
        None => SessionError::Unreachable(format!("`ssh` opened no session with {target}: {own}")),
    }
}

async fn filled_in(text: &str, target: &SshTarget, log: &str, own: &str) -> String {
    let known = target.known_hosts.as_ref();
    let known = known.map_or("~/.ssh/known_hosts".to_owned(), |path| path.display().to_string());
    let name = between(own, "host key is known for ", " ").or(between(own, "Host key for ", " "));
    // As in `Offending ED25519 key in /home/me/.ssh/known_hosts:2`.
    let place = between(own, "Offending ", "; ").and_then(|place| place.split_once(" key in "));
    let place = place.map_or("", |(_, place)| place);
    let (file, line) = place.rsplit_once(':').unwrap_or((&known, ""));
    let before = match name {
        Some(name) if !line.is_empty() => fingerprint(file, name, line).await,
        _ => None,
    };
    let values = [
        ("{device}", target.to_string()),
        ("{user}", target.user.clone()),
        ("{host}", target.host.clone()),
        ("{port}", target.port.to_string()),
        ("{key}", after(log, "Server host key: ").unwrap_or("another").to_owned()),
        ("{before}", before.unwrap_or_else(|| "another".to_owned())),
        ("{place}", place.to_owned()),
        ("{file}", file.to_owned()),
        ("{name}", name.unwrap_or(&target.host).to_owned()),
        ("{error}", own.to_owned()),
    ];
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// A message that keys were not accepted or not used.
pub(super) fn key_tried(target: &SshTarget, log: &str) -> Option<String> {
    let offered = log.matches("Offering public key: ").count();
    let Some(path) = &target.identity else {
        return (offered > 0).then(|| format!("none of {offered} keys was accepted"));
    };
    let is_public = path.extension().is_some_and(|it| it == "pub");
    let public = if is_public { ", which is a public key: leave out `.pub`" } else { "" };
    let path = path.display();
    Some(match between(log, &format!("Load key \"{path}\": "), "\n") {
        Some(why) => format!("the key `{path}` cannot be used ({}){public}", visible(why.trim())),
        None if offered > 0 => format!("the key `{path}` was not accepted{public}"),
        None => format!("the key `{path}` was not used, because the device accepts no keys"),
    })
}

/// The rest of the last line with this text.
pub(super) fn after<'a>(log: &'a str, words: &str) -> Option<&'a str> {
    log.lines().rev().find_map(|line| line.split_once(words)).map(|(_, rest)| rest.trim())
}

/// The text between the last occurrence of `words` and `end`.
fn between<'a>(text: &'a str, words: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.rsplit_once(words)?;
    Some(rest.split_once(end).map_or(rest, |(text, _)| text))
}

/// The key of a line of known hosts, as OpenSSH displays it.
async fn fingerprint(file: &str, name: &str, line: &str) -> Option<String> {
    let mut command = Command::new("ssh-keygen");
    let listed =
        command.args(["-l", "-F", name, "-f", file]).kill_on_drop(true).output().await.ok()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let (_, listed) = listed.split_once(&format!(" found: line {line} "))?;
    listed.lines().nth(1)?.split_once(' ').map(|(_, key)| visible(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn diagnosed(log: &str) -> SessionError {
        diagnose(&SshTarget::new("admin", "198.51.100.7", 22), log, "").await
    }

    #[tokio::test]
    async fn unreachable_device_is_explained_with_advice() {
        for (error, expected) in [
            ("Connection refused", "`set service ssh`"),
            ("Connection timed out", "no answer on port 22 in 10 s"),
            ("Network is unreachable", "is there a route?"),
            ("Permission denied", "opened no session with admin@198.51.100.7: ssh: connect"),
        ] {
            let log =
                format!("debug1: x\r\nssh: connect to host 198.51.100.7 port 22: {error}\r\n");
            let error = diagnosed(&log).await;
            assert!(
                matches!(&error, SessionError::Unreachable(it) if it.contains(expected)),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn revoked_host_key_is_never_trusted() {
        let log = "debug1: Server host key: ssh-ed25519 SHA256:abc\r\n@@@\r\nED25519 host key for x was revoked and you \
                    have requested strict checking.\r\nHost key verification failed.\r\n";
        let error = diagnosed(log).await;
        let expected = "is ssh-ed25519 SHA256:abc, which is marked as revoked";
        assert!(matches!(&error, SessionError::Permanent(it) if it.contains(expected)), "{error}");
    }

    #[tokio::test]
    async fn unknown_host_key_is_explained_with_commands() {
        let log = "debug1: Server host key: ssh-ed25519 SHA256:abc\r\nNo ED25519 host key is known for [198.51.100.7]:2222 \
                    and you have requested strict checking.\r\nHost key verification failed.\r\n";
        let error = diagnosed(log).await.to_string();
        for part in [
            "is not known: it is ssh-ed25519 SHA256:abc",
            "`~/.ssh/known_hosts` has no key for `[198.51.100.7]:2222`",
            "`ssh -p 22 admin@198.51.100.7`",
            "`ssh-keyscan -p 22 198.51.100.7 >> ~/.ssh/known_hosts`",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[tokio::test]
    async fn failure_of_a_jump_host_is_not_reported_for_the_device() {
        let log = "Host key verification failed.\r\nConnection closed by UNKNOWN port 65535\r\n";
        let error = diagnosed(log).await;
        let expected = "in `~/.ssh/config` cannot be reached: Host key verification failed.";
        assert!(
            matches!(&error, SessionError::Unreachable(it) if it.contains(expected)),
            "{error}"
        );
    }

    #[tokio::test]
    async fn connection_that_ends_during_the_login_is_a_failed_login() {
        let log = "debug1: Authentications that can continue: publickey\nReceived disconnect from 198.51.100.7 port 22:2: \
                    Too many authentication failures\n";
        let error = diagnosed(log).await;
        assert!(
            matches!(&error, SessionError::LoginFailed(it) if it.contains("Too many")),
            "{error}"
        );
    }

    #[test]
    fn public_key_as_identity_is_explained() {
        let identity = Some("/k.pub".into());
        let target = SshTarget { identity, ..SshTarget::new("admin", "198.51.100.7", 22) };
        let message = key_tried(&target, "Load key \"/k.pub\": error in libcrypto\r\n");
        let expected = "the key `/k.pub` cannot be used (error in libcrypto), which is a public key: leave out `.pub`";
        assert_eq!(message.as_deref(), Some(expected));
    }
}
