//! The mock CA as a container of other people's tests, by `mock_ca::container`.

use std::io::{Read, Write};
use std::net::TcpStream;

use driver_docker::node_image::NodeImages;
use mock_ca::container::MockCaImage;
use mock_ca::container::testcontainers::ImageExt;
use mock_ca::container::testcontainers::runners::AsyncRunner;
use testbed::LabOptions;

use super::scenario::Docker;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![needs; mock_ca_image_answers_get_ca_caps]
}

/// The image is one of this build, because there may be no registry; it has the entry point of the project's own.
fn mock_ca_image_answers_get_ca_caps() {
    let docker = Docker::here();
    let sceplab = Some(env!("CARGO_BIN_EXE_sceplab").into());
    let options = LabOptions { sceplab, ..LabOptions::default() };
    docker.runtime.block_on(async {
        let own = NodeImages::default().obtain(&docker.engine, &options).await.unwrap();
        let (name, tag) = own.rsplit_once(':').unwrap();
        let fault = "on: GetCACaps, nth: 2, do: http-status 503";
        let image = MockCaImage::rfc8894().challenge("s3cret").fault(fault).unwrap();
        let container = image.with_name(name).with_tag(tag).start().await.unwrap();
        let url = MockCaImage::url(&container).await.unwrap();
        let capable = capabilities(&url);
        assert!(capable.starts_with("HTTP/1.1 200 ") && capable.contains("AES"), "{capable}");
        assert!(capabilities(&url).starts_with("HTTP/1.1 503 "));
    });
}

/// The answer to GetCACaps.
fn capabilities(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path}?operation=GetCACaps HTTP/1.1\r\nHost: {host}\r\n").unwrap();
    write!(stream, "Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
