//! `sceplab clean` at an engine.

use driver_docker::engine::Engine;
use driver_docker::leftovers::{Guard, Kind, Labels, Owner, remove_all};
use driver_docker::network::Carrier;
use driver_docker::node_image::NodeImages;
use model::lab::Lab;

use super::{OwnerProcess, container, engine, name, of_run, options, runtime};
use crate::support::sceplab::run;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let mut all = trials![
        needs;
        clean_removes_leftovers_of_ended_runs_only,
        next_run_removes_leftovers_of_ended_runs,
        clean_keeps_a_recently_requested_image,
    ];
    all.extend(trials![
        &[];
        clean_all_without_a_terminal_needs_yes,
    ]);
    all
}

async fn make(engine: &Engine, of: &str, owner: &Owner) -> Labels {
    let labels = Labels::of(&name(of), owner, "scep/x");
    container(engine, &labels).await;
    Carrier::create(engine, &labels, &Lab::default()).await.unwrap();
    labels
}

fn clean_removes_leftovers_of_ended_runs_only() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let owner = OwnerProcess::new();
    let (dead, living) = runtime.block_on(async {
        let dead = make(&engine, "dead", &owner.owner()).await;
        (dead, make(&engine, "living", &Owner::of_this_process()).await)
    });
    let both = [Kind::Container, Kind::Network];
    let network = |labels: &Labels| format!("would remove network `sceplab-{}-", labels.run());
    let dry = run(&["clean", "--all", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(dry.stdout.contains(&network(&dead)) && dry.stdout.contains(&network(&living)));
    assert!(dry.stdout.contains(" of scep/x, made by process "), "{dry:?}");
    let spared = run(&["clean"]);
    assert_eq!(spared.code, Some(0), "{spared:?}");
    assert!(spared.stderr.contains("of current runs; `--all` removes"), "{spared:?}");
    assert_eq!(runtime.block_on(of_run(&engine, dead.run())), both);

    owner.kill();
    let cleaned = run(&["clean"]);
    assert_eq!(cleaned.code, Some(0), "{cleaned:?}");
    assert!(!cleaned.stdout.contains(living.run()), "{cleaned:?}");
    runtime.block_on(async {
        assert_eq!(of_run(&engine, dead.run()).await, []);
        assert_eq!(of_run(&engine, living.run()).await, both);
        remove_all(&engine, living.run()).await.unwrap();
    });
}

fn next_run_removes_leftovers_of_ended_runs() {
    let runtime = runtime();
    let engine = engine(&runtime);
    runtime.block_on(async {
        let owner = OwnerProcess::new();
        let dead = make(&engine, "swept", &owner.owner()).await;
        owner.kill();
        let guard = Guard::default();
        guard.prepare(&engine, options().sceplab.as_deref()).await.unwrap();
        assert_eq!(of_run(&engine, dead.run()).await, []);
        guard.finish().await;
    });
}

fn clean_keeps_a_recently_requested_image() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let image = runtime.block_on(NodeImages::default().obtain(&engine, &options())).unwrap();
    let cleaned = run(&["clean"]);
    assert_eq!(cleaned.code, Some(0), "{cleaned:?}");
    assert!(runtime.block_on(engine.client().inspect_image(&image)).is_ok(), "{cleaned:?}");
}

fn clean_all_without_a_terminal_needs_yes() {
    let refused = run(&["clean", "--all"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("type `--all --yes`"), "{refused:?}");
}
