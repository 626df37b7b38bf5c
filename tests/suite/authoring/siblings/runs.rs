//! What a failed step says.

use super::{LINES, RUN, assert_refused, assert_says, output_of, scenario};

#[test]
fn what_cannot_change_ends_a_step_at_once() {
    let seconds = regex::Regex::new(r"\d+\.\d s").unwrap();
    for (steps, expected) in [
        ("  - run: {command: pki scep shw CSR, matches: [Valid]}\n", "refused in <seconds>, 1 try"),
        ("  - run: {command: pki scep show CSRR, matches: [Valid]}\n", "did you mean `CSR`?"),
        (
            "  - run: {command: pki scep shw CSR, matches_not: [Failed]}\n",
            "the device refused the command",
        ),
        ("  - approve: {}\n", "this PKI decides by itself"),
        ("  - deny: {}\n", "this PKI decides by itself"),
        ("  - issued: {count: 0, within: 90s}\n", "1 try"),
        ("  - run: {command: ping nowhere count 1, matches: ['0% packet loss']}\n", "1 try"),
    ] {
        let steps = format!("{RUN}{steps}");
        let output = output_of("run", &scenario(LINES, &steps));
        let output = seconds.replace_all(&output, "<seconds>").into_owned();
        assert!(output.starts_with("exit code: 4\n"), "{output}");
        assert!(output.contains(expected) && output.contains("1 try"), "{steps}\n{output}");
    }
}

#[test]
fn lost_or_missing_configuration_is_explained() {
    let restart = format!("{RUN}  - run: {{command: reboot}}\n{RUN}");
    assert_says("run", &scenario(LINES, &restart), &["1 try", "save it before"]);
    let text = format!("title: T\nlab: labs/linux-pki.yaml\nsteps:\n{RUN}");
    assert_says(
        "run",
        &text,
        &["1 try", "a `configure` step with this certificate request comes first"],
    );
    let text = "title: T\nlab: labs/linux-pki.yaml\nsteps:\n  - ping: {address: gateway}\n";
    assert_says("run", text, &["1 try", "the device has no address yet"]);
    assert_refused(text, &["`DUT0` has no address yet"]);
}

#[test]
fn fact_without_its_whole_is_told_once() {
    let text = "title: T\nlab: labs/linux-pki.yaml\nsteps:\n  - scep: {send: GetNextCACert, accept: [{http: 500, content: certificates, certificates: 1.., next-ca: new}]}\n";
    let output = output_of("run", text);
    let words = "content is absent, certificates is absent, next-ca is absent, and so is ";
    assert!(output.contains(words), "{output}");
    assert_eq!(output.matches("and so is").count(), 1, "{output}");
}

#[test]
fn small_differences_of_a_pattern_are_explained() {
    for (check, expected) in [
        ("contains: 'usercert Valid'", r"use `matches: 'usercert\s+Valid'`"),
        ("matches: 'usercert Valid'", "differs in blanks or line ends alone"),
        ("contains: \"usercert\\tValid\"", "differs in blanks or line ends alone"),
        ("matches: 'ca\\s+Valid.*usercert\\s+Valid'", "(?s)ca\\s+Valid.*usercert\\s+Valid"),
        ("matches: 'CERTIFICATE +status'", "(?i)"),
        ("contains: 'USERCERT'", "in other case: `usercert`"),
        ("contains: 'usercert\\s+Valid'", "use `matches`"),
        ("matches: ['‘usercert’']", "typographic `‘`"),
        ("contains: ['“usercert”']", "typographic `“`"),
        ("contains: '{{serial}}'", "is searched as it is"),
    ] {
        let last = format!("  - run: {{command: pki scep show CSR, {check}, within: 0s}}\n");
        assert_says("run", &scenario(LINES, &format!("{RUN}{last}")), &["exit code: 4", expected]);
    }
}

#[test]
fn only_secrets_are_masked() {
    for (right, wrong, shown) in [
        ("cgi-path /scep", "cgi-pth /scep", "CSR cgi-pth /scep"),
        ("port 8080", "key-type ecdsa", "CSR key-type ecdsa"),
        ("port 8080", "proxy http://gateway:3128", "CSR proxy http://gateway:3128"),
        ("port 8080", "renewal-days 30", "CSR renewal-days 30"),
    ] {
        let text = scenario(&LINES.replace(right, wrong), RUN);
        for command in ["check", "run"] {
            assert_says(command, &text, &[shown]);
        }
    }
    let text = scenario(
        &LINES.replace(
            "set system certificate scep csr CSR port",
            "system certificate scep csr CSR port",
        ),
        RUN,
    );
    assert_refused(&text, &["not `system`", "system certificate scep csr CSR port 8080"]);
    let text = scenario(&LINES.replace("password scep-challenge", "pasword my-own-secret"), RUN);
    for command in ["check", "run"] {
        let output = output_of(command, &text);
        assert!(!output.contains("my-own") && output.contains("CSR pasword ****"), "{output}");
    }
}

#[test]
fn short_challenge_is_masked_as_a_word_and_gets_a_warning() {
    let lab = "{devices: {DUT0: {interfaces: {eth0: 10.215.168.0/24}}}, hosts: {gateway: {addresses: [10.215.168.1/24], runs: pki}}, pki: {pki: {personality: linux, port: 8080, challenge: {static: 'SHORT'}}}}";
    for short in ["a", "1", "pki", "scep", "0.1"] {
        let lines = LINES.replace("scep-challenge", short);
        let check =
            "  - run: {command: pki scep show CSR, matches: ['usercert\\s+Invalid'], within: 1s}\n";
        let text =
            scenario(&lines, check).replace("labs/linux-pki.yaml", &lab.replace("SHORT", short));
        let output = output_of("run", &text);
        assert!(output.contains("warning: the challenge password of the PKI `pki`"), "{output}");
        assert!(!output.contains("*****"), "{output}");
        assert!(
            output.contains(" tries") && !output.contains("****.") && !output.contains(".****"),
            "{output}"
        );
        let check = output_of("check", &text);
        assert!(check.starts_with("exit code: 0") && check.contains("warning: "), "{check}");
    }
}

#[test]
fn difference_of_two_lists_of_capabilities_is_named() {
    let actual = "Renewal SHA-1 SHA-256 AES DES3 SCEPStandard POSTPKIOperation";
    for (wanted, expected) in [
        (actual.replace("SHA-1 ", "SHA-512 "), ": lacks `SHA-512`; has also `SHA-1`"),
        (format!("{actual} GetNextCACert"), ": lacks `GetNextCACert`"),
        (actual.replace(" DES3", ""), ": has also `DES3`"),
        (actual.replace("SHA-1 SHA-256", "SHA-256 SHA-1"), ": the same words in another order"),
    ] {
        let text = format!(
            "title: T\nlab: labs/linux-pki.yaml\nsteps:\n  - scep: {{send: GetCACaps, accept: [{{capabilities: {wanted}}}]}}\n"
        );
        assert_says("run", &text, &["exit code: 4", expected]);
    }
}
