//! Files that are large, or grow when they are read, are rejected in bounded memory.
#![cfg(unix)]

use std::fmt::Write;
use std::fs::File;

use super::{Files, run_in};

/// Address space of a process. The stacks of its threads take a good part of it.
const KIBIBYTES: u64 = 512 * 1024;

#[test]
fn file_of_50_mb_is_rejected_unread() {
    let files = Files::with("");
    File::options().write(true).open(files.path("a.yaml")).unwrap().set_len(50_000_000).unwrap();
    let told = files.refused_within(KIBIBYTES);
    assert!(told.contains("larger than 1048576 bytes"), "{told}");
    let text = "title: T\n".repeat(50_000_000 / 9);
    assert!(Files::with(text).refused_within(KIBIBYTES).contains("larger than"));
}

#[test]
fn alias_bomb_is_rejected_in_bounded_memory() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let told = Files::with(bomb).refused_within(KIBIBYTES);
    assert!(told.contains("a.yaml"), "{told}");
    assert!(told.len() < 100_000, "{} bytes of messages", told.len());
}

#[test]
fn merge_key_bomb_is_rejected_in_bounded_memory() {
    let mut bomb = "a0: &a0 {x: y}\n".to_owned();
    for level in 1..200 {
        writeln!(bomb, "a{level}: &a{level} {{<<: [*a{0}, *a{0}], k{level}: *a{0}}}", level - 1)
            .unwrap();
    }
    assert!(Files::with(bomb).refused_within(KIBIBYTES).contains("a.yaml"));
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("!a ", ""), ("[", "")]
    {
        for depth in [200, 5_000, 200_000] {
            let nested = format!("steps: {}{}\n", open.repeat(depth), close.repeat(depth));
            let told = Files::with(nested).refused_within(KIBIBYTES);
            assert!(told.contains("a.yaml"), "{open} {told}");
        }
    }
}

#[test]
fn thousands_of_mistakes_are_reported_in_bounded_text() {
    let told =
        Files::with_steps(&"  - rum: {a: b, c: d}\n".repeat(40_000)).refused_within(KIBIBYTES);
    assert!(told.contains("unknown step `rum`"), "{}", &told[..200]);
}

#[test]
fn line_of_a_megabyte_is_shown_in_part() {
    let told = Files::with(format!("title: {}\nsteps: 5\n", "x".repeat(1_000_000)))
        .refused_within(KIBIBYTES);
    assert!(told.lines().all(|line| line.chars().count() < 500), "{}", told.len());
    let told = Files::with(format!("{}: 5\n", "k".repeat(1_000_000))).refused_within(KIBIBYTES);
    assert!(told.contains("a.yaml"));
}

#[test]
fn problems_of_a_file_in_one_line_end_at_a_limit() {
    let keys: Vec<String> = (0..10_000).map(|at| format!("k{at}: 1")).collect();
    let shown = Files::with(format!("{{{}}}", keys.join(", "))).refused();
    assert_eq!(shown.matches("error: ").count(), 100);
    // The three missing fields are problems, too.
    assert!(shown.contains("= and 9903 more errors in this file"), "{shown}");
}

#[test]
fn steps_in_one_line_with_many_problems_end_at_a_limit() {
    let steps = vec!["{rum: {}}"; 10_000].join(", ");
    let shown =
        Files::with(format!("{{title: T, lab: labs/lab.yaml, steps: [{steps}]}}")).refused();
    assert_eq!(shown.matches("error: ").count(), 100);
    assert!(shown.contains("= and 9900 more errors in this file"), "{shown}");
}

#[test]
fn regular_expressions_of_a_file_have_a_common_limit() {
    let step =
        |at: usize| format!("  - run: {{command: show version, matches: 'x{at}\\w{{40}}'}}\n");
    let steps: String = (0..4000).map(step).collect();
    let shown = Files::with_steps(&steps).refused();
    assert!(shown.contains("the regular expressions of this file take more than"), "{shown}");
    assert_eq!(shown.matches("error: ").count(), 100);
}

#[test]
fn commands_that_the_device_lacks_are_listed_up_to_a_limit() {
    let files = Files::with_steps(&"  - run: {command: shwo version}\n".repeat(20_000));
    let checked = run_in(files.folder.path(), &["check", "a.yaml"]);
    assert_eq!(checked.code, Some(2), "{}", checked.stderr);
    assert_eq!(checked.stderr.matches("error: ").count(), 100);
}

#[test]
fn passwords_of_a_file_are_searched_for_up_to_a_limit() {
    let passwords: Vec<String> = (0..60_000).map(|at| format!("hunter{at}")).collect();
    let text = format!("title: T\nchallenge: [{}]\nsteps: hunter777\n", passwords.join(", "));
    let told = Files::with(text).refused_within(KIBIBYTES);
    assert!(told.contains("nothing of the text is shown, because more than 250 values"), "{told}");
    assert!(told.contains("a.yaml:3:8") && !told.contains("hunter"), "{told}");
}
