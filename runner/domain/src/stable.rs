//! Enums whose variants have names that are stored and sent.

/// Declares an enum whose variants have stable names: `ALL`, `as_str`,
/// `from_name`, `Display` and the JSON form all come from the one list.
macro_rules! stable_enum {
    (
        $(#[$doc:meta])*
        pub enum $type:ident {
            $( $(#[$variant_doc:meta])* $variant:ident = $name:literal, )+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $type {
            $( $(#[$variant_doc])* #[serde(rename = $name)] $variant, )+
        }

        impl $type {
            /// All of them, in order.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Returns the stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )+
                }
            }

            /// Returns the one with this stable name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|item| item.as_str() == name)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use stable_enum;
