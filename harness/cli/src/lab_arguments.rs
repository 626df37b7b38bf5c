//! Options that say how labs are built.

use std::path::{Path, PathBuf};

use clap::Args;
use files::{OwnFolderError, own_folder};

use super::messages::MessagesArgument;
use super::values;
use model::lab::Lab;
use testbed::{Client, DriverName, LabOptions};

/// Options that say how labs are built.
#[derive(Debug, Clone, Args)]
pub(super) struct LabArguments {
    /// How labs are built [default: virtual; netns if `--client` is not builtin or every lab runs a program; docker if
    /// every lab runs an image]
    #[arg(long, value_name = "DRIVER", value_parser = values::driver())]
    driver: Option<DriverName>,
    /// The SCEP client inside the simulated devices
    #[arg(long, value_name = "CLIENT", value_parser = values::client(), default_value_t)]
    client: Client,
    /// Write a packet capture of each link to this new folder, in a subfolder for each scenario; passwords in it are not masked; with
    /// `--driver virtual` or `netns`
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
    #[command(flatten)]
    pub(super) messages: MessagesArgument,
    /// Keep the labs running after the run until Ctrl-C, for `sceplab shell`; with `--driver netns`
    #[arg(long)]
    keep: bool,
    /// The image of hosts and devices, with `--driver docker` [default: an image that is made from this program]
    #[arg(long, value_name = "IMAGE")]
    node_image: Option<String>,
}

impl LabArguments {
    /// The options with the driver that all these labs need, if they need the same; the error says what to type.
    pub(super) fn for_labs<'a>(
        &self,
        labs: impl IntoIterator<Item = &'a Lab>,
    ) -> Result<Self, String> {
        let labs: Vec<&Lab> = labs.into_iter().collect();
        if self.driver != Some(DriverName::Live)
            && !labs.is_empty()
            && labs.iter().all(|lab| lab.is_live())
        {
            let why = "has real devices or PKIs, which are used only if you ask for it";
            return Err(format!("the lab {why}; type `--driver live`"));
        }
        let mut requirements = labs.into_iter().map(required_driver);
        let Some((needed, what)) = requirements.next().flatten() else { return Ok(self.clone()) };
        if !requirements.all(|other| other.is_some_and(|(driver, _)| driver == needed)) {
            return Ok(self.clone());
        }
        match self.driver {
            Some(driver) if driver != needed => {
                let why = cannot_run_in(driver);
                Err(format!("the {what} {why}; type `--driver {needed}`"))
            }
            _ => Ok(Self { driver: Some(needed), ..self.clone() }),
        }
    }

    /// Checks that the options fit together and that captures can be written; the error says what to type instead.
    pub(super) fn options(&self) -> Result<(DriverName, LabOptions), String> {
        let driver = self.driver.unwrap_or(DriverName::default_for(self.client));
        client_fits(self.client, driver)?;
        self.fits(driver)?;
        let captures = self.pcap.as_deref().map(capture_folder).transpose()?;
        let (client, keep) = (self.client, self.keep);
        let node_image = self.node_image.clone();
        let options = LabOptions { client, node_image, captures, keep, ..LabOptions::default() };
        Ok((driver, options))
    }

    /// The client inside devices and its version, if it is a program.
    pub(super) async fn programs(&self) -> Vec<(String, String)> {
        let version = self.client.version().await;
        version.map(|version| (self.client.to_string(), version)).into_iter().collect()
    }

    /// The folder for captures, if there is to be one.
    pub(super) fn captures(&self) -> Option<&Path> {
        self.pcap.as_deref()
    }

    fn fits(&self, driver: DriverName) -> Result<(), String> {
        self.messages.fits(driver)?;
        self.messages.apart_from("--pcap", self.pcap.as_deref())?;
        if let (Some(image), true) = (&self.node_image, driver != DriverName::Docker) {
            let option = format!("--node-image {image}");
            let why = "is for labs of containers";
            return Err(format!("`{option}` {why}; type `{option} --driver docker`"));
        }
        let (option, value, what) = match &self.pcap {
            _ if self.keep => ("--keep", String::new(), "keeps network namespaces"),
            Some(folder) if driver != DriverName::Virtual => {
                ("--pcap", format!(" {}", folder.display()), "captures the links of a lab")
            }
            _ => return Ok(()),
        };
        let lacks = match driver {
            DriverName::Netns => return Ok(()),
            DriverName::Virtual => "which the virtual lab does not have",
            DriverName::Docker => "which belong to the Docker engine in a lab of containers",
            DriverName::Live => {
                let why = "is for labs that are built, and `--driver live` builds none";
                return Err(format!("`{option}` {why}"));
            }
        };
        Err(format!("`{option}` {what}, {lacks}; type `{option}{value} --driver netns`"))
    }
}

