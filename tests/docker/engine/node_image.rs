//! The image that nodes of labs are made of.

use driver_docker::bollard::query_parameters::LogsOptionsBuilder;
use driver_docker::engine::Engine;
use driver_docker::leftovers::{Kind, Labels, Owner, everything, remove_all};
use driver_docker::node_image::NodeImages;
use futures_util::StreamExt;
use testbed::LabOptions;

use super::{container, engine, name, options, runtime};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        concurrent_requests_share_one_node_image,
        named_node_image_is_used_and_a_missing_one_reported,
    ]
}

fn concurrent_requests_share_one_node_image() {
    let runtime = runtime();
    let engine = engine(&runtime);
    runtime.block_on(async {
        let options = options();
        let images = NodeImages::default();
        let made = (0..4).map(|_| images.obtain(&engine, &options));
        let names = futures_util::future::try_join_all(made).await.unwrap();
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        let images = everything(&engine).await.unwrap().into_iter();
        let images = images.filter(|thing| thing.kind == Kind::Image && thing.name == names[0]);
        assert_eq!(images.count(), 1);
        let labels = Labels::of(&name("node"), &Owner::of_this_process(), "scep/x");
        let container = container(&engine, &labels).await;
        assert_eq!(first_line(&engine, &container).await.split_whitespace().next(), Some("url"));
        remove_all(&engine, labels.run()).await.unwrap();
    });
}

/// Waits for the first line of a container's output.
async fn first_line(engine: &Engine, container: &str) -> String {
    let options = LogsOptionsBuilder::new().follow(true).stdout(true).build();
    let mut lines = engine.client().logs(container, Some(options));
    lines.next().await.unwrap().unwrap().to_string()
}

fn named_node_image_is_used_and_a_missing_one_reported() {
    let runtime = runtime();
    let engine = engine(&runtime);
    runtime.block_on(async {
        let own = NodeImages::default().obtain(&engine, &options()).await.unwrap();
        let named = LabOptions { node_image: Some(own.clone()), ..options() };
        assert_eq!(NodeImages::default().obtain(&engine, &named).await.unwrap(), own);
        let missing = LabOptions { node_image: Some("sceplab-nowhere:1".to_owned()), ..options() };
        let error = NodeImages::default().obtain(&engine, &missing).await.unwrap_err().to_string();
        assert!(
            error.contains("`sceplab-nowhere:1` (`--node-image`)")
                && error.contains("docker images"),
            "{error}"
        );
    });
}
