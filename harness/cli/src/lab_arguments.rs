//! How labs are built, as the command line says it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::values;
use model::lab::Lab;
use testbed::{Client, DriverName, LabOptions};

/// How labs are built.
#[derive(Debug, Clone, Args)]
pub(super) struct LabArguments {
    /// How labs are built [default: virtual; netns with a `--client` other than builtin, or where every lab has a program;
    /// docker where every lab has an image; never live, which uses what is there already]
    #[arg(long, value_name = "DRIVER", value_parser = values::driver())]
    driver: Option<DriverName>,
    /// The SCEP client inside the simulated devices
    #[arg(long, value_name = "CLIENT", value_parser = values::client(), default_value_t)]
    client: Client,
    /// Leave a capture of each link there, a folder for each scenario; with `--driver netns`
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
    /// Let the labs stand after the run until Ctrl-C, to look around in; with `--driver netns`
    #[arg(long)]
    keep: bool,
    /// The image of hosts and devices, with `--driver docker` [default: one that is made of this program]
    #[arg(long, value_name = "IMAGE")]
    node_image: Option<String>,
}

impl LabArguments {
    /// The arguments as these labs need them, where none of them can be built otherwise; the error is what to type.
    pub(super) fn for_labs<'a>(
        &self,
        labs: impl IntoIterator<Item = &'a Lab>,
    ) -> Result<Self, String> {
        let labs: Vec<&Lab> = labs.into_iter().collect();
        if self.driver != Some(DriverName::Live)
            && !labs.is_empty()
            && labs.iter().all(|lab| lab.is_live())
        {
            let why = "has what is there already, which is used only if it is asked for by name";
            return Err(format!("the lab {why}; type `--driver live`"));
        }
        let mut foreigners = labs.into_iter().map(foreigner);
        let Some((needed, what)) = foreigners.next().flatten() else { return Ok(self.clone()) };
        if !foreigners.all(|other| other.is_some_and(|(driver, _)| driver == needed)) {
            return Ok(self.clone());
        }
        match self.driver {
            Some(driver) if driver != needed => {
                let why = has_no_way_into(driver);
                Err(format!("the {what} {why}; type `--driver {needed}`"))
            }
            _ => Ok(Self { driver: Some(needed), ..self.clone() }),
        }
    }

    /// The options, once they fit together and captures can be written; the error is what to type instead.
    pub(super) fn options(&self) -> Result<(DriverName, LabOptions), String> {
        let driver = self.driver.unwrap_or(DriverName::default_for(self.client));
        client_fits(self.client, driver)?;
        self.fits(driver)?;
        if let Some(folder) = &self.pcap {
            check_writable(folder)?;
        }
        let captures = self.pcap.clone();
        let (client, keep) = (self.client, self.keep);
        let node_image = self.node_image.clone();
        let options = LabOptions { client, node_image, captures, keep, ..LabOptions::default() };
        Ok((driver, options))
    }

    fn fits(&self, driver: DriverName) -> Result<(), String> {
        if let (Some(image), true) = (&self.node_image, driver != DriverName::Docker) {
            let option = format!("--node-image {image}");
            let why = "is the image of containers, of which this lab has none";
            return Err(format!("`{option}` {why}; type `{option} --driver docker`"));
        }
        let (option, value, what) = match &self.pcap {
            Some(folder) => {
                ("--pcap", format!(" {}", folder.display()), "captures the kernel's links")
            }
            None if self.keep => ("--keep", String::new(), "keeps the kernel's namespaces"),
            None => return Ok(()),
        };
        let lacks = match driver {
            DriverName::Netns => return Ok(()),
            DriverName::Virtual => "of which the virtual lab has none",
            DriverName::Docker => "which are the engine's in a lab of containers",
            DriverName::Live => {
                let why = "is for labs that are built, and `--driver live` builds none";
                return Err(format!("`{option}` {why}"));
            }
        };
        Err(format!("`{option}` {what}, {lacks}; type `{option}{value} --driver netns`"))
    }
}

/// Whether a client can be had with the driver; the error is what to type instead.
pub(super) fn client_fits(client: Client, driver: DriverName) -> Result<(), String> {
    if driver == DriverName::Netns || client == Client::Builtin {
        return Ok(());
    }
    let option = format!("--client {client}");
    let why = has_no_way_into(driver);
    Err(format!("`{option}` is a program, which {why}; type `{option} --driver netns`"))
}

