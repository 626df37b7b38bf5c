//! The RSA and OpenSSL operations of one enrolment, which no implementation can avoid.

use std::time::Duration;

use openssl::bn::BigNum;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{HasPublic, PKey, PKeyRef, Private, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{Signer, Verifier};
use openssl::symm::{self, Cipher};
use openssl::x509::{X509, X509Name, X509NameBuilder, X509NameRef, X509Req, X509ReqBuilder};
use scep::clock::{Clock, asn1_time};

/// The bits of every RSA key in the lab.
const KEY_BITS: u32 = 2048;
const VALIDITY: Duration = Duration::from_secs(365 * 86_400);

/// Bytes of the length of a message's signed attributes.
const ATTRIBUTES: [u8; 250] = [2; 250];
const CONTENT_KEY: [u8; 16] = [7; 16];
const IV: [u8; 16] = [9; 16];

/// A fresh key, as the device makes one.
pub(crate) fn generate_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(KEY_BITS).expect("OpenSSL generates keys")).expect("an RSA key")
}

/// The OpenSSL part of a certification authority.
pub(crate) struct Authority {
    key: PKey<Private>,
    certificate: X509,
    encoded: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = generate_key();
        let certificate = certificate(&name("Teldat-PKI"), &key, &name("Teldat-PKI"), &key);
        let encoded = certificate.to_der().expect("a certificate is encoded");
        Self { key, certificate, encoded }
    }

    /// The private key.
    pub(crate) fn key(&self) -> &PKeyRef<Private> {
        &self.key
    }

    /// All OpenSSL operations of an enrolment: those of the device with this key, of the CA, and of printing the certificates.
    ///
    /// Seven operations with a private key, the cheap ones with the public keys; three certificates and a request read,
    /// two certificates built, and two shown.
    pub(crate) fn enrol(&self, device: &PKeyRef<Private>) {
        let known = X509::from_der(&self.encoded).expect("a certificate");
        let known_key = known.public_key().expect("a key");
        let own = certificate(&name("MyUserCert"), device, &name("MyUserCert"), device);
        let request = seal(&request(device), &known_key, device);

        let reply = self.serve(&request, &own.to_der().expect("a certificate is encoded"));

        let issued = X509::from_der(&open(&reply, &known_key, device)).expect("a certificate");
        assert!(issued.verify(&known_key).expect("RSA verifies"));
        for shown in [known, issued] {
            shown.to_text().expect("OpenSSL shows certificates");
        }
    }

    fn serve(&self, request: &Message, signer: &[u8]) -> Message {
        let signer = X509::from_der(signer).expect("a certificate").public_key().expect("a key");
        let request = X509Req::from_der(&open(request, &signer, &self.key)).expect("a request");
        let applicant = request.public_key().expect("a key");
        assert!(request.verify(&applicant).expect("RSA verifies"));
        let own_name = self.certificate.subject_name();
        let issued = certificate(request.subject_name(), &applicant, own_name, &self.key);
        seal(&issued.to_der().expect("a certificate is encoded"), &signer, &self.key)
    }
}

/// The operations with a private key, and those needed to make messages with them.
pub(crate) fn private_key_operations(device: &PKeyRef<Private>, ca: &PKeyRef<Private>) {
    let (device_public, ca_public) = (public(device), public(ca));
    for (signer, signer_public, recipient, recipient_public, further) in
        [(device, &device_public, ca, &ca_public, 2), (ca, &ca_public, device, &device_public, 1)]
    {
        // The self-signed certificate and the request, or the issued certificate.
        (0..further).for_each(|_| drop(sign(signer)));
        let message = seal(&[1; 900], recipient_public, signer);
        open(&message, signer_public, recipient);
    }
}

/// The cryptographic parts of an enveloped and signed message.
struct Message {
    content_key: Vec<u8>,
    content: Vec<u8>,
    signature: Vec<u8>,
}

fn seal(content: &[u8], recipient: &PKeyRef<Public>, signer: &PKeyRef<Private>) -> Message {
    let content = symm::encrypt(Cipher::aes_128_cbc(), &CONTENT_KEY, Some(&IV), content)
        .expect("AES encrypts");
    let rsa = recipient.rsa().expect("an RSA key");
    let mut content_key = vec![0; rsa.size() as usize];
    rsa.public_encrypt(&CONTENT_KEY, &mut content_key, Padding::PKCS1).expect("RSA encrypts");
    hash(MessageDigest::sha256(), &content).expect("SHA-256 digests");
    Message { content_key, content, signature: sign(signer) }
}

fn open(message: &Message, signer: &PKeyRef<Public>, recipient: &PKeyRef<Private>) -> Vec<u8> {
    hash(MessageDigest::sha256(), &message.content).expect("SHA-256 digests");
    let mut verifier = Verifier::new(MessageDigest::sha256(), signer).expect("RSA verifies");
    let fits = verifier.verify_oneshot(&message.signature, &ATTRIBUTES).expect("RSA verifies");
    assert!(fits);
    let rsa = recipient.rsa().expect("an RSA key");
    let mut content_key = vec![0; rsa.size() as usize];
    let len = rsa
        .private_decrypt(&message.content_key, &mut content_key, Padding::PKCS1)
        .expect("RSA decrypts");
    symm::decrypt(Cipher::aes_128_cbc(), &content_key[..len], Some(&IV), &message.content)
        .expect("AES decrypts")
}

fn sign(key: &PKeyRef<Private>) -> Vec<u8> {
    let mut signer = Signer::new(MessageDigest::sha256(), key).expect("RSA signs");
    signer.sign_oneshot_to_vec(&ATTRIBUTES).expect("RSA signs")
}

fn public(key: &PKeyRef<Private>) -> PKey<Public> {
    let encoded = key.public_key_to_der().expect("a key is encoded");
    PKey::public_key_from_der(&encoded).expect("a key")
}

fn request(key: &PKeyRef<Private>) -> Vec<u8> {
    let mut builder = X509ReqBuilder::new().expect("a request");
    builder.set_subject_name(&name("MyUserCert")).expect("a name");
    builder.set_pubkey(key).expect("a key");
    builder.sign(key, MessageDigest::sha256()).expect("RSA signs");
    builder.build().to_der().expect("a request is encoded")
}

fn certificate(
    subject: &X509NameRef,
    key: &PKeyRef<impl HasPublic>,
    issuer: &X509NameRef,
    issuer_key: &PKeyRef<Private>,
) -> X509 {
    let mut builder = X509::builder().expect("a certificate");
    let serial = BigNum::from_u32(2).and_then(|serial| serial.to_asn1_integer());
    builder.set_version(2).expect("a version");
    builder.set_serial_number(&serial.expect("a number")).expect("a serial number");
    builder.set_issuer_name(issuer).expect("a name");
    builder.set_subject_name(subject).expect("a name");
    let now = Clock::system().now();
    builder.set_not_before(&asn1_time(now).expect("a time")).expect("a time");
    builder.set_not_after(&asn1_time(now + VALIDITY).expect("a time")).expect("a time");
    builder.set_pubkey(key).expect("a key");
    builder.sign(issuer_key, MessageDigest::sha256()).expect("RSA signs");
    builder.build()
}

fn name(common_name: &str) -> X509Name {
    let mut builder = X509NameBuilder::new().expect("a name");
    builder.append_entry_by_text("CN", common_name).expect("a name");
    builder.build()
}
