//! What was given is wrong: arguments, variables, values.

use super::{Error, exit};
use crate::text::printable;

/// What an expiry may be.
const EXPIRY: &str =
    "it must be seconds, 90s 15m 12h 30d 52w 1y 1d12h, a future date (2027-12-01), or never";

impl Error {
    /// The arguments are not a valid command; the hint is the command that shows its help.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new("usage", exit::USAGE, message).hinted(hint)
    }

    /// `--expires-in` or `--expires-at` of that command is not a valid expiry.
    pub(crate) fn invalid_expiry(command: &str) -> Self {
        Self::new("invalid_expiration", exit::USAGE, "Invalid expiration time")
            .hinted_there(format!("{command} --expires-in 31536000"))
            .caused_by(&EXPIRY)
    }

    /// Some other value is invalid. Where the message begins with an environment variable, the list
    /// of them helps.
    pub(crate) fn invalid_value(message: impl Into<String>) -> Self {
        let error = Self::new("invalid_value", exit::USAGE, message);
        let name = error.0.message.split(' ').next().unwrap_or_default();
        if name.contains('_') && name == name.to_ascii_uppercase() {
            error.hinted("ntcli help environment")
        } else {
            error
        }
    }

    /// The user was asked and did not say yes.
    pub(crate) fn declined() -> Self {
        Self::new("declined", exit::FAILED, "Cancelled; nothing was done")
    }

    /// There is no target with that id.
    pub(crate) fn unknown_target(id: &str) -> Self {
        let message = format!("There is no target {}", printable(id));
        Self::new("unknown_target", exit::FAILED, message).hinted("ntcli target list")
    }

    /// The result could not be written to standard output.
    pub(crate) fn write_result(source: &std::io::Error) -> Self {
        let message = "The work is done, but its result could not be written";
        Self::new("write_result", exit::FAILED, message)
            .hinted_there("ntcli token show")
            .caused_by(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_variable_leads_to_the_list_of_them() {
        let hint = |message: &str| Error::invalid_value(message).hint().map(str::to_owned);
        assert_eq!(hint("NTCLI_TIMEOUT must be 1").as_deref(), Some("ntcli help environment"));
        assert_eq!(hint("The JTI is empty"), None);
        assert_eq!(hint("--lock-wait takes seconds"), None);
    }
}
