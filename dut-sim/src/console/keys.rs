//! Single keys at a terminal, and the terminal as it was.

use std::io;

use nix::errno::Errno;
use nix::sys::termios::{
    LocalFlags as Flags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::unistd;

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Byte(u8),
    /// There is no terminal any more.
    End,
}

/// The settings of the terminal that is standard input, which come back when this is dropped.
pub struct Attributes(Option<Termios>);

impl Attributes {
    /// The settings of now.
    #[must_use]
    pub fn kept() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, before);
        }
    }
}

/// The keys of the terminal; until this is dropped they come as they are pressed and are not echoed.
pub(super) struct Keys(Attributes);

impl Keys {
    pub(super) fn open() -> io::Result<Self> {
        let before = Attributes::kept();
        if let Some(mut silent) = before.0.clone() {
            // What is printed meanwhile still has its lines ended as the terminal wants it.
            silent.local_flags &= !(Flags::ICANON | Flags::ECHO | Flags::ISIG | Flags::IEXTEN);
            silent.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
            silent.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
            tcsetattr(io::stdin(), SetArg::TCSADRAIN, &silent)?;
        }
        Ok(Self(before))
    }

    /// Waits for a key.
    pub(super) fn next(&mut self) -> io::Result<Key> {
        if self.0.0.is_none() {
            return Ok(Key::End);
        }
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
