//! Text from elsewhere as a reader sees it: nothing in it acts on a terminal, changes the order of other text, stays unseen, or is a
//! command for the CI that reads the output.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// A line with its control characters and invisible ones escaped, as in `\u{1b}`, and with the first character of a command for a CI
/// escaped; a tab becomes a blank. The escapes are those of Rust.
pub fn visible(line: &str) -> String {
    let mut visible = String::with_capacity(line.len());
    let mut commands = ci_commands(line).into_iter().peekable();
    for (at, character) in line.char_indices() {
        let begins_command = commands.next_if_eq(&at).is_some();
        match character {
            '\t' => visible.push(' '),
            c if c.is_control() => visible.extend(c.escape_debug()),
            c if is_invisible(c) || begins_command => {
                let _ = write!(visible, "\\u{{{:x}}}", u32::from(c));
            }
            c => visible.push(c),
        }
    }
    visible
}

/// Lines of our own with colours: control characters in them are escaped, but for line ends, tabs and the sequences of colours; and
/// commands for a CI, which can only come from elsewhere.
pub fn printable(lines: &str) -> String {
    let mut printable = String::with_capacity(lines.len());
    let mut commands = ci_commands(lines).into_iter().peekable();
    let mut rest = lines;
    while let Some(character) = rest.chars().next() {
        if commands.next_if_eq(&(lines.len() - rest.len())).is_some() {
            let _ = write!(printable, "\\u{{{:x}}}", u32::from(character));
            rest = &rest[character.len_utf8()..];
            continue;
        }
        let (length, is_shown) = match colour(rest) {
            0 => (character.len_utf8(), matches!(character, '\n' | '\t')),
            length => (length, true),
        };
        let part = &rest[..length];
        if is_shown || !character.is_control() {
            printable.push_str(part);
        } else {
            printable.extend(character.escape_debug());
        }
        rest = &rest[length..];
    }
    printable
}

/// Length of the sequence at the beginning that sets a colour; 0 if there is none.
fn colour(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\x1b[") else { return 0 };
    let end = parameters.bytes().position(|byte| !byte.is_ascii_digit() && byte != b';');
    end.filter(|end| parameters[*end..].starts_with('m')).map_or(0, |end| end + 3)
}

/// What CI systems take for a command: at the beginning of a line, also after colours, `::error::`, which is GitHub's; anywhere `##[group]` of GitHub, `##vso[` of Azure, `##teamcity[`, the sections of
/// GitLab, the folds of Travis, the measurements of `CTest`, and `[[ATTACHMENT|file]]` of Jenkins and GitLab in a report.
static CI_COMMAND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let colours = r"(?:\x1b\[[0-9;]*m)*";
    let anywhere = r"##(?:vso|teamcity)?\[|section_(?:start|end):|travis_(?:fold|time):|\[\[(?:ATTACHMENT|PROPERTY)\||<(?:CTest|Dart)(?:Measurement|Details|Label)|CTEST_FULL_OUTPUT";
    Regex::new(&format!(r"(?im)(?:^{colours}\s*(?P<first>::)[^\n]*?::)|(?P<other>{anywhere})")).ok()
});

/// The groups of Buildkite. Lines of `ping` and `diff` look like them, so they are commands only where Buildkite reads the output.
static BUILDKITE_GROUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)^(?:\x1b\[[0-9;]*m)*(?P<first>---|\+\+\+|~~~|\^\^\^)(?:\s|$)").ok()
});

/// True if Buildkite has started this program.
static IS_BUILDKITE: LazyLock<bool> = LazyLock::new(|| std::env::var_os("BUILDKITE").is_some());

/// A part of each command that is one for all, so that most texts need no search.
const PARTS: [&str; 8] = ["::", "##", "section_", "travis_", "[[", "<CTest", "<Dart", "CTEST_"];

/// The places of the first character of each command for a CI in a text.
pub fn ci_commands(text: &str) -> Vec<usize> {
    ci_commands_of(text, *IS_BUILDKITE)
}

fn ci_commands_of(text: &str, is_buildkite: bool) -> Vec<usize> {
    let has_part = PARTS.iter().any(|part| text.contains(part));
    let all = CI_COMMAND.as_ref().filter(|_| has_part);
    let groups = BUILDKITE_GROUP.as_ref().filter(|_| is_buildkite);
    let commands = all.into_iter().chain(groups).flat_map(|it| it.captures_iter(text));
    let first = commands.filter_map(|found| found.iter().skip(1).flatten().next());
    let mut places: Vec<usize> = first.map(|mark| mark.start()).collect();
    places.sort_unstable();
    places
}

