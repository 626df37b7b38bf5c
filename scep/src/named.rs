//! Enumerations of named values, such as algorithms and capabilities, which are written and read by their names.

use crate::suggestion::closest;

/// The error for an unknown name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no {what} (known: {known}){meant}", known = .known.join(", "), meant = self.meant())]
pub struct UnknownName {
    /// The kind of the named value, such as `digest`.
    pub what: &'static str,
    /// The unknown name.
    pub name: String,
    /// The known names.
    pub known: Vec<&'static str>,
}

impl UnknownName {
    /// The known name that was probably meant, as the end of a sentence.
    fn meant(&self) -> String {
        let meant = closest(&self.name, self.known.iter().copied());
        meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
    }
}

/// Defines an enumeration of named variants: `Display` and serde write the names, `FromStr` and serde read them.
///
/// Hidden, because it is for the crates of this workspace and may change at any time.
#[doc(hidden)]
#[macro_export]
macro_rules! named {
    ($(#[$doc:meta])* $type:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $name:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// All values, each after its name.
            pub const NAMED: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),+];

            /// The name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::named::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::named::UnknownName {
                        what: $what,
                        name: name.to_owned(),
                        known: vec![$($name,)+],
                    }),
                }
            }
        }

        $crate::serde_as_text!($type);
    };
}

/// Implements serde for a type by the text of its `Display` and `FromStr`; hidden like [`named!`].
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! serde_as_text {
    ($type:ty) => {
        impl $crate::serde::Serialize for $type {
            fn serialize<S: $crate::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $type {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <String as $crate::serde::Deserialize>::deserialize(from)?;
                text.parse().map_err($crate::serde::de::Error::custom)
            }
        }
    };
}

/// Does nothing without the feature `serde`.
#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! serde_as_text {
    ($type:ty) => {};
}

/// Implements `Debug` for a type with parts that OpenSSL cannot show, or that must not be shown: with these fields alone.
macro_rules! debug_of {
    ($name:ident $(<$life:lifetime>)? { $($field:ident),* }) => {
        impl std::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use debug_of;
