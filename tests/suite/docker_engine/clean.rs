//! `sceplab clean` at an engine.

use harness::drivers::docker::engine::Engine;
use harness::drivers::docker::leftovers::{Kind, Labels, Owner, farewell, prepare, remove_all};
use harness::drivers::docker::network::Carrier;
use harness::lab::Lab;

use super::{alone, container, dead, engine, name, of_run, options, runtime};
use crate::suite::sceplab::run;

async fn make(engine: &Engine, of: &str, owner: &Owner) -> Labels {
    let labels = Labels::of(&name(of), owner, "scep/x");
    container(engine, &labels).await;
    Carrier::create(engine, &labels, &Lab::default()).await.unwrap();
    labels
}

#[test]
fn what_the_dead_left_is_removed_and_what_the_living_have_is_not() {
    let _alone = alone();
    let runtime = runtime();
    let Some(engine) = engine(&runtime) else { return };
    let (dead, living) = runtime.block_on(async {
        let dead = make(&engine, "dead", &dead()).await;
        (dead, make(&engine, "living", &Owner::of_this_process()).await)
    });
    let both = [Kind::Container, Kind::Network];
    let dry = run(&["clean", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    let network = format!("would remove network `sceplab-{}-", dead.run());
    assert!(
        dry.stdout.contains(&network) && dry.stdout.contains("of scep/x, made by process "),
        "{dry:?}"
    );
    assert!(!dry.stdout.contains(living.run()), "{dry:?}");
    assert_eq!(runtime.block_on(of_run(&engine, dead.run())), both);

    let cleaned = run(&["clean"]);
    assert_eq!(cleaned.code, Some(0), "{cleaned:?}");
    assert!(
        cleaned.stdout.contains(&format!("removed network `sceplab-{}-", dead.run())),
        "{cleaned:?}"
    );
    assert!(
        cleaned.stderr.contains("of runs that are going; `--all` removes that too"),
        "{cleaned:?}"
    );
    runtime.block_on(async {
        assert_eq!(of_run(&engine, dead.run()).await, []);
        assert_eq!(of_run(&engine, living.run()).await, both);
        remove_all(&engine, living.run()).await.unwrap();
    });
}

#[test]
fn the_next_run_removes_what_the_dead_left() {
    let _alone = alone();
    let runtime = runtime();
    let Some(engine) = engine(&runtime) else { return };
    runtime.block_on(async {
        let dead = make(&engine, "swept", &dead()).await;
        prepare(&engine, options().sceplab.as_deref()).await.unwrap();
        assert_eq!(of_run(&engine, dead.run()).await, []);
        farewell().await;
    });
}

#[test]
fn whoever_removes_all_says_so_where_nobody_can_be_asked() {
    let refused = run(&["clean", "--all"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("type `--all --yes`"), "{refused:?}");
}
