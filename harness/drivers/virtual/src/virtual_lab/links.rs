//! Which addresses are on one link: those of one subnet.

use ipnet::Ipv4Net;

/// A link, as good as a cable: what is on it, reaches each other without a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link(pub usize);

/// The links of a lab.
#[derive(Debug)]
pub(super) struct Links(Vec<Ipv4Net>);

impl Links {
    /// One link a subnet; a subnet within another is on the link of the wider one.
    pub(super) fn of(subnets: impl IntoIterator<Item = Ipv4Net>) -> Self {
        let mut subnets: Vec<_> = subnets.into_iter().map(|subnet| subnet.trunc()).collect();
        subnets.sort_by_key(Ipv4Net::prefix_len);
        let mut links = Self(Vec::new());
        for subnet in subnets {
            if links.find(subnet).is_none() {
                links.0.push(subnet);
            }
        }
        links
    }

    /// The link of an address or a subnet; `None` for one that was not among the lab's.
    pub(super) fn find(&self, subnet: Ipv4Net) -> Option<Link> {
        self.0.iter().position(|link| link.contains(&subnet)).map(Link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(subnets: &[&str]) -> Links {
        Links::of(subnets.iter().map(|text| text.parse().unwrap()))
    }

    fn find(links: &Links, subnet: &str) -> Option<Link> {
        links.find(subnet.parse().unwrap())
    }

    #[test]
    fn two_addresses_in_one_subnet_are_on_one_link() {
        let links = links(&["10.0.0.1/24", "10.0.1.1/24", "10.0.0.2/24"]);
        assert_eq!(find(&links, "10.0.0.1/24"), find(&links, "10.0.0.2/24"));
        assert_ne!(find(&links, "10.0.0.1/24"), find(&links, "10.0.1.1/24"));
    }

    #[test]
    fn a_subnet_within_another_is_on_the_link_of_the_wider_one() {
        let links = links(&["10.0.0.129/25", "10.0.0.1/24"]);
        assert_eq!(find(&links, "10.0.0.129/25"), find(&links, "10.0.0.1/24"));
    }

    #[test]
    fn neighbouring_subnets_are_not_joined() {
        let links = links(&["10.0.0.0/25", "10.0.0.128/25"]);
        assert_ne!(find(&links, "10.0.0.0/25"), find(&links, "10.0.0.128/25"));
        assert_eq!(find(&links, "10.0.0.0/24"), None);
    }
}
