//! A run that a signal has cut short says what is left, and ends with 128 + the signal.

use crate::commands::prelude::*;
use crate::config::Paths;
use crate::config_dir;
use crate::rotation::Pending;

/// How many of the unfinished things are named.
const MOST_NAMED: usize = 3;

/// The outcome of a command, with the signal that was heeded as its error.
///
/// # Errors
/// [`Error::interrupted`], and as the command.
pub(crate) fn explain(ctx: &Context, outcome: Result<Report>) -> Result<Report> {
    let Some(signal) = ctx.clock.heeded() else {
        return outcome;
    };
    let pending = Paths::find(&ctx.env).and_then(|paths| config_dir::peek_pending(&paths));
    let left = pending.map_or_else(|error| vec![error.in_one_line()], |pending| named(&pending));
    let error = Error::interrupted(signal, &left);
    match outcome {
        Ok(report) => Ok(report.with_problem(Some(error))),
        Err(_) => Err(error),
    }
}

fn named(pending: &Pending) -> Vec<String> {
    let rotations = pending.rotations.iter().map(|r| format!("a refresh of {}", r.workspace.name));
    let requests = pending.creates.iter().map(|c| format!("a request for {}", c.workspace.name));
    let due = pending.revocations.iter().filter(|due| due.not_before.is_none());
    let revocations = due.map(|due| format!("the revocation of {}", due.jti));
    let mut all: Vec<String> = rotations.chain(requests).chain(revocations).collect();
    let more = all.len().saturating_sub(MOST_NAMED);
    all.truncate(MOST_NAMED);
    all.extend((more > 0).then(|| format!("{more} more")));
    all
}
