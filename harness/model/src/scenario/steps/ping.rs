//! The values that the device's `ping` takes.

use diagnostics::yaml::{Node, Problems};

/// How many echo requests.
pub(super) fn count(node: &Node, problems: &Problems) -> Option<u16> {
    let count: std::num::NonZeroU16 = node.parsed("a count from 1 to 65535", problems)?;
    Some(count.get())
}

/// The size of their payload in bytes.
pub(super) fn size(node: &Node, problems: &Problems) -> Option<u16> {
    let expected = "a size from 0 to 65507 bytes";
    let size: u16 = node.parsed(expected, problems)?;
    if size > 65507 {
        node.expected(expected, problems);
        return None;
    }
    Some(size)
}

/// The device's `ping` takes whole seconds.
pub(super) fn whole_seconds(node: &Node, problems: &Problems) -> Option<u64> {
    let timeout = node.duration(problems)?;
    if timeout.is_zero() || timeout.subsec_nanos() != 0 {
        node.expected("whole seconds, as the device's `ping` takes them", problems);
        return None;
    }
    Some(timeout.as_secs())
}
