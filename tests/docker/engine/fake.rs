//! An engine with prepared answers.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use driver_docker::bollard::Docker;
use driver_docker::engine::Engine;
use tempfile::TempDir;

/// An engine. A function of a request's first line gives the answer; without one, the request is never answered.
pub(super) struct FakeEngine(TempDir);

impl FakeEngine {
    pub(super) fn start(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(socket(folder.path())).unwrap();
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                silent.extend(serve(stream, &answer));
            }
        });
        Self(folder)
    }

    /// A client of this engine.
    pub(super) async fn connect(&self) -> Engine {
        let client = Docker::connect_with_unix(
            &self.host(),
            10,
            driver_docker::bollard::API_DEFAULT_VERSION,
        );
        Engine::with_client(client.unwrap()).await.unwrap()
    }

    pub(super) fn host(&self) -> String {
        format!("unix://{}", socket(self.0.path()).display())
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("engine")
}

/// Answers a request, or returns the stream if it must stay open. Reads the whole request first, because a client reads no
/// answer before it has sent everything.
fn serve(mut stream: UnixStream, answer: &impl Fn(&str) -> Option<String>) -> Option<UnixStream> {
    let mut read = Vec::new();
    let mut piece = vec![0; 1 << 16];
    while let Ok(count) = stream.read(&mut piece) {
        read.extend_from_slice(&piece[..count]);
        if count == 0 || is_whole(&read) {
            break;
        }
    }
    let request =
        String::from_utf8_lossy(read.split(|byte| *byte == b'\r').next().unwrap_or_default())
            .into_owned();
    let Some(answer) = answer(&request) else { return Some(stream) };
    let _ = stream.write_all(answer.as_bytes());
    None
}

/// True if a request is complete by its `Content-Length`.
fn is_whole(read: &[u8]) -> bool {
    let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    read.len() - end - 4 >= length
}

/// The answer of a healthy engine without images.
pub(super) fn healthy(request: &str) -> String {
    healthy_on(if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }, request)
}

/// The same on a machine with that processor.
pub(super) fn healthy_on(architecture: &str, request: &str) -> String {
    if request.contains("/version") {
        let version =
            format!(r#"{{"ApiVersion": "1.41", "Os": "linux", "Arch": "{architecture}"}}"#);
        return json(200, &version);
    }
    if request.contains("/info") {
        return json(200, r#"{"DockerRootDir": "/data/docker"}"#);
    }
    json(404, r#"{"message": "No such image: x"}"#)
}

pub(super) fn json(status: u16, body: &str) -> String {
    let length = body.len();
    let header = "Content-Type: application/json\r\nConnection: close";
    format!("HTTP/1.1 {status} X\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}")
}
