//! Files as users need them: written beside their place, flushed and renamed; sets of files that change together; reading that is
//! bounded; folders that no other user may enter, and that the next run removes if this one is killed.
#![forbid(unsafe_code)]

mod disk;
mod file_set;
mod inputs;
mod own_folder;
mod private_folder;
mod read;
mod replace;

pub use self::file_set::{Draft, FileSet, Kept, Member};
pub use self::inputs::read_as;
pub use self::own_folder::{OwnFolderError, make_private, overlap, own_folder, own_subfolder};
pub use self::private_folder::{PrivateFolder, Stale, is_private, living, remove_stale};
pub use self::read::{ReadError, regular, stream};
pub use self::replace::{
    Growing, Readers, append_to, check_replace, create_new, end_of_links, replace,
    replace_unflushed,
};
