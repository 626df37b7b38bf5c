//! Mutations of messages, the same at every run.

/// A small generator with a fixed seed, so that a failure can be repeated.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        // Half of them mean something to a reader of BER: lengths, tags and ends.
        const TELLING: [u8; 12] =
            [0x00, 0x02, 0x04, 0x24, 0x30, 0x31, 0x7f, 0x80, 0x84, 0xa0, 0xfe, 0xff];
        match self.below(2) {
            0 => TELLING[self.below(TELLING.len())],
            _ => self.roll().to_le_bytes()[0],
        }
    }

    /// One to four changes: a byte set, put in or taken out, the end cut off, a piece moved.
    pub(crate) fn mutate(&mut self, message: &[u8]) -> Vec<u8> {
        let mut mutated = message.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(mutated.len());
            match self.below(8) {
                0..=3 if !mutated.is_empty() => mutated[at] = self.byte(),
                4 => mutated.insert(at, self.byte()),
                5 if !mutated.is_empty() => drop(mutated.remove(at)),
                6 => mutated.truncate(at),
                _ => {
                    let end = (at + self.below(64)).min(mutated.len());
                    let piece = mutated[at.min(end)..end].to_vec();
                    let to = self.below(mutated.len());
                    mutated.splice(to..to, piece);
                }
            }
        }
        mutated
    }
}
