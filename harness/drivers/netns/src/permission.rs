//! Why the operating system forbids namespaces, and what would allow them.

use std::fs;

use nix::errno::Errno;
use nix::unistd::geteuid;

/// What the kernel refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// A user namespace.
    User,
    /// Its mapping of users and groups.
    Maps,
    /// The namespaces of processes, mounts and networks.
    Rest,
    /// A /proc of its own.
    Proc,
}

/// The settings and states that decide, as the kernel shows them; `None` where it has no such thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Settings {
    max_user_namespaces: Option<u64>,
    max_pid_namespaces: Option<u64>,
    max_mnt_namespaces: Option<u64>,
    max_net_namespaces: Option<u64>,
    /// Debian's switch.
    unprivileged_userns_clone: Option<u64>,
    /// Ubuntu's switch.
    apparmor_restrict_unprivileged_userns: Option<u64>,
    /// 2 where a filter judges each system call, as in most containers.
    seccomp: Option<u64>,
    is_root: bool,
}

impl Settings {
    /// Those that this process is held to; in a namespace of users of its own it sees others.
    pub(super) fn of_this_process() -> Self {
        let setting = |name: &str| number(&fs::read_to_string(format!("/proc/sys/{name}")).ok()?);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let seccomp = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        Self {
            max_user_namespaces: setting("user/max_user_namespaces"),
            max_pid_namespaces: setting("user/max_pid_namespaces"),
            max_mnt_namespaces: setting("user/max_mnt_namespaces"),
            max_net_namespaces: setting("user/max_net_namespaces"),
            unprivileged_userns_clone: setting("kernel/unprivileged_userns_clone"),
            apparmor_restrict_unprivileged_userns: setting(
                "kernel/apparmor_restrict_unprivileged_userns",
            ),
            seccomp: seccomp.and_then(number),
            is_root: geteuid().is_root(),
        }
    }

    /// What is missing, and the command that grants it.
    pub(super) fn explain(&self, refused: Refused, errno: Errno) -> String {
        let (what, cause) = match refused {
            Refused::User => ("user namespaces", self.forbids_users(errno)),
            Refused::Maps => ("a user of its own in a user namespace", self.forbids_maps()),
            Refused::Rest => ("namespaces", self.forbids_rest(errno)),
            Refused::Proc => ("a /proc of its own", Some(hides_proc())),
        };
        let cause = cause.unwrap_or_else(|| format!("the kernel says: {}", errno.desc()));
        format!("{what} cannot be had: {cause}")
    }

    fn forbids_users(&self, errno: Errno) -> Option<String> {
        match errno {
            Errno::ENOSPC => Some(Self::limit([("user", self.max_user_namespaces)])),
            Errno::EPERM | Errno::ENOSYS | Errno::EACCES => {
                either([self.filters(), self.switches_off(), self.restricts()])
            }
            Errno::EINVAL => Some("the kernel was built without them".to_owned()),
            _ => None,
        }
    }

    fn forbids_rest(&self, errno: Errno) -> Option<String> {
        match errno {
            Errno::ENOSPC => Some(Self::limit([
                ("pid", self.max_pid_namespaces),
                ("mnt", self.max_mnt_namespaces),
                ("net", self.max_net_namespaces),
            ])),
            Errno::EPERM | Errno::ENOSYS | Errno::EACCES => self.forbids_capabilities(),
            _ => None,
        }
    }

