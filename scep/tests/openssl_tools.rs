//! Compatibility: `openssl cms` and an independent decoder read the messages of this crate, which reads those of OpenSSL.
#![expect(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    reason = "a test program that shares the test CA"
)]

mod pki;
#[path = "../../tests/support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod groups;
    pub(crate) mod trials;
}

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use libtest_mimic::Failed;
use openssl::rand::rand_bytes;
use pki::TestPki;
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, TransactionId},
    client::RequestMessage,
    envelope::{self, KeyManagement},
    identity::Identity,
    key::KeyKind,
    message::{Message, MessageBuilder},
    name,
    request::self_signed,
    secret::Secret,
    signature::RsaPadding,
};
use support::trials::{Need, trials};
use tempfile::TempDir;

fn main() -> ExitCode {
    let openssl = Need::program("openssl", "openssl", "openssl");
    let mut all = trials![
        &[&openssl];
        openssl_verifies_and_opens_messages_of_scep,
        scep_verifies_streamed_messages_of_openssl,
        scep_opens_streamed_envelopes_of_openssl,
        openssl_opens_password_envelopes_of_scep,
        scep_opens_password_envelopes_of_openssl,
        both_open_envelopes_by_key_agreement,
        both_verify_signatures_by_pss_and_ecdsa,
    ];
    all.extend(trials![&[]; independent_decoder_reads_messages_of_scep]);
    support::trials::run(all)
}

/// A folder with the test CA's certificate and key as `ca.pem` and `ca.key`.
struct Folder {
    directory: TempDir,
    pki: TestPki,
}

impl Folder {
    fn new() -> Self {
        let (directory, pki) = (tempfile::tempdir().unwrap(), TestPki::single_ca());
        fs::write(directory.path().join("ca.pem"), pki.ca.certificate.to_pem().unwrap()).unwrap();
        let key = pki.ca.key.private_key_to_pem_pkcs8().unwrap();
        fs::write(directory.path().join("ca.key"), key).unwrap();
        Self { directory, pki }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs `openssl cms` in the folder.
    fn cms(&self, arguments: &str) -> Result<(), Failed> {
        let output = Command::new("openssl")
            .arg("cms")
            .args(arguments.split_whitespace())
            .current_dir(self.directory.path())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("openssl cms {arguments}\n{}", String::from_utf8_lossy(&output.stderr)).into())
    }

    fn message(&self, cipher: Cipher, digest: Digest, key_transport: KeyTransport) -> Vec<u8> {
        let message = RequestMessage {
            message_type: MessageType::PkcsReq,
            transaction_id: TransactionId::new("interop"),
            sender_nonce: Nonce::new([7; 16]),
            signer: self.pki.ca.clone(),
            cipher,
            key_transport,
            digest,
        };
        let recipient = &self.pki.ca.certificate;
        message.encode(b"what is inside", recipient, &mut rand_bytes).unwrap()
    }
}

fn openssl_verifies_and_opens_messages_of_scep() -> Result<(), Failed> {
    let folder = Folder::new();
    let cases = [
        (Cipher::Aes128, Digest::Sha256, KeyTransport::Pkcs1v15),
        (Cipher::Aes192, Digest::Sha224, KeyTransport::Oaep),
        (Cipher::Aes256, Digest::Sha512, KeyTransport::Oaep),
        (Cipher::TripleDes, Digest::Sha1, KeyTransport::Pkcs1v15),
    ];
    for (cipher, digest, key_transport) in cases {
        fs::write(folder.path("message"), folder.message(cipher, digest, key_transport))?;
        folder.cms("-verify -noverify -binary -inform DER -in message -out envelope")?;
        folder.cms("-decrypt -inform DER -in envelope -inkey ca.key -recip ca.pem -out content")?;
        assert_eq!(fs::read(folder.path("content"))?, b"what is inside", "{cipher} {digest}");
    }
    Ok(())
}

fn scep_verifies_streamed_messages_of_openssl() -> Result<(), Failed> {
    let folder = Folder::new();
    fs::write(folder.path("content"), [7; 5000])?;
    for digest in ["md5", "sha1", "sha256", "sha384"] {
        folder.cms(&format!(
            "-sign -nodetach -binary -stream -indef -md {digest} -outform DER \
             -signer ca.pem -inkey ca.key -in content -out signed"
        ))?;
        let message = Message::parse(&read(&folder.path("signed")))?;
        assert_eq!(message.content(), Some(&[7; 5000][..]));
        let signer = message.verify(&[])?;
        assert_eq!(signer.to_der()?, folder.pki.ca.certificate.to_der()?, "{digest}");
    }
    Ok(())
}

fn scep_opens_streamed_envelopes_of_openssl() -> Result<(), Failed> {
    let folder = Folder::new();
    fs::write(folder.path("content"), [7; 5000])?;
    for (cipher, expected) in [
        ("-aes128", Cipher::Aes128),
        ("-aes192", Cipher::Aes192),
        ("-aes256", Cipher::Aes256),
        ("-des3", Cipher::TripleDes),
    ] {
        for (option, key_transport) in
            [("", KeyTransport::Pkcs1v15), ("-keyopt rsa_padding_mode:oaep", KeyTransport::Oaep)]
        {
            folder.cms(&format!(
                "-encrypt -binary -stream -indef {cipher} -outform DER -in content -out sealed \
                 -recip ca.pem {option}"
            ))?;
            let opened = envelope::open(&read(&folder.path("sealed")), &folder.pki.ca)?;
            assert_eq!(opened.content, [7; 5000], "{cipher} {option}");
            assert_eq!(
                (opened.cipher, opened.key_management.transport()),
                (expected, Some(key_transport))
            );
        }
    }
    Ok(())
}

