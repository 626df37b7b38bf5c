//! Explains why the operating system refuses namespaces, and how to allow them.

use std::collections::BTreeMap;
use std::fs;

use nix::errno::Errno;
use nix::unistd::geteuid;

/// An operation that the kernel refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Creating a user namespace.
    User,
    /// Mapping users and groups into it.
    Maps,
    /// Creating namespaces of processes, mounts and networks.
    Rest,
    /// Mounting a private /proc.
    Proc,
}

/// The limit of user namespaces, by its name in sysctl(8).
const MAX_USER: &str = "user.max_user_namespaces";
/// The limits of the namespaces of processes, mounts and networks.
const MAX_REST: [&str; 3] =
    ["user.max_pid_namespaces", "user.max_mnt_namespaces", "user.max_net_namespaces"];
/// Debian's switch.
const USERNS_CLONE: &str = "kernel.unprivileged_userns_clone";
/// Ubuntu's switch.
const APPARMOR_RESTRICTS: &str = "kernel.apparmor_restrict_unprivileged_userns";

/// The kernel settings and process states that decide whether namespaces are allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// The values of the settings that this kernel has, by their names.
    sysctls: BTreeMap<&'static str, u64>,
    /// 2 if a filter checks each system call, as in most containers.
    seccomp: Option<u64>,
    is_root: bool,
}

impl Settings {
    /// The settings for this process; in a new user namespace it would see others.
    pub(super) fn of_this_process() -> Self {
        let switches = [MAX_USER, USERNS_CLONE, APPARMOR_RESTRICTS];
        let sysctl = |name: &'static str| {
            let file = format!("/proc/sys/{}", name.replace('.', "/"));
            Some((name, number(&fs::read_to_string(file).ok()?)?))
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let seccomp = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        Self {
            sysctls: switches.into_iter().chain(MAX_REST).filter_map(sysctl).collect(),
            seccomp: seccomp.and_then(number),
            is_root: geteuid().is_root(),
        }
    }

    /// The reason for the refusal, and the command that lifts it.
    pub(super) fn explain(&self, refused: Refused, errno: Errno) -> String {
        let (what, cause) = match refused {
            Refused::User => ("user namespaces", self.forbids_users(errno)),
            Refused::Maps => ("a user mapping", self.forbids_maps()),
            Refused::Rest => ("namespaces", self.forbids_rest(errno)),
            Refused::Proc => ("a private /proc", Some(hides_proc())),
        };
        let cause = cause.unwrap_or_else(|| format!("the kernel says: {}", errno.desc()));
        format!("{what} cannot be created: {cause}")
    }

    fn forbids_users(&self, errno: Errno) -> Option<String> {
        match errno {
            Errno::ENOSPC => Some(self.limit(&[MAX_USER])),
            Errno::EPERM | Errno::ENOSYS | Errno::EACCES => {
                either([self.filters(), self.switches_off(), self.restricts()])
            }
            Errno::EINVAL => Some("the kernel was built without them".to_owned()),
            _ => None,
        }
    }

    fn forbids_rest(&self, errno: Errno) -> Option<String> {
        match errno {
            Errno::ENOSPC => Some(self.limit(&MAX_REST)),
            Errno::EPERM | Errno::ENOSYS | Errno::EACCES => self.forbids_capabilities(),
            _ => None,
        }
    }

    /// The explanation of a limit: it is zero, or it is reached, perhaps that of an outer namespace.
    fn limit(&self, limits: &[&str]) -> String {
        if let Some(zero) = limits.iter().find(|limit| self.sysctls.get(*limit) == Some(&0)) {
            return granted_by(zero, 0, 15_000);
        }
        let names: Vec<_> = limits.iter().map(|limit| format!("`{limit}`")).collect();
        format!(
            "the limit {} is reached, here or on the host of this container; end processes that use them, or raise the limit there",
            names.join(", ")
        )
    }

    fn forbids_maps(&self) -> Option<String> {
        self.forbids_capabilities().or_else(|| {
            let reason = "root lacks the capability `setfcap`, as in some containers; `docker run \
                          --cap-add SETFCAP` gives it, and an ordinary user needs none";
            self.is_root.then(|| reason.to_owned())
        })
    }

    fn forbids_capabilities(&self) -> Option<String> {
        either([self.filters(), self.restricts()])
    }

