//! How records stand in the journal.

use super::Record;
use super::journal::{About, AboutRequest, AboutToken, Origin, Orphan, PendingRevocation};
use crate::error::{Error, Result};
use crate::form::{Form, Reader, Writer, form, variant};
use crate::json::Json;

/// The names of the records that hold a struct, and of those with fields of their own.
macro_rules! records {
    (
        $($kind:literal $held:ident,)*;
        $($own_kind:literal $own:ident { $($field:ident: $how:ident $name:literal,)* })*
    ) => {
        impl Form for Record {
            fn write(&self) -> Json {
                match self {
                    $(Self::$held(held) => Json::of([($kind, held.write())]),)*
                    $(Self::$own { $($field,)* } => {
                        let mut object = Writer::default();
                        $(object.$how($name, $field);)*
                        Json::of([($own_kind, object.object())])
                    })*
                }
            }

            fn read(json: &Json) -> Option<Self> {
                let (kind, held) = variant(json)?;
                let mut object = Reader::of(held);
                let record = match kind {
                    $($kind => return Form::read(held).map(Self::$held),)*
                    $($own_kind => Self::$own { $($field: object.$how($name)?,)* },)*
                    _ => return None,
                };
                object.is_at_end().then_some(record)
            }
        }
    };
}

records! {
    "searched" Searched,
    "closed" Closed,
    "unconfirmed" Unconfirmed,
    "promoted" Promoted,
    "handed_over" Delivered,
    "turned_back" TurnedBack,
    "done" Done,
    "owed" PendingRevocation,
    "orphan" Orphan,
    "gone" Gone,
    "withdrawn" Withdrawn,
    "dismissed" Dismissed,
    "forgotten" Forgotten,
    ;
    "creating" Creating {
        workspace: must "place",
        at: must "at",
        until: must "until",
        boot: may "boot",
        expiry: may "expiry",
        to_hand_out: may "to_hand_out",
    }
    "ended" Ended {
        workspace: must "workspace", server: may "server", at: must "at", until: must "until",
    }
    "unanswered" Unanswered { workspace: must "workspace", at: must "at", }
    "created" Created {
        workspace: must "place",
        at: must "at",
        token: must "token",
        old: must "old",
        deliver: must "hand_over",
        grace_s: must "grace_s",
        keep_old: may "keep_old",
        rollback: may "rollback",
    }
    "delivering" Delivering {
        workspace: must "workspace", server: may "server", attempt: must "attempt", process: may "process",
    }
    "delivered_to" DeliveredTo {
        workspace: must "workspace", server: may "server", target: must "target",
    }
    "handing_out" HandingOut { workspace: must "place", at: must "at", jti: must "jti", }
    "creating_workspace" CreatingWorkspace {
        name: must "name",
        server: may "server",
        at: must "at",
        until: must "until",
        boot: may "boot",
    }
}

form! {
    About closed { workspace: must "workspace", server: may "server", }
    AboutRequest closed { workspace: must "workspace", server: may "server", at: must "at", }
    AboutToken closed { workspace: must "workspace", server: may "server", jti: must "jti", }
    PendingRevocation open {
        workspace: must "place",
        jti: must "jti",
        not_before: must "not_before",
        grace_s: may "grace_s",
        successor: may "successor",
        since: may "since",
        boot: may "boot",
        is_new: may "is_new",
        by_hand: may "by_hand",
        token: may "token",
        own_targets: may "own_targets",
    }
    Orphan open {
        workspace: must "place", jti: must "jti", created_at: must "born", origin: must "origin",
    }
}

/// Older versions did not write it.
impl Form for Origin {
    fn write(&self) -> Json {
        Json::text(match self {
            Self::Maybe => "maybe",
            Self::Match => "match",
            Self::HandedOut => "handed_out",
            Self::Superseded => "superseded",
        })
    }

    fn read(json: &Json) -> Option<Self> {
        let all = [Self::Maybe, Self::Match, Self::HandedOut, Self::Superseded];
        let absent = json.is_null().then(Self::default);
        absent.or_else(|| all.into_iter().find(|origin| origin.write() == *json))
    }
}

/// The record on a line of a journal.
pub(super) fn record(line: &[u8]) -> Option<Record> {
    Record::read(&Json::without_repeats(line)?)
}

/// Formats records as the lines of a journal.
///
/// # Errors
/// None in practice: a record always has a JSON form.
pub(crate) fn lines(records: &[Record]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, &record.write()).map_err(|e| {
            let path = std::path::Path::new("a journal record");
            Error::write_file("lay out", path, &e.into())
        })?;
        lines.push(b'\n');
    }
    Ok(lines)
}
