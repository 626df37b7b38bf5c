//! Text from elsewhere in every place of every report: each report is read again by a parser that shares no code with its writer,
//! has all the text, and nothing in it acts on its reader.

mod results_of;
mod text;

use diagnostics::{Palette, ci_commands, must_be_escaped, visible_lines};
use pulldown_cmark::{Event, Options, Parser, Tag};
use results::{ConformanceReport, Matrix, Outcome};
use serde::Serialize;
use serde_json::Value;

use self::text::Texts;
use crate::{Format, Reported, conformance, matrix, terminal};

/// The number of reports of each kind that are made.
const REPORTS: u64 = 100;

/// Reports of each kind with other texts each time.
fn each_report(check: impl Fn(u64, &dyn Fn(Format) -> String, &Value, usize)) {
    for seed in 1..=REPORTS {
        let mut texts = Texts::new(seed);
        let outcome: Outcome = results_of::outcome(&mut texts);
        let report: ConformanceReport = results_of::conformance(&mut texts);
        let cells: Matrix = results_of::matrix(&mut texts);
        check(seed, &|format| format.text(&outcome), &value(&outcome), outcome.entries().len());
        check(seed, &|format| format.text(&report), &value(&report), report.entries().len());
        check(seed, &|format| format.text(&cells), &value(&cells), cells.entries().len());
    }
}

fn value(results: &impl Serialize) -> Value {
    serde_json::to_value(results).unwrap()
}

/// Fails if a character acts on a reader, or a line is a command for a CI.
#[track_caller]
fn assert_inert(text: &str, seed: u64) {
    let acting = text.chars().find(|c| *c != '\n' && must_be_escaped(*c));
    assert_eq!(acting, None, "seed {seed}:\n{}", text.escape_debug());
    assert_eq!(ci_commands(text), [0; 0], "seed {seed}:\n{text}");
}

#[test]
fn junit_with_any_text_is_valid_and_inert() {
    each_report(|seed, report, _, entries| {
        let xml = report(Format::Junit);
        assert_inert(&xml, seed);
        let read = roxmltree::Document::parse(&xml);
        let document = read.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{xml}"));
        let known =
            ["testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out"];
        let mut cases = 0;
        for node in document.root_element().descendants() {
            if node.is_element() {
                assert!(known.contains(&node.tag_name().name()), "seed {seed}: {node:?}");
                cases += usize::from(node.has_tag_name("testcase"));
                node.attributes().for_each(|one| assert_inert(one.value(), seed));
            }
            assert_inert(node.text().unwrap_or_default(), seed);
        }
        assert_eq!(cases, entries, "seed {seed}");
    });
}

#[test]
fn json_with_any_text_has_all_of_it_and_is_inert() {
    each_report(|seed, report, results, _| {
        let json = report(Format::Json);
        assert_inert(&json, seed);
        let mut read: Value = serde_json::from_str(&json).unwrap();
        let frame = read.as_object_mut().unwrap();
        assert_eq!(frame.remove("version"), Some(Value::from(1)));
        assert!(frame.remove("counts").is_some());
        assert_eq!(read, *results, "seed {seed}");
    });
}

#[test]
fn markdown_with_any_text_has_no_markup_of_it() {
    let word = r#"[\p{Alphabetic}\p{N}_"]"#;
    let reference = format!(r"[@#!$~&]{word}|(?i:gh-\d)|(?:^|[\x00-\x2f])%{word}");
    let reference = regex::Regex::new(&reference).unwrap();
    each_report(|seed, report, _, _| {
        let markdown = report(Format::Markdown);
        assert_inert(&markdown, seed);
        let mut headings = Vec::new();
        let (mut depth, mut shown) = (0, String::new());
        for event in Parser::new_ext(&markdown, Options::all()) {
            match &event {
                Event::Start(Tag::Heading { .. }) => headings.push(String::new()),
                Event::Start(Tag::List(_)) => depth += 1,
                Event::End(pulldown_cmark::TagEnd::List(_)) => depth -= 1,
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = headings.last_mut() {
                        heading.push_str(text);
                    }
                }
                _ => {}
            }
            // Forges look for references in what is shown, but not in code.
            match &event {
                Event::Text(text) => shown.push_str(text),
                _ => shown.push('\u{1}'),
            }
            assert!(is_harmless(&event), "seed {seed}: {event:?}\n{markdown}");
            assert!(depth <= 1, "seed {seed}: a list in a list\n{markdown}");
        }
        let reference = reference.find(&shown).map(|found| found.as_str());
        assert_eq!(reference, None, "seed {seed}:\n{markdown}");
        assert_rows_are_whole(&markdown, seed);
        assert!(headings.len() <= 7, "seed {seed}: {headings:?}\n{markdown}");
    });
}

/// True for what the reports have themselves: headings, lists, tables, bold words and code.
fn is_harmless(event: &Event<'_>) -> bool {
    match event {
        Event::Start(tag) => matches!(
            tag,
            Tag::Paragraph
                | Tag::Heading { .. }
                | Tag::List(None)
                | Tag::Item
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell
                | Tag::Strong
        ),
        Event::End(_) | Event::Text(_) | Event::Code(_) | Event::SoftBreak => true,
        _ => false,
    }
}

/// Fails if a row of a table has another number of cells than its head.
fn assert_rows_are_whole(markdown: &str, seed: u64) {
    let cells = |line: &str| line.replace(r"\\", "").replace(r"\|", "").matches('|').count();
    let lines: Vec<&str> = markdown.lines().collect();
    for table in lines.split(|line| !line.starts_with("| ")) {
        assert!(table.iter().all(|row| cells(row) == cells(table[0])), "seed {seed}:\n{table:#?}");
    }
}

#[test]
fn terminal_with_any_text_is_inert() {
    let palette = Palette::plain();
    for seed in 1..=REPORTS {
        let mut texts = Texts::new(seed);
        let outcome = results_of::outcome(&mut texts);
        for scenario in &outcome.scenarios {
            assert_inert(&terminal::line(scenario, palette), seed);
            assert_inert(&terminal::notes(scenario, palette).join("\n"), seed);
            assert_inert(&terminal::transcript(scenario, palette), seed);
            for verbose in [false, true] {
                let text = terminal::explanation(scenario, verbose, palette).unwrap_or_default();
                assert_inert(&text, seed);
            }
        }
        let report = results_of::conformance(&mut texts);
        assert_inert(&conformance::case_lines(&report, true, palette).join("\n"), seed);
        assert_inert(&conformance::explanations(&report, true, palette).join("\n"), seed);
        assert_inert(&conformance::issued(&report).join("\n"), seed);
        assert_inert(&conformance::requirements(&report), seed);
        assert_inert(&conformance::legend(&report).unwrap_or_default(), seed);
        let cells = results_of::matrix(&mut texts);
        assert_inert(&matrix::table(&cells, palette), seed);
        for cell in cells.cells() {
            assert_inert(&matrix::explanation(cell, palette).unwrap_or_default(), seed);
        }
    }
}

/// What a program that hurts terminals and reports prints.
#[test]
fn texts_have_what_acts_on_readers() {
    let mut texts = Texts::new(1);
    let all: String = (0..5000).map(|_| texts.next()).collect();
    for part in text::PIECES {
        assert!(all.contains(part), "{part:?}");
    }
    assert_ne!(visible_lines(&all), all);
}
