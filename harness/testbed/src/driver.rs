//! How labs are built: a driver, its name on the command line, what it was asked for, and which of its labs have not ended.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
pub use dut_sim::ScepClient as Client;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Testbed, TestbedError};
use model::lab::Lab;

/// Builds labs; whatever it must remember from one lab to the next is its own.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Tries whether any lab at all can be built here, and leaves nothing behind.
    ///
    /// # Errors
    /// What is in the way, and what would help.
    async fn probe(&self) -> Result<(), TestbedError> {
        Ok(())
    }

    /// Builds a lab, called `id`; it is to be called within a tokio runtime, which runs what is in the lab.
    ///
    /// # Errors
    /// When a PKI or a device cannot be started, or the driver cannot build what the lab asks for.
    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError>;

    /// What a scenario in `lab` must have to itself: no other that holds any of it runs at the same time.
    fn exclusive(&self, lab: &Lab) -> BTreeSet<String> {
        let _ = lab;
        BTreeSet::new()
    }

    /// What is left of labs now; nothing is waited for.
    fn remains(&self) -> Remains {
        Remains::default()
    }

    /// Ends the labs that were kept, waits until nothing is left of any lab, and returns what could not be undone: each
    /// complaint once.
    async fn settle(&self) -> Remains {
        Remains::default()
    }
}

/// What is left of labs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// What is left of labs that were closed, or could not be ended as it should.
    pub complaints: Vec<String>,
    /// What is wrong with real devices: those that could not be left as they were.
    pub devices: Vec<String>,
    /// The real devices whose configurations are yet to be put back.
    pub changed: Vec<ChangedDevice>,
    /// The labs that were closed and are kept, as [`LabOptions::keep`] asks.
    pub kept: Vec<KeptLab>,
}

/// A real device whose configuration is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedDevice {
    /// The device, as in ``device `DUT0` (`admin@198.51.100.7`)``.
    pub device: String,
    /// The file that has its configuration as it was.
    pub saved_in: PathBuf,
}

/// A lab that was closed and is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLab {
    /// The id of its scenario.
    pub id: String,
    /// The hosts and devices that can be entered.
    pub hosts: Vec<String>,
    /// Why it cannot be found from other terminals, if it cannot.
    pub hidden: Option<String>,
}

scep::named! {
    /// The drivers that there are.
    #[derive(Default, PartialOrd, Ord)]
    DriverName, "driver" {
        /// Everything in this process; no socket, no privilege.
        #[default]
        Virtual = "virtual";
        /// Hosts and links are the kernel's, in network namespaces; the device is a process of its own.
        Netns = "netns";
        /// Hosts and devices are containers of a Docker engine, which needs the cargo feature `docker`.
        Docker = "docker";
        /// Nothing is built: devices by SSH and PKIs by URL, on the network of this machine.
        Live = "live";
    }
}

impl DriverName {
    /// The driver that can be had with this client if none is asked for: programs need the kernel's network.
    pub fn default_for(client: Client) -> Self {
        if client == Client::Builtin { Self::Virtual } else { Self::Netns }
    }
}

/// What labs are built with, beside what their files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabOptions {
    /// The SCEP client inside the simulated devices.
    pub client: Client,
    /// The program `sceplab`, which drivers run again for their labs; this process's own if there is none.
    pub sceplab: Option<PathBuf>,
    /// The image that nodes of labs are made of, for the driver `docker`; one of the program itself if there is none.
    pub node_image: Option<String>,
    /// Where a capture of each link is left; for the driver `netns`.
    pub captures: Option<PathBuf>,
    /// Whether labs that are closed are kept until [`Driver::settle`]; for the driver `netns`.
    pub keep: bool,
}

/// Counts the labs of a driver; clones share the count.
#[derive(Debug, Clone, Default)]
pub struct LabBook(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    open: watch::Sender<usize>,
    /// What was wrong with labs when they ended, as far as nobody has asked.
    complaints: Mutex<Vec<String>>,
}

/// A lab in the book, from before anything of it is made until nothing of it is left.
#[derive(Debug)]
pub struct LabEntry(LabBook);

impl LabBook {
    /// Enters a lab, which ends when the entry is dropped.
    pub fn enter(&self) -> LabEntry {
        self.0.open.send_modify(|open| *open += 1);
        LabEntry(self.clone())
    }

    /// What was wrong so far; nothing is taken from it.
    pub fn complaints(&self) -> Vec<String> {
        self.0.complaints.lock().clone()
    }

    /// Waits until every lab has ended; returns once what was wrong.
    pub async fn settled(&self) -> Vec<String> {
        // The sender is this book's own.
        let _ = self.0.open.subscribe().wait_for(|open| *open == 0).await;
        std::mem::take(&mut *self.0.complaints.lock())
    }
}

impl LabEntry {
    /// Notes what is wrong with the end of the lab.
    pub fn complain(&self, complaint: String) {
        self.0.0.complaints.lock().push(complaint);
    }
}

impl Drop for LabEntry {
    fn drop(&mut self) {
        self.0.0.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn complaints_are_returned_once_when_every_lab_has_ended() {
        let book = LabBook::default();
        let (first, second) = (book.enter(), book.enter());
        first.complain("it was killed".to_owned());
        drop((first, second));
        assert_eq!(book.complaints(), ["it was killed"]);
        assert_eq!(book.settled().await, ["it was killed"]);
        assert_eq!(book.settled().await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_lab_that_has_not_ended_is_waited_for() {
        let book = LabBook::default();
        let entry = book.enter();
        let other = book.clone();
        let waiting = tokio::spawn(async move { other.settled().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        entry.complain("late".to_owned());
        drop(entry);
        assert_eq!(waiting.await.unwrap(), ["late"]);
    }
}
