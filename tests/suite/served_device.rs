//! A device that stands on while users come and go, by its socket.
#![cfg(target_os = "linux")]

mod socket; // who is let in, and what is in the way
