//! Rewrites the texts of an explanation, such as to mask secrets in them.

use results::MessageInShort;
use scep::attribute::PkiStatus;

use super::{Explanation, Field, Finding, Layer};

impl Explanation {
    /// Rewrites every text that may have words of a peer, such as to mask secrets in it.
    pub fn rewrite(&mut self, new: &dyn Fn(&str) -> String) {
        let change = |text: &mut String| *text = new(text);
        change(&mut self.verdict.reason);
        self.verdict.next.iter_mut().chain(&mut self.remarks).for_each(change);
        for part in &mut self.messages {
            change(&mut part.origin);
            part.taken_for.iter_mut().chain(&mut part.exchange).for_each(change);
            part.gaps.iter_mut().for_each(change);
            rewrite(&mut part.short, new);
            part.http.iter_mut().for_each(|field| field.rewrite(new));
            part.findings.iter_mut().for_each(|finding| finding.rewrite(new));
            part.layer.iter_mut().for_each(|layer| layer.rewrite(new));
        }
    }
}

fn rewrite(short: &mut MessageInShort, new: &dyn Fn(&str) -> String) {
    let MessageInShort { what, wrong, sender: _, http_status: _, .. } = short;
    std::iter::once(what).chain(wrong).for_each(|text| *text = new(text));
    let texts = [
        &mut short.transaction_id,
        &mut short.refusal,
        &mut short.subject,
        &mut short.serial,
        &mut short.signer,
        &mut short.digest,
        &mut short.recipient,
        &mut short.cipher,
    ];
    if let Some(PkiStatus::Other(value)) = &mut short.pki_status {
        *value = new(value);
    }
    texts.into_iter().flatten().for_each(|text| *text = new(text));
}

impl Layer {
    fn rewrite(&mut self, new: &dyn Fn(&str) -> String) {
        self.name = new(&self.name);
        self.sentence = new(&self.sentence);
        self.fields.iter_mut().for_each(|field| field.rewrite(new));
        self.findings.iter_mut().for_each(|finding| finding.rewrite(new));
        self.inside.iter_mut().for_each(|layer| layer.rewrite(new));
        self.asn1.iter_mut().for_each(|node| node.rewrite(new));
    }
}

impl Field {
    fn rewrite(&mut self, new: &dyn Fn(&str) -> String) {
        let texts = [&mut self.name, &mut self.value].into_iter().chain(&mut self.meaning);
        texts.for_each(|text| *text = new(text));
    }
}

impl Finding {
    fn rewrite(&mut self, new: &dyn Fn(&str) -> String) {
        let texts = [&mut self.words].into_iter().chain(&mut self.advice);
        texts.for_each(|text| *text = new(text));
    }
}
