//! `sceplab dut --on-socket`: the device of a lab on the kernel's network, as a process of its own.

use std::io;

use crate::exit::Exit;

/// Serves the console to whoever connects to the listener that is the standard input, until the lab ends the process.
#[cfg(target_os = "linux")]
pub(super) async fn serve() -> io::Result<Exit> {
    use std::os::fd::AsFd;
    use std::os::unix::net;
    use std::sync::Arc;

    use dut_sim::remote::Devices;
    use nix::sys::socket::{getsockopt, sockopt};
    use simulated::kernel::start_device;
    use tokio::net::UnixListener;
    use tokio::signal::unix::{SignalKind, signal};

    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    if !getsockopt(&stdin, sockopt::AcceptConn)? {
        return Err(io::Error::other("it does not listen"));
    }
    let listener = net::UnixListener::from(stdin);
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    // Ctrl-C in the terminal that the lab was started from is the lab's affair, which then ends its devices.
    let _passed_over = signal(SignalKind::interrupt());
    let devices = Arc::new(Devices::new(|settings| start_device(settings, None)));
    loop {
        let (stream, _) = listener.accept().await?;
        let devices = Arc::clone(&devices);
        tokio::spawn(async move { devices.serve(stream).await });
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "elsewhere it waits")]
pub(super) async fn serve() -> io::Result<Exit> {
    Err(io::ErrorKind::Unsupported.into())
}
