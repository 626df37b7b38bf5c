//! A page behind NTLM version 2 (MS-NLMP), as IIS has it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

/// The account that may see the page, and the password on the page.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) domain: &'static str,
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    pub(crate) shows: &'static str,
}

/// Headers that ask for authentication.
const OFFERS: &str = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n";

const SERVER_CHALLENGE: [u8; 8] = *b"\x01\x23\x45\x67\x89\xab\xcd\xef";

/// A server that runs until the test ends; `visits` receives the result of each login.
pub(crate) struct WindowsPage {
    pub(crate) authority: String,
    pub(crate) visits: Receiver<&'static str>,
}

impl WindowsPage {
    pub(crate) fn start(account: Account) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (sender, visits) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (account, sender) = (account.clone(), sender.clone());
                thread::spawn(move || {
                    converse(&stream, &account, |visit| {
                        // The test may have ended.
                        let _ = sender.send(visit);
                    })
                });
            }
        });
        Self { authority, visits }
    }
}

fn converse(stream: &TcpStream, account: &Account, report: impl Fn(&'static str)) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let head: Vec<String> =
            lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        head.first()?;
        let authorization = head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then_some(value)
        });
        let message = authorization.and_then(|value| value.strip_prefix("NTLM "));
        let message = message.map(|message| STANDARD.decode(message.trim()).unwrap());
        let (status, headers, body) = match message.as_deref() {
            None if authorization.is_some() => {
                report("another scheme");
                ("401 Unauthorized", OFFERS.to_owned(), String::new())
            }
            None => ("401 Unauthorized", OFFERS.to_owned(), String::new()),
            Some(message) if message[8] == 1 => {
                let challenge = STANDARD.encode(challenge(account.domain));
                (
                    "401 Unauthorized",
                    format!("WWW-Authenticate: NTLM {challenge}\r\n"),
                    String::new(),
                )
            }
            Some(message) if proves(message, account) => {
                report("right");
                let shown = account.shows;
                let page =
                    format!("<P> The enrollment challenge password is: <B> {shown} </B> </P>");
                ("200 OK", String::new(), page)
            }
            Some(_) => {
                report("wrong");
                ("401 Unauthorized", OFFERS.to_owned(), String::new())
            }
        };
        let length = body.len();
        write!(&*stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
            .ok()?;
    }
}

/// A `CHALLENGE_MESSAGE` (MS-NLMP §2.2.1.2) with the names of the domain and of the server.
fn challenge(domain: &str) -> Vec<u8> {
    let name = utf16(domain);
    let mut information = Vec::new();
    for (id, value) in [(2_u16, name.as_slice()), (1, utf16("NDES").as_slice()), (0, &[])] {
        information.extend(id.to_le_bytes());
        information.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        information.extend(value);
    }
    let fields = |length: usize, offset: usize| {
        let length = u16::try_from(length).unwrap().to_le_bytes();
        [&length[..], &length, &u32::try_from(offset).unwrap().to_le_bytes()].concat()
    };
    // Unicode, request target, NTLM, a domain, extended session security, target information.
    let flags: u32 = 0x1 | 0x4 | 0x200 | 0x1_0000 | 0x8_0000 | 0x80_0000;
    let parts: [&[u8]; 8] = [
        b"NTLMSSP\0\x02\0\0\0",
        &fields(name.len(), 48),
        &flags.to_le_bytes(),
        &SERVER_CHALLENGE,
        &[0; 8],
        &fields(information.len(), 48 + name.len()),
        &name,
        &information,
    ];
    parts.concat()
}

/// True if an `AUTHENTICATE_MESSAGE` (MS-NLMP §2.2.1.3) proves the account's password (§3.3.2).
fn proves(message: &[u8], account: &Account) -> bool {
    let part = |at: usize| {
        let number = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
        let length = usize::from(u16::from_le_bytes(message[at..at + 2].try_into().unwrap()));
        let offset = number(at + 4) as usize;
        &message[offset..offset + length]
    };
    let (response, domain, user) = (part(20), part(28), part(36));
    if response.len() <= 24 {
        // NTLM version 1 reveals the password.
        return false;
    }
    let same = |sent: &[u8], name: &str| sent == utf16(name);
    let owner = [utf16(&account.user.to_uppercase()), domain.to_vec()].concat();
    let key = hmac_md5(&hmac_md5_key(account.password), &owner);
    let (proof, rest) = response.split_at(16);
    same(domain, account.domain)
        && same(user, account.user)
        && hmac_md5(&key, &[&SERVER_CHALLENGE, rest].concat()) == proof
}

fn hmac_md5_key(password: &str) -> Vec<u8> {
    md4(&utf16(password)).to_vec()
}

fn hmac_md5(key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key).unwrap();
    let mut signer = Signer::new(MessageDigest::md5(), &key).unwrap();
    signer.sign_oneshot_to_vec(data).unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// MD4 (RFC 1320), which OpenSSL has only in its legacy provider.
fn md4(data: &[u8]) -> [u8; 16] {
    let mut padded = data.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((data.len() as u64 * 8).to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        let words: Vec<u32> = block
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..48_usize {
            let (round, place) = (step / 16, step % 16);
            let (mixed, word, shift) = match round {
                0 => ((b & c) | (!b & d), place, [3, 7, 11, 19][place % 4]),
                1 => {
                    let majority = (b & c) | (b & d) | (c & d);
                    let word = place % 4 * 4 + place / 4;
                    (majority.wrapping_add(0x5a82_7999), word, [3, 5, 9, 13][place % 4])
                }
                _ => {
                    let word = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15][place];
                    ((b ^ c ^ d).wrapping_add(0x6ed9_eba1), word, [3, 9, 11, 15][place % 4])
                }
            };
            let sum = a.wrapping_add(mixed).wrapping_add(words[word]);
            (a, b, c, d) = (d, sum.rotate_left(shift), b, c);
        }
        for (word, new) in state.iter_mut().zip([a, b, c, d]) {
            *word = word.wrapping_add(new);
        }
    }
    let mut digest = [0; 16];
    for (place, word) in digest.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

#[test]
fn md4_digest_is_that_of_the_rfc() {
    let hex = |data: &[u8]| md4(data).map(|octet| format!("{octet:02x}")).concat();
    assert_eq!(hex(b""), "31d6cfe0d16ae931b73c59d7e0c089c0");
    assert_eq!(hex(b"message digest"), "d9130a8164549fe818874806e1c7014b");
}

/// The example of MS-NLMP §4.2.4, which has the same server challenge.
#[test]
fn ntlm_key_is_that_of_the_specification() {
    let owner = [utf16("USER"), utf16("Domain")].concat();
    let key = hmac_md5(&hmac_md5_key("Password"), &owner);
    let known = [
        0x0c, 0x86, 0x8a, 0x40, 0x3b, 0xfd, 0x7a, 0x93, 0xa3, 0x00, 0x1e, 0xf2, 0x2e, 0xf0, 0x2e,
        0x3f,
    ];
    assert_eq!(key, known);
}
