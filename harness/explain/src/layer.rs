//! Structures as layers of an explanation, outermost first.

mod certificate;
mod contents;
mod envelope;
mod message;
mod other;
mod request;
mod small;

pub(crate) use self::certificate::{certificate, key_words, named};
pub(crate) use self::contents::certs_only;
pub(crate) use self::envelope::{Inner, Opening};
pub(crate) use self::message::{Facts, enveloped, message, signed};
pub(crate) use self::other::{bare_envelope, broken, foreign, trailing, wrapped};
pub(crate) use self::request::{CHALLENGE_PASSWORD, request};
pub(crate) use self::small::{capabilities, challenge_page, empty, revocation_list};

use std::time::SystemTime;

use results::requirement::End;

use crate::{
    asn1::{self, Member},
    explanation::Layer,
    knowledge::Knowledge,
};

/// What a layer is made with.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) knowledge: &'a Knowledge,
    /// The time at which certificates must be valid; `None` if it is not known.
    pub(crate) at: Option<SystemTime>,
    /// The end that sent the structure, if HTTP around it tells that.
    pub(crate) sender: Option<End>,
}

impl Reading<'_> {
    /// Adds the annotated tree of a structure, if it is asked for.
    pub(crate) fn annotate(&self, layer: &mut Layer, bytes: &[u8], shape: Option<&'static Member>) {
        if self.knowledge.with_asn1 {
            layer.asn1 = asn1::tree(bytes, shape, self.knowledge.shows_secrets);
        }
    }
}
