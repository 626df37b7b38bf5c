//! A long-running device, used through its socket.
#![cfg(target_os = "linux")]

mod socket; // users of the socket, and files in its place