/// Checks that the driver can run the client; the error says what to type instead.
pub(super) fn client_fits(client: Client, driver: DriverName) -> Result<(), String> {
    if driver == DriverName::Netns || client == Client::Builtin {
        return Ok(());
    }
    let option = format!("--client {client}");
    let why = cannot_run_in(driver);
    Err(format!("`{option}` is a program, which {why}; type `{option} --driver netns`"))
}

fn cannot_run_in(driver: DriverName) -> &'static str {
    match driver {
        DriverName::Virtual => "cannot run in the virtual lab",
        DriverName::Netns => "cannot run in a lab of namespaces",
        DriverName::Docker => "cannot run in a lab of containers",
        DriverName::Live => "cannot run without a lab, and `--driver live` builds none",
    }
}

/// The driver that a lab needs because a host runs a program or an image, and a description of that.
pub(super) fn required_driver(lab: &Lab) -> Option<(DriverName, String)> {
    let program = lab.programs().next().map(|(host, program)| {
        let name = program.command.first().map_or("", String::as_str);
        (DriverName::Netns, format!("program `{name}` of host `{host}`"))
    });
    program.or_else(|| {
        let (host, image) = lab.images().next()?;
        Some((DriverName::Docker, format!("image `{}` of host `{host}`", image.name)))
    })
}

/// Makes the folder for captures, or takes an empty one, for its user alone: a capture has passwords. The error says what to type instead.
fn capture_folder(folder: &Path) -> Result<PathBuf, String> {
    own_folder(folder).map_err(|error| {
        let folder = folder.display();
        match error {
            OwnFolderError::NotEmpty => format!(
                "`{folder}` is not empty, and captures are written to a folder of their own, so that none is mixed up with those of another run: name a \
                 new folder, or remove this one"
            ),
            error => format!("cannot write captures to `{folder}`: {error}"),
        }
    })
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
    fn client_program_selects_the_driver_netns() {
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
    fn labs_with_programs_select_the_driver_netns() {
        assert_eq!(for_labs("", &[true, true]), Ok(DriverName::Netns));
        assert_eq!(for_labs("--keep", &[true]), Ok(DriverName::Netns));
        // Some of the labs can run; the others report why they cannot.
        assert_eq!(for_labs("", &[true, false]), Ok(DriverName::Virtual));
        assert_eq!(for_labs("--driver virtual", &[false, true]), Ok(DriverName::Virtual));
        assert_eq!(for_labs("", &[]), Ok(DriverName::Virtual));
        assert!(for_labs("--driver docker", &[true]).is_err());
        let error = for_labs("--driver virtual", &[true]).unwrap_err();
        let expected =
            "the program `serve` of host `a` cannot run in the virtual lab; type `--driver netns`";
        assert_eq!(error, expected);
    }

    #[test]
    fn labs_with_images_select_the_driver_docker() {
        let text = "hosts: {a: {addresses: [10.0.0.1/24], runs: {image: scep, ready: {port: 1}}}}";
        let lab = Lab::parse(&Source::new("lab", text.to_owned())).unwrap();
        let line = |line: &str| Line::try_parse_from(format!("x {line}").split_whitespace());
        let driver = line("").unwrap().lab.for_labs([&lab]).unwrap().options().unwrap().0;
        assert_eq!(driver, DriverName::Docker);
        let error = line("--driver netns").unwrap().lab.for_labs([&lab]).unwrap_err();
        let expected = "the image `scep` of host `a` cannot run in a lab of namespaces; type `--driver docker`";
        assert_eq!(error, expected);
    }

    #[test]
    fn option_that_the_driver_lacks_gives_the_command_to_type() {
        for (line, typed) in [
            ("--client sscep --driver virtual", "type `--client sscep --driver netns`"),
            ("--keep", "type `--keep --driver netns`"),
            ("--keep --driver docker", "type `--keep --driver netns`"),
            ("--pcap there --driver docker", "type `--pcap there --driver netns`"),
            ("--pcap there --keep", "type `--keep --driver netns`"),
            ("--save-messages x --driver docker", "type `--save-messages x --driver netns`"),
            ("--client sscep --driver docker", "type `--client sscep --driver netns`"),
            ("--node-image x --driver netns", "type `--node-image x --driver docker`"),
        ] {
            let error = options(line).unwrap_err();
            assert!(error.ends_with(typed), "{error}");
        }
    }

    #[test]
    fn captures_are_for_virtual_labs_too() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("captures");
        let (driver, taken) = options(&format!("--pcap {}", folder.display())).unwrap();
        assert_eq!((driver, taken.captures), (DriverName::Virtual, Some(folder)));
    }

    #[test]
    fn unwritable_capture_folder_is_rejected() {
        let error = options("--driver netns --pcap /dev/null/there").unwrap_err();
        assert!(error.starts_with("cannot write captures to `/dev/null/there`: "), "{error}");
        let error = options("--pcap /").unwrap_err();
        assert!(error.starts_with("`/` is not empty, and captures are written to"), "{error}");
    }
}
