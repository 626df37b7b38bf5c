//! Commands of a console block. A shell runs them one after another in one folder. A command that ends in `&` runs until
//! the page's end; the system chooses its port, and the port that the page names is replaced in later commands.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use tokio::time::Instant;

use regex::Regex;

use super::block::Block;
use super::comparison::compare;

const DEADLINE: Duration = Duration::from_secs(60);

/// The folder, servers and addresses of a page's commands.
pub(crate) struct Console {
    folder: PathBuf,
    last_status: i32,
    servers: Vec<Child>,
    /// Addresses that the page names, each with the real one of its server.
    addresses: Vec<(String, String)>,
}

/// A command and its output as the page shows them.
struct Shown {
    command: String,
    output: String,
}

impl Console {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, last_status: 0, servers: Vec::new(), addresses: Vec::new() }
    }

    /// Runs the commands of a block.
    ///
    /// # Errors
    ///
    /// The first command whose output is not the one shown, with the difference.
    pub(crate) fn run(&mut self, block: &Block) -> Result<(), String> {
        shown(block)?.iter().try_for_each(|shown| {
            let outcome = match shown.command.strip_suffix(" &") {
                Some(server) => self.start(server, &shown.output),
                None => self.finish(&shown.command, &shown.output),
            };
            outcome.map_err(|error| format!("line {}: $ {}\n{error}", block.line, shown.command))
        })
    }

    fn finish(&mut self, command: &str, shown: &str) -> Result<(), String> {
        let command = self.reachable(command);
        // `$?` must be the status of the previous command.
        let script = format!("exec 2>&1\n(exit {})\n{command}", self.last_status);
        let output = shell(&self.folder, &script).output().map_err(|error| error.to_string())?;
        self.last_status = output.status.code().unwrap_or(-1);
        compare(shown, &String::from_utf8_lossy(&output.stdout))
    }

    fn start(&mut self, command: &str, shown: &str) -> Result<(), String> {
        let log = self.folder.join(format!("server-{}.log", self.servers.len()));
        let port = Regex::new(r"--control 127\.0\.0\.1:\d+").unwrap();
        let command = port.replace(command, "--control 127.0.0.1:0").into_owned();
        let script = format!("exec 2>&1\nexec {command}");
        let file = fs::File::create(&log).map_err(|error| error.to_string())?;
        let child = shell(&self.folder, &script).stdout(file).spawn();
        self.servers.push(child.map_err(|error| error.to_string())?);
        let begun = Instant::now();
        loop {
            let actual = fs::read_to_string(&log).map_err(|error| error.to_string())?;
            match compare(shown, &actual) {
                Ok(()) => {
                    self.addresses.splice(0..0, addresses(shown, &actual));
                    return Ok(());
                }
                Err(error) if begun.elapsed() > DEADLINE => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// The command with the servers' real addresses.
    fn reachable(&self, command: &str) -> String {
        let replaced =
            |command: String, (named, real): &(String, String)| command.replace(named, real);
        self.addresses.iter().fold(command.to_owned(), replaced)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn shell(folder: &Path, script: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_sceplab")).parent().unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(program.to_owned()).chain(env::split_paths(&path));
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(folder).stdin(Stdio::null());
    command.env("PATH", env::join_paths(path).unwrap()).env("SCEPLAB_LISTEN", "127.0.0.1:0");
    command.env("COLUMNS", "100").env_remove("SCEPLAB_CHALLENGE");
    command
}

/// The addresses in a server's lines `url` and `control`, as the page shows them and the real ones.
fn addresses(shown: &str, actual: &str) -> Vec<(String, String)> {
    let line = Regex::new(r"(?m)^(url|control) +http://(127\.0\.0\.1:\d+)").unwrap();
    let find = |text: &str, name: &str| {
        let mut lines = line.captures_iter(text).map(|line| line.extract().1);
        lines.find(|[known, _]| *known == name).map(|[_, address]| address.to_owned())
    };
    let both = |name| Some((find(shown, name)?, find(actual, name)?));
    ["url", "control"].into_iter().filter_map(both).collect()
}

fn shown(block: &Block) -> Result<Vec<Shown>, String> {
    let mut all: Vec<Shown> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => {
                all.push(Shown { command: command.to_owned(), output: String::new() });
            }
            (None, Some(last)) if last.output.is_empty() && last.command.ends_with('\\') => {
                last.command = format!("{}\n{line}", last.command);
            }
            (None, Some(last)) => last.output.extend([line.as_str(), "\n"]),
            (None, None) => return Err(format!("line {}: no line begins with `$ `", block.line)),
        }
    }
    Ok(all)
}
