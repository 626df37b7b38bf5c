//! A recording that somebody damaged harms nobody.

use std::sync::Arc;

use mock_ca::{Fault, PersonalityName, Trigger};
use recorded::RecordedServer;
use recording::{Recording, Request};
use scep::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::faults::{record, source};

/// The number of damages of each kind.
const DAMAGES: usize = 40;

/// Cuts bytes off, or changes one of them.
fn damage(bytes: &mut Vec<u8>, number: usize, cuts: bool) {
    let place = bytes.len() * number / DAMAGES;
    if cuts {
        bytes.truncate(place);
    } else if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 0x41;
    }
}

fn damaged(recording: &Recording, number: usize, cuts: bool) -> Recording {
    let mut recording = recording.clone();
    for exchange in &mut recording.exchanges {
        if let Some(request) = &mut exchange.request {
            damage(&mut request.body, number, cuts);
        }
        if let Some(reply) = &mut exchange.reply {
            damage(&mut reply.body, number, cuts);
            damage(&mut reply.head, number, cuts);
        }
    }
    recording
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_recording_is_served_without_a_panic() {
    let fault = Fault::ExtraAttribute;
    let original = record(PersonalityName::Linux, Trigger::PkcsReq, fault).await;
    let requests = original.recording.exchanges.iter().filter_map(|one| one.request.as_ref());
    let sent: Vec<u8> =
        requests.flat_map(|Request { head, body, .. }| [&head[..], body].concat()).collect();
    for (number, cuts) in (0..DAMAGES).flat_map(|number| [(number, true), (number, false)]) {
        let source = source(damaged(&original.recording, number, cuts), original.keys.clone());
        let server = Arc::new(RecordedServer::new(source, Clock::system(), None));
        let (mut client, theirs) = duplex(1 << 20);
        let serving = tokio::spawn(async move {
            server.serve_connection(theirs, "test".to_owned()).await;
            server.log()
        });
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answers = Vec::new();
        client.read_to_end(&mut answers).await.unwrap();
        assert!(!serving.await.unwrap().is_empty(), "damage {number}");
    }
}
