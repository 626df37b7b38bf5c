//! How labs are built, as the command line says it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::complain;
use super::exit::Exit;
use crate::drivers;
use crate::run::{Client, Driver, LabOptions};

/// How labs are built.
#[derive(Debug, Clone, Args)]
pub(super) struct LabArguments {
    /// How labs are built [default: virtual, or netns with a `--client` other than builtin]
    #[arg(long, value_enum)]
    driver: Option<Driver>,
    /// The SCEP client inside the simulated devices
    #[arg(long, value_enum, default_value_t)]
    client: Client,
    /// Leave a capture of each link there, a folder for each scenario; with `--driver netns`
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
    /// Let the labs stand after the run until Ctrl-C, to look around in; with `--driver netns`
    #[arg(long)]
    keep: bool,
}

impl LabArguments {
    /// The options, once they fit together and captures can be written; the error is what to type instead.
    pub(super) fn options(&self) -> Result<LabOptions, String> {
        let driver = self.driver.unwrap_or(self.client.default_driver());
        if driver == Driver::Virtual {
            self.fits_the_virtual_lab()?;
        }
        if let Some(folder) = &self.pcap {
            check_writable(folder)?;
        }
        let captures = self.pcap.clone();
        let (client, keep) = (self.client, self.keep);
        Ok(LabOptions { driver, client, captures, keep, ..LabOptions::default() })
    }

    fn fits_the_virtual_lab(&self) -> Result<(), String> {
        let client = format!("--client {}", self.client);
        let (option, why) = if self.client != Client::Builtin {
            (client.as_str(), "is a program, which has no way into the virtual lab")
        } else if self.pcap.is_some() {
            ("--pcap", "captures the kernel's links, of which the virtual lab has none")
        } else if self.keep {
            ("--keep", "keeps the kernel's namespaces, of which the virtual lab has none")
        } else {
            return Ok(());
        };
        Err(format!("`{option}` {why}; type `{option}{} --driver netns`", self.value_of(option)))
    }

    fn value_of(&self, option: &str) -> String {
        match &self.pcap {
            Some(folder) if option == "--pcap" => format!(" {}", folder.display()),
            _ => String::new(),
        }
    }
}

/// What no lab can do without is said once, and not by each scenario.
pub(super) async fn possible(lab: &LabOptions) -> Result<(), Exit> {
    drivers::probe(lab).await.map_err(|error| {
        complain(&error.to_string());
        Exit::Lab
    })
}

/// What cannot be written is said before time is spent on a run.
fn check_writable(folder: &Path) -> Result<(), String> {
    let tried = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    tried
        .map(drop)
        .map_err(|error| format!("cannot write captures to `{}`: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        lab: LabArguments,
    }

    fn options(line: &str) -> Result<LabOptions, String> {
        Line::try_parse_from(format!("x {line}").split_whitespace()).unwrap().lab.options()
    }

    #[test]
    fn a_client_that_is_a_program_needs_the_kernels_network_and_gets_it() {
        assert_eq!(options("").unwrap().driver, Driver::Virtual);
        assert_eq!(options("--client builtin").unwrap().driver, Driver::Virtual);
        assert_eq!(options("--client strongswan").unwrap().driver, Driver::Netns);
    }

    #[test]
    fn what_the_virtual_lab_lacks_is_said_with_what_to_type() {
        for (line, typed) in [
            ("--client sscep --driver virtual", "type `--client sscep --driver netns`"),
            ("--pcap there", "type `--pcap there --driver netns`"),
            ("--keep", "type `--keep --driver netns`"),
        ] {
            let error = options(line).unwrap_err();
            assert!(error.ends_with(typed), "{error}");
        }
    }

    #[test]
    fn captures_that_cannot_be_written_are_refused_beforehand() {
        let error = options("--driver netns --pcap /dev/null/there").unwrap_err();
        assert!(error.starts_with("cannot write captures to `/dev/null/there`: "), "{error}");
    }
}
