//! What can be asked of a personality by its name.

use super::{PersonalityName, Target};

/// Defines the list of personalities: the name of each in files and on the command line, and its data.
macro_rules! personalities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $personality:path;)+) => {
        scep::named! {
            /// A server that the CA can behave like.
            PersonalityName, "personality" {
                $($(#[$doc])* $variant = $name;)+
            }
        }

        impl PersonalityName {
            pub(crate) fn personality(self) -> &'static Personality {
                match self {
                    $(Self::$variant => &$personality,)+
                }
            }
        }
    };
}

pub(super) use personalities;

impl PersonalityName {
    /// The TCP port the real server listens on by default.
    pub fn default_port(self) -> u16 {
        self.personality().default_port
    }

    /// A TCP port for it on a machine where many run, of which none is for privileged users.
    pub fn serving_port(self) -> u16 {
        self.personality().serving_port
    }

    /// Whether `GetNextCACert` shows a CA that is to follow.
    pub fn has_next_ca(self) -> bool {
        self.personality().has_next_ca
    }

    /// The paths under which SCEP is served.
    pub fn paths(self) -> Vec<&'static str> {
        self.paths_to(Target::Scep).collect()
    }

    /// The path of the page that gives out challenge passwords, where there is one.
    pub fn admin_path(self) -> Option<&'static str> {
        self.paths_to(Target::Admin).next()
    }

    fn paths_to(self, target: Target) -> impl Iterator<Item = &'static str> {
        let routes = self.personality().routes.iter();
        routes.filter(move |route| route.target == target).map(|route| route.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for name in PersonalityName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        let error = "windows".parse::<PersonalityName>().unwrap_err();
        assert_eq!(error.to_string(), "`windows` is no personality (known: linux, ndes, rfc8894)");
    }

    #[test]
    fn a_windows_server_gives_out_passwords() {
        assert_eq!(PersonalityName::Ndes.admin_path(), Some("/certsrv/mscep_admin/"));
        assert_eq!(PersonalityName::Linux.admin_path(), None);
    }
}
