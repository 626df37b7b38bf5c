//! Tests a page of the documentation from top to bottom, as a reader would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;

use super::block::{Block, blocks};
use super::comparison::compare;
use super::console::Console;
use crate::support::workspace;

/// Reasons for exempting a block from the tests.
const EXEMPTIONS: [(&str, &str); 8] = [
    ("build", "it builds Sceplab"),
    ("ci", "a CI system reads it"),
    ("client", "it needs a SCEP client of the reader's own"),
    ("device", "it needs a real device"),
    ("engine", "it needs a Docker engine or kernel namespaces; other tests run such labs"),
    ("pki", "it needs a real PKI"),
    ("sqlite3", "it needs the program `sqlite3`"),
    ("terminal", "a person types at a terminal"),
];

/// README and all pages of the book.
pub(crate) fn all() -> Vec<PathBuf> {
    let mut pages = vec![workspace::root().join("README.md")];
    collect(&workspace::root().join("docs"), &mut pages);
    pages.sort();
    pages
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// Tests a page in its own folder, which has a copy of `scenarios` and of the recorded conversations.
///
/// # Errors
///
/// The first block that fails.
pub(crate) fn try_out(page: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    copy(&workspace::root().join("scenarios"), &folder.path().join("scenarios"));
    for name in ["captures", "explain"] {
        copy(&workspace::root().join("tests/testdata").join(name), &folder.path().join(name));
    }
    let mut console = Console::new(folder.path().to_owned());
    let text = fs::read_to_string(page).unwrap();
    for block in blocks(&text).iter().filter(|block| block.setting("exempt").is_none()) {
        let tried = match block.language.as_str() {
            "console" => console.run(block),
            "yaml" => check(block, folder.path()),
            "sh" => save(block, folder.path()).map(|_| ()),
            "rust" => is_example(block),
            _ => Ok(()),
        };
        tried.map_err(|error| format!("{}: {error}", page.display()))?;
    }
    Ok(())
}

/// # Errors
///
/// A block with an unknown reason for its exemption.
pub(crate) fn check_exemptions() -> Result<(), Failed> {
    for page in all() {
        for block in blocks(&fs::read_to_string(&page).unwrap()) {
            let known = |reason: &str| EXEMPTIONS.iter().any(|(known, _)| *known == reason);
            if block.setting("exempt").is_some_and(|reason| !known(reason)) {
                let place = format!("{}:{}", page.display(), block.line);
                return Err(format!("{place}: exempt, and not for one of {EXEMPTIONS:?}").into());
            }
        }
    }
    Ok(())
}

/// Reads a scenario, a lab or a target file by `sceplab check`.
fn check(block: &Block, folder: &Path) -> Result<(), String> {
    let file = save(block, folder)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
    let output = command.arg("check").arg(file).current_dir(folder).output();
    let output = output.map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let place = || format!("line {}: `sceplab check` says\n{told}", block.line);
    if output.status.success() { Ok(()) } else { Err(place()) }
}

/// Compares the reference of the commands with the command line of the program.
///
/// # Errors
///
/// The difference, and the command that updates the page.
pub(crate) fn check_commands() -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_sceplab")).args(["man", "--markdown"]).output();
    let printed = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
    let page = workspace::root().join("docs/reference/commands.md");
    let page = fs::read_to_string(page).unwrap_or_default();
    let update = "`cargo run -- man --markdown > docs/reference/commands.md` updates the page";
    compare(&page, &printed).map_err(|error| format!("{error}\n{update}").into())
}

/// Compares a Rust block with the example that it shows; `cargo test` compiles the examples.
fn is_example(block: &Block) -> Result<(), String> {
    let example = block.setting("file").ok_or("a Rust block names the example that it shows")?;
    let text = fs::read_to_string(workspace::root().join(example)).unwrap_or_default();
    let told = || format!("line {}: this is not the text of `{example}`", block.line);
    if text == block.text() { Ok(()) } else { Err(told()) }
}

/// Saves a block under the name that the page gives it.
fn save(block: &Block, folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join(block.setting("file").unwrap_or("block.yaml"));
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(|error| error.to_string())?;
    fs::write(&path, block.text()).map_err(|error| error.to_string())?;
    #[cfg(unix)]
    if block.language == "sh" {
        use std::os::unix::fs::PermissionsExt;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, executable).map_err(|error| error.to_string())?;
    }
    Ok(path)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
