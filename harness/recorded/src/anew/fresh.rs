//! Transaction ids and nonces in the place of recorded ones.

use std::collections::HashMap;

use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use scep::{Error, attribute::TransactionId};

use crate::asked::Asked;

/// The id in the place of a recorded one: made of the new key if that was made of the recorded one, or else a fresh one.
pub(super) fn new_id(
    ids: &mut HashMap<Vec<u8>, Vec<u8>>,
    old: &[u8],
    asked: &Asked,
    key: &PKey<Private>,
) -> Result<Vec<u8>, Error> {
    if let Some(new) = ids.get(old) {
        return Ok(new.clone());
    }
    let of_key = asked.key().map(|key| TransactionId::from_public_key(&key)).transpose()?;
    let is_of_key = of_key.is_some_and(|id| id.as_str().as_bytes().eq_ignore_ascii_case(old));
    let new = if is_of_key {
        TransactionId::from_public_key(key)?
    } else {
        TransactionId::generate(&mut rand_bytes)?
    };
    let new = new.as_str().as_bytes().to_vec();
    ids.insert(old.to_vec(), new.clone());
    Ok(new)
}

/// The nonce in the place of a recorded one, of the same length.
pub(super) fn new_nonce(nonces: &mut HashMap<Vec<u8>, Vec<u8>>, old: &[u8]) -> Option<Vec<u8>> {
    if let Some(new) = nonces.get(old) {
        return Some(new.clone());
    }
    let mut new = vec![0; old.len()];
    rand_bytes(&mut new).ok()?;
    nonces.insert(old.to_vec(), new.clone());
    Some(new)
}
