//! Prepares the system of a lab apart from its links: /proc, shared memory, host names and kernel settings.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use nix::mount::{MsFlags, mount};

use model::lab::Lab;
use model::lab::topology::Kind;

/// The settings that disable IPv6, because labs have none and it would send packets on the links.
const NO_IPV6: [&str; 2] = ["net/ipv6/conf/all/disable_ipv6", "net/ipv6/conf/default/disable_ipv6"];

/// Mounts a private /proc, which shows only the lab's processes.
pub(super) fn mount_proc() -> io::Result<()> {
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, nothing)?;
    Ok(())
}

/// Mounts a private `/dev/shm`: libfaketime's files there have the numbers of processes in their names, which other labs have as well.
pub(super) fn mount_shared_memory() -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("tmpfs"), "/dev/shm", Some("tmpfs"), flags, Some("mode=1777")) {
        Err(nix::errno::Errno::ENOENT) => Ok(()),
        mounted => Ok(mounted?),
    }
}

/// Makes the names of the lab's hosts, and no others, known to programs in the lab.
pub(super) fn mount_names(lab: &Lab, folder: &Path) -> io::Result<()> {
    let file = folder.join("hosts");
    fs::write(&file, names(lab))?;
    let nothing = None::<&str>;
    match mount(Some(&file), "/etc/hosts", nothing, MsFlags::MS_BIND, nothing) {
        // If there is no such file, programs do not read it.
        Err(nix::errno::Errno::ENOENT) => Ok(()),
        mounted => Ok(mounted?),
    }
}

fn names(lab: &Lab) -> String {
    let mut names = "127.0.0.1 localhost\n".to_owned();
    for (name, host) in &lab.hosts {
        for address in &host.addresses {
            let _ = writeln!(names, "{} {name}", address.addr());
        }
    }
    names
}

/// Configures the namespace of the calling thread for a node.
pub(super) fn set_up(kind: Kind) -> io::Result<()> {
    disable_ipv6()?;
    // As in the virtual lab, every lost packet is reported: by default the kernel limits the rate.
    set("net/ipv4/icmp_ratemask", "0")?;
    if let Kind::Host { forwards, ttl } = kind {
        set("net/ipv4/ip_default_ttl", &ttl.to_string())?;
        set("net/ipv4/ip_forward", if forwards { "1" } else { "0" })?;
    }
    let all_groups = set("net/ipv4/ping_group_range", "0 2147483647");
    // If the user namespace maps a single group, all users are in that group.
    all_groups.or_else(|_| set("net/ipv4/ping_group_range", "0 0"))
}

/// Disables IPv6 in the namespace of the calling thread, if the kernel has it.
pub(super) fn disable_ipv6() -> io::Result<()> {
    NO_IPV6.iter().try_for_each(|setting| match set(setting, "1") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    })
}

fn set(setting: &str, value: &str) -> io::Result<()> {
    fs::write(Path::new("/proc/sys").join(setting), value).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("`{}` cannot be set: {error}", setting.replace('/', ".")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    #[test]
    fn hosts_file_has_every_address_of_a_host() {
        let lab =
            "hosts: {a: {addresses: [10.0.0.1/24, 10.0.1.1/24]}, b: {addresses: [10.0.0.2/24]}}";
        let lab = Lab::parse(&Source::new("lab", lab.to_owned())).unwrap();
        assert_eq!(names(&lab), "127.0.0.1 localhost\n10.0.0.1 a\n10.0.1.1 a\n10.0.0.2 b\n");
    }
}
