//! `JUnit` reports are valid by the schema of Jenkins' xUnit plugin, `tests/testdata/junit-10.xsd`, which is from
//! <https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd>.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use regex::Regex;

use super::sceplab::{Ended, run_in, workspace};
#[cfg(unix)]
use super::serve::Server;
use crate::support::matrix_samples;
use crate::support::samples::samples;

/// What the schema says about an element.
#[derive(Debug, Default)]
struct Element {
    /// The attributes, each with the name of its type, and true if it is required.
    attributes: BTreeMap<String, (String, bool)>,
    children: BTreeSet<String>,
}

/// The part of XML Schema that the schema of `JUnit` uses.
#[derive(Debug, Default)]
struct Schema {
    elements: BTreeMap<String, Element>,
    /// The patterns of simple types.
    patterns: BTreeMap<String, Regex>,
}

impl Schema {
    fn read(text: &str) -> Self {
        let mut schema = Self::default();
        let (mut element, mut simple) = (String::new(), String::new());
        each_tag(text, |depth, tag| {
            let name = attribute(tag, "name").unwrap_or_default();
            match (tag.name().as_ref(), depth) {
                (b"xs:element", 1) => {
                    element = name;
                    schema.elements.entry(element.clone()).or_default();
                }
                (b"xs:simpleType", 1) => simple = name,
                // The types of complex elements that no report has.
                (b"xs:complexType", 1) => element = format!("type {name}"),
                (b"xs:pattern", _) => {
                    let pattern = format!("^(?:{})$", attribute(tag, "value").unwrap());
                    schema.patterns.insert(simple.clone(), Regex::new(&pattern).unwrap());
                }
                (b"xs:attribute", _) => {
                    let is_required = attribute(tag, "use").is_some_and(|it| it == "required");
                    let kind = attribute(tag, "type").unwrap_or_default();
                    let of = schema.elements.entry(element.clone()).or_default();
                    of.attributes.insert(name, (kind, is_required));
                }
                (b"xs:element", _) => {
                    let of = schema.elements.entry(element.clone()).or_default();
                    of.children.extend(attribute(tag, "ref"));
                }
                _ => {}
            }
        });
        schema
    }

    /// The violations in a document.
    fn violations(&self, document: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut path: Vec<String> = Vec::new();
        each_tag(document, |depth, tag| {
            let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
            path.truncate(depth);
            let parent = path.last().and_then(|parent| self.elements.get(parent));
            if parent.is_some_and(|parent| !parent.children.contains(&name)) {
                found.push(format!("`{name}` in `{}`", path.join("/")));
            }
            match self.elements.get(&name) {
                Some(element) => found.extend(self.wrong_attributes(&name, element, tag)),
                None => found.push(format!("unknown element `{name}`")),
            }
            path.push(name);
        });
        found
    }

    fn wrong_attributes(&self, name: &str, element: &Element, tag: &BytesStart<'_>) -> Vec<String> {
        let mut found = Vec::new();
        let mut given = BTreeSet::new();
        for one in tag.attributes() {
            let one = one.unwrap();
            let key = String::from_utf8(one.key.as_ref().to_vec()).unwrap();
            let value = String::from_utf8(one.value.to_vec()).unwrap();
            match element.attributes.get(&key) {
                None => found.push(format!("attribute `{key}` of `{name}`")),
                Some((kind, _))
                    if self.patterns.get(kind).is_some_and(|it| !it.is_match(&value)) =>
                {
                    found.push(format!("`{key}=\"{value}\"` of `{name}` is no {kind}"));
                }
                Some(_) => {}
            }
            given.insert(key);
        }
        let missing = element
            .attributes
            .iter()
            .filter(|(key, (_, is_required))| *is_required && !given.contains(*key));
        found.extend(missing.map(|(key, _)| format!("`{name}` lacks `{key}`")));
        found
    }
}

/// Visits each opening tag with its depth; fails if the text is not well-formed.
fn each_tag(text: &str, mut visit: impl FnMut(usize, &BytesStart<'_>)) {
    let mut reader = Reader::from_str(text);
    let mut depth = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                visit(depth, &tag);
                depth += 1;
            }
            Event::Empty(tag) => visit(depth, &tag),
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "unclosed tags");
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).unwrap()?;
    Some(String::from_utf8(found.value.to_vec()).unwrap())
}

