//! Why `ssh` did not log in, read off what it said, and what to do about it.

use tokio::process::Command;

use super::Trouble;
use diagnostics::visible;
use model::lab::SshTarget;

/// The most lines of its own that are told.
const LINES: usize = 6;

/// What `ssh` says, what that means, and how it is told: `{said}` stands for its own words, `{device}`, `{user}`, `{host}`
/// and `{port}` for the device, `{key}` for the host key that it showed, `{before}` for the one before, which is at
/// `{place}`, `{file}` for the file of known host keys and `{name}` for the device's name in there.
type Cause = (&'static [&'static str], fn(String) -> Trouble, &'static str);

/// The first that fits counts.
const CAUSES: [Cause; 10] = [
    (
        &["no matching "],
        Trouble::Unreachable,
        "{device} and this side found no algorithms in common: {said}; `ssh -Q kex`, `-Q key`, `-Q cipher` and `-Q mac` list \
         this side's, and `ssh -vv` shows both; `~/.ssh/config` can allow more",
    ),
    (
        &["UNKNOWN port"],
        Trouble::Unreachable,
        "{device} is not reached through the host before it, which `~/.ssh/config` names: {said}",
    ),
    (
        &["Offending "],
        Trouble::Stranger,
        "THE HOST KEY OF {device} HAS CHANGED: it is {key}, and was {before} (`{place}`). Nothing was sent to it: somebody \
         else may answer at this address. If the device was set up anew, compare the new fingerprint with the one on its own \
         console, type `ssh-keygen -f {file} -R '{name}'`, and connect once by hand: `ssh -p {port} {user}@{host}`",
    ),
    (
        &["was revoked"],
        Trouble::Stranger,
        "the host key of {device} is {key}, which the known host keys say must never be trusted: {said}",
    ),
    (
        &["Host key verification failed"],
        Trouble::Stranger,
        "the host key of {device} is not known: it is {key}, and `{file}` has none for `{name}`. Nothing was sent to it. \
         Compare that with the fingerprint on the device's own console, then connect once by hand, `ssh -p {port} \
         {user}@{host}`, or type `ssh-keyscan -p {port} {host} >> {file}`",
    ),
    (&["Could not resolve hostname"], Trouble::Unreachable, "`{host}` is not resolved: {said}"),
    (
        &["Connection refused"],
        Trouble::Unreachable,
        "`{host}` refused the connection to port {port}: it is there and no SSH server listens; is SSH switched on (`set \
         service ssh`), and the port right? ({said})",
    ),
    (
        &["Connection timed out"],
        Trouble::Unreachable,
        "`{host}` gave no answer on port {port} in 10 s: is it on, the address right, and nothing in between that drops what \
         is sent? ({said})",
    ),
    (
        &["No route to host", "Network is unreachable"],
        Trouble::Unreachable,
        "`{host}` cannot be reached from here ({said}): is there a route?",
    ),
    (
        &["kex_exchange_identification", "closed by", "reset by"],
        Trouble::Unreachable,
        "{device} closed the connection before the SSH handshake was through ({said}): it may be no SSH server, allow no more \
         sessions, or refuse this address",
    ),
];

/// What of that is no log.
pub(super) fn own_words(said: &str) -> String {
    const LOGGED: [&str; 4] = ["debug", "OpenSSH_", "Authenticated to ", "@"];
    let is_told =
        |line: &&str| !line.is_empty() && !LOGGED.iter().any(|start| line.starts_with(start));
    let lines: Vec<&str> = said.lines().map(str::trim).filter(is_told).collect();
    visible(&lines[lines.len().saturating_sub(LINES)..].join("; "))
}

/// Whether older algorithms might help.
pub(super) fn wants_old_algorithms(said: &str) -> bool {
    said.contains(": no matching ") || said.contains("no mutual signature")
}

/// Why `ssh` ended without a session; `tried` is what the user was not let in by.
pub(super) async fn trouble(target: &SshTarget, said: &str, tried: &str) -> Trouble {
    let own = own_words(said);
    if let Some(methods) = between(&own, "Permission denied (", ")") {
        let tried = if tried.is_empty() { "there was nothing to log in with" } else { tried };
        return Trouble::NotLetIn(format!(
            "{target} did not let the user in: {tried}; it takes {}; in the lab file, `identity` names a key, \
             `password-file` or `password-env` a password",
            methods.replace(',', ", ")
        ));
    }
    if said.contains("Authentications that can continue: ") {
        return Trouble::NotLetIn(format!(
            "{target} ended the connection while the user logged in ({own}): after too many failures, or because the user \
             may not log in from here"
        ));
    }
    let fits = |(words, ..): &&Cause| words.iter().any(|words| own.contains(words));
    match CAUSES.iter().find(fits) {
        Some((_, trouble, text)) => trouble(filled_in(text, target, said, &own).await),
        None => Trouble::Unreachable(format!("`ssh` opens no session with {target}: {own}")),
    }
}

