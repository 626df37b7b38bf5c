//! What is told to the runner, in turn.

use process::messages::{encode, write};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use simulated::control::LabEvent;

/// Sends events to the runner.
pub(super) type EventSender = mpsc::UnboundedSender<LabEvent>;

/// Writes events, until there is nobody left who sends any, or nobody who listens.
pub(super) async fn write_all(
    mut events: mpsc::UnboundedReceiver<LabEvent>,
    mut writer: impl AsyncWrite + Unpin,
) {
    while let Some(event) = events.recv().await {
        let Some(line) = encode(&event) else { return };
        if write(&mut writer, &line).await.is_err() {
            return;
        }
    }
}