fn has_no_way_into(driver: DriverName) -> &'static str {
    match driver {
        DriverName::Virtual => "has no way into the virtual lab",
        DriverName::Netns => "has no way into a lab of namespaces",
        DriverName::Docker => "has no way into a lab of containers",
        DriverName::Live => "is run by labs that are built, and `--driver live` builds none",
    }
}

/// The driver that a lab needs for what one of its hosts runs that is none of our own, and what that is.
pub(super) fn foreigner(lab: &Lab) -> Option<(DriverName, String)> {
    let program = lab.programs().next().map(|(host, program)| {
        let name = program.command.first().map_or("", String::as_str);
        (DriverName::Netns, format!("program `{name}` of host `{host}`"))
    });
    program.or_else(|| {
        let (host, image) = lab.images().next()?;
        Some((DriverName::Docker, format!("image `{}` of host `{host}`", image.name)))
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
    use diagnostics::Source;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        lab: LabArguments,
    }

    fn options(line: &str) -> Result<(DriverName, LabOptions), String> {
        Line::try_parse_from(format!("x {line}").split_whitespace()).unwrap().lab.options()
    }

    #[test]
    fn a_client_that_is_a_program_needs_the_kernels_network_and_gets_it() {
        assert_eq!(options("").unwrap().0, DriverName::Virtual);
        assert_eq!(options("--client builtin").unwrap().0, DriverName::Virtual);
        assert_eq!(options("--client strongswan").unwrap().0, DriverName::Netns);
    }

    fn for_labs(line: &str, programs: &[bool]) -> Result<DriverName, String> {
        let lab = |is_program: &bool| {
            let runs = "runs: {program: serve it, ready: {port: 1}}";
            let runs = if *is_program { runs } else { "ttl: 64" };
            let text = format!("hosts: {{a: {{addresses: [10.0.0.1/24], {runs}}}}}");
            Lab::parse(&Source::new("lab", text)).unwrap()
        };
        let labs: Vec<Lab> = programs.iter().map(lab).collect();
        let line = Line::try_parse_from(format!("x {line}").split_whitespace()).unwrap();
        Ok(line.lab.for_labs(&labs)?.options()?.0)
    }

    #[test]
    fn labs_that_cannot_be_virtual_get_the_kernels_network() {
        assert_eq!(for_labs("", &[true, true]), Ok(DriverName::Netns));
        assert_eq!(for_labs("--keep", &[true]), Ok(DriverName::Netns));
        // Some can be run, and the others say why they cannot.
        assert_eq!(for_labs("", &[true, false]), Ok(DriverName::Virtual));
        assert_eq!(for_labs("--driver virtual", &[false, true]), Ok(DriverName::Virtual));
        assert_eq!(for_labs("", &[]), Ok(DriverName::Virtual));
        assert!(for_labs("--driver docker", &[true]).is_err());
        let error = for_labs("--driver virtual", &[true]).unwrap_err();
        let told = "the program `serve` of host `a` has no way into the virtual lab; \
                    type `--driver netns`";
        assert_eq!(error, told);
    }

    #[test]
    fn labs_that_run_images_get_containers() {
        let text = "hosts: {a: {addresses: [10.0.0.1/24], runs: {image: scep, ready: {port: 1}}}}";
        let lab = Lab::parse(&Source::new("lab", text.to_owned())).unwrap();
        let line = |line: &str| Line::try_parse_from(format!("x {line}").split_whitespace());
        let driver = line("").unwrap().lab.for_labs([&lab]).unwrap().options().unwrap().0;
        assert_eq!(driver, DriverName::Docker);
        let error = line("--driver netns").unwrap().lab.for_labs([&lab]).unwrap_err();
        let told = "the image `scep` of host `a` has no way into a lab of namespaces; \
                    type `--driver docker`";
        assert_eq!(error, told);
    }

    #[test]
    fn what_a_driver_lacks_is_said_with_what_to_type() {
        for (line, typed) in [
            ("--client sscep --driver virtual", "type `--client sscep --driver netns`"),
            ("--pcap there", "type `--pcap there --driver netns`"),
            ("--keep", "type `--keep --driver netns`"),
            ("--keep --driver docker", "type `--keep --driver netns`"),
            ("--pcap there --driver docker", "type `--pcap there --driver netns`"),
            ("--client sscep --driver docker", "type `--client sscep --driver netns`"),
            ("--node-image x --driver netns", "type `--node-image x --driver docker`"),
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
