//! Single keys at a terminal, and restoring the terminal's settings.

use std::io;

use nix::errno::Errno;
use nix::sys::termios::{
    LocalFlags as Flags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::unistd;

/// A pressed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Byte(u8),
    /// The terminal is closed.
    End,
}

/// The saved settings of the terminal at standard input, which are restored on drop.
pub struct SavedTerminal(Option<Termios>);

impl SavedTerminal {
    /// Saves the current settings.
    #[must_use]
    pub fn save() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }
}

impl Drop for SavedTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, before);
        }
    }
}

/// The keys of the terminal; until this is dropped, they are delivered at once and not echoed.
pub(super) struct Keys(SavedTerminal);

impl Keys {
    pub(super) fn open() -> io::Result<Self> {
        let before = SavedTerminal::save();
        if let Some(mut silent) = before.0.clone() {
            // The output flags stay, so that line ends are still printed correctly.
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
