//! Single keys at a terminal, and the terminal as it was.

#[cfg(not(target_os = "linux"))]
use std::io;

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Byte(u8),
    /// There is no terminal any more.
    End,
}

#[cfg(target_os = "linux")]
pub(super) use self::terminal::{Attributes, read};

#[cfg(target_os = "linux")]
mod terminal {
    use std::io;

    use nix::errno::Errno;
    use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
    use nix::unistd;

    use super::Key;

    /// The settings of the terminal that is standard input, which come back when this is dropped.
    pub(in crate::console) struct Attributes(Option<Termios>);

    impl Attributes {
        pub(in crate::console) fn kept() -> Self {
            Self(tcgetattr(io::stdin()).ok())
        }

        /// Until it is dropped, keys come as they are pressed and are not echoed.
        fn raw() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut raw = before.clone();
            cfmakeraw(&mut raw);
            tcsetattr(io::stdin(), SetArg::TCSADRAIN, &raw)?;
            Ok(Self(Some(before)))
        }
    }

    impl Drop for Attributes {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, before);
            }
        }
    }

    /// Waits for a key.
    pub(in crate::console) fn read() -> io::Result<Key> {
        let _raw = Attributes::raw()?;
        let mut key = [0];
        loop {
            match unistd::read(io::stdin(), &mut key) {
                Ok(0) | Err(Errno::EIO) => return Ok(Key::End),
                Ok(_) => return Ok(Key::Byte(key[0])),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Elsewhere a terminal is left as it is found.
#[cfg(not(target_os = "linux"))]
pub(super) struct Attributes;

#[cfg(not(target_os = "linux"))]
impl Attributes {
    pub(super) fn kept() -> Self {
        Self
    }
}

/// Elsewhere nobody is asked to press one.
#[cfg(not(target_os = "linux"))]
pub(super) fn read() -> io::Result<Key> {
    Ok(Key::Byte(b' '))
}
