//! The mock CA refuses each mutation for its own reason, which its log shows.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;

use driver_virtual::Virtual;
use model::scenario::scep::{Carrier, Mutation};
use model::scenario::{Found, Scenario, load};
use results::Verdict;
use runner::run_all;
use testbed::Driver;

use crate::suite::sceplab::workspace;

/// A scenario that sends this mutation and accepts no reply, so that its failure report has the CA's log.
pub(super) fn scenario(wrong: Mutation) -> Scenario {
    let method = match wrong.carrier() {
        Carrier::Get => "get",
        _ => "post",
    };
    let message = if wrong.carrier() == Carrier::Lookup { "GetCert" } else { "PKCSReq" };
    let lab = workspace().join("scenarios/labs/conformance.yaml");
    let text = format!(
        "title: T\nlab: {}\nsteps:\n- scep:\n    send: {message}\n    method: {method}\n    wrong: {}\n    \
         accept: [{{http: 1}}]\n",
        lab.display(),
        wrong.as_str()
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, text).unwrap();
    load(&Found { id: wrong.as_str().to_owned(), path }, None).unwrap()
}

#[tokio::test]
async fn each_mutation_is_refused_for_its_own_reason() {
    let scenarios = Mutation::ALL.iter().map(|wrong| scenario(*wrong)).collect();
    let driver: Arc<dyn Driver> = Arc::new(Virtual::default());
    let at_once = NonZeroUsize::new(4).unwrap();
    let outcome = run_all(&driver, scenarios, at_once, std::future::pending(), |_| {}).await;
    let mut told = String::new();
    for wrong in Mutation::ALL {
        let case = outcome.scenarios.iter().find(|case| case.id == wrong.as_str()).unwrap();
        let Verdict::Failed(failure) = &case.verdict else {
            panic!("{}: {:?}", case.id, case.verdict)
        };
        let line = &failure.log.last().unwrap().line;
        let (_, answer) = line.split_once("step ").unwrap();
        let words = answer.split_whitespace().filter(|word| {
            // Transaction ids and serial numbers differ each time.
            word.len() < 32
                || !word.chars().all(|letter| letter.is_ascii_hexdigit() || letter == ':')
        });
        writeln!(told, "{}: {}", wrong.as_str(), words.collect::<Vec<_>>().join(" ")).unwrap();
    }
    insta::with_settings!({prepend_module_to_snapshot => false, filters => vec![
        (r"issued [0-9A-F]+ to `CN = sceplab-[0-9a-f]+`", "issued [SERIAL] to `[SUBJECT]`"),
        (r"the issuer `CN = sceplab-[0-9a-f]+`", "the issuer `[SUBJECT]`"),
        (r"announces [0-9]+ bytes, [0-9]+ are left", "announces [N] bytes, [M] are left"),
        (r"[0-9]+ bytes are announced, [0-9]+ came", "[N] bytes are announced, [M] came"),
        (r"its character [0-9]+ is `.*?`", "its character [N] is `[C]`"),
        // Random bytes are refused for random reasons.
        (r"(?m)^(noise|noise-as-envelope|corrupt-envelope)(: .*?(?:400|badRequest)): .*$", "$1$2: [REASON]"),
    ]}, { insta::assert_snapshot!("wrongs", told) });
}
