//! Every hint that a test sees is one of these: a new one has to be thought of, and pasted.

use super::run::Output;

/// What comes of it when a hint is pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Nothing is changed, here or at the server: `cli::hints` pastes it.
    Look,
    /// Something is changed: `cli::hints` has a state in which it is pasted.
    Act,
    /// A person has to decide, sign in, or mend the system.
    Person,
}

use Does::{Act, Look, Person};

/// The hints, without the workspace that some name by `-w`; a star stands for any text.
pub(crate) const HINTS: &[(&str, Does)] = &[
    ("df -h *", Look),
    ("findmnt -T *", Look),
    ("ls -l *", Look),
    ("ls -la *", Look),
    ("ls -ld *", Look),
    ("ntcli * --help", Look),
    ("ntcli --help", Look),
    ("ntcli auth status, then the same command again", Look),
    ("ntcli doctor", Look),
    ("ntcli domain show", Look),
    ("ntcli health", Look),
    ("ntcli help *", Look),
    ("ntcli man", Look),
    ("ntcli target list", Look),
    ("ntcli token list", Look),
    ("ntcli token list *", Look),
    ("ntcli token show", Look),
    ("ntcli token show *", Look),
    ("ntcli workspace list", Look),
    ("fix that, then: ntcli renew *", Act),
    ("fix that, then: ntcli target deliver", Act),
    ("fix that, then: ntcli target deliver *", Act),
    ("it was left as it is; fix it, or put it aside: mv * *.damaged", Act),
    ("mkdir -p *", Act),
    ("ntcli token show *; or keep them all: ntcli token revoke --pending --forget", Act),
    ("ntcli auth logout --all", Act),
    ("ntcli auth logout --all --force", Act),
    ("ntcli config reset --force", Act),
    ("ntcli renew *", Act),
    ("ntcli target deliver", Act),
    ("ntcli target remove *", Act),
    ("*; or, if nothing needs it any more: ntcli target remove *", Act),
    ("ntcli token create", Act),
    ("ntcli token create --expires-in 31536000", Act),
    ("ntcli token create --save", Act),
    ("ntcli token refresh", Act),
    ("ntcli token refresh --expires-in 31536000", Act),
    ("ntcli token refresh --revoke-orphans", Act),
    ("ntcli token refresh * --if-expires-within 1 --accept-scope", Act),
    ("ntcli token revoke *", Act),
    ("ntcli token revoke * --force", Act),
    ("ntcli token revoke --pending", Act),
    ("ntcli workspace delete * --force", Act),
    ("ntcli workspace select *", Act),
    ("ntcli workspace sync", Act),
    ("${EDITOR:-vi} *", Person),
    // Pasted in `faults::proof`, where there are two servers.
    ("NTCLI_API_URL=* ntcli token revoke --pending", Person),
    ("a command of a target may run ntcli token print, exec and show, *", Person),
    ("chattr -i -a *", Person),
    ("chmod go-w *", Person),
    ("deliver to a file instead: ntcli target add --help", Person),
    ("export NTCLI_*", Person),
    ("mount its folder instead of the file: *", Person),
    ("mend what it says above, then run the same command again", Person),
    ("name another file", Person),
    ("npx @nimbletools/ntcli *", Person),
    ("ntcli auth login", Person),
    ("ntcli auth logout", Person),
    ("put a fresh session token into *", Person),
    ("unset NTCLI_*, or put a fresh session token into it", Person),
    ("ntcli auth login *", Person),
    ("ntcli workspace create <name>", Person),
    ("ntcli workspace select <name>, and ntcli workspace list", Person),
    ("pgrep -a ntcli", Person),
    ("sudo -u * ntcli, *", Person),
];

/// Whether the text is one that the pattern stands for.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let after = text.strip_prefix(before).filter(|after| !after.is_empty());
    let mut ends = after
        .into_iter()
        .flat_map(|after| after.char_indices().map(|(n, c)| &after[n + c.len_utf8()..]));
    ends.any(|end| fits(rest, end))
}

/// The hint without the workspace that it names by `-w`.
pub(crate) fn shape(hint: &str) -> String {
    match hint.split_once(" -w ") {
        Some((before, after)) => {
            let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
            format!("{before} {rest}").trim_end().to_owned()
        }
        None => hint.to_owned(),
    }
}

/// Holds every hint of a run against the table.
#[track_caller]
pub(crate) fn are_known(output: &Output) {
    for hint in output.stderr.lines().filter_map(|line| Some(line.split_once("Hint: ")?.1)) {
        let is_known = HINTS.iter().any(|(pattern, _)| fits(pattern, &shape(hint)));
        assert!(is_known, "a new hint, which harness::hints does not list: {hint}: {output}");
    }
}
