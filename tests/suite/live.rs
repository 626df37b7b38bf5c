//! `--driver live`: PKIs by URL, and the consent before they are used.

mod agreement; // the list of used addresses, and consent
mod by_url; // the simulated device at real servers
mod ntlm; // Windows authentication for one-time passwords
mod windows_page; // a page with NTLM authentication

use crate::support::live::{Files, untouched_listener};
