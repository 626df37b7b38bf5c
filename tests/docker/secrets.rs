//! Programs in containers that print a secret in all forms: neither the run nor a report shows it.

use super::image::{self, Image};
use super::scenario::{Docker, Scenario};
use crate::support::secret_forms::{
    Form, Found, SECRET, WITH_REPORTS, add_all, assert_nothing_found, forms, reports, sinks,
};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let of_images = image::needs();
    let of_images: Vec<&Need> = needs.iter().copied().chain(&of_images).collect();
    trials![&of_images; reports_show_no_form_of_an_images_secret]
}

/// Forms in one run: a report shows only the newest lines of a program.
const AT_ONCE: usize = 8;

fn reports_show_no_form_of_an_images_secret() {
    let docker = Docker::here();
    let image = Image::of("shell", &["sh", "sleep"]);
    let mut found = Found::new();
    // No variable has a NUL.
    let all: Vec<Form> = forms(SECRET).into_iter().filter(|it| !it.text.contains('\0')).collect();
    for some in all.chunks(AT_ONCE) {
        let texts: String = some.iter().map(|form| form.text.clone() + "\n--\n").collect();
        let scenario = format!(
            "title: Prints
lab:
  devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
  hosts:
    gateway:
      addresses: [10.0.0.1/24]
      runs:
        image: {}
        entrypoint: sh
        command: [-c, 'printf \"%s\\n\" \"$FORMS\"; printf \"%s\\n\" \"$FORMS\" >&2; echo ready; while :; do sleep 1000; done']
        ready: {{output: ^ready$}}
        env: {{FORMS: {}}}
        secrets: {{PASSWORD: '{SECRET}'}}
steps:
  - configure: {{set: 'set interfaces ethernet eth0 address 10.0.0.64/24'}}
  - run: {{command: show running, matches: [never], within: 0s}}
",
            image.name,
            serde_json::to_string(&texts).unwrap()
        );
        let scenario = Scenario::new("secrets", &scenario);
        let ended = scenario.run(&docker, &[&["-v"][..], &reports()].concat());
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        assert!(ended.stdout.contains("gateway: --\n"), "{}", ended.transcript());
        let sinks = sinks(&ended, scenario.path());
        assert_eq!(sinks.len(), WITH_REPORTS, "{}", ended.transcript());
        add_all(&mut found, some, &sinks);
    }
    assert_nothing_found(&found);
}
