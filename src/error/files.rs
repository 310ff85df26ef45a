//! Files of ours that cannot be used.

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

use super::{Error, Kind, RENEW, exit};
use crate::text::{printable, shell_word};

impl Error {
    /// A file could not be read.
    pub(crate) fn read_file(path: &Path, source: &io::Error) -> Self {
        Self::file("read_file", format!("Cannot read {}", path.display()), path, source)
    }

    /// A file could not be written; `action` is the verb: `write to`, `replace`, …
    pub(crate) fn write_file(action: &str, path: &Path, source: &io::Error) -> Self {
        Self::file("write_file", format!("Cannot {action} {}", path.display()), path, source)
    }

    /// With what shows who may use the file, or where the space went.
    fn file(code: &'static str, message: String, path: &Path, source: &io::Error) -> Self {
        let word = |path: &Path| shell_word(&printable(&path.display().to_string()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = word(folder.unwrap_or(Path::new(".")));
        let error = Self::new(code, exit::USAGE, message)
            .kind_of(Kind::File { denied: source.kind() == io::ErrorKind::PermissionDenied })
            .caused_by(source);
        let hint = match source.kind() {
            _ if source.raw_os_error() == Some(Errno::NOLCK.raw_os_error()) => {
                format!("findmnt -T {folder}")
            }
            io::ErrorKind::PermissionDenied => format!("ls -ld {folder} {}", word(path)),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!("df -h {folder}"),
            io::ErrorKind::ReadOnlyFilesystem => format!("findmnt -T {folder}"),
            // Ours: it is not of a kind that we take.
            io::ErrorKind::Other => format!("ls -l {}", word(path)),
            _ => return error,
        };
        error.hinted(hint)
    }

    /// A file was read but is invalid; `place` says where, and what is wrong there.
    pub(crate) fn damaged_file(path: &Path, place: &str) -> Self {
        let message = format!("Cannot use {}: {}", path.display(), printable(place));
        Self::new("damaged_file", exit::USAGE, message)
            .kind_of(Kind::File { denied: false })
            .hinted(format!(
                "it was left as it is; fix it, or put it aside: mv {0} {0}.damaged",
                shell_word(&path.display().to_string())
            ))
    }

    /// A file or folder of ours is unsafe or cannot be written; nothing was sent.
    pub(crate) fn cannot_use(path: &Path, reason: &str, hint: impl Into<String>) -> Self {
        let message = format!("Cannot use {}: {}", path.display(), printable(reason));
        Self::new("cannot_use", exit::USAGE, message).hinted(hint)
    }

    /// There is no folder to store files in.
    pub(crate) fn no_home() -> Self {
        Self::new("no_home", exit::USAGE, "Cannot find your home folder")
            .hinted(super::ANOTHER_FOLDER)
    }

    /// The run that started this one as a command holds the lock at `path`, and waits for it.
    pub(crate) fn locked_by_parent(path: &Path) -> Self {
        let message = format!(
            "The ntcli that started this command holds {} until the command ends; nothing was done",
            path.display()
        );
        let hint = "a command of a target may run ntcli token print, exec and show, and gets the token in NTCLI_NEW_TOKEN";
        Self::new("locked", exit::LOCKED, message).kind_of(Kind::Locked).hinted(hint)
    }

    /// `NTCLI_STATE_COMMAND pull` failed.
    pub(crate) fn state_not_pulled(reason: &str) -> Self {
        let message =
            format!("NTCLI_STATE_COMMAND could not pull the state: {reason}; nothing was done");
        Self::new("state_not_pulled", exit::UNAVAILABLE, message)
            .hinted("mend what it says above, then run the same command again")
    }

    /// `NTCLI_STATE_COMMAND push` failed, and may have pushed all the same.
    pub(crate) fn state_not_pushed(reason: &str) -> Self {
        let message = format!(
            "NTCLI_STATE_COMMAND could not push the state: {reason}; the next renew pushes it"
        );
        Self::new("state_not_pushed", exit::NOT_STORED, message).hinted_there(RENEW)
    }

    /// Another machine has pushed its state since ours was pulled.
    pub(crate) fn state_changed() -> Self {
        let message = "Another machine has changed the state meanwhile; its state counts";
        Self::new("state_changed", exit::LOCKED, message)
            .kind_of(Kind::StateChanged)
            .hinted_there(RENEW)
    }

    /// Another run holds the lock at `path`.
    pub(crate) fn locked(path: &Path, waited: Duration) -> Self {
        let message = format!(
            "Another ntcli, or a command that one started, holds {} and did not finish within {} s; nothing was done",
            path.display(),
            waited.as_secs()
        );
        Self::new("locked", exit::LOCKED, message).kind_of(Kind::Locked).hinted("pgrep -a ntcli")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_why_a_file_cannot_be_used() {
        for (kind, path, hint) in [
            (io::ErrorKind::PermissionDenied, "/a b/x", Some("ls -ld '/a b' '/a b/x'")),
            (io::ErrorKind::PermissionDenied, "x", Some("ls -ld . x")),
            (io::ErrorKind::StorageFull, "/a/x", Some("df -h /a")),
            (io::ErrorKind::ReadOnlyFilesystem, "/a/x", Some("findmnt -T /a")),
            (io::ErrorKind::Other, "/a/x", Some("ls -l /a/x")),
            (io::ErrorKind::IsADirectory, "/a/x", None),
        ] {
            let error = Error::read_file(Path::new(path), &kind.into());
            assert_eq!(error.hint(), hint, "{path}");
        }
    }
}
