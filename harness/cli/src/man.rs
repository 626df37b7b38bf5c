//! `sceplab man`: man pages and a Markdown reference, both made from the tables of the command line.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Arg, Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use diagnostics::counted;
use files::{Readers, replace};
use report::markdown::{head, row};

use super::exit::{CommandError, Exit};
use super::output::say;

/// Write a man page for each command
#[derive(Debug, Args)]
#[command(
    override_usage = "sceplab man <DIR>\n       sceplab man --markdown",
    after_help = "\
Examples:
  sceplab man ~/.local/share/man/man1       then `man sceplab-run` shows the page of `sceplab run`
  sceplab man --markdown                    print all pages as one Markdown page

Exit codes:
  0  the pages are written
  2  wrong usage
  3  the folder or a page cannot be written"
)]
pub(super) struct ManArguments {
    /// The folder for the pages; it is made if it does not exist
    #[arg(value_name = "DIR", required_unless_present = "markdown")]
    folder: Option<PathBuf>,
    /// Print one Markdown page to standard output instead
    #[arg(long, conflicts_with = "folder")]
    markdown: bool,
}

impl ManArguments {
    /// Documents `program` and its commands.
    ///
    /// # Errors
    /// If the folder or a page cannot be written.
    pub(super) fn perform(&self, program: Command) -> Result<Exit, CommandError> {
        let mut program = program.disable_help_subcommand(true);
        program.build();
        let Some(folder) = &self.folder else {
            say(&markdown(&program));
            return Ok(Exit::Success);
        };
        let written = write_pages(&program, folder).map_err(|error| {
            Exit::Lab.because(format!("cannot write man pages to `{}`: {error}", folder.display()))
        })?;
        say(&format!("{} in `{}`", counted(written, "man page"), folder.display()));
        Ok(Exit::Success)
    }
}

/// The program, then each command that its help lists.
fn documented(program: &Command) -> impl Iterator<Item = &Command> {
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    std::iter::once(program).chain(commands)
}

fn write_pages(program: &Command, folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let source = program.render_version();
    for command in documented(program) {
        let man = Man::new(command.clone().after_help(None)).source(source.trim());
        let mut page = Vec::new();
        man.render(&mut page)?;
        further_sections(command).to_writer(&mut page)?;
        replace(&folder.join(man.get_filename()), &page, Readers::Everyone)?;
    }
    Ok(documented(program).count())
}

/// The text after the options: a line such as `Examples:` begins a section, whose lines are kept as they are.
fn further_sections(command: &Command) -> Roff {
    let mut roff = Roff::new();
    for line in after_help(command).lines() {
        match line.strip_suffix(':').filter(|heading| !heading.starts_with(' ')) {
            Some(heading) => {
                roff.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
            }
            None => {
                roff.text([roman(line)]);
            }
        }
    }
    roff
}

fn after_help(command: &Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

/// The page `docs/reference/commands.md`.
fn markdown(program: &Command) -> String {
    let mut lines = vec![
        "# Commands".to_owned(),
        String::new(),
        "`sceplab man --markdown` prints this page, and `sceplab man DIR` writes it as man pages."
            .to_owned(),
    ];
    for command in documented(program) {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        lines.extend([String::new(), format!("## `{name}`"), String::new()]);
        let about = command.get_long_about().or_else(|| command.get_about());
        lines.extend(about.map(ToString::to_string));
        let usage = command.clone().render_usage().to_string();
        lines.extend(fenced(&usage.trim_start_matches("Usage: ").replace("\n       ", "\n")));
        lines.extend(tables(command));
        lines.extend(fenced(&after_help(command)));
    }
    lines.join("\n")
}

fn fenced(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::to_owned);
    match text {
        "" => Vec::new(),
        _ => ["", "```text"]
            .map(str::to_owned)
            .into_iter()
            .chain(lines)
            .chain(["```".to_owned()])
            .collect(),
    }
}

/// A table of the commands, if there are any, and one of the arguments and options.
fn tables(command: &Command) -> Vec<String> {
    let link = |one: &Command| {
        let about = one.get_about().map(ToString::to_string).unwrap_or_default();
        let name = one.get_name();
        row(&[format!("[`{name}`](#{}-{name})", command.get_name()), about])
    };
    let commands: Vec<String> = documented(command).skip(1).map(link).collect();
    let is_shown =
        |one: &&Arg| !one.is_hide_set() && one.get_id() != "help" && one.get_id() != "version";
    let arguments = command.get_arguments().filter(is_shown);
    let arguments: Vec<String> = arguments.map(|one| row(&[written(one), meaning(one)])).collect();
    let table = |heading, rows: Vec<String>| match rows.as_slice() {
        [] => Vec::new(),
        _ => [vec![String::new()], head(&[heading, "meaning"]).to_vec(), rows].concat(),
    };
    [table("command", commands), table("argument", arguments)].concat()
}

/// An argument as users write it, such as `-j`, `--jobs <N>`.
fn written(argument: &Arg) -> String {
    match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(_)) => format!("`-{short}`, `{argument}`"),
        _ => format!("`{argument}`"),
    }
}

/// The help of an argument, its values and its default.
fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut parts: Vec<String> =
        help.map(|help| help.to_string().replace('\n', " ")).into_iter().collect();
    if argument.get_action().takes_values() {
        parts.extend(argument.get_possible_values().iter().map(|value| match value.get_help() {
            Some(help) => format!("`{}`: {help}", value.get_name()),
            None => format!("`{}`", value.get_name()),
        }));
        let defaults = argument.get_default_values().iter();
        parts.extend(defaults.map(|value| format!("default: `{}`", value.to_string_lossy())));
    }
    parts.join("<br>").replace('|', "\\|")
}
