//! The kernel's network: namespaces, links, addresses, and a simulated device on them.

pub mod device;
pub mod links;
pub mod namespace;

/// When a process was started: the 22nd field of /proc/PID/stat; the second, a name, may hold blanks and brackets.
pub fn start_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_whitespace().nth(19).map(str::to_owned)
}
