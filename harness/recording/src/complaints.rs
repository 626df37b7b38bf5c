//! Which folders are incomplete, and why.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

/// Which folders are incomplete, and why. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Complaints(Arc<Mutex<Vec<String>>>);

impl Complaints {
    pub(crate) fn add(&self, complaint: String) {
        self.0.lock().push(complaint);
    }

    pub(crate) fn incomplete(&self, folder: &Path, reason: &str) {
        let folder = folder.display();
        self.add(format!("the saved messages in `{folder}` are incomplete: {reason}"));
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }
}
