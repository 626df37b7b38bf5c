//! The PKI of a container: the mock CA, listening on all of its addresses.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::Pkis;
use crate::control::{Ask, Reply};
use crate::drivers::mock_pki::MockPki;
use crate::lab;
use crate::pki::{Pki, PkiError};
use crate::run::BenchError;

/// Opens the PKI and lets it listen.
pub(super) async fn start(name: &str, plan: &lab::Pki) -> Result<Pkis, BenchError> {
    let pki = Arc::new(MockPki::open(name, plan)?);
    let port = plan.port.unwrap_or_else(|| pki.default_port());
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map_err(|error| {
        let reason = format!("it cannot listen on port {port}: {error}");
        BenchError::Pki { name: name.to_owned(), reason }
    })?;
    tokio::spawn(mock_ca::serve(listener, pki.ca(), std::future::pending()));
    Ok(Pkis::from([(name.to_owned(), pki as Arc<dyn Pki>)]))
}

/// Puts a question to the PKI that it is about.
pub(super) async fn answer(pkis: &Pkis, ask: Ask) -> Reply {
    let find = |name: &str| {
        let reason = || format!("this container has no PKI `{name}`");
        pkis.get(name).ok_or_else(|| PkiError::Broken { reason: reason() })
    };
    match ask {
        Ask::Approve(name) => Reply::Decided(match find(&name) {
            Ok(pki) => pki.approve().await,
            Err(error) => Err(error),
        }),
        Ask::Deny(name) => Reply::Decided(match find(&name) {
            Ok(pki) => pki.deny().await,
            Err(error) => Err(error),
        }),
        Ask::Issued(name) => Reply::Issued(match find(&name) {
            Ok(pki) => pki.issued().await,
            Err(error) => Err(error),
        }),
        Ask::Log(name) => Reply::Log(match find(&name) {
            Ok(pki) => pki.log().await,
            Err(_) => Vec::new(),
        }),
        _ => Reply::Log(Vec::new()),
    }
}