/// True if a character of a text from elsewhere must not be shown as it is.
pub fn must_be_escaped(character: char) -> bool {
    character.is_control() || is_invisible(character)
}

/// The lines of a text as [`visible`] shows them.
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// True if a character is not seen, changes the order of others, ends a line, or is none (Unicode 16 §23).
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(u32::from(character),
        // The soft hyphen, and marks without a shape of their own.
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x3164 | 0xffa0
        // Zero width, directions, line and paragraph separators.
        | 0x200b..=0x200f | 0x2028..=0x202e
        // Joiners, isolates, deprecated format characters.
        | 0x2060..=0x206f
        // Variation selectors, the byte order mark, annotations.
        | 0xfe00..=0xfe0f | 0xfeff | 0xfff9..=0xfffb
        // Musical format characters.
        | 0x1d173..=0x1d17a
        // Tags and further variation selectors.
        | 0xe0000..=0xe0fff
        // Values that are no characters; XML forbids two of them.
        | 0xfdd0..=0xfdef
    ) || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(visible("a\tb\r\x1b[2J\0 \u{9b}é'\""), "a b\\r\\u{1b}[2J\\0 \\u{9b}é'\"");
    }

    #[test]
    fn invisible_characters_and_those_that_change_the_order_are_escaped() {
        for (character, shown) in [
            ('\u{202e}', "\\u{202e}"),
            ('\u{2066}', "\\u{2066}"),
            ('\u{200b}', "\\u{200b}"),
            ('\u{2028}', "\\u{2028}"),
            ('\u{feff}', "\\u{feff}"),
            ('\u{fffe}', "\\u{fffe}"),
            ('\u{1ffff}', "\\u{1ffff}"),
            ('\u{e0041}', "\\u{e0041}"),
            ('\u{ad}', "\\u{ad}"),
        ] {
            assert_eq!(visible(&format!("a{character}b")), format!("a{shown}b"));
        }
        let seen = "Grüße, Ελλάδα, 日本語, שלום, \u{1f600} ½ €";
        assert_eq!(visible(seen), seen);
    }

    #[test]
    fn commands_for_a_ci_are_escaped() {
        for (line, shown) in [
            ("::error file=a::pwn", r"\u{3a}:error file=a::pwn"),
            ("  ::stop-commands::x", r"  \u{3a}:stop-commands::x"),
            ("a ##[group]x", r"a \u{23}#[group]x"),
            ("##vso[task.setvariable]x ##VSO[y]", r"\u{23}#vso[task.setvariable]x \u{23}#VSO[y]"),
            ("##teamcity[x]", r"\u{23}#teamcity[x]"),
            ("a [[ATTACHMENT|/etc/passwd]]", r"a \u{5b}[ATTACHMENT|/etc/passwd]]"),
            ("[[property|a=b]]", r"\u{5b}[property|a=b]]"),
            ("section_start:1:x", r"\u{73}ection_start:1:x"),
            ("<CTestMeasurement x", r"\u{3c}CTestMeasurement x"),
            ("x CTEST_FULL_OUTPUT", r"x \u{43}TEST_FULL_OUTPUT"),
            ("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"),
            ("address ::1, a::b::c", "address ::1, a::b::c"),
            ("::1", "::1"),
        ] {
            assert_eq!(visible(line), shown);
        }
    }

    #[test]
    fn groups_are_commands_for_buildkite_alone() {
        for line in ["--- x", "+++", "~~~ x", "^^^ +++", "a\n--- x", "\x1b[1m--- x"] {
            assert_eq!(ci_commands_of(line, true).len(), 1, "{line}");
            assert_eq!(ci_commands_of(line, false), [0; 0], "{line}");
        }
        for line in ["-----BEGIN CERTIFICATE-----", "a --- b, a~~~ b", "  --- x", "++++"] {
            assert_eq!(ci_commands_of(line, true), [0; 0], "{line}");
        }
    }

    #[test]
    fn colours_and_line_ends_are_printed_and_other_control_characters_are_escaped() {
        let text = "\x1b[1;31mred\x1b[0m\n\ta\x1b[2J\r\u{9b}1m\x1b]0;x\x07é\x1b[";
        let shown = "\x1b[1;31mred\x1b[0m\n\ta\\u{1b}[2J\\r\\u{9b}1m\\u{1b}]0;x\\u{7}é\\u{1b}[";
        assert_eq!(printable(text), shown);
        let commands = "a\n\x1b[1m::error::x\n--- x";
        let shown = "a\n\x1b[1m\\u{3a}:error::x\n--- x";
        assert_eq!(printable(commands), shown);
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(visible_lines("a\r\nb\u{2028}c\n"), "a\\r\nb\\u{2028}c\n");
    }
}
