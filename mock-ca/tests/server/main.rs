//! The CA as its clients meet it: HTTP bytes in, HTTP bytes out.

mod client;
mod hostile;
mod linux;
mod ndes;
mod state;