    /// A setting of zero, or a limit that is reached, be it that of a namespace further out.
    fn limit<const N: usize>(limits: [(&str, Option<u64>); N]) -> String {
        let zero = limits.iter().find(|(_, limit)| *limit == Some(0));
        if let Some((kind, _)) = zero {
            return granted_by(&format!("user.max_{kind}_namespaces"), 0, 15_000);
        }
        let names: Vec<_> =
            limits.iter().map(|(kind, _)| format!("`user.max_{kind}_namespaces`")).collect();
        format!(
            "the limit {} is reached, here or, in a container, further out; end what uses them, or raise it there",
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
        let off = self.unprivileged_userns_clone == Some(0);
        off.then(|| granted_by("kernel.unprivileged_userns_clone", 0, 1))
    }

    fn restricts(&self) -> Option<String> {
        let restricts = self.apparmor_restrict_unprivileged_userns.is_some_and(|value| value > 0);
        restricts.then(|| granted_by("kernel.apparmor_restrict_unprivileged_userns", 1, 0))
    }

    fn filters(&self) -> Option<String> {
        (self.seccomp == Some(2)).then(|| {
            "a seccomp filter forbids them, as containers have it; `docker run --security-opt \
             seccomp=unconfined` (with `--security-opt systempaths=unconfined` and, under AppArmor, \
             `--security-opt apparmor=unconfined`) allows them"
                .to_owned()
        })
    }
}

/// A filter refuses before the kernel looks at its settings, so which of them would refuse as well is not to be seen.
fn either<const N: usize>(causes: [Option<String>; N]) -> Option<String> {
    let causes: Vec<_> = causes.into_iter().flatten().collect();
    (!causes.is_empty()).then(|| causes.join("; if they are still refused then, "))
}

fn hides_proc() -> String {
    "parts of /proc are covered, as containers have it; `docker run --security-opt \
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

    #[test]
    fn a_limit_of_zero_is_named_with_the_command_that_raises_it() {
        let settings = Settings { max_user_namespaces: Some(0), ..Settings::default() };
        assert_eq!(
            settings.explain(Refused::User, Errno::ENOSPC),
            "user namespaces cannot be had: `user.max_user_namespaces` is 0; \
             `sudo sysctl -w user.max_user_namespaces=15000` allows them"
        );
        let settings = Settings { max_net_namespaces: Some(0), ..Settings::default() };
        let explained = settings.explain(Refused::Rest, Errno::ENOSPC);
        assert!(explained.contains("`user.max_net_namespaces` is 0"), "{explained}");
    }

    #[test]
    fn a_limit_that_is_reached_is_not_said_to_be_zero() {
        let settings = Settings { max_user_namespaces: Some(7), ..Settings::default() };
        let explained = settings.explain(Refused::User, Errno::ENOSPC);
        assert!(explained.contains("`user.max_user_namespaces` is reached"), "{explained}");
    }

    #[test]
    fn each_guard_is_told_from_the_others() {
        let debian = Settings { unprivileged_userns_clone: Some(0), ..Settings::default() };
        let ubuntu =
            Settings { apparmor_restrict_unprivileged_userns: Some(1), ..Settings::default() };
        let docker = Settings { seccomp: Some(2), ..Settings::default() };
        let capless_root = Settings { is_root: true, ..Settings::default() };
        for (settings, refused, word) in [
            (debian, Refused::User, "sysctl -w kernel.unprivileged_userns_clone=1"),
            (ubuntu, Refused::User, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
            (ubuntu, Refused::Rest, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
            (docker, Refused::User, "--security-opt seccomp=unconfined"),
            (docker, Refused::Rest, "--security-opt seccomp=unconfined"),
            (capless_root, Refused::Maps, "docker run --cap-add SETFCAP"),
            (docker, Refused::Proc, "--security-opt systempaths=unconfined"),
        ] {
            let explained = settings.explain(refused, Errno::EPERM);
            assert!(explained.contains(word), "{explained}");
        }
    }

    #[test]
    fn a_filter_is_named_before_the_settings_that_it_may_hide() {
        let docker_on_ubuntu = Settings {
            seccomp: Some(2),
            apparmor_restrict_unprivileged_userns: Some(1),
            ..Settings::default()
        };
        let explained = docker_on_ubuntu.explain(Refused::User, Errno::EPERM);
        let filter = explained.find("--security-opt seccomp=unconfined");
        let setting = explained.find("kernel.apparmor_restrict_unprivileged_userns=0");
        assert!(filter.is_some() && filter < setting, "{explained}");
    }

    #[test]
    fn what_nothing_explains_is_told_in_the_kernels_words() {
        assert_eq!(
            Settings::default().explain(Refused::User, Errno::EPERM),
            "user namespaces cannot be had: the kernel says: Operation not permitted"
        );
    }
}
