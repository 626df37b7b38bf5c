//! `--driver live`: PKIs by URL, and what is asked and told before they are used.

mod agreement; // what is listed, and who must agree
mod by_url; // the simulated device at real servers
mod ntlm; // Windows authentication for one-time passwords
mod windows_page; // a page that is shown to those who prove to know a password

use crate::support::live::{Files, silent};