    fn switches_off(&self) -> Option<String> {
        let off = self.sysctls.get(USERNS_CLONE) == Some(&0);
        off.then(|| granted_by(USERNS_CLONE, 0, 1))
    }

    fn restricts(&self) -> Option<String> {
        let restricts = self.sysctls.get(APPARMOR_RESTRICTS).is_some_and(|value| *value > 0);
        restricts.then(|| granted_by(APPARMOR_RESTRICTS, 1, 0))
    }

    fn filters(&self) -> Option<String> {
        (self.seccomp == Some(2)).then(|| {
            "a seccomp filter forbids them, as in most containers; `docker run --security-opt \
             seccomp=unconfined` (with `--security-opt systempaths=unconfined` and, under AppArmor, \
             `--security-opt apparmor=unconfined`) allows them"
                .to_owned()
        })
    }
}

/// Joins several possible causes, because a filter refuses before the kernel checks its settings.
fn either<const N: usize>(causes: [Option<String>; N]) -> Option<String> {
    let causes: Vec<_> = causes.into_iter().flatten().collect();
    (!causes.is_empty()).then(|| causes.join("; if they are still refused then, "))
}

fn hides_proc() -> String {
    "parts of /proc are covered, as in most containers; `docker run --security-opt \
     systempaths=unconfined` uncovers them"
        .to_owned()
}

fn granted_by(setting: &str, is: u64, should_be: u64) -> String {
    format!("`{setting}` is {is}; `sudo sysctl -w {setting}={should_be}` allows them")
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(sysctl: &'static str, value: u64) -> Settings {
        Settings { sysctls: BTreeMap::from([(sysctl, value)]), ..Settings::default() }
    }

    #[test]
    fn zero_limit_is_reported_with_the_command_that_raises_it() {
        let settings = with(MAX_USER, 0);
        assert_eq!(
            settings.explain(Refused::User, Errno::ENOSPC),
            "user namespaces cannot be created: `user.max_user_namespaces` is 0; \
             `sudo sysctl -w user.max_user_namespaces=15000` allows them"
        );
        let settings = with("user.max_net_namespaces", 0);
        let explained = settings.explain(Refused::Rest, Errno::ENOSPC);
        assert!(explained.contains("`user.max_net_namespaces` is 0"), "{explained}");
    }

    #[test]
    fn reached_limit_is_not_reported_as_zero() {
        let settings = with(MAX_USER, 7);
        let explained = settings.explain(Refused::User, Errno::ENOSPC);
        assert!(explained.contains("`user.max_user_namespaces` is reached"), "{explained}");
    }

    #[test]
    fn each_cause_of_a_refusal_has_its_own_advice() {
        let debian = with(USERNS_CLONE, 0);
        let ubuntu = with(APPARMOR_RESTRICTS, 1);
        let docker = Settings { seccomp: Some(2), ..Settings::default() };
        let capless_root = Settings { is_root: true, ..Settings::default() };
        for (settings, refused, word) in [
            (&debian, Refused::User, "sysctl -w kernel.unprivileged_userns_clone=1"),
            (&ubuntu, Refused::User, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
            (&ubuntu, Refused::Rest, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
            (&docker, Refused::User, "--security-opt seccomp=unconfined"),
            (&docker, Refused::Rest, "--security-opt seccomp=unconfined"),
            (&capless_root, Refused::Maps, "docker run --cap-add SETFCAP"),
            (&docker, Refused::Proc, "--security-opt systempaths=unconfined"),
        ] {
            let explained = settings.explain(refused, Errno::EPERM);
            assert!(explained.contains(word), "{explained}");
        }
    }

    #[test]
    fn filter_is_reported_before_the_settings_that_it_may_hide() {
        let docker_on_ubuntu = Settings { seccomp: Some(2), ..with(APPARMOR_RESTRICTS, 1) };
        let explained = docker_on_ubuntu.explain(Refused::User, Errno::EPERM);
        let filter = explained.find("--security-opt seccomp=unconfined");
        let setting = explained.find("kernel.apparmor_restrict_unprivileged_userns=0");
        assert!(filter.is_some() && filter < setting, "{explained}");
    }

    #[test]
    fn unexplained_refusal_is_reported_with_the_kernels_words() {
        assert_eq!(
            Settings::default().explain(Refused::User, Errno::EPERM),
            "user namespaces cannot be created: the kernel says: Operation not permitted"
        );
    }
}
