//! The mock CA as a container of other people's tests, by `mock_ca::container`.

use driver_docker::node_image::NodeImages;
use mock_ca::PersonalityName;
use mock_ca::container::MockCaImage;
use mock_ca::container::testcontainers::ImageExt;
use mock_ca::container::testcontainers::runners::AsyncRunner;
use testbed::LabOptions;

use super::scenario::Docker;
use crate::support::http::get;
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
        for personality in PersonalityName::ALL.iter().copied() {
            let fault = "on: GetCACaps, nth: 2, do: http-status 503";
            let image = MockCaImage::new(personality).challenge("s3cret").fault(fault).unwrap();
            let container = image.with_name(name).with_tag(tag).start().await.unwrap();
            let url = MockCaImage::url(&container).await.unwrap();
            let url = format!("{url}?operation=GetCACaps");
            let (status, capable) = get(&url);
            assert!(status == 200 && capable.contains("SHA-256"), "{status} {capable}");
            assert_eq!(get(&url).0, 503, "{personality}");
        }
    });
}
