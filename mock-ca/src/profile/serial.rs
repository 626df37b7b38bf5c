//! Serial numbers, as each kind of CA makes them.

use openssl::{bn::BigNum, error::ErrorStack, rand::rand_bytes};

/// A random positive serial number of exactly so many bytes, as self-signed CA certificates have.
pub(crate) fn random_serial(bytes: usize) -> Result<BigNum, ErrorStack> {
    let mut serial = vec![0; bytes];
    rand_bytes(&mut serial)?;
    if let Some(first) = serial.first_mut() {
        // No sign bit, and no leading zero that the encoding would drop.
        *first = (*first & 0x7f) | 0x01;
    }
    BigNum::from_slice(&serial)
}

/// The 19 bytes a Windows CA makes of a request's number: high serial, request id, eight random bytes, the index of
/// the CA's certificate (0), the request id again (MS-WCCE §3.2.1.4.2.1.4.6).
pub(crate) fn request_serial(high_serial: u8, request_id: u32) -> Result<BigNum, ErrorStack> {
    let mut random = [0; 8];
    rand_bytes(&mut random)?;
    let mut serial = vec![first_byte(high_serial)];
    serial.extend_from_slice(&request_id.to_be_bytes());
    serial.extend_from_slice(&random);
    serial.extend_from_slice(&[0, 0]);
    serial.extend_from_slice(&request_id.to_be_bytes());
    BigNum::from_slice(&serial)
}

/// The high serial byte as it is written: never negative, never with an empty high digit.
fn first_byte(high_serial: u8) -> u8 {
    match high_serial & 0x7f {
        0 => 0x61,
        byte if byte & 0xf0 == 0 => byte ^ 0x10,
        byte => byte,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_layout_comes_out() {
        let serial = request_serial(0x11, 0x1423).unwrap().to_vec();
        assert_eq!(serial.len(), 19);
        assert_eq!(serial[..5], [0x11, 0x00, 0x00, 0x14, 0x23]);
        assert_eq!(serial[13..], [0x00, 0x00, 0x00, 0x00, 0x14, 0x23]);
    }

    #[test]
    fn the_first_byte_is_positive_and_full() {
        assert_eq!(first_byte(0x00), 0x61);
        assert_eq!(first_byte(0x80), 0x61);
        assert_eq!(first_byte(0x01), 0x11);
        assert_eq!(first_byte(0x79), 0x79);
    }

    #[test]
    fn a_random_serial_has_its_length() {
        for _ in 0..64 {
            let serial = random_serial(20).unwrap().to_vec();
            assert_eq!(serial.len(), 20);
            assert!(serial[0] < 0x80);
        }
    }
}
