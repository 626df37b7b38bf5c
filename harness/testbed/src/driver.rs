//! The contract for drivers: their names and options, and what remains of their labs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
pub use dut_sim::ScepClient as Client;
use files::own_subfolder;
use parking_lot::Mutex;
use scep::clock::Clock;
use tokio::sync::watch;

use super::{Testbed, TestbedError};
use model::lab::Lab;

/// Builds labs. Each driver value has its own state.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Checks that labs can be built here, and leaves nothing behind.
    ///
    /// # Errors
    /// The obstacle, and advice.
    async fn probe(&self) -> Result<(), TestbedError> {
        Ok(())
    }

    /// Builds a lab called `id`. Must be called in a tokio runtime, which runs the parts of the lab.
    ///
    /// # Errors
    /// If a PKI or a device cannot be started, or the driver cannot build the lab.
    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError>;

    /// True if all of a lab runs in the task that builds it, so that it can run on a time of its own, which stands still while anything
    /// computes and jumps to the next moment at which anything is due.
    fn has_lab_time(&self) -> bool {
        false
    }

    /// Things that a scenario in `lab` needs for itself: scenarios that share one do not run at the same time.
    fn exclusive(&self, lab: &Lab) -> BTreeSet<String> {
        let _ = lab;
        BTreeSet::new()
    }

    /// The remains of labs now, without waiting.
    fn remains(&self) -> Remains {
        Remains::default()
    }

    /// Ends kept labs, waits until nothing of any lab is left, and returns what could not be undone, each complaint once.
    async fn settle(&self) -> Remains {
        Remains::default()
    }
}

/// Remains of labs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// Failures to end labs or to remove their parts.
    pub complaints: Vec<String>,
    /// Captures that are incomplete, and why.
    pub captures: Vec<String>,
    /// Real devices whose configuration could not be restored.
    pub devices: Vec<UnrestoredDevice>,
    /// Real devices whose configuration must still be restored.
    pub changed: Vec<ChangedDevice>,
    /// Labs kept after they were closed, as [`LabOptions::keep`] asks.
    pub kept: Vec<KeptLab>,
}

/// A real device whose configuration could not be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrestoredDevice {
    /// Name and address, as in [`ChangedDevice::device`].
    pub device: String,
    /// The device, the reason, and what to do.
    pub complaint: String,
}

/// A real device with a changed configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedDevice {
    /// Name and address, as in ``device `DUT0` (`admin@198.51.100.7`)``.
    pub device: String,
    /// File with the original configuration.
    pub saved_in: PathBuf,
}

/// A lab that is kept after it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLab {
    /// Id of its scenario.
    pub id: String,
    /// Hosts and devices that can be entered.
    pub hosts: Vec<String>,
    /// Reason, if other terminals cannot find it.
    pub hidden: Option<String>,
}

scep::named! {
    /// The drivers.
    #[derive(Default, PartialOrd, Ord)]
    DriverName, "driver" {
        /// Everything in this process, without sockets and privileges.
        #[default]
        Virtual = "virtual";
        /// Hosts and links are the kernel's, in network namespaces; each device is a process.
        Netns = "netns";
        /// Hosts and devices are containers of a Docker engine. Needs the cargo feature `docker`.
        Docker = "docker";
        /// Nothing is built: devices are reached by SSH and PKIs by URL.
        Live = "live";
    }
}

impl Remains {
    /// The problems that users must solve themselves, in words: with real devices, and incomplete captures.
    pub fn decisive(&self) -> impl Iterator<Item = &str> {
        let devices = self.devices.iter().map(|it| it.complaint.as_str());
        devices.chain(self.captures.iter().map(String::as_str))
    }
}

impl DriverName {
    /// The default driver for this client: programs need a kernel's network.
    pub fn default_for(client: Client) -> Self {
        if client == Client::Builtin { Self::Virtual } else { Self::Netns }
    }
}

