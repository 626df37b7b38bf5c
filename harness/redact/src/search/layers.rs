//! Texts that a text has inside: those that its base64, base32 and hexadecimal digits and its tables of bytes stand for, and those
//! inside of these.

use super::{digits, dump};
use crate::view::View;

/// How often digits and tables are decoded: a dump of a dump of base64 has three.
const DEPTH: usize = 3;

/// The most bytes of all layers, as a multiple of the text. Only a text that is made for it has more.
const MOST: usize = 8;

/// The least that the layers of a text may have, in bytes.
const LEAST: usize = 64 * 1024;

/// The layers below a text, whose views are made by `views`; the shallow ones come first. The text itself is not one of them.
pub(super) fn below(
    views: &[View],
    length: usize,
    views_of: impl Fn(View) -> Vec<View>,
) -> Vec<View> {
    let mut left = (length * MOST).max(LEAST);
    let mut layers = Vec::new();
    let mut upper = decoded(views, &mut left);
    for depth in 1..=DEPTH {
        let views: Vec<View> = upper.into_iter().flat_map(&views_of).collect();
        upper = if depth < DEPTH { decoded(&views, &mut left) } else { Vec::new() };
        layers.extend(views);
    }
    layers
}

/// What is inside these views, as long as it is not too much.
fn decoded(views: &[View], left: &mut usize) -> Vec<View> {
    let mut all = Vec::new();
    for view in views {
        for layer in digits::decoded(view).into_iter().chain(dump::decoded(view)) {
            let length = layer.bytes.len();
            if length > *left {
                return all;
            }
            *left -= length;
            all.push(layer);
        }
    }
    all
}
