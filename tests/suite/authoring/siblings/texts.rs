//! Mistakes in the text of a scenario.

use super::{LINES, RUN, assert_refused, assert_says, output_of, scenario};

#[test]
fn text_with_a_colon_needs_quotes() {
    for (step, expected) in [
        ("{command: pki scep show CSR, contains: [issuer: CN]}", "`'issuer: CN'`"),
        (
            "\n      command: pki scep show CSR\n      contains:\n        - Status: Valid",
            "`'Status: Valid'`",
        ),
        ("\n      command: pki scep show CSR\n      contains: a: b", "quotes around a text"),
        (
            "{command: pki scep show CSR, contains: *x}",
            "a `*` begins an alias, and there is no such anchor",
        ),
        ("{command: pki scep show CSR, contains: #x}", "a ` #` begins a comment"),
        ("{command: pki scep show CSR, contains: \"x}", "a closing quote is missing"),
        (
            "\n      command: pki scep show CSR\n      contains: - x",
            "a list is `[a, b]` in one line",
        ),
        ("\n      command: pki scep show CSR\n     contains: x", "begin in the same column"),
        ("{command: pki scep show CSR, contains: @x}", "needs quotes"),
        ("{command: pki scep show CSR, contains: !x}", "a `!` begins a tag"),
        ("{command: pki scep show CSR, contains: ? x}", "a `? ` begins a key"),
        ("{command: pki scep show CSR, contains: 'it's'}", "''"),
        ("{command: pki scep show CSR, contains: a, b}", "a `,` between braces ends a value"),
        ("{command: pki scep show CSR, matches: [a{2}b]}", "put quotes around"),
    ] {
        assert_refused(&scenario(LINES, &format!("  - run: {step}\n")), &[expected]);
    }
}

#[test]
fn blank_of_another_kind_is_named() {
    for step in ["  - run:\u{a0}{command: show date}\n", "  - run: {\u{3000}command: show date}\n"]
    {
        let output = output_of("check", &scenario(LINES, step));
        assert!(output.contains("is none in YAML: write an ordinary one"), "{output}");
    }
    let indented = scenario(LINES, "\u{a0}\u{a0}- run: {command: show date}\n");
    assert_refused(&indented, &["the blank U+00A0 is none in YAML"]);
}

#[test]
fn duration_in_another_form_has_a_suggestion() {
    for (given, meant) in [("30", "30s"), ("1.5s", "1500ms"), ("1 h", "1h"), ("5 s", "5s")] {
        let step = format!("  - run: {{command: show date, matches: [x], within: {given}}}\n");
        assert_refused(&scenario(LINES, &step), &[&format!("did you mean `{meant}`?")]);
    }
}

#[test]
fn step_in_short_form_is_written_out() {
    for (step, meant) in [
        ("run: show date", "write `run: {command: show date}`"),
        ("ping: gateway", "write `ping: {address: gateway}`"),
        ("issued: 1", "write `issued: {count: 1}`"),
        ("scep: GetCACaps", "write `scep: {send: GetCACaps}`"),
        ("configure: set system hostname x", "write `configure: {set: set system hostname x}`"),
    ] {
        assert_refused(&scenario(LINES, &format!("  - {step}\n")), &[meant]);
    }
}

#[test]
fn tab_is_no_indentation() {
    for (text, place) in [
        ("title: T\nlab: labs/linux-pki.yaml\nsteps:\n\t- run: {command: show date}\n", "4:1"),
        ("title: T\nlab: labs/linux-pki.yaml\nsteps:\n  - run:\n\t\tcommand: show date\n", "5:1"),
        (
            "title: T\nlab: labs/linux-pki.yaml\nsteps:\n  - run:\n      command: show date\n\t  within: 1s\n",
            "6:1",
        ),
        ("title: T\nlab: labs/linux-pki.yaml\n\tsteps:\n  - run: {command: show date}\n", "3:1"),
        (
            "title: T\nlab: labs/linux-pki.yaml\n\tsteps:\n  - run:\n      command: show date\n  - approve: {}\n",
            "3:1",
        ),
        ("\ttitle: T\nlab: labs/linux-pki.yaml\nsteps:\n  - run: {command: show date}\n", "1:1"),
        ("title: T\n\tlab: labs/linux-pki.yaml\nsteps:\n  - run: {command: show date}\n", "2:1"),
        (
            "title: T\nlab: labs/linux-pki.yaml\nsteps:\n  - configure:\n      set: |\n\t\tset system login\n",
            "6:1",
        ),
    ] {
        assert_refused(
            text,
            &["a tab is no indentation", "replace each tab", &format!("a.yaml:{place}\n")],
        );
    }
}

