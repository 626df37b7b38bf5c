//! Texts that a text has inside: those that its base64, base32 and hexadecimal digits and its tables of bytes stand for, and those
//! inside of these.

use super::shapes::Shapes;
use super::{digits, dump};
use crate::view::{Origin, View};

/// How often digits and tables are decoded: a dump of a dump of base64 has three.
const DEPTH: usize = 3;

/// The most bytes of all layers, as a multiple of the text. Only a text that is made for it has more.
const MOST: usize = 8;

/// The least that the layers of a text may have, in bytes.
const LEAST: usize = 64 * 1024;

/// The layers below a text, whose views are made by `views_of`; the shallow ones come first. The text itself is not one of them.
pub(super) fn below<O: Origin>(
    views: &[Shapes<O>],
    length: usize,
    views_of: impl Fn(View<O>) -> Vec<Shapes<O>>,
) -> Vec<Shapes<O>> {
    let mut left = (length * MOST).max(LEAST);
    let mut layers = Vec::new();
    let mut upper = decoded(views, &mut left);
    for depth in 1..=DEPTH {
        let views: Vec<Shapes<O>> = upper.into_iter().flat_map(&views_of).collect();
        upper = if depth < DEPTH { decoded(&views, &mut left) } else { Vec::new() };
        layers.extend(views);
    }
    layers
}

/// What is inside these views, as long as it is not too much.
fn decoded<O: Origin>(views: &[Shapes<O>], left: &mut usize) -> Vec<View<O>> {
    let mut all = Vec::new();
    for shapes in views {
        for layer in digits::decoded(shapes).into_iter().chain(dump::decoded(&shapes.view)) {
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