const CIPHERS: [(&str, Cipher); 4] = [
    ("-aes128", Cipher::Aes128),
    ("-aes192", Cipher::Aes192),
    ("-aes256", Cipher::Aes256),
    ("-des3", Cipher::TripleDes),
];

fn openssl_opens_password_envelopes_of_scep() -> Result<(), Failed> {
    let (folder, password) = (Folder::new(), Secret::new("s3cret"));
    for (_, cipher) in CIPHERS {
        let sealed = envelope::seal_with_password(b"inside", &password, cipher, &mut rand_bytes)?;
        fs::write(folder.path("sealed"), sealed)?;
        folder.cms("-decrypt -inform DER -in sealed -pwri_password s3cret -out content")?;
        assert_eq!(fs::read(folder.path("content"))?, b"inside", "{cipher}");
    }
    Ok(())
}

fn scep_opens_password_envelopes_of_openssl() -> Result<(), Failed> {
    let (folder, password) = (Folder::new(), Secret::new("s3cret"));
    fs::write(folder.path("content"), [7; 5000])?;
    for (option, cipher) in CIPHERS {
        for form in ["", "-stream -indef"] {
            folder.cms(&format!(
                "-encrypt -binary {form} {option} -outform DER -in content -out sealed -pwri_password s3cret"
            ))?;
            let sealed = read(&folder.path("sealed"));
            let opened = envelope::open_reply(&sealed, &folder.pki.ca, Some(&password))?;
            assert_eq!((opened.content, opened.cipher), (vec![7; 5000], cipher), "{option} {form}");
        }
    }
    Ok(())
}

/// A client's identity with a key of this kind, as `own.pem` and `own.key`.
fn identity(folder: &Folder, kind: KeyKind) -> Identity {
    let (key, subject) = (kind.generate().unwrap(), name::parse("CN=r1").unwrap());
    let own = self_signed(&subject, &key, Digest::Sha256, pki::now()).unwrap();
    fs::write(folder.path("own.pem"), own.certificate.to_pem().unwrap()).unwrap();
    fs::write(folder.path("own.key"), own.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    own
}

fn both_open_envelopes_by_key_agreement() -> Result<(), Failed> {
    let folder = Folder::new();
    fs::write(folder.path("text"), b"inside")?;
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        let own = identity(&folder, kind);
        let sealed = envelope::seal_by_agreement(b"inside", &own.certificate, Cipher::Aes256)?;
        fs::write(folder.path("sealed"), sealed)?;
        folder.cms("-decrypt -inform DER -in sealed -inkey own.key -recip own.pem -out content")?;
        assert_eq!(fs::read(folder.path("content"))?, b"inside", "{kind}");
        for options in ["", "-stream -indef", "-keyopt ecdh_kdf_md:sha256"] {
            folder.cms(&format!(
                "-encrypt -binary -aes128 -outform DER -in text -out sealed -recip own.pem {options}"
            ))?;
            let opened = envelope::open(&read(&folder.path("sealed")), &own)?;
            assert_eq!(opened.key_management, KeyManagement::Agreement);
            assert_eq!(opened.content, b"inside", "{kind} {options}");
        }
    }
    Ok(())
}

// Not Ed25519, which `openssl cms` of OpenSSL 3.0 cannot verify with signed attributes.
fn both_verify_signatures_by_pss_and_ecdsa() -> Result<(), Failed> {
    let folder = Folder::new();
    fs::write(folder.path("text"), [7; 5000])?;
    let kinds = [
        (KeyKind::rsa(2048), RsaPadding::Pss),
        (KeyKind::P256, RsaPadding::Pkcs1),
        (KeyKind::P521, RsaPadding::Pkcs1),
    ];
    for (kind, rsa_padding) in kinds {
        let own = identity(&folder, kind);
        let message = MessageBuilder {
            message_type: Some(MessageType::PkcsReq),
            content: Some(vec![7; 5000]),
            digest: Digest::Sha512,
            rsa_padding,
            certificates: vec![own.certificate.clone()],
            ..MessageBuilder::default()
        };
        fs::write(folder.path("message"), message.encode(&own)?)?;
        folder.cms("-verify -noverify -binary -inform DER -in message -out content")?;
        let padding =
            if rsa_padding == RsaPadding::Pss { "-keyopt rsa_padding_mode:pss" } else { "" };
        folder.cms(&format!(
            "-sign -nodetach -binary -md sha512 -outform DER -signer own.pem -inkey own.key -in text \
             -out signed {padding}"
        ))?;
        let signed = Message::parse(&read(&folder.path("signed")))?;
        assert_eq!(signed.verify(&[])?.to_der()?, own.certificate.to_der()?, "{kind}");
    }
    Ok(())
}

fn independent_decoder_reads_messages_of_scep() -> Result<(), Failed> {
    let folder = Folder::new();
    let message = folder.message(Cipher::Aes128, Digest::Sha256, KeyTransport::Pkcs1v15);
    let outer: rasn_cms::ContentInfo = decode(&message)?;
    let signed: rasn_cms::SignedData = decode(outer.content.as_bytes())?;
    assert_eq!(signed.signer_infos.len(), 1);
    let content = signed.encap_content_info.content.ok_or("no content")?;
    let inner: rasn_cms::ContentInfo = decode(&content)?;
    let enveloped: rasn_cms::EnvelopedData = decode(inner.content.as_bytes())?;
    assert_eq!(enveloped.recipient_infos.len(), 1);
    Ok(())
}

fn decode<T: rasn::Decode>(bytes: &[u8]) -> Result<T, Failed> {
    rasn::der::decode(bytes).map_err(|error| error.to_string().into())
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