#[test]
fn tab_within_a_text_of_several_lines_is_no_mistake() {
    let text = scenario(LINES, RUN).replace("        set system", "        \tset system");
    assert_says("check", &text, &["1 scenario in order"]);
    let wrong = text.replace("steps:", "steps: [");
    let output = output_of("check", &wrong);
    assert!(!output.contains("tab"), "{output}");
}

#[test]
fn steps_without_their_dash_are_explained() {
    let text = "title: T\nlab: labs/linux-pki.yaml\nsteps:\n  run: {command: show date}\n";
    assert_refused(text, &["expected a list, found a map", "begins with `- `"]);
}

#[test]
fn missing_blank_after_a_colon_is_explained() {
    for step in ["  - run: {command:show date}\n", "  - approve:{}\n"] {
        let output = output_of("check", &scenario(LINES, step));
        assert!(output.contains("blank"), "{output}");
    }
}

#[test]
fn names_of_steps_fields_and_values_have_suggestions() {
    for (steps, expected) in [
        ("  - aprove: {}\n", "did you mean `approve`?"),
        ("  - command: show date\n", "`command` is a field of a step such as `run`"),
        ("  - run: {command: show date, expect: fail}\n", "did you mean `failure`?"),
        ("  - run: {command: show date, expect: succeed}\n", "did you mean `success`?"),
        ("  - run: {command: show date, expct: failure}\n", "did you mean `expect`?"),
        ("  - run: {command: show date, expect: [failure]}\n", "expected `success` or `failure`"),
        ("  - run: {cmd: show date}\n", "the command of a `run` step is its field `command`"),
        ("  - ping: {host: gateway}\n", "a `ping` step has its goal in `address`"),
        ("  - run: {command: show date, regex: x}\n", "`matches` a regular expression"),
        ("  - sleep: 5s\n", "no step only waits"),
        ("  - renew: {}\n", "`run: {command: …}`"),
        ("  - restart: {}\n", "a device restarts by a step `reboot: {}`"),
        ("  - stop: {}\n", "by a step `pki: {do: …}`"),
        ("  - issued: {cuont: 1}\n", "did you mean `count`?"),
        ("  - approve\n", "write `approve: {…}`"),
        ("  - ping: {address: gatway}\n", "did you mean `gateway`?"),
        ("  - ping: {address: nowhere.example}\n", "unknown host `nowhere.example`"),
    ] {
        assert_refused(&scenario(LINES, steps), &[expected]);
    }
}

#[test]
fn lines_that_the_simulated_device_refuses_are_found_by_check() {
    for (right, wrong, expected) in [
        ("cgi-path", "cgi-pth", "did you mean `cgi-path`?"),
        ("distinguished-names", "distinguished-name", "in order"),
        ("csr CSR port", "csr CSR prot", "did you mean `port`?"),
        ("certificate scep csr CSR port", "certificat scpe csr CSR port", "did you mean `scep`?"),
        ("ethernet eth0", "ethernt eth0", "did you mean `ethernet`?"),
        ("port 8080", "port 80800", "is not a port from 1 to 65535"),
        ("ethernet eth0", "ethernet eth7", "the device has no such interface"),
        ("address 10.215.168.64/24", "address 10.215.168.64", "a.yaml:6:9"),
        ("url http://gateway", "url gateway", "a.yaml:11:9"),
    ] {
        let output = output_of("check", &scenario(&LINES.replace(right, wrong), RUN));
        assert!(output.contains(expected), "{wrong}\n{output}");
    }
    for (command, expected) in [
        ("pki scep shw CSR", "did you mean `show`?"),
        ("pki shw certificate x", "did you mean `show`?"),
        ("show runing", "did you mean `running`?"),
        ("pki scep", "Incomplete command"),
    ] {
        let steps = format!("  - run: {{command: {command}, matches: [x]}}\n");
        assert_refused(&scenario(LINES, &steps), &[expected]);
    }
}

#[test]
fn typographic_quotes_around_a_value_are_refused() {
    for step in [
        "{command: pki scep show CSR, matches: [‘usercert’]}",
        "{command: pki scep show CSR, contains: “usercert”}",
        "{command: pki scep show CSR, contains_not: „usercert“}",
        "{command: ‘pki scep show CSR’, matches: [usercert]}",
    ] {
        let expected = ["typographic quotes are a part of the text", "a.yaml:12:", "write `'"];
        assert_refused(&scenario(LINES, &format!("  - run: {step}\n")), &expected);
    }
    let line = scenario(&LINES.replace("CN=A", "“CN=A”"), RUN);
    assert_refused(&line, &["the device takes typographic quotes", "a.yaml:8:65"]);
    let meant = "  - run: {command: pki scep show CSR, contains_not: '‘usercert’'}\n";
    assert_says("check", &scenario(LINES, meant), &["1 scenario in order"]);
}

