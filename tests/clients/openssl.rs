//! Messages that OpenSSL's command line makes: they are sent to the CA, saved on the way, and explained.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::support::sceplab::{Ended, finish, run_in};
use crate::support::server::Server;
use crate::support::trials::{Need, Planned, trials};

const PASSWORD: &str = "made-by-openssl-77";

pub(crate) fn trials() -> Vec<Planned> {
    let openssl = Need::program("openssl", "openssl", "openssl");
    trials![
        &[&openssl];
        request_of_openssl_is_explained,
        envelope_of_openssl_is_opened,
        message_of_openssl_lacks_the_attributes_of_scep,
        capture_of_a_message_of_openssl_is_explained,
    ]
}

/// A folder with a CA's state and with what `openssl` made: `request.der`, `envelope.der` for the CA, and `signed.der` around that.
struct Made {
    folder: tempfile::TempDir,
    server: Server,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (state, saved) = (path("state"), path("saved"));
        let server = Server::start(&[
            "rfc8894",
            "--challenge",
            PASSWORD,
            "--state",
            &state,
            "--save-messages",
            &saved,
        ]);
        let made = Self { folder, server };
        let config = format!(
            "[req]\ndistinguished_name=name\nattributes=more\nprompt=no\nstring_mask=utf8only\n[name]\nCN=made by openssl\n[more]\nchallengePassword={PASSWORD}\n"
        );
        fs::write(made.path().join("req.cnf"), config).unwrap();
        fs::write(made.path().join("ca.pem"), made.ca_certificate()).unwrap();
        made.openssl("req -new -newkey rsa:2048 -nodes -config req.cnf -keyout key.pem -outform DER -out request.der");
        made.openssl("req -x509 -key key.pem -config req.cnf -days 1 -out own.pem");
        made.openssl(
            "cms -encrypt -binary -aes128 -in request.der -outform DER -out envelope.der ca.pem",
        );
        made.openssl("cms -sign -binary -nodetach -md sha256 -signer own.pem -inkey key.pem -in envelope.der -outform DER -out signed.der");
        made
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate of the CA, as it answers GetCACert.
    fn ca_certificate(&self) -> Vec<u8> {
        let body = self.exchange("GET", "GetCACert", b"");
        openssl::x509::X509::from_der(&body).unwrap().to_pem().unwrap()
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(self.path());
        let ended = finish(command);
        assert_eq!(ended.code, Some(0), "openssl {arguments}: {}", ended.transcript());
    }

    /// Sends a request, and returns the body of its reply.
    fn exchange(&self, method: &str, operation: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.server.authority).unwrap();
        let (host, length) = (&self.server.authority, body.len());
        let head = format!(
            "{method} /cgi-bin/pkiclient.exe?operation={operation} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-pki-message\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        let end = reply.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        reply.split_off(end + 4)
    }

    fn explain(&self, arguments: &[&str]) -> Ended {
        let ended = run_in(self.path(), &[&["explain"], arguments].concat());
        assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
        ended
    }
}

#[track_caller]
fn says(ended: &Ended, words: &[&str]) {
    for words in words {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.transcript());
    }
}

fn request_of_openssl_is_explained() {
    let ended = Made::new().explain(&["request.der"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    says(
        &ended,
        &[
            "a certification request (PKCS#10) for `CN = made by openssl`",
            "(a UTF8String of 18 characters; `--show-secrets` shows them)",
            "odd: the challenge password is a UTF8String, although a PrintableString could hold it",
            "verifies with the key in it",
        ],
    );
}

fn envelope_of_openssl_is_opened() {
    let made = Made::new();
    let ended = made.explain(&["envelope.der", "--state", "state"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    says(
        &ended,
        &[
            "an envelope (CMS EnvelopedData) by itself",
            "that of `O = Sceplab, CN = RFC 8894 CA`",
            "yes, with a key that was given",
            "a certification request (PKCS#10) for `CN = made by openssl`",
        ],
    );
}

fn message_of_openssl_lacks_the_attributes_of_scep() {
    let ended = Made::new().explain(&["signed.der", "--state", "state"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let first = ended.stdout.lines().next().unwrap();
    let words = "something is wrong: the message is signed, but has none of SCEP's attributes: ";
    assert!(first.starts_with(words), "{}", ended.transcript());
    says(
        &ended,
        &[
            "signature        verifies with `CN = made by openssl`",
            "yes, with a key that was given",
        ],
    );
    assert!(!ended.stdout.contains("opens nothing here"), "{}", ended.transcript());
}

fn capture_of_a_message_of_openssl_is_explained() {
    let made = Made::new();
    let message = fs::read(made.path().join("signed.der")).unwrap();
    made.exchange("POST", "PKIOperation", &message);
    let Made { folder, server } = made;
    let (code, _, stderr) = server.interrupt();
    assert_eq!(code, Some(0), "{stderr}");
    let ended = run_in(folder.path(), &["explain", "saved", "--state", "state"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let first = ended.stdout.lines().next().unwrap();
    let words = "the client is wrong: in #3 (PKIOperation): the request is signed, but has none of SCEP's attributes: ";
    assert!(first.starts_with(words), "{}", ended.transcript());
    says(&ended, &["yes, with a key that was given", "`CN = made by openssl`"]);
    assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
}
