//! The image for nodes of labs: this program and its libraries, and nothing else.

mod root;

use std::path::PathBuf;
use std::time::Duration;

use bollard::query_parameters::{CreateImageOptionsBuilder, TagImageOptionsBuilder};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use tokio::sync::Mutex;

use self::root::Root;
use super::engine::{Engine, EngineError};
use super::leftovers::{NODE, Owner, PROCESS, Thing, images};
use testbed::leftovers::State;
use testbed::{LabOptions, TestbedError};

/// The repository of the images, before the colon.
const REPOSITORY: &str = "sceplab-node";

/// The path of the program in the images.
pub const PROGRAM: &str = "/usr/bin/sceplab";

/// The number of images that are kept, newest first, because other builds of the program may be running.
const KEPT: usize = 3;

/// The time after which a progress indicator appears.
const PROGRESS_DELAY: Duration = Duration::from_secs(1);

/// The maximum time without progress while the engine imports an image.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// The images from which the nodes of a run's labs are started.
#[derive(Debug, Default)]
pub struct NodeImages {
    /// The program and the name of its image, so that the program is read once. The lock makes sure that one task creates the
    /// image; other processes may do so at the same time without harm.
    known: Mutex<Option<(PathBuf, String)>>,
}

impl NodeImages {
    /// The name of the image for nodes; created on the engine if it does not exist yet.
    ///
    /// It is [`LabOptions::node_image`], or an image of [`LabOptions::sceplab`] or else of this process's program. Must be called
    /// before each lab, because others remove images that are not in use and were not requested within two minutes.
    ///
    /// # Errors
    /// If the program cannot be read or does not run on the engine's machine, or the engine refuses.
    pub async fn obtain(
        &self,
        engine: &Engine,
        options: &LabOptions,
    ) -> Result<String, TestbedError> {
        if let Some(image) = &options.node_image {
            let found = engine.client().inspect_image(image).await;
            return found.map(|_| image.clone()).map_err(|error| {
                engine.explain(&format!("looking for the image `{image}` (`--node-image`)"), &error)
            });
        }
        // This path of the process's own program works even if its file has been replaced.
        let program = options.sceplab.clone().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
        let mut known = self.known.lock().await;
        if let Some((of, name)) = &*known
            && *of == program
            && request(engine, name).await.is_ok()
        {
            return Ok(name.clone());
        }
        let name = create(engine, program.clone()).await?;
        *known = Some((program, name.clone()));
        Ok(name)
    }
}

async fn create(engine: &Engine, program: PathBuf) -> Result<String, TestbedError> {
    let root = tokio::task::spawn_blocking(move || Root::of(&program));
    let root = root.await.map_err(|error| without_program(&error.to_string()))?;
    let root = root.map_err(|why| without_program(&why))?;
    check_architecture(engine)?;
    let name = format!("{REPOSITORY}:{}", root.digest);
    match request(engine, &name).await {
        Ok(()) => {}
        Err(error) if EngineError::of(&error).is_absence() => {
            import(engine, root).await?;
            remove_old(engine, &name).await;
        }
        Err(error) => return Err(engine.explain("looking for the node's image", &error)),
    }
    Ok(name)
}

/// Tags the image once more if it exists, because the engine records the time of that, and a recently tagged image is not
/// removed.
async fn request(engine: &Engine, name: &str) -> Result<(), bollard::errors::Error> {
    let tag = name.rsplit(':').next().unwrap_or_default();
    let options = TagImageOptionsBuilder::new().repo(REPOSITORY).tag(tag).build();
    engine.client().tag_image(name, Some(options)).await
}

fn without_program(why: &str) -> TestbedError {
    let reason = format!(
        "cannot create the image for nodes of labs from this program: {why}; name an image that has `sceplab` as its entry point, \
         for example this project's own (`docker build -t sceplab .`): `--node-image sceplab`"
    );
    TestbedError::Engine { reason }
}