#[test]
fn address_outside_of_the_subnet_of_its_interface_is_found_by_check() {
    let expected = ["a.yaml:6:", "is outside of `10.215.168.0/24`, the subnet that `eth0`"];
    for address in ["10.215.169.64/24", "10.215.169.64/32", "192.168.1.1/16"] {
        let lines = LINES.replace("10.215.168.64/24", address);
        assert_refused(&scenario(&lines, RUN), &expected);
        assert_refused(&scenario(&lines, RUN), &[&format!("`{address}`")]);
    }
    let modify = "  - modify: {lines: 'set interfaces ethernet eth0 address 10.0.0.1/24'}\n";
    assert_refused(&scenario(LINES, modify), &["a.yaml:12:", "`10.0.0.1/24` is outside of"]);
    for address in ["10.215.168.64/25", "10.215.168.64/16"] {
        let lines = LINES.replace("10.215.168.64/24", address);
        assert_says("check", &scenario(&lines, RUN), &["1 scenario in order"]);
    }
}

#[test]
fn expected_refusals_are_no_mistakes() {
    for (lines, steps) in [
        (LINES, "  - run: {command: pki scep shw CSR, matches: 'Invalid command'}\n"),
        (LINES, "  - run: {command: pki scep shw CSR, expect: failure}\n"),
        (LINES, "  - run: {command: configure}\n  - run: {command: save}\n"),
        (LINES, "  - approve: {expect: failure, within: 1s}\n"),
        (LINES, "  - ping: {address: nowhere, expect: failure}\n"),
    ] {
        assert_says("check", &scenario(lines, steps), &["1 scenario in order"]);
    }
    let wrong = scenario(&LINES.replace("cgi-path", "cgi-pth"), "");
    let expected = wrong.replace("      set: |", "      expect: failure\n      set: |");
    assert_says("check", &expected, &["1 scenario in order"]);
    assert_says("run", &expected, &["1 passed"]);
}

#[test]
fn joined_lines_are_explained() {
    let folded = scenario(LINES, RUN).replace("set: |", "set: >");
    let plain = scenario(LINES, RUN).replace("set: |", "set:");
    for text in [folded, plain] {
        assert_refused(&text, &["the lines of this text are joined into one", "write `|`"]);
    }
}

#[test]
fn variables_and_other_programs_fields_are_refused() {
    for (text, expected) in [
        (scenario(LINES, RUN).replace("title: T", "title: T\nvars: {a: b}"), "have no variables"),
        (
            scenario(LINES, RUN).replace("title: T", "title: T\nsetup: []"),
            "each scenario has a new lab",
        ),
        (scenario(LINES, "  - run: {command: 'ping ${GATEWAY}'}\n"), "would get `${GATEWAY}`"),
        (scenario(LINES, "  - run: {command: 'ping {{GATEWAY}}'}\n"), "would get `{{GATEWAY}}`"),
        (scenario(LINES, "  - include: common.yaml\n"), "includes no other file"),
        (
            scenario(&LINES.replace("scep-challenge", "{{chalenge}}"), RUN),
            "did you mean `{{challenge}}`?",
        ),
        (scenario(LINES, RUN).replace("title: T", "title: T\ntags: linux, x"), "`[linux, x]`"),
        (
            scenario(&LINES.replace("scep-challenge", "{chalenge}"), RUN),
            "did you mean `{{challenge}}`?",
        ),
        (
            scenario(&LINES.replace("scep-challenge", "{{challenge}"), RUN),
            "`{{challenge}` is no placeholder",
        ),
        (
            scenario(&LINES.replace("scep-challenge", "$CHALLENGE"), RUN),
            "`$CHALLENGE` is no placeholder",
        ),
        (scenario(LINES, "  - run: {command: 'ping {challenge}'}\n"), "would get `{challenge}`"),
    ] {
        assert_refused(&text, &[expected]);
    }
}

#[test]
fn keys_that_begin_with_x_are_free() {
    let text = scenario(LINES, "  - run: {<<: *show, matches: ['usercert\\s+Valid']}\n");
    let text = format!("x-show: &show {{command: pki scep show CSR, within: 5s}}\n{text}");
    assert_says("check", &text, &["1 scenario in order"]);
    assert_says("run", &text, &["1 passed"]);
}
