//! Which files cannot be targets, and which two targets are one.

use std::path::Path;

/// How a file holds the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// It and a newline are all there is.
    Bare,
    /// In the line of this variable of an env file.
    Env(String),
    /// Wherever the token before it stands.
    Replace,
}

impl Layout {
    /// Whether a file cannot hold both. Several lines of one env file are no collision, and no token
    /// replaces another one's.
    pub(super) fn collides(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bare, _) | (_, Self::Bare) => true,
            (Self::Env(variable), Self::Env(other)) => variable == other,
            _ => false,
        }
    }
}

pub(super) fn is_of_the_system(path: &Path) -> bool {
    ["/dev", "/proc"].iter().any(|dir| path.starts_with(dir))
}
