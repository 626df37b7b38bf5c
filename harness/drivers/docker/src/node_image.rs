//! The image that nodes of labs are made of: this program and the libraries it needs, and nothing else.

mod root;

use std::path::PathBuf;
use std::time::Duration;

use bollard::query_parameters::{CreateImageOptionsBuilder, TagImageOptionsBuilder};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use tokio::sync::Mutex;

use self::root::Root;
use super::engine::{Engine, Fault};
use super::leftovers::{NODE, Owner, PROCESS, Thing, images};
use testbed::leftovers::State;
use testbed::{LabOptions, TestbedError};

/// What the images are called, before the colon.
const REPOSITORY: &str = "sceplab-node";

/// Where the program is in them.
pub const PROGRAM: &str = "/usr/bin/sceplab";

/// How many of them are kept, newest first: other builds of the program may be running.
const KEPT: usize = 3;

/// After how long it is shown what is waited for.
const UNREMARKABLE: Duration = Duration::from_secs(1);

/// How long the engine may say nothing while it takes an image in.
const SILENCE: Duration = Duration::from_secs(60);

/// The images that nodes of a run's labs are started from.
#[derive(Debug, Default)]
pub struct NodeImages {
    /// The program that nodes are made of, and the name of its image: the program is read once. It is made by one at a time; other
    /// processes make it beside us, and nobody is hurt.
    known: Mutex<Option<(PathBuf, String)>>,
}

impl NodeImages {
    /// The name of the image that nodes are started from, made on the engine if it is not there yet.
    ///
    /// It is that of [`LabOptions::node_image`], or else one of this process's program, or that of [`LabOptions::sceplab`]. It is to
    /// be asked for before each lab, for others remove images that nobody uses or has asked for within two minutes.
    ///
    /// # Errors
    /// When the program cannot be read, is none that runs on the engine's machine, or the engine refuses.
    pub async fn obtain(
        &self,
        engine: &Engine,
        options: &LabOptions,
    ) -> Result<String, TestbedError> {
        if let Some(named) = &options.node_image {
            let there = engine.client().inspect_image(named).await;
            return there.map(|_| named.clone()).map_err(|error| {
                engine.explain(&format!("looking for the image `{named}` (`--node-image`)"), &error)
            });
        }
        // This process's own program is also there when its file is another by now.
        let program = options.sceplab.clone().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
        let mut known = self.known.lock().await;
        if let Some((of, name)) = &*known
            && *of == program
            && ask_for(engine, name).await.is_ok()
        {
            return Ok(name.clone());
        }
        let name = make(engine, program.clone()).await?;
        *known = Some((program, name.clone()));
        Ok(name)
    }
}

async fn make(engine: &Engine, program: PathBuf) -> Result<String, TestbedError> {
    let root = tokio::task::spawn_blocking(move || Root::of(&program));
    let root = root.await.map_err(|error| without_program(&error.to_string()))?;
    let root = root.map_err(|why| without_program(&why))?;
    fits(engine)?;
    let name = format!("{REPOSITORY}:{}", root.digest);
    match ask_for(engine, &name).await {
        Ok(()) => {}
        Err(error) if Fault::of(&error).is_absence() => {
            import(engine, root).await?;
            remove_the_old(engine, &name).await;
        }
        Err(error) => return Err(engine.explain("looking for the node's image", &error)),
    }
    Ok(name)
}

/// Whether it is there; it is given its name once more, which the engine notes the time of, so that nobody removes it now.
async fn ask_for(engine: &Engine, name: &str) -> Result<(), bollard::errors::Error> {
    let tag = name.rsplit(':').next().unwrap_or_default();
    let options = TagImageOptionsBuilder::new().repo(REPOSITORY).tag(tag).build();
    engine.client().tag_image(name, Some(options)).await
}

fn without_program(why: &str) -> TestbedError {
    let reason = format!(
        "the image that nodes of labs are made of is made of this program, and cannot be: {why}; name an image that has \
         `sceplab` as its entry point, for example this project's own (`docker build -t sceplab .`): `--node-image sceplab`"
    );
    TestbedError::Engine { reason }
}

/// A program runs on its own kind of processor alone.
fn fits(engine: &Engine) -> Result<(), TestbedError> {
    let own = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let engines = engine.architecture();
    if engines.is_empty() || engines == own || engines == std::env::consts::ARCH {
        return Ok(());
    }
    Err(without_program(&format!("it is for {own}, and the engine's machine is of {engines}")))
}

/// Makes the image of a file system; it has its name at the end and not before, whole.
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
    let created = engine.create_image(options, Some(root.archive), SILENCE).await;
    let created = created.map_err(|_| {
        let waited = SILENCE.as_secs();
        let reason = format!(
            "making the node's image: the engine has said nothing for {waited} s; is it stopped, or its disk slow?"
        );
        TestbedError::Engine { reason }
    })?;
    created.map_err(|error| engine.explain("making the node's image", &error))
}

/// Removes images of other builds, but the newest, those whose maker lives, and those that a container is of.
async fn remove_the_old(engine: &Engine, new: &str) {
    let Ok(images) = images(engine).await else { return };
    for image in old(images, new) {
        // One that is in use stays; what cannot be removed is in nobody's way.
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

/// Of two that were made at once, one has the name.
fn is_named(image: &Thing) -> bool {
    image.name.contains(':') && !image.name.starts_with("sha256:")
}

/// Somebody who watches is told what is waited for, as long as this is kept.
fn show_waiting() -> ProgressBar {
    let bar = ProgressBar::new_spinner()
        .with_message("making the image that nodes of labs are made of…")
        .with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let soon = bar.downgrade();
    tokio::spawn(async move {
        tokio::time::sleep(UNREMARKABLE).await;
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
    fn the_newest_images_are_kept() {
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
        let mut made_by_the_living = image("sceplab-node:0", 0);
        made_by_the_living.owner = Some(Owner::of_this_process());
        let living = made_by_the_living.state() == State::Living;
        let things =
            vec![image("sceplab-node:8", 8), image("sceplab-node:9", 9), made_by_the_living];
        assert_eq!(names(things).is_empty(), living);
    }
}
