mod forms;
mod quick;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::forms::{SECRET, dump, each_byte, wrapped};
use super::*;
use crate::MASK;

fn masker(secrets: &[&str]) -> Masker {
    Masker::new(secrets.iter().map(|secret| Secret::new(*secret)))
}

#[test]
fn masker_of_everything_shows_nothing() {
    let masker = Masker::of_everything();
    assert_eq!(masker.text("anything at all"), MASK);
    assert_eq!(masker.text(""), "");
    assert_eq!(masker.message("a message of ours"), MASK);
    assert_eq!(masker.with([Secret::new("hunter22")]).text("anything"), MASK);
}

#[test]
fn parts_of_secrets_at_a_cut_are_masked() {
    let masker = masker(&["correct-horse"]);
    assert_eq!(masker.cut_text("password correct-ho"), format!("password {MASK}"));
    assert_eq!(masker.cut_text("ect-horse and more"), format!("{MASK} and more"));
    assert_eq!(masker.cut_text("nothing of it"), "nothing of it");
    assert_eq!(masker.cut_text("in base64 Y29ycmVjdC1"), format!("in base64 {MASK}"));
    assert_eq!(masker.cut_text("correct&#45;ho"), MASK);
    assert_eq!(masker.cut_text("x %63%6f%72%72%65%6"), format!("x {MASK}%6"));
    assert_eq!(masker.cut_text("x %2563%256f%2572%2572%25"), format!("x {MASK}%25"));
    assert_eq!(masker.cut_text("5%63%74%2d%68%6f%72%73%65 x"), format!("5{MASK} x"));
    assert_eq!(masker.cut_text("x, 99 111 114 114 101 99 1"), format!("x, {MASK} 1"));
}

#[test]
fn secrets_are_masked_in_both_cases_of_hexadecimal() {
    let masker = masker(&["8CE31702", "8CE3"]);
    assert_eq!(masker.text("got 8CE31702 or 8ce31702, 8CE3!"), "got **** or ****, ****!");
}

#[test]
fn short_secret_is_masked_only_as_whole_word() {
    assert_eq!(masker(&["a"]).text("a cat: 'a', aa"), "**** cat: '****', aa");
    assert_eq!(masker(&["1"]).text("in 1.0 s, 11 tries, 1"), "in 1.0 s, 11 tries, ****");
    assert_eq!(masker(&["Valid"]).text("Invalid Valid Validity"), "Invalid **** Validity");
    assert_eq!(masker(&["Validi"]).text("InValidity"), "In****ty");
    assert_eq!(masker(&["s"]).text(r"usercert\s+Valid"), r"usercert\s+Valid");
    assert_eq!(masker(&["a&b"]).text("x=a&amp;b, a%26b"), "x=****, ****");
    assert_eq!(masker(&["a"]).text("YQ== 61 \x1b[1ma\x1b[0m"), "YQ== 61 \x1b[1m****\x1b[0m");
}

#[test]
fn short_secret_in_an_encoding_is_masked_only_as_whole_word() {
    let masker = masker(&["Valid"]);
    assert_eq!(masker.text("VmFsaWQ= 56616c6964"), "****= ****");
    assert_eq!(masker.text("xVmFsaWQx 0056616c696400"), "xVmFsaWQx 0056616c696400");
}

#[test]
fn overlapping_and_adjacent_secrets_are_one_mask() {
    let masker = masker(&["hunter22", "ter22-word", "hunter22-word-and-more"]);
    assert_eq!(masker.text("x hunter22-word y"), "x **** y");
    assert_eq!(masker.text("hunter22hunter22"), "****");
    assert_eq!(self::masker(&["nanane"]).text("bananananenanane"), "bana****");
}

#[test]
fn mask_is_not_masked_again() {
    let masker = masker(&["*", "****", "hunter22"]);
    assert_eq!(masker.text("a * b **** c **************** d"), "a * b **** c **************** d");
    assert_eq!(masker.text(&masker.text("hunter22 ****hunter22")), "**** ****");
}

/// The documents of this repository are ordinary text, with examples of base64 and hexadecimal.
#[test]
fn ordinary_text_is_not_masked() {
    let with =
        masker(&["hunter22", "correct-horse", "8CE31702F0A1", "secret", "Sommer2026!", SECRET]);
    let without = masker(&["secret"]);
    for text in [
        include_str!("../../../../ARCHITECTURE.md"),
        include_str!("../../../../CONTRIBUTING.md"),
        include_str!("../../../../docs/reference/commands.md"),
        include_str!("../../../../scenarios/matrix-ledger.yaml"),
    ] {
        assert_eq!(with.text(text), without.text(text));
    }
}

#[test]
fn text_that_resembles_a_secret_is_not_masked() {
    let masker = masker(&["hunter22", "correct-horse", "12345678"]);
    for text in [
        "hunter2 hunterx22 Y29ycmVjd 68756e746572 123456 789, correct  horse",
        "usercert  Valid  2030-01-01  CN=a, O=b  serial 0A1B2C3D4E",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
        "GET /scep?operation=PKIOperation&message=MIIJ%2BgYJKoZIhvcNAQcCoIIJ6zCCCecCAQEx HTTP/1.1",
    ] {
        assert_eq!(masker.text(text), text);
    }
}

