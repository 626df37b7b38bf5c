//! How a program is linked, as its file tells it.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Longest program that is searched, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Most scripts between a file and the program that interprets it.
const MOST_SCRIPTS: usize = 4;

/// Most program headers that are read; linkers write about a dozen.
const MOST_HEADERS: u16 = 256;

/// The type of the program header that names the dynamic linker.
const PT_INTERP: u32 = 3;

/// The complement of the text that Go's linker writes before the versions of a program, `\xff Go buildinf:`: this program must not
/// have the text itself.
const GO_COMPLEMENT: [u8; 14] =
    [0x00, 0xdf, 0xb8, 0x90, 0xdf, 0x9d, 0x8a, 0x96, 0x93, 0x9b, 0x96, 0x91, 0x99, 0xc5];

/// How a program is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Linking {
    /// True if a dynamic linker loads its libraries.
    pub(super) is_dynamic: bool,
    /// True for a program in Go.
    pub(super) is_go: bool,
}

impl Linking {
    /// That of a program, or of the program that interprets a script.
    pub(super) fn of(program: &Path) -> io::Result<Self> {
        let mut program = program.to_owned();
        for _ in 0..MOST_SCRIPTS {
            match interpreter(&program)? {
                Some(interpreter) => program = interpreter,
                None => return Self::of_binary(&program),
            }
        }
        Err(io::Error::other("it is a script of a script"))
    }

    fn of_binary(program: &Path) -> io::Result<Self> {
        let mut file = File::open(program)?;
        Ok(Self { is_dynamic: names_linker(&mut file)?, is_go: has_text(file, &go())? })
    }
}

/// The text of Go's linker, which the compiler must not compute.
fn go() -> [u8; GO_COMPLEMENT.len()] {
    black_box(GO_COMPLEMENT).map(|byte| !byte)
}

/// The program that interprets a script; none if the file is no script.
fn interpreter(program: &Path) -> io::Result<Option<PathBuf>> {
    let mut line = Vec::new();
    BufReader::new(File::open(program)?.take(4096)).read_until(b'\n', &mut line)?;
    let Some(words) = line.strip_prefix(b"#!") else { return Ok(None) };
    let words = String::from_utf8_lossy(words).into_owned();
    let word = words.split_whitespace().next();
    let none = || io::Error::other("it is a script without an interpreter");
    word.map(|word| Some(PathBuf::from(word))).ok_or_else(none)
}

/// True if one of the program headers names a dynamic linker.
fn names_linker(file: &mut File) -> io::Result<bool> {
    let mut head = [0; 64];
    file.read_exact(&mut head)?;
    let [0x7f, b'E', b'L', b'F', class, order, ..] = head else {
        return Err(io::Error::other("it is no ELF file"));
    };
    let number = |bytes: &[u8]| {
        let bytes: Vec<u8> =
            if order == 2 { bytes.to_vec() } else { bytes.iter().rev().copied().collect() };
        bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    // Offset of the headers, size and number of them, in files of 64 and 32 bits.
    let (offset, size, count) = match class {
        2 => (number(&head[32..40]), number(&head[54..56]), number(&head[56..58])),
        _ => (number(&head[28..32]), number(&head[42..44]), number(&head[44..46])),
    };
    for index in 0..count.min(MOST_HEADERS.into()) {
        let mut kind = [0; 4];
        file.seek(SeekFrom::Start(offset.saturating_add(index * size)))?;
        file.read_exact(&mut kind)?;
        if number(&kind) == u64::from(PT_INTERP) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True if a file has a text, which is shorter than a piece.
fn has_text(mut file: File, text: &[u8]) -> io::Result<bool> {
    const PIECE: usize = 1 << 20;
    file.seek(SeekFrom::Start(0))?;
    let (mut file, mut piece) = (file.take(LARGEST), Vec::with_capacity(PIECE + text.len()));
    loop {
        let kept = piece.len();
        (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        if piece.len() == kept {
            return Ok(false);
        }
        if piece.windows(text.len()).any(|window| window == text) {
            return Ok(true);
        }
        // The text may begin at the end of this piece.
        piece.drain(..piece.len().saturating_sub(text.len()));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::write;

    use super::*;

    #[test]
    fn this_test_is_linked_dynamically_and_a_script_as_its_interpreter() {
        let own = std::env::current_exe().unwrap();
        let linking = Linking::of(&own).unwrap();
        assert_eq!(linking, Linking { is_dynamic: true, is_go: false });
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        write(&script, format!("#!{} -x\n", own.display())).unwrap();
        assert_eq!(Linking::of(&script).unwrap(), linking);
        write(&script, format!("#!{}\n", script.display())).unwrap();
        assert!(Linking::of(&script).is_err());
        write(&script, "text").unwrap();
        assert!(Linking::of(&script).is_err());
    }

    #[test]
    fn program_without_a_linker_is_static_and_go_is_recognised_by_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        write(&program, &bytes).unwrap();
        let linking = Linking::of(&program).unwrap();
        assert_eq!(linking, Linking { is_dynamic: false, is_go: false });
        bytes.resize((1 << 20) - 5, 0);
        bytes.extend_from_slice(&go());
        write(&program, &bytes).unwrap();
        assert!(Linking::of(&program).unwrap().is_go);
    }
}