/// Checks that the engine's machine has the processor architecture of this program.
fn check_architecture(engine: &Engine) -> Result<(), TestbedError> {
    let own = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let engines = engine.architecture();
    if engines.is_empty() || engines == own || engines == std::env::consts::ARCH {
        return Ok(());
    }
    Err(without_program(&format!(
        "it is for {own}, but the architecture of the engine's machine is {engines}"
    )))
}

/// Creates the image from a file system. It gets its name at the end, when it is complete.
async fn import(engine: &Engine, root: Root) -> Result<(), TestbedError> {
    let _waiting = show_waiting();
    let process = Owner::of_this_process();
    let changes = vec![
        format!("ENTRYPOINT [\"{PROGRAM}\"]"),
        format!("ENV PATH=/usr/bin:/bin LD_LIBRARY_PATH={}", root::LIBRARIES),
        format!("LABEL {NODE}={}", root.digest),
        format!("LABEL {PROCESS}=\"{process}\""),
    ];
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(REPOSITORY)
        .tag(&root.digest)
        .changes(changes)
        .build();
    let created = engine.create_image(options, Some(root.archive), SILENCE_LIMIT).await;
    let created = created.map_err(|_| {
        let waited = SILENCE_LIMIT.as_secs();
        let reason = format!(
            "making the node's image: the engine has sent nothing for {waited} s; is it stopped, or its disk slow?"
        );
        TestbedError::Engine { reason }
    })?;
    created.map_err(|error| engine.explain("making the node's image", &error))
}

/// Removes images of other builds, except the newest, those whose creator lives, and those with containers.
async fn remove_old(engine: &Engine, new: &str) {
    let Ok(images) = images(engine).await else { return };
    for image in old(images, new) {
        // An image in use stays; what cannot be removed does no harm.
        let _ = image.remove(engine).await;
    }
}

fn old(mut things: Vec<Thing>, new: &str) -> Vec<Thing> {
    things.retain(|thing| thing.name != new);
    things.sort_by_key(|image| std::cmp::Reverse(image.used));
    let named = things.iter().filter(|image| is_named(image)).nth(KEPT - 2).map(|it| it.used);
    let is_old = |image: &Thing| !is_named(image) || named.is_some_and(|kept| image.used < kept);
    things.retain(|image| is_old(image) && image.state() != State::Living);
    things
}

/// False for an image without a name, because another process created the same one later.
fn is_named(image: &Thing) -> bool {
    image.name.contains(':') && !image.name.starts_with("sha256:")
}

/// Shows a progress indicator until the result is dropped.
fn show_waiting() -> ProgressBar {
    let bar = ProgressBar::new_spinner()
        .with_message("making the image that nodes of labs are made of…")
        .with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let soon = bar.downgrade();
    tokio::spawn(async move {
        tokio::time::sleep(PROGRESS_DELAY).await;
        if let Some(bar) = soon.upgrade() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
    });
    bar
}

#[cfg(test)]
mod tests {
    use super::super::leftovers::Kind;
    use super::*;

    fn image(name: &str, used: i64) -> Thing {
        let (id, name) = (format!("sha256:{used}"), name.to_owned());
        let (run, lab) = (String::new(), String::new());
        Thing { kind: Kind::Image, id, name, run, lab, owner: None, used }
    }

    #[test]
    fn newest_images_are_kept() {
        let names = |things| {
            old(things, "sceplab-node:new").into_iter().map(|it| it.name).collect::<Vec<_>>()
        };
        let mut things: Vec<Thing> =
            (1..=4).map(|n| image(&format!("sceplab-node:{n}"), n)).collect();
        things.push(image("sceplab-node:new", 5));
        things.push(image("sha256:6", 6));
        assert_eq!(names(things.clone()), ["sha256:6", "sceplab-node:2", "sceplab-node:1"]);
        things.truncate(2);
        assert_eq!(names(things), [""; 0]);
        let mut created_by_living = image("sceplab-node:0", 0);
        created_by_living.owner = Some(Owner::of_this_process());
        let living = created_by_living.state() == State::Living;
        let things =
            vec![image("sceplab-node:8", 8), image("sceplab-node:9", 9), created_by_living];
        assert_eq!(names(things).is_empty(), living);
    }
}
