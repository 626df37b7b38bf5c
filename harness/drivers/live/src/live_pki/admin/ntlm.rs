//! NTLM version 2 (MS-NLMP), which proves knowledge of a password without sending it.

use std::time::UNIX_EPOCH;

use openssl::hash::{DigestBytes, MessageDigest, hash};
use openssl::pkey::PKey;
use openssl::provider::Provider;
use openssl::sign::Signer;

/// The beginning of every message.
const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Unicode, the target's name, NTLM, always signed, extended session security (MS-NLMP §2.2.2.5).
const FLAGS: u32 = 0x1 | 0x4 | 0x200 | 0x8000 | 0x8_0000;

/// The offset of the payload in an `AUTHENTICATE_MESSAGE`.
const HEADER: usize = 64;

/// The seconds from 1601, the epoch of Windows, to 1970.
const EPOCH: u64 = 11_644_473_600;

/// The ID of the server's time in the target information (MS-NLMP §2.2.2.1).
const TIMESTAMP: u16 = 7;

/// The values that are new in each answer, against replay.
pub(super) struct Fresh {
    /// In tenths of a microsecond since 1601.
    time: [u8; 8],
    nonce: [u8; 8],
}

impl Fresh {
    /// The current time, and random octets.
    pub(super) fn now() -> Result<Self, String> {
        let since =
            scep::clock::Clock::system().now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ticks = (since.as_secs() + EPOCH) * 10_000_000 + u64::from(since.subsec_nanos() / 100);
        let mut nonce = [0; 8];
        openssl::rand::rand_bytes(&mut nonce).map_err(|error| error.to_string())?;
        Ok(Self { time: ticks.to_le_bytes(), nonce })
    }
}

/// The first message: the supported features.
pub(super) fn negotiate() -> Vec<u8> {
    [&SIGNATURE[..], &1_u32.to_le_bytes(), &FLAGS.to_le_bytes(), &[0; 16]].concat()
}

/// The last message: the proof for the server's `CHALLENGE_MESSAGE`; the error is why there is none.
pub(super) fn prove(
    challenge: &[u8],
    user: &str,
    password: &str,
    fresh: &Fresh,
) -> Result<Vec<u8>, String> {
    let asked = Challenge::read(challenge).ok_or("its NTLM challenge cannot be read")?;
    let (domain, user) = user.split_once('\\').unwrap_or(("", user));
    let owner = [utf16(&user.to_uppercase()), utf16(domain)].concat();
    let key = hmac_md5(&md4(&utf16(password))?, &owner)?;
    let blob = blob(&asked, fresh);
    let proof = hmac_md5(&key, &[&asked.nonce[..], &blob].concat())?;
    let response = [proof, blob].concat();
    // A server that sends its time requires that the older response be empty.
    let older = if asked.time.is_some() {
        vec![0; 24]
    } else {
        let proof = hmac_md5(&key, &[&asked.nonce[..], &fresh.nonce].concat())?;
        [&proof[..], &fresh.nonce].concat()
    };
    Ok(message(&[&older, &response, &utf16(domain), &utf16(user), &[], &[]]))
}

/// The server's challenge (MS-NLMP §2.2.1.2).
struct Challenge<'a> {
    nonce: [u8; 8],
    target: &'a [u8],
    time: Option<[u8; 8]>,
}

impl<'a> Challenge<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        if !message.starts_with(SIGNATURE) || message.get(8..12)? != [2, 0, 0, 0] {
            return None;
        }
        let nonce = message.get(24..32)?.try_into().ok()?;
        let length = usize::from(u16::from_le_bytes(message.get(40..42)?.try_into().ok()?));
        let offset = u32::from_le_bytes(message.get(44..48)?.try_into().ok()?);
        let offset = usize::try_from(offset).ok()?;
        let target = message.get(offset..offset.checked_add(length)?)?;
        Some(Self { nonce, target, time: timestamp(target) })
    }
}

/// The server's time in its target information.
fn timestamp(mut target: &[u8]) -> Option<[u8; 8]> {
    while let [a, b, c, d, rest @ ..] = target {
        let (name, length) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        let value = rest.get(..usize::from(length))?;
        if name == TIMESTAMP {
            return value.try_into().ok();
        }
        target = &rest[value.len()..];
    }
    None
}

