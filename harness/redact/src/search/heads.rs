//! The beginnings of needles, by which it is known at little cost that none of them is in some bytes.

/// The longest beginning, in bytes.
const LONGEST: usize = 8;

/// Bits of an index of the filter.
const INDEX: u32 = 13;

/// The first bytes of all needles in lower case, as many as the shortest needle has.
#[derive(Default)]
pub(super) struct Heads {
    /// Each as a number, in ascending order.
    sorted: Vec<u64>,
    /// The bits of a head.
    mask: u64,
    /// A bit for each value that the hash of a head can have.
    filter: Vec<u64>,
}

impl Heads {
    pub(super) fn of<'a>(needles: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let Some(length) = needles.clone().map(<[u8]>::len).min().map(|it| it.min(LONGEST)) else {
            return Self::default();
        };
        let head = |needle: &[u8]| needle[..length].iter().copied().fold(0, after);
        let mut sorted: Vec<u64> = needles.map(head).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut filter = vec![0; 1 << (INDEX - 6)];
        for head in &sorted {
            let (word, bit) = index(*head);
            filter[word] |= bit;
        }
        let unused = u32::try_from((LONGEST - length) * 8).unwrap_or_default();
        Self { sorted, mask: u64::MAX >> unused, filter }
    }

    /// True if a head may be in these bytes; it surely is not if this is false.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        if self.sorted.is_empty() {
            return false;
        }
        let mut last = 0;
        bytes.iter().any(|byte| {
            last = after(last, *byte);
            let (word, bit) = index(last & self.mask);
            self.filter[word] & bit != 0 && self.sorted.binary_search(&(last & self.mask)).is_ok()
        })
    }
}

/// The last bytes after one more.
fn after(last: u64, byte: u8) -> u64 {
    last << 8 | u64::from(byte.to_ascii_lowercase())
}

/// The word and the bit of the filter for a head.
fn index(head: u64) -> (usize, u64) {
    // The highest bits of a product depend on all bits of its factors.
    let hash = head.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - INDEX);
    (usize::try_from(hash >> 6).unwrap_or_default(), 1 << (hash & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(needles: &[&[u8]]) -> Heads {
        Heads::of(needles.iter().copied())
    }

    #[test]
    fn beginning_of_a_needle_is_found_in_both_cases() {
        let heads = heads(&[b"hunter22-and-more", b"correct-horse"]);
        assert!(heads.are_in(b"x HunTer22") && heads.are_in(b"correct-x"));
        assert!(!heads.are_in(b"hunter2, correct horse") && !heads.are_in(b""));
    }

    #[test]
    fn head_is_no_longer_than_the_shortest_needle() {
        let heads = heads(&[b"hunter22", b"ab"]);
        assert!(heads.are_in(b"hu") && heads.are_in(b"xab") && !heads.are_in(b"xhx"));
        assert!(!Heads::default().are_in(b"x"));
    }
}
