//! Reports of a matrix with cells of each kind.

mod samples;

use super::*;
use crate::Format;
use crate::terminal::summary;

#[test]
fn the_table_explains_its_cells() {
    let matrix = samples::matrix();
    assert_eq!(
        table(&matrix, Palette::plain()),
        "\
scenario        PKI                 builtin           strongswan         sscep
scep/linux-pki  linux-pki           pass              pass! [1]          skip [2]
                scepserver | 2.1.0  fail PKCSReq [3]  known PKCSReq [4]  skip [2]

known: fails as the ledger expects
pass!: passes, but the ledger expects a failure

[1] no longer fails; ledger.yaml:3 expects that it does: strongSwan 5.9.8 takes no other
[2] sscep is not installed
[3] PKIOperation (PKCSReq): only RSA digest encryption supported
[4] PKIOperation (PKCSReq): only RSA digest encryption supported - strongSwan 5.9.8 takes no other (seen)

note: strongswan: it has no option for *this*"
    );
    assert_eq!(
        summary(&matrix, Palette::plain()),
        "1 passed, 1 failed, 1 no longer failing, 1 failing as expected, 2 skipped in 31.20 s"
    );
}

#[test]
fn only_unexpected_failures_are_explained() {
    let matrix = samples::matrix();
    let explained = |cell| explanation(cell, Palette::plain()).is_some();
    let all: Vec<bool> = matrix.cells().map(explained).collect();
    assert_eq!(all, [false, false, false, true, false, false]);
}

#[test]
fn colour_does_not_change_the_columns() {
    let matrix = samples::matrix();
    let coloured = table(&matrix, Palette::coloured());
    let plain =
        regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(&coloured, "").into_owned();
    let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
    assert_eq!(trimmed.join("\n"), table(&matrix, Palette::plain()));
}

#[test]
fn markdown_escapes_text() {
    assert_eq!(
        Format::Markdown.text(&samples::matrix()),
        r"| scenario | PKI | builtin | strongswan | sscep |
| --- | --- | --- | --- | --- |
| scep/linux-pki | linux-pki | pass | **pass! \[1\]** | skip \[2\] |
| scep/linux-pki | scepserver \| 2.1.0 | **fail PKCSReq \[3\]** | known PKCSReq \[4\] | skip \[2\] |

1 passed, 1 failed, 1 no longer failing, 1 failing as expected, 2 skipped in 31.20 s

- `known`: fails as the ledger expects
- `pass!`: passes, but the ledger expects a failure
- \[1\] no longer fails; ledger.yaml:3 expects that it does: strongSwan 5.9.8 takes no other
- \[2\] sscep is not installed
- \[3\] PKIOperation (PKCSReq): only RSA digest encryption supported
- \[4\] PKIOperation (PKCSReq): only RSA digest encryption supported - strongSwan 5.9.8 takes no other (seen)
- strongswan: it has no option for \*this\*
"
    );
}

#[test]
fn junit_has_one_suite_per_row_and_fails_unexpected_passes() {
    let xml = Format::Junit.text(&samples::matrix());
    assert!(xml.contains(r#"name="sceplab" tests="6" failures="2" errors="0""#), "{xml}");
    assert!(
        xml.contains(r#"<testsuite name="scep/linux-pki/linux-scepserver" tests="3""#),
        "{xml}"
    );
    assert!(xml.contains(r#"<failure message="no longer fails; ledger.yaml:3"#), "{xml}");
    assert!(
        xml.contains(r#"<skipped message="not-supported: the device does not support x"#),
        "{xml}"
    );
    assert!(xml.contains(r#"<skipped message="fails as expected: PKIOperation"#), "{xml}");
}

#[test]
fn json_has_the_kind_of_each_cell() {
    let report: serde_json::Value =
        serde_json::from_str(&Format::Json.text(&samples::matrix())).unwrap();
    assert_eq!(report["counts"]["expected_failures"], 1);
    assert_eq!(report["clients"][1], "strongswan");
    let cell = &report["rows"][1]["cells"][1];
    assert_eq!(cell["standing"]["kind"], "expected-failure");
    assert_eq!(cell["standing"]["reason"]["stage"], "PKCSReq");
    assert_eq!(report["unmatched"][0]["excerpt"]["line"], 9);
}
