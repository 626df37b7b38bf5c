//! The elements that a structure should have at a place.

use super::super::{
    Node,
    shape::{Member, Shape},
    value::type_name,
};

/// The fields that are expected in an element.
pub(super) struct Expected {
    shape: Option<&'static Shape>,
    /// The next of the fields.
    next: usize,
    /// True after the first field that is not there: what follows has no names.
    is_lost: bool,
    /// True for a string in pieces, which has no fields.
    is_pieces: bool,
}

impl Expected {
    pub(super) fn of(member: Option<&'static Member>, tag: &str) -> Self {
        let is_pieces = tag.ends_with("STRING");
        Self { shape: member.map(|member| &member.shape), next: 0, is_lost: false, is_pieces }
    }

    /// What the element with this tag should be, and what is wrong if it is none of the expected.
    pub(super) fn next(
        &mut self,
        tag: u8,
        oid: Option<&str>,
    ) -> (Option<&'static Member>, Option<String>) {
        if self.is_lost || self.is_pieces {
            return (None, None);
        }
        match self.shape {
            None | Some(Shape::Plain | Shape::Around(_) | Shape::Choice(_)) => (None, None),
            Some(Shape::Of(member)) => (Some(member), None),
            Some(Shape::ByType(of)) => (oid.and_then(of), None),
            Some(Shape::Fields(members)) => self.of_fields(members, tag),
        }
    }

    fn of_fields(
        &mut self,
        members: &'static [Member],
        tag: u8,
    ) -> (Option<&'static Member>, Option<String>) {
        while let Some(member) = members.get(self.next) {
            self.next += 1;
            if other_tag(member, tag).is_none() {
                return (Some(member), None);
            }
            if !member.optional {
                self.is_lost = true;
                let problem = format!(
                    "`{}`, {}, is expected here, and {} came",
                    member.name,
                    types(member),
                    type_name(tag)
                );
                return (None, Some(problem));
            }
        }
        self.is_lost = true;
        (None, Some("no further element is expected here".to_owned()))
    }

    /// Notes the first field that is missing at the end.
    pub(super) fn end(&self, node: &mut Node) {
        let fields = match self.shape {
            Some(Shape::Fields(members)) if !self.is_lost => *members,
            _ => return,
        };
        let missing = fields.iter().skip(self.next).find(|member| !member.optional);
        if let Some(missing) = missing {
            node.problem.get_or_insert(format!(
                "its `{}`, {}, is missing",
                missing.name,
                types(missing)
            ));
        }
    }
}

/// The alternative of a choice that has this tag, or else the field itself.
pub(super) fn alternative(member: &'static Member, tag: u8) -> &'static Member {
    let Shape::Choice(members) = &member.shape else { return member };
    members.iter().find(|member| member.tags.contains(&tag)).unwrap_or(member)
}

/// What is wrong if a field has this tag.
pub(super) fn other_tag(member: &Member, tag: u8) -> Option<String> {
    if member.tags.is_empty() || member.tags.contains(&tag) {
        return None;
    }
    Some(format!("it is {}, not {}", type_name(tag), types(member)))
}

fn types(member: &Member) -> String {
    let mut names: Vec<String> = member.tags.iter().map(|tag| type_name(*tag)).collect();
    names.dedup();
    if names.is_empty() { "any type".to_owned() } else { names.join(" or ") }
}
