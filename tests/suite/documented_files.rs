//! The steps of both scenario files are those of the documentation.

use model::lab::Lab;
use model::scenario::{Action, Check, Expect, Pattern, Scenario, Step, discover, load};

use super::documentation::{self, Checks, Documented};
use super::documented_run::scenario_path;

#[test]
fn linux_scenario_is_as_documented() {
    assert_eq!(written("scep/linux-pki.yaml"), *documentation::linux());
}

#[test]
fn windows_scenario_is_as_documented() {
    assert_eq!(written("scep/windows-pki.yaml"), *documentation::windows());
}

/// The documented sealed values are salted and padded, so their length limits the length of the passwords in them.
#[test]
fn keyring_passwords_fit_the_length_of_their_sealed_values() {
    for (lab, length) in [("labs/linux-pki.yaml", 1..=15), ("labs/windows-pki.yaml", 32..=47)] {
        let lab = Lab::load(&scenario_path(lab)).unwrap();
        let [(sealed, clear)] = Vec::from_iter(&lab.devices["DUT0"].keyring)[..] else {
            panic!("one sealed value")
        };
        let bytes = openssl::base64::decode_block(sealed).unwrap();
        assert!(bytes.starts_with(b"Salted__"));
        assert_eq!(bytes.len() - 16, length.end() + 1);
        assert!(length.contains(&clear.expose().len()));
    }
}

/// A scenario file in the terms of the documentation. The outputs are the documented ones, because files have none.
fn written(relative: &str) -> Documented {
    let documented = [documentation::linux(), documentation::windows()];
    let scenario = read(relative);
    let documented = documented.into_iter().find(|it| it.title == scenario.title);
    let documented = documented.unwrap_or_else(|| panic!("not documented: {}", scenario.title));
    let steps = scenario.steps.iter().map(|step| written_step(step, documented)).collect();
    Documented { title: scenario.title, description: scenario.description.unwrap(), steps }
}

fn read(relative: &str) -> Scenario {
    let found = discover(&[scenario_path(relative)]).unwrap();
    load(&found[0], None).unwrap_or_else(|errors| panic!("{errors}"))
}

fn written_step(step: &Step, documented: &Documented) -> documentation::Step {
    assert_eq!((step.expect, &step.name), (Expect::Success, &None));
    match &step.action {
        Action::Configure(it) => documentation::Step::Configure {
            device: it.device.clone(),
            lines: it.lines.value.lines().map(str::to_owned).collect(),
        },
        Action::Ping(it) => documentation::Step::Ping {
            device: it.device.clone(),
            command: it.command(),
            output: documented.output(&it.command()).to_owned(),
        },
        Action::Run(it) => documentation::Step::Run {
            device: it.device.clone(),
            command: it.command.clone(),
            checks: written_checks(&it.checks),
            output: documented.output(&it.command).to_owned(),
        },
        other => panic!("a step that is not documented: {}", other.kind()),
    }
}

fn written_checks(checks: &[Check]) -> Checks {
    let (mut regexes, mut tokens) = (Vec::new(), Vec::new());
    for check in checks {
        assert!(check.found, "a check that is not documented");
        match &check.pattern {
            Pattern::Regex(regex) => regexes.push(regex.as_str().to_owned()),
            Pattern::Token(token) => tokens.push(token.clone()),
        }
    }
    match (regexes.is_empty(), tokens.is_empty()) {
        (false, true) => Checks::Regexes(regexes),
        (true, false) => Checks::Tokens(tokens),
        _ => panic!("a documented step checks one kind of thing"),
    }
}
