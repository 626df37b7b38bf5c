//! Images of others: there, or fetched.

use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::engine::{Engine, Fault};
use testbed::BenchError;

/// How long fetching an image may take.
const LIMIT: Duration = Duration::from_secs(600);

/// How long a registry may say nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// Sees to it that the engine has the image that a host runs.
///
/// # Errors
/// When it has not and cannot be given it, with the reason and what to do about it.
pub(super) async fn obtain(engine: &Engine, host: &str, image: &str) -> Result<(), BenchError> {
    match engine.client().inspect_image(image).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(Fault::of(&error), Fault::NotFound | Fault::ImageMissing) => {
            pull(engine, image).await.map_err(|why| missing(host, image, &why))
        }
        Err(error) => Err(engine.explain(&format!("looking for the image `{image}`"), &error)),
    }
}

async fn pull(engine: &Engine, image: &str) -> Result<(), String> {
    let options = CreateImageOptionsBuilder::new().from_image(image);
    // Without a tag an engine would fetch all there are.
    let last = image.rsplit('/').next().unwrap_or_default();
    let options = if last.contains([':', '@']) { options } else { options.tag("latest") };
    let mut told = engine.client().create_image(Some(options.build()), None, None);
    let deadline = Instant::now() + LIMIT;
    loop {
        let next = timeout(SILENCE, timeout_at(deadline, told.next())).await;
        match next {
            Ok(Ok(None)) => return Ok(()),
            Ok(Ok(Some(Ok(_)))) => {}
            Ok(Ok(Some(Err(error)))) => return Err(error.to_string()),
            Ok(Err(_)) => return Err(format!("it takes more than {} s", LIMIT.as_secs())),
            Err(_) => {
                return Err(format!(
                    "nothing was heard of the registry for {} s",
                    SILENCE.as_secs()
                ));
            }
        }
    }
}

fn missing(host: &str, image: &str, why: &str) -> BenchError {
    let reason = format!(
        "image `{image}` is not on this engine and cannot be pulled: {why}; `docker pull {image}` tries it again, \
         `docker load` takes it from a file, `docker images` names what is there"
    );
    BenchError::Pki { name: host.to_owned(), reason }
}