#[test]
fn words_of_our_messages_are_not_masked() {
    for secret in ["wrong", "challenge", "password", "request"] {
        let masker = masker(&[secret]);
        for message in [
            "wrong challenge password",
            "no challenge password in the request",
            "PKIOperation (PKCSReq) was answered FAILURE, badRequest",
        ] {
            assert_eq!(masker.text(message), message);
        }
        assert_eq!(
            masker.message(&format!("it is {secret} here: `{secret}`")),
            format!("it is {secret} here: `****`")
        );
        assert_eq!(
            masker.text(&format!("got {secret}x {secret} x")).matches(MASK).count(),
            if secret.len() > 5 { 2 } else { 1 }
        );
    }
    let denied = "was answered FAILURE, badRequest";
    assert_eq!(masker(&["badRequest", "FAILURE"]).text(denied), denied);
    assert_eq!(masker(&["hunter22"]).message("got hunter22"), "got ****");
}

#[test]
fn secret_that_is_broken_by_line_ends_is_masked_in_lines() {
    let lines = ["a", "x hun", "ter22 y", "hun", "b"].map(str::to_owned);
    assert_eq!(masker(&["hunter22"]).lines(&lines), ["a", "x ****", "**** y", "hun", "b"]);
    assert_eq!(masker(&["hunter22"]).lines(&[]), [""; 0]);
}

#[test]
fn private_keys_without_a_block_are_masked() {
    let key = openssl::rsa::Rsa::generate(1024).unwrap();
    let rsa = key.private_key_to_der().unwrap();
    let key = openssl::pkey::PKey::from_rsa(key).unwrap();
    let pkcs8 = key.private_key_to_pkcs8().unwrap();
    let cipher = openssl::symm::Cipher::aes_128_cbc();
    let sealed = key.private_key_to_pkcs8_passphrase(cipher, b"x").unwrap();
    let ed25519 = openssl::pkey::PKey::generate_ed25519().unwrap().private_key_to_der().unwrap();
    for der in [rsa, pkcs8, sealed, ed25519] {
        for form in [STANDARD.encode(&der), wrapped(&STANDARD.encode(&der), 64), hex::encode(&der)]
        {
            let masked = Masker::default().text(&format!("key: {form}, and more"));
            let lines = form.lines().count();
            let expected = vec![MASK; lines].join("\n");
            assert_eq!(masked, format!("key: {expected}, and more"));
            let json = format!("{{\"key\": \"{}\"}}", form.replace('\n', "\\n"));
            assert_eq!(Masker::default().text(&json), "{\"key\": \"****\"}");
        }
    }
    let public = STANDARD.encode(key.public_key_to_der().unwrap());
    assert_eq!(Masker::default().text(&public), public);
}

#[test]
fn text_that_repeats_the_beginning_of_secrets_is_searched_in_linear_time() {
    let secrets = (0..200).map(|number| Secret::new(format!("{}{number}", "a".repeat(40))));
    let masker = Masker::new(secrets);
    // With work that grows with the square of the length, each of these would take minutes.
    for part in ["a", "%61", "&#97;", "\x1b]", "MII", "30", "\\", "&", "://a:b", "##[", "M "] {
        let text = part.repeat(60_000 / part.len());
        assert_eq!(masker.text(&text), text);
    }
}

#[test]
fn escapes_of_escapes_are_masked_wherever_the_text_is_cut() {
    let secret = "qZ7&Mark3d+Secr3t/X9";
    let percent = |text: &str| each_byte(text.as_bytes(), |byte| format!("%{byte:02x}"), "");
    let masker = Masker::new([Secret::new(secret)]);
    let mut form = secret.to_owned();
    for level in 1..=3_u32 {
        form = percent(&form);
        let a_byte = 3_usize.pow(level);
        // What shows fewer bytes of the secret is too short to be known as its beginning.
        for end in 8 * a_byte..=form.len() {
            let result = masker.cut_text(&format!("refused: {}", &form[..end]));
            let shown = result.strip_prefix("refused: ****");
            let shown = shown.unwrap_or_else(|| panic!("level {level}, cut at {end}: {result}"));
            assert!(shown.len() < 2 * a_byte, "level {level}, cut at {end}: {result}");
        }
    }
}

#[test]
fn dump_in_a_list_of_strings_is_masked() {
    let (masker, secret) = (Masker::new([Secret::new(SECRET)]), SECRET.as_bytes());
    let list = [b"nothing".repeat(30).as_slice(), secret, b"first", secret].map(dump);
    let text = format!("[\"{}\"]", list.join("\",\"").replace('\n', "\\n"));
    let result = masker.text(&text);
    assert_eq!(result.matches("****").count(), 2, "{result}");
}
