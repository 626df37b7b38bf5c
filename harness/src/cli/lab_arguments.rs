//! How labs are built, as the command line says it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::complain;
use super::exit::Exit;
use crate::drivers;
use crate::lab::Lab;
use crate::run::{Client, Driver, LabOptions};

/// How labs are built.
#[derive(Debug, Clone, Args)]
pub(super) struct LabArguments {
    /// How labs are built [default: virtual, or netns with a `--client` other than builtin, or where every lab has a program;
    /// never live, which uses what is there already]
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
    /// The arguments as these labs need them, where none of them can be built otherwise; the error is what to type.
    pub(super) fn for_labs<'a>(
        &self,
        labs: impl IntoIterator<Item = &'a Lab>,
    ) -> Result<Self, String> {
        let labs: Vec<&Lab> = labs.into_iter().collect();
        if self.driver != Some(Driver::Live)
            && !labs.is_empty()
            && labs.iter().all(|lab| lab.is_live())
        {
            let why = "has what is there already, which is used only if it is asked for by name";
            return Err(format!("the lab {why}; type `--driver live`"));
        }
        let Some((host, program)) = program_of_each(labs) else { return Ok(self.clone()) };
        if self.driver == Some(Driver::Virtual) {
            let why = "has no way into the virtual lab";
            let typed = "type `--driver netns`";
            return Err(format!("the program `{program}` of host `{host}` {why}; {typed}"));
        }
        Ok(Self { driver: Some(Driver::Netns), ..self.clone() })
    }

    /// The options, once they fit together and captures can be written; the error is what to type instead.
    pub(super) fn options(&self) -> Result<LabOptions, String> {
        let driver = self.driver.unwrap_or(self.client.default_driver());
        if driver == Driver::Virtual {
            self.fits_the_virtual_lab()?;
        }
        if driver == Driver::Live {
            self.fits_what_is_there()?;
        }
        if let Some(folder) = &self.pcap {
            check_writable(folder)?;
        }
        let captures = self.pcap.clone();
        let (client, keep) = (self.client, self.keep);
        Ok(LabOptions { driver, client, captures, keep, ..LabOptions::default() })
    }

    fn fits_the_virtual_lab(&self) -> Result<(), String> {
        client_fits(self.client, Driver::Virtual)?;
        let (option, why) = if self.pcap.is_some() {
            ("--pcap", "captures the kernel's links, of which the virtual lab has none")
        } else if self.keep {
            ("--keep", "keeps the kernel's namespaces, of which the virtual lab has none")
        } else {
            return Ok(());
        };
        Err(format!("`{option}` {why}; type `{option}{} --driver netns`", self.value_of(option)))
    }

    fn fits_what_is_there(&self) -> Result<(), String> {
        client_fits(self.client, Driver::Live)?;
        let option = match () {
            () if self.pcap.is_some() => "--pcap",
            () if self.keep => "--keep",
            () => return Ok(()),
        };
        Err(format!("`{option}` is for labs that are built, and `--driver live` builds none"))
    }

    fn value_of(&self, option: &str) -> String {
        match &self.pcap {
            Some(folder) if option == "--pcap" => format!(" {}", folder.display()),
            _ => String::new(),
        }
    }
}

/// Whether a client can be had with the driver; the error is what to type instead.
pub(super) fn client_fits(client: Client, driver: Driver) -> Result<(), String> {
    if driver == Driver::Netns || client == Client::Builtin {
        return Ok(());
    }
    let option = format!("--client {client}");
    if driver == Driver::Live {
        let why = "is a program, and what runs it is a lab that is built";
        return Err(format!("`{option}` {why}; type `{option} --driver netns`"));
    }
    let why = "is a program, which has no way into the virtual lab";
    Err(format!("`{option}` {why}; type `{option} --driver netns`"))
}

/// A host that runs a program, and the program, where each of the labs has such a one.
fn program_of_each<'a>(labs: impl IntoIterator<Item = &'a Lab>) -> Option<(&'a str, &'a str)> {
    let mut labs = labs.into_iter().map(|lab| {
        let (host, program) = lab.programs().next()?;
        Some((host, program.command.first().map_or("", String::as_str)))
    });
    let first = labs.next()??;
    labs.all(|program| program.is_some()).then_some(first)
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
    use crate::diagnostic::Source;

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

    fn for_labs(line: &str, programs: &[bool]) -> Result<Driver, String> {
        let lab = |is_program: &bool| {
            let runs = "runs: {program: serve it, ready: {port: 1}}";
            let runs = if *is_program { runs } else { "ttl: 64" };
            let text = format!("hosts: {{a: {{addresses: [10.0.0.1/24], {runs}}}}}");
            Lab::parse(&Source::new("lab", text)).unwrap()
        };
        let labs: Vec<Lab> = programs.iter().map(lab).collect();
        let line = Line::try_parse_from(format!("x {line}").split_whitespace()).unwrap();
        Ok(line.lab.for_labs(&labs)?.options()?.driver)
    }

    #[test]
    fn labs_that_cannot_be_virtual_get_the_kernels_network() {
        assert_eq!(for_labs("", &[true, true]), Ok(Driver::Netns));
        assert_eq!(for_labs("--keep", &[true]), Ok(Driver::Netns));
        // Some can be run, and the others say why they cannot.
        assert_eq!(for_labs("", &[true, false]), Ok(Driver::Virtual));
        assert_eq!(for_labs("--driver virtual", &[false, true]), Ok(Driver::Virtual));
        assert_eq!(for_labs("", &[]), Ok(Driver::Virtual));
        let error = for_labs("--driver virtual", &[true]).unwrap_err();
        let told = "the program `serve` of host `a` has no way into the virtual lab; \
                    type `--driver netns`";
        assert_eq!(error, told);
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
