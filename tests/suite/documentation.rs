//! The documentation as data. `testdata/documented-scenarios.txt` has it with white space collapsed.

use std::sync::LazyLock;

use regex::Regex;

const TEXT: &str = include_str!("../testdata/documented-scenarios.txt");

/// The words between a step's expected output and its real one.
const SHOW_OUTPUT: &str = "Show output";

/// A documented scenario.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Documented {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) steps: Vec<Step>,
}

/// A documented step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `Set the following configuration in …`
    Configure { device: String, lines: Vec<String> },
    /// `Ping IP address …`
    Ping { device: String, command: String, output: String },
    /// `Run command … and check if output matches the following regular expressions` or `contains the following tokens`
    Run { device: String, command: String, checks: Checks, output: String },
}

/// The checks of a documented command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    Regexes(Vec<String>),
    Tokens(Vec<String>),
}

impl Documented {
    /// The documented output of a command.
    pub(crate) fn output(&self, wanted: &str) -> &str {
        let mut outputs = self.steps.iter().filter_map(|step| match step {
            Step::Configure { .. } => None,
            Step::Ping { command, output, .. } | Step::Run { command, output, .. } => {
                (command == wanted).then_some(output.as_str())
            }
        });
        outputs.next().unwrap_or_else(|| panic!("`{wanted}` is not documented"))
    }
}

/// The scenario with the Linux PKI.
pub(crate) fn linux() -> &'static Documented {
    &SCENARIOS[0]
}

/// The scenario with the Windows PKI.
pub(crate) fn windows() -> &'static Documented {
    &SCENARIOS[1]
}

static SCENARIOS: LazyLock<Vec<Documented>> = LazyLock::new(|| parse(TEXT));

fn parse(text: &str) -> Vec<Documented> {
    let lines: Vec<&str> = text.lines().collect();
    let titles = |(_, pair): &(usize, &[&str])| pair[1] == "Description";
    let starts: Vec<usize> =
        lines.windows(2).enumerate().filter(titles).map(|(index, _)| index).collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    starts.iter().zip(ends).map(|(start, end)| scenario(&lines[*start..end])).collect()
}

fn scenario(lines: &[&str]) -> Documented {
    let [title, "Description", description, "Scenario", steps @ ..] = lines else {
        panic!("not a scenario: {lines:?}")
    };
    let mut parsed = Vec::new();
    let mut rest = steps;
    while let [heading, after @ ..] = rest {
        let length = after.iter().take_while(|line| !line.starts_with("Step ")).count();
        parsed.push(step(heading, &after[..length], parsed.len() + 1));
        rest = &after[length..];
    }
    Documented { title: (*title).to_owned(), description: (*description).to_owned(), steps: parsed }
}

fn step(heading: &str, body: &[&str], number: usize) -> Step {
    let sentence = heading
        .strip_prefix(&format!("Step {number}: "))
        .unwrap_or_else(|| panic!("not step {number}: {heading}"));
    if let Some([device]) = captures(r"^Set the following configuration in (\S+) :$", sentence) {
        return Step::Configure { device, lines: set_lines(body) };
    }
    let (expected, output) = expected_and_output(body);
    if let Some([address, device]) = captures(r"^Ping IP address (\S+) from (\S+):$", sentence) {
        let prompt = format!("admin@{device}$ ");
        let command = expected.strip_prefix(&prompt).expect("a prompt").to_owned();
        assert!(command.starts_with(&format!("ping {address} ")), "{command}");
        return Step::Ping { device, command, output };
    }
    let pattern = r"^Run command (.+) at (\S+) and check if output (matches|contains) the following (?:regular expressions|tokens):$";
    let Some([command, device, kind]) = captures(pattern, sentence) else {
        panic!("an unknown step: {sentence}")
    };
    let checks = match kind.as_str() {
        "matches" => Checks::Regexes(expected.split(' ').map(str::to_owned).collect()),
        _ => Checks::Tokens(vec![expected]),
    };
    Step::Run { device, command, checks, output }
}

fn set_lines(body: &[&str]) -> Vec<String> {
    let [line] = body else { panic!("not one line of configuration: {body:?}") };
    let rest = line.strip_prefix("set ").expect("a line that begins with `set`");
    rest.split(" set ").map(|line| format!("set {line}")).collect()
}

fn expected_and_output(body: &[&str]) -> (String, String) {
    let [expected, output] = body else { panic!("not a check and its output: {body:?}") };
    let expected = expected.strip_suffix(SHOW_OUTPUT).expect("`Show output`");
    (expected.to_owned(), (*output).to_owned())
}

fn captures<const N: usize>(pattern: &str, text: &str) -> Option<[String; N]> {
    let captures = Regex::new(pattern).unwrap().captures(text)?;
    Some(captures.extract::<N>().1.map(str::to_owned))
}

#[test]
fn both_documented_scenarios_are_parsed_completely() {
    assert_eq!(SCENARIOS.len(), 2);
    let kinds = |documented: &Documented| -> Vec<usize> {
        documented
            .steps
            .iter()
            .map(|step| match step {
                Step::Configure { lines, .. } => lines.len(),
                Step::Ping { .. } => 0,
                Step::Run { checks: Checks::Regexes(checks) | Checks::Tokens(checks), .. } => {
                    checks.len()
                }
            })
            .collect()
    };
    assert_eq!(kinds(linux()), [10, 0, 2, 1, 1]);
    assert_eq!(kinds(windows()), [7, 0, 0, 2, 1, 1]);
    let words: usize = TEXT.split_whitespace().filter(|word| *word == "set").count();
    assert_eq!(words, 17);
}