/// `NTLMv2_CLIENT_CHALLENGE` (MS-NLMP §2.2.2.7).
fn blob(asked: &Challenge<'_>, fresh: &Fresh) -> Vec<u8> {
    let time = asked.time.unwrap_or(fresh.time);
    [&[1, 1, 0, 0, 0, 0, 0, 0], &time[..], &fresh.nonce, &[0; 4], asked.target, &[0; 4]].concat()
}

/// `AUTHENTICATE_MESSAGE` (MS-NLMP §2.2.1.3): the length and offset of each part, then the parts.
fn message(parts: &[&[u8]; 6]) -> Vec<u8> {
    let mut header = [&SIGNATURE[..], &3_u32.to_le_bytes()].concat();
    let mut payload = Vec::new();
    for part in parts {
        // The length fits: parts are user names, or parts of the server's message.
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes();
        let offset = u32::try_from(HEADER + payload.len()).unwrap_or(u32::MAX);
        header.extend([&length[..], &length, &offset.to_le_bytes()].concat());
        payload.extend_from_slice(part);
    }
    header.extend(FLAGS.to_le_bytes());
    [header, payload].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hmac_md5(key: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    PKey::hmac(key)
        .and_then(|key| Signer::new(MessageDigest::md5(), &key)?.sign_oneshot_to_vec(data))
        .map_err(|error| format!("the NTLM proof cannot be computed: {error}"))
}

/// MD4 from OpenSSL's legacy provider, loaded in addition to the default one.
fn md4(data: &[u8]) -> Result<DigestBytes, String> {
    let missing = "NTLM requires MD4, but this OpenSSL has no legacy provider";
    let _legacy = Provider::try_load(None, "legacy", true).map_err(|_| missing)?;
    let md4 = MessageDigest::from_name("MD4").ok_or(missing)?;
    Ok(hash(md4, data).map_err(|_| missing)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of MS-NLMP §4.2.4.
    fn example() -> (Vec<u8>, Fresh) {
        let target =
            [&[2, 0, 12, 0][..], &utf16("Domain"), &[1, 0, 12, 0], &utf16("Server"), &[0, 0, 0, 0]]
                .concat();
        let length = u16::try_from(target.len()).unwrap().to_le_bytes();
        let nonce = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        let head = [&SIGNATURE[..], &[2, 0, 0, 0], &[0; 8], &[0; 4], &nonce, &[0; 8]].concat();
        let fields = [&length[..], &length, &48_u32.to_le_bytes()].concat();
        let fresh = Fresh { time: [0; 8], nonce: [0xaa; 8] };
        ([head, fields, target].concat(), fresh)
    }

    #[test]
    fn proof_matches_the_example_of_the_specification() {
        let (challenge, fresh) = example();
        let message = prove(&challenge, "Domain\\User", "Password", &fresh).unwrap();
        let part = |at: usize| {
            let number =
                |at: usize| usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
            &message[number(at + 4)..number(at + 4) + number(at)]
        };
        assert_eq!(
            part(12),
            [
                0x86, 0xc3, 0x50, 0x97, 0xac, 0x9c, 0xec, 0x10, 0x25, 0x54, 0x76, 0x4a, 0x57, 0xcc,
                0xcc, 0x19, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa
            ]
        );
        assert_eq!(
            part(20)[..16],
            [
                0x68, 0xcd, 0x0a, 0xb8, 0x51, 0xe5, 0x1c, 0x96, 0xaa, 0xbc, 0x92, 0x7b, 0xeb, 0xef,
                0x6a, 0x1c
            ]
        );
        assert_eq!((part(28), part(36)), (&utf16("Domain")[..], &utf16("User")[..]));
    }

    #[test]
    fn truncated_or_invalid_challenge_is_rejected() {
        let (challenge, fresh) = example();
        for length in 0..challenge.len() {
            assert!(prove(&challenge[..length], "u", "p", &fresh).is_err(), "{length}");
        }
        for at in 0..challenge.len() {
            let mut other = challenge.clone();
            other[at] = 0xff;
            // The result does not matter, as long as nothing panics.
            let _ = prove(&other, "u", "p", &fresh);
        }
    }
}