/// Options for building labs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabOptions {
    /// The SCEP client inside the simulated devices.
    pub client: Client,
    /// The program `sceplab`, which drivers start for their labs; that of this process if absent.
    pub sceplab: Option<PathBuf>,
    /// Image for nodes, for the driver `docker`; an image of the program itself if absent.
    pub node_image: Option<String>,
    /// Folder for a capture of each link, for the drivers `virtual` and `netns`.
    pub captures: Option<PathBuf>,
    /// Folder for what is exchanged with PKIs.
    pub messages: Option<recording::Folder>,
    /// If true, a closed lab keeps running until [`Driver::settle`]. Only the driver `netns` does this.
    pub keep: bool,
}

impl LabOptions {
    /// Creates the folder for the captures of the lab `id`, if captures are wanted.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn capture_folder(&self, id: &str) -> Result<Option<PathBuf>, String> {
        let Some(folder) = &self.captures else { return Ok(None) };
        let made = own_subfolder(folder, &recording::file_name(id));
        made.map(Some).map_err(|error| {
            format!("captures of `{id}` cannot be written to `{}`: {error}", folder.display())
        })
    }

    /// A recorder for what is exchanged in the lab `id`, with the times of that clock. It keeps the newest exchanges for the explanation of a
    /// failure, and saves all if messages are saved and can be.
    pub fn recorder(&self, id: &str, clock: &Clock) -> recording::Recorder {
        let saving = self.messages.as_ref().and_then(|folder| folder.recorder(id, clock.clone()));
        saving.unwrap_or_else(|| recording::Recorder::in_memory(clock.clone()))
    }
}

/// Counts a driver's labs that have not ended. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct OpenLabs(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    open: watch::Sender<usize>,
    /// Failures to end labs that have not been returned yet.
    complaints: Mutex<Vec<String>>,
    /// Incomplete captures that have not been returned yet.
    captures: Mutex<Vec<String>>,
}

/// A counted lab, from before its first part is made until its last part is gone.
#[derive(Debug)]
pub struct OpenLab(OpenLabs);

impl OpenLabs {
    /// Counts a lab until the returned value is dropped.
    pub fn open(&self) -> OpenLab {
        self.0.open.send_modify(|open| *open += 1);
        OpenLab(self.clone())
    }

    /// The failures so far; they stay.
    pub fn complaints(&self) -> Vec<String> {
        self.0.complaints.lock().clone()
    }

    /// Takes the incomplete captures of the labs that have ended.
    pub fn take_captures(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.captures.lock())
    }

    /// Waits until all labs have ended, then takes the failures.
    pub async fn settled(&self) -> Vec<String> {
        // This value keeps the sender, so waiting cannot fail.
        let _ = self.0.open.subscribe().wait_for(|open| *open == 0).await;
        std::mem::take(&mut *self.0.complaints.lock())
    }
}

impl OpenLab {
    /// Records that captures of the lab are incomplete.
    pub fn miss_capture(&self, reason: String) {
        self.0.0.captures.lock().push(reason);
    }

    /// Records a failure to end the lab.
    pub fn complain(&self, complaint: String) {
        self.0.0.complaints.lock().push(complaint);
    }
}

impl Drop for OpenLab {
    fn drop(&mut self) {
        self.0.0.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn complaints_are_returned_once_after_all_labs_have_ended() {
        let labs = OpenLabs::default();
        let (first, second) = (labs.open(), labs.open());
        first.complain("it was killed".to_owned());
        drop((first, second));
        assert_eq!(labs.complaints(), ["it was killed"]);
        assert_eq!(labs.settled().await, ["it was killed"]);
        assert_eq!(labs.settled().await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn settled_waits_for_open_labs() {
        let labs = OpenLabs::default();
        let entry = labs.open();
        let other = labs.clone();
        let waiting = tokio::spawn(async move { other.settled().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        entry.complain("late".to_owned());
        drop(entry);
        assert_eq!(waiting.await.unwrap(), ["late"]);
    }
}
