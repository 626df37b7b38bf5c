//! The accept loop.

use std::{sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::ca::Ca;

/// So long [`serve`] lets the answers under way take once it is to stop.
pub const FAREWELL: Duration = Duration::from_secs(5);

/// A pause after the system refused a connection, for lack of file descriptors as a rule.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the connections of a listener until `shutdown` completes; answers under way are then finished, for at most
/// [`FAREWELL`].
///
/// No more than [`crate::Limits::connections`] are open at once.
pub async fn serve(listener: TcpListener, ca: Arc<Ca>, shutdown: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(ca.limits.connections));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let accepting = async {
        // The semaphore is never closed.
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let Ok((stream, peer)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let (ca, stopped) = (Arc::clone(&ca), stopped.clone());
            connections.spawn(async move {
                without_delay(&stream);
                ca.serve_until(stream, peer.to_string(), stopped).await;
                drop(slot);
            });
            while connections.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    let _ = stop.send(true);
    let _ = timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
}

/// Answers are written in one piece; waiting to fill a segment only costs time. A failure costs no more than that.
fn without_delay(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}
