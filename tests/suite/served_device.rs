//! A device that stands on while users come and go: by its socket, and by a real SSH server.
#![cfg(target_os = "linux")]

mod documented; // the documented scenarios, line by line over SSH
mod shells; // devices that misbehave
mod socket; // who is let in, and what is in the way
mod ssh; // sessions over SSH: terminals, single commands, restarts
mod terminal; // a screen at a time