async fn filled_in(text: &str, target: &SshTarget, said: &str, own: &str) -> String {
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
        ("{key}", after(said, "Server host key: ").unwrap_or("another").to_owned()),
        ("{before}", before.unwrap_or_else(|| "another".to_owned())),
        ("{place}", place.to_owned()),
        ("{file}", file.to_owned()),
        ("{name}", name.unwrap_or(&target.host).to_owned()),
        ("{said}", own.to_owned()),
    ];
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// What was shown of keys and not accepted.
pub(super) fn key_tried(target: &SshTarget, said: &str) -> Option<String> {
    let offered = said.matches("Offering public key: ").count();
    let Some(path) = &target.identity else {
        return (offered > 0).then(|| format!("none of {offered} keys was accepted"));
    };
    let is_public = path.extension().is_some_and(|it| it == "pub");
    let public = if is_public { ", which is a public one: leave out `.pub`" } else { "" };
    let path = path.display();
    Some(match between(said, &format!("Load key \"{path}\": "), "\n") {
        Some(why) => format!("the key `{path}` cannot be used ({}){public}", visible(why.trim())),
        None if offered > 0 => format!("the key `{path}` was not accepted{public}"),
        None => format!("the key `{path}` was not shown, for the device takes none"),
    })
}

/// The end of the last line that has these words.
pub(super) fn after<'a>(said: &'a str, words: &str) -> Option<&'a str> {
    said.lines().rev().find_map(|line| line.split_once(words)).map(|(_, rest)| rest.trim())
}

/// What stands between the last of some words and an end.
fn between<'a>(text: &'a str, words: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.rsplit_once(words)?;
    Some(rest.split_once(end).map_or(rest, |(text, _)| text))
}

/// The key of a line of known hosts, as OpenSSH describes it.
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

    async fn told(said: &str) -> Trouble {
        trouble(&SshTarget::new("admin", "198.51.100.7", 22), said, "").await
    }

    #[tokio::test]
    async fn an_unreachable_device_is_told_with_what_to_do() {
        for (said, expected) in [
            ("Connection refused", "`set service ssh`"),
            ("Connection timed out", "no answer on port 22 in 10 s"),
            ("Network is unreachable", "is there a route?"),
            ("Permission denied", "opens no session with admin@198.51.100.7: ssh: connect"),
        ] {
            let said =
                format!("debug1: x\r\nssh: connect to host 198.51.100.7 port 22: {said}\r\n");
            let told = told(&said).await;
            assert!(matches!(&told, Trouble::Unreachable(it) if it.contains(expected)), "{told}");
        }
    }

    #[tokio::test]
    async fn a_revoked_host_key_is_never_trusted() {
        let said = "debug1: Server host key: ssh-ed25519 SHA256:abc\r\n@@@\r\nED25519 host key for x was revoked and you \
                    have requested strict checking.\r\nHost key verification failed.\r\n";
        let told = told(said).await;
        let expected = "is ssh-ed25519 SHA256:abc, which the known host keys say must never";
        assert!(matches!(&told, Trouble::Stranger(it) if it.contains(expected)), "{told}");
    }

    #[tokio::test]
    async fn an_unknown_host_key_is_told_with_what_to_type() {
        let said = "debug1: Server host key: ssh-ed25519 SHA256:abc\r\nNo ED25519 host key is known for [198.51.100.7]:2222 \
                    and you have requested strict checking.\r\nHost key verification failed.\r\n";
        let told = told(said).await.to_string();
        for part in [
            "is not known: it is ssh-ed25519 SHA256:abc",
            "`~/.ssh/known_hosts` has none for `[198.51.100.7]:2222`",
            "`ssh -p 22 admin@198.51.100.7`",
            "`ssh-keyscan -p 22 198.51.100.7 >> ~/.ssh/known_hosts`",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[tokio::test]
    async fn a_jump_host_is_not_taken_for_the_device() {
        let said = "Host key verification failed.\r\nConnection closed by UNKNOWN port 65535\r\n";
        let told = told(said).await;
        let expected = "`~/.ssh/config` names: Host key verification failed.";
        assert!(matches!(&told, Trouble::Unreachable(it) if it.contains(expected)), "{told}");
    }

    #[tokio::test]
    async fn a_connection_that_ends_in_the_login_is_no_unknown_server() {
        let said = "debug1: Authentications that can continue: publickey\nReceived disconnect from 198.51.100.7 port 22:2: \
                    Too many authentication failures\n";
        let told = told(said).await;
        assert!(matches!(&told, Trouble::NotLetIn(it) if it.contains("Too many")), "{told}");
    }

    #[test]
    fn a_public_key_is_told_from_a_private_one() {
        let identity = Some("/k.pub".into());
        let target = SshTarget { identity, ..SshTarget::new("admin", "198.51.100.7", 22) };
        let told = key_tried(&target, "Load key \"/k.pub\": error in libcrypto\r\n");
        let expected = "the key `/k.pub` cannot be used (error in libcrypto), which is a public one: leave out `.pub`";
        assert_eq!(told.as_deref(), Some(expected));
    }
}