fn schema() -> Schema {
    let text = fs::read_to_string(workspace().join("tests/testdata/junit-10.xsd")).unwrap();
    Schema::read(&text)
}

#[track_caller]
fn assert_valid(ended: &Ended) {
    let report = &ended.stdout;
    assert!(report.contains("<testcase "), "{}", ended.transcript());
    let violations = schema().violations(report);
    assert!(violations.is_empty(), "{}\n{report}", violations.join("\n"));
}

#[test]
fn violations_of_the_schema_are_found() {
    let schema = schema();
    for (document, wrong) in [
        (r#"<testsuites skipped="1"/>"#, "attribute `skipped` of `testsuites`"),
        (r#"<testsuites time="1.2345"/>"#, "`time=\"1.2345\"` of `testsuites` is no SUREFIRE_TIME"),
        (r"<testsuites><testcase/></testsuites>", "`testcase` in `testsuites`"),
        (r#"<testcase name="x" file="y"/>"#, "attribute `file` of `testcase`"),
        ("<testcase/>", "`testcase` lacks `name`"),
        ("<x/>", "unknown element `x`"),
    ] {
        assert!(schema.violations(document).contains(&wrong.to_owned()), "{document}");
    }
    assert_eq!(schema.violations(r#"<testsuites time="12.345" name="x"/>"#), [""; 0]);
}

#[test]
fn junit_report_of_a_run_is_valid() {
    let samples = samples();
    let image = "title: Skipped\nlab: {hosts: {far: {addresses: [10.0.0.1/24], runs: {image: x, ready: {port: 1}}}}}\nsteps: [approve: {pki: far}]\n";
    fs::write(samples.path().join("scenarios/image.yaml"), image).unwrap();
    let ended = run_in(samples.path(), &["run", "--report", "junit=-"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    for element in ["<failure ", "<skipped ", "<system-out>"] {
        assert!(ended.stdout.contains(element), "{element} is not in\n{}", ended.stdout);
    }
    assert_valid(&ended);
}

#[test]
fn junit_report_of_a_matrix_is_valid() {
    let samples = matrix_samples::samples();
    matrix_samples::write(samples.path(), "scenarios/matrix-ledger.yaml", matrix_samples::REFUSED);
    let ended = run_in(samples.path(), &["matrix", "--driver", "virtual", "--report", "junit=-"]);
    assert_valid(&ended);
}

#[test]
fn junit_report_of_a_test_of_a_client_is_valid() {
    let sceplab = env!("CARGO_BIN_EXE_sceplab");
    let case = "conformance/client/attributes/extra";
    let client = ["enrol", "{url}", "--challenge", "{challenge}"];
    let arguments = ["conform-client", "--case", case, "--report", "junit=-", "--", sceplab];
    assert_valid(&run_in(workspace(), &[&arguments[..], &client].concat()));
}

#[cfg(unix)]
#[test]
fn junit_report_of_a_test_of_a_server_is_valid() {
    let server = Server::start(&["linux", "--challenge", "correct-horse"]);
    let url = format!("http://{}/scep", server.authority);
    let case = ["--case", "algorithms/des", "--challenge", "correct-horse"];
    let arguments = [&["conform", url.as_str(), "--report", "junit=-"], &case[..]].concat();
    assert_valid(&run_in(workspace(), &arguments));
}

#[test]
fn report_on_standard_output_is_alone_there() {
    let samples = samples();
    for (format, begin) in [("json", "{"), ("markdown", "| scenario |"), ("junit", "<?xml")] {
        let report = format!("{format}=-");
        let ended = run_in(samples.path(), &["run", "scenarios/ping.yaml", "--report", &report]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.starts_with(begin), "{}", ended.stdout);
        assert!(ended.stderr.contains("1 passed in"), "{}", ended.stderr);
        assert!(!samples.path().join("-").exists());
    }
    let two = ["run", "scenarios/ping.yaml", "--report", "junit=-", "--report", "json=-"];
    let ended = run_in(samples.path(), &two);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    assert!(ended.stderr.contains("only one report can go to standard output"), "{}", ended.stderr);
}
