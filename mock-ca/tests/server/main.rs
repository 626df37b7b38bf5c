//! The CA from outside: HTTP bytes in, HTTP bytes out.

#[cfg(test)]
mod approval;
#[cfg(test)]
mod capabilities;
#[cfg(test)]
mod client;
#[cfg(test)]
mod control;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod explanations;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hierarchy;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http_forms;
#[cfg(test)]
mod lifetimes;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod linux;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod ndes;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod returnable;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod rfc8894;
#[cfg(test)]
mod seen;
#[cfg(test)]
mod state;
#[cfg(test)]
mod tls;
