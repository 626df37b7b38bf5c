//! What a lab has beside its network: its own /proc, its names, the kernel's settings.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use nix::mount::{MsFlags, mount};

use model::lab::Lab;
use model::lab::topology::Kind;

/// The settings that keep IPv6, which no lab has, from talking on the links.
const NO_IPV6: [&str; 2] = ["net/ipv6/conf/all/disable_ipv6", "net/ipv6/conf/default/disable_ipv6"];

/// Gives the lab a /proc of its own, in which only its own processes are seen.
pub(super) fn mount_proc() -> io::Result<()> {
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, nothing)?;
    Ok(())
}

/// Lets programs in the lab know its hosts by their names, and nobody else's.
pub(super) fn mount_names(lab: &Lab, folder: &Path) -> io::Result<()> {
    let ours = folder.join("hosts");
    fs::write(&ours, names(lab))?;
    let nothing = None::<&str>;
    match mount(Some(&ours), "/etc/hosts", nothing, MsFlags::MS_BIND, nothing) {
        // Where there is no such file, none is read.
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

/// Sets up the namespace of the calling thread as that of a node.
pub(super) fn set_up(kind: Kind) -> io::Result<()> {
    silence_ipv6()?;
    // As in the virtual lab, each lost packet is told of: the kernel would fall silent after a few.
    set("net/ipv4/icmp_ratemask", "0")?;
    if let Kind::Host { forwards, ttl } = kind {
        set("net/ipv4/ip_default_ttl", &ttl.to_string())?;
        set("net/ipv4/ip_forward", if forwards { "1" } else { "0" })?;
    }
    let everybody = set("net/ipv4/ping_group_range", "0 2147483647");
    // Where only one group is known, everybody is in that one.
    everybody.or_else(|_| set("net/ipv4/ping_group_range", "0 0"))
}

/// Turns IPv6 off in the namespace of the calling thread, where the kernel has it.
pub(super) fn silence_ipv6() -> io::Result<()> {
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
    fn every_address_of_a_host_has_its_name() {
        let lab =
            "hosts: {a: {addresses: [10.0.0.1/24, 10.0.1.1/24]}, b: {addresses: [10.0.0.2/24]}}";
        let lab = Lab::parse(&Source::new("lab", lab.to_owned())).unwrap();
        assert_eq!(names(&lab), "127.0.0.1 localhost\n10.0.0.1 a\n10.0.1.1 a\n10.0.0.2 b\n");
    }
}
