//! Keys, certificates and CAs that are the same at every run, and HTTP in memory.

use std::{
    cell::RefCell,
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mock_ca::{Approval, Ca, DistributionPoint, PersonalityName, Settings};
use openssl::{error::ErrorStack, pkey::PKey, x509::X509};
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, TransactionId},
    client::CaCertificates,
    http::{HttpResponse, Method, Operation},
    identity::Identity,
    message::RequestMessage,
    name,
    request::{ChallengeString, CsrBuilder},
    secret::Secret,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    runtime::{Builder, Runtime},
    time::timeout,
};

/// The CA that the captured requests are enciphered to.
pub static CA: LazyLock<Identity> =
    LazyLock::new(|| identity(include_bytes!("../keys/ca.pem"), include_bytes!("../keys/ca.key")));

/// The client that the captured replies are enciphered to.
pub static DEVICE: LazyLock<Identity> = LazyLock::new(|| {
    identity(include_bytes!("../keys/device.pem"), include_bytes!("../keys/device.key"))
});

/// The certificate that the captured replies are signed with.
pub static STEP_CA: LazyLock<X509> =
    LazyLock::new(|| certificate(include_bytes!("../keys/step-ca.pem")));

/// A challenge password that no output may show; the captured requests have it.
pub const CHALLENGE: &str = "capture-challenge";

/// How long anything may take; nothing takes a hundredth of it.
const LIMIT: Duration = Duration::from_secs(8);

/// How many bytes are under way in each direction.
const PIPE_BYTES: usize = 1024 * 1024;

fn identity(certificate_pem: &[u8], key_pem: &[u8]) -> Identity {
    let key = PKey::private_key_from_pem(key_pem).expect("the keys come with the crate");
    Identity { certificate: certificate(certificate_pem), key }
}

fn certificate(pem: &[u8]) -> X509 {
    X509::from_pem(pem).expect("the certificates come with the crate")
}

/// The time at which the captures were made.
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_956_423)
}

/// Bytes that are not random, so that a find can be repeated.
///
/// # Errors
/// Never.
pub fn entropy(bytes: &mut [u8]) -> Result<(), ErrorStack> {
    bytes.fill(0x5a);
    Ok(())
}

/// A request of the device's, which is the same at every run but for the padding of RSA.
pub fn request_message(message_type: MessageType) -> RequestMessage {
    RequestMessage {
        message_type,
        transaction_id: transaction_id(),
        sender_nonce: Nonce::new([0x5a; 16]),
        signer: DEVICE.clone(),
        cipher: Cipher::Aes128,
        key_transport: KeyTransport::Pkcs1v15,
        digest: Digest::Sha256,
    }
}

/// The transaction of the device's requests.
///
/// # Panics
/// If OpenSSL cannot encode a key.
pub fn transaction_id() -> TransactionId {
    TransactionId::from_public_key(&DEVICE.key).expect("a key can be encoded")
}

/// The types of request, by the digit that an input names one with.
pub(crate) fn message_type(digit: u8) -> MessageType {
    match digit {
        b'0' => MessageType::PkcsReq,
        b'1' => MessageType::RenewalReq,
        b'2' => MessageType::CertPoll,
        b'3' => MessageType::GetCert,
        b'4' => MessageType::GetCrl,
        other => MessageType::Other(other.to_string()),
    }
}

/// A new mock CA that has seen nothing yet.
pub(crate) fn mock_ca(personality: PersonalityName, approval: Approval) -> Arc<Ca> {
    let mut settings = Settings::new("fuzz", personality);
    settings.approval = approval;
    settings.address = Some("ca".to_owned());
    settings.crl.distribution_point = Some(DistributionPoint::Here);
    Ca::open(settings, scep::clock::Clock::reading(now)).expect("a lab CA needs nothing")
}

/// The personalities of mock CAs that differ in paths, pages and methods.
pub(crate) const PERSONALITIES: [PersonalityName; 3] =
    [PersonalityName::Linux, PersonalityName::Ndes, PersonalityName::Rfc8894];

/// Runs what is asynchronous on this thread.
pub(crate) fn run<F: Future>(work: F) -> F::Output {
    thread_local! {
        static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    let new = || Builder::new_current_thread().enable_all().build().expect("a runtime");
    RUNTIME.with_borrow_mut(|runtime| {
        runtime
            .get_or_insert_with(new)
            .block_on(async { timeout(LIMIT, work).await.expect("an end in time") })
    })
}

/// Sends bytes over a connection in memory, and gives what came back until it was closed.
///
/// A client that `hangs_up` closes its side at once, as is needed if the bytes may be half a request.
pub(crate) async fn exchange<F: Future>(
    serve: impl FnOnce(DuplexStream) -> F,
    sent: &[u8],
    hangs_up: bool,
) -> Vec<u8> {
    let (mut near, far) = duplex(PIPE_BYTES);
    let client = async move {
        // A server may close before it has read everything.
        let _ = near.write_all(sent).await;
        if hangs_up {
            let _ = near.shutdown().await;
        }
        let mut answer = Vec::new();
        let _ = near.read_to_end(&mut answer).await;
        answer
    };
    tokio::join!(serve(far), client).1
}

/// The status and the body of an HTTP response whose body ends with the connection.
pub(crate) fn response(bytes: &[u8]) -> (u16, &[u8]) {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let line = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    (status.expect("a status line"), &bytes[head + 4..])
}

/// The answer of a CA to a GET.
pub fn get(ca: &Arc<Ca>, target: &str) -> HttpResponse {
    let sent = format!("GET {target} HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n\r\n");
    let serve = |io| ca.serve_connection(io, "fuzz".to_owned());
    let answer = run(exchange(serve, sent.as_bytes(), false));
    let (status, body) = response(&answer);
    HttpResponse { status, body: body.to_vec(), ..HttpResponse::default() }
}

/// Asks a CA for a certificate of the device's key, in this transaction.
///
/// # Panics
/// If OpenSSL cannot write a request.
pub fn enrol(ca: &Arc<Ca>, transaction_id: TransactionId) {
    let certificates = CaCertificates::sort(ca.certificates()).expect("the CA's certificates");
    let message = RequestMessage { transaction_id, ..request_message(MessageType::PkcsReq) };
    let csr = CsrBuilder {
        subject: &name::parse("CN=fuzz").expect("a name"),
        key: &DEVICE.key,
        challenge_password: Some(&Secret::new(CHALLENGE)),
        challenge_string: ChallengeString::default(),
        extensions: &[],
        digest: message.digest,
    };
    let csr = csr.encode().expect("a request can be encoded");
    let encoded = message.encode(&csr, certificates.recipient(ca.clock().now()), &mut entropy);
    let operation = Operation::PkiOperation(encoded.expect("a request can be encoded"));
    get(ca, &format!("{}?{}", ca.paths()[0], operation.to_http(Method::Get).query));
}
