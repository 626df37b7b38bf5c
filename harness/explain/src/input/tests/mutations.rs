//! Any bytes give items or an error: the seeds of the fuzz targets with small changes. The target `explain_input` has many more.

#[path = "../../../../../scep/tests/dice/mod.rs"]
mod dice;

use dice::Dice;

use super::*;

/// Multiplies the mutations of each file, as in the tests of the fuzz targets.
const FACTOR: &str = "SCEPLAB_FUZZ_FACTOR";

#[test]
fn mutations_do_not_panic() {
    let factor = std::env::var(FACTOR).map_or(1, |factor| factor.parse().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    for name in ["explain_input", "http_head", "message", "ber"] {
        for entry in fs::read_dir(folder.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let mut dice = Dice(0x5ce9_1ab0_0000_0007 ^ bytes.len() as u64);
            for _ in 0..4 * factor {
                let Ok(items) = items_in("input", &dice.mutate(&bytes)) else { continue };
                for item in items {
                    assert!(!item.taken_for.is_empty(), "{}", path.display());
                    if let Content::Bytes(bytes) = item.content {
                        assert!(items_in("again", &bytes).is_ok(), "{}", path.display());
                    }
                }
            }
        }
    }
}
