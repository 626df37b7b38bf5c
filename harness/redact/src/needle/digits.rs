//! Bytes in digits of several bits each: base64 and base32 (RFC 4648).

use super::{Needle, Place};

/// The digits of an encoding.
pub(super) struct Digits {
    alphabet: &'static [u8],
    /// Bits of a digit.
    bits: usize,
}

impl Digits {
    pub(super) const BASE64: Self = Self {
        alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        bits: 6,
    };

    /// The usual digits, and those with which the order of texts stays (RFC 4648 §7).
    pub(super) const BASE32: [Self; 2] = [
        Self { alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5 },
        Self { alphabet: b"0123456789ABCDEFGHIJKLMNOPQRSTUV", bits: 5 },
    ];

    /// The digits that depend on the bytes alone, for each place at which these may begin in a group of bytes, because other bytes may
    /// stand before and after.
    pub(super) fn cores(&self, bytes: &[u8]) -> impl Iterator<Item = Needle> {
        (0..self.group()).filter_map(move |offset| {
            let digits = self.written(&[&vec![0; offset], bytes].concat());
            let first = (offset * 8).div_ceil(self.bits);
            let bits = (offset + bytes.len()) * 8;
            let core = digits.get(first..bits / self.bits)?.to_vec();
            // A digit has bits of two bytes if they do not end with it.
            let shared = |bits: usize| usize::from(!bits.is_multiple_of(self.bits));
            let partial = (shared(offset * 8), shared(bits));
            Some(Needle { place: Place::Anywhere, partial, ..Needle::encoded(core) })
        })
    }

    /// The number of bytes after which a byte begins at a digit again.
    fn group(&self) -> usize {
        self.bits >> self.bits.trailing_zeros()
    }

    /// The bytes in digits, without padding.
    fn written(&self, bytes: &[u8]) -> Vec<u8> {
        let (mut held, mut count) = (0_usize, 0);
        let mut digits = Vec::new();
        for byte in bytes.iter().copied().chain([0]) {
            held = held << 8 | usize::from(byte);
            count += 8;
            while count >= self.bits {
                count -= self.bits;
                digits.push(self.alphabet[held >> count]);
                held &= (1 << count) - 1;
            }
        }
        digits.truncate((bytes.len() * 8).div_ceil(self.bits));
        digits
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;

    use super::*;

    fn count_in(digits: &Digits, encoded: &str) -> usize {
        let cores = digits.cores(b"hunter22");
        cores.filter(|core| encoded.contains(std::str::from_utf8(&core.bytes).unwrap())).count()
    }

    #[test]
    fn base64_cores_are_in_every_encoding() {
        for length in 0..3 {
            let around = [&b"xyz"[..length], b"hunter22", b"q!"].concat();
            let encoded = STANDARD_NO_PAD.encode(around);
            assert_eq!(count_in(&Digits::BASE64, &encoded), 1, "{encoded}");
        }
    }

    /// The words are `hunter22` after none to four bytes of `wxyz`, and before `q!`, as `base32` prints them.
    #[test]
    fn base32_cores_are_in_every_encoding() {
        for encoded in [
            "NB2W45DFOIZDE4JB",
            "O5UHK3TUMVZDEMTREE",
            "O54GQ5LOORSXEMRSOEQQ",
            "O54HS2DVNZ2GK4RSGJYSC",
            "O54HS6TIOVXHIZLSGIZHCII",
        ] {
            assert_eq!(count_in(&Digits::BASE32[0], encoded), 1, "{encoded}");
        }
    }

    #[test]
    fn digits_are_those_of_the_standard() {
        assert_eq!(Digits::BASE64.written(b"foobar"), b"Zm9vYmFy");
        assert_eq!(Digits::BASE64.written(b"foob"), b"Zm9vYg");
        assert_eq!(Digits::BASE32[0].written(b"foobar"), b"MZXW6YTBOI");
        assert_eq!(Digits::BASE32[1].written(b"foobar"), b"CPNMUOJ1E8");
    }
}
