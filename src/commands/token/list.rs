//! `ntcli token list`

use std::collections::BTreeSet;

use crate::api::RemoteToken;
use crate::cli::TokenList;
use crate::commands::prelude::*;
use crate::config::Workspace;
use crate::config_dir::history::{self, Line};
use crate::output::moment;
use crate::output::table::{self, Table};
use crate::text::set_of;
use crate::time::Timestamp;
use crate::token::TokenExpiry;

struct Row {
    jti: String,
    created_at: Option<Timestamp>,
    expiry: TokenExpiry,
    current: bool,
    status: &'static str,
}

/// Lists the tokens of a workspace.
pub(crate) fn run(app: &App, args: &TokenList) -> Result<Report> {
    let config = app.config()?;
    let api = app.api(&config, As::User)?;
    let mut workspace = app.workspace_or_id(&config, args.workspace.as_deref())?;
    let listed = api.tokens(&workspace.id);
    let (listed, whole) =
        listed.map_err(|failure| Error::token_call("list the tokens", failure))?;
    if let Some(maker) = workspace.token.as_ref().and_then(|t| app.other_maker(&api, t)) {
        let maker = printable(&maker);
        app.console().warn(&format!("The current token is none of these: {maker} made it."));
        workspace.token = None;
    }
    let past = history::read(&app.paths.history)?;

    let known = known(&workspace, &past);
    let mut rows: Vec<Row> = listed.into_iter().map(|token| listed_row(token, &known)).collect();
    if !whole {
        app.console().warn("The server lists only some of the tokens.");
    } else if workspace.token.as_ref().is_some_and(|token| token.jti.is_some())
        && !rows.iter().any(|row| row.current && row.status != "revoked")
    {
        app.console()
            .warn("The current token is not among the live ones: ntcli token show --check");
    }
    if args.show_expired {
        // The server lists live tokens only: those that have ended are the ones that we remember.
        let revoked = past.iter().filter(|l| l.event == "revoked").filter_map(|l| l.jti.as_deref());
        let mut seen: BTreeSet<String> = rows.iter().map(|row| row.jti.clone()).collect();
        let (mut is_new, revoked) = (|jti: &str| seen.insert(jti.to_owned()), set_of(revoked));
        rows.extend(known.into_iter().filter(|row| {
            let has_ended = row.expiry.at().is_some_and(|end| end <= app.now());
            let is_revoked = !row.current && revoked.contains(row.jti.as_str());
            has_ended && !is_revoked && is_new(&row.jti)
        }));
    }
    rows.sort_by_key(|row| row.created_at.map(Timestamp::millis));
    if rows.is_empty() {
        let name = printable(&workspace.name);
        app.console().note(&format!("'{name}' has no tokens."));
    }
    // A token that is not active must not look like one.
    let with_status = args.show_expired || rows.iter().any(|row| row.status != "active");
    let shown = if with_status { 5 } else { 4 };
    let mut table = Table::new(&["JTI", "Created", "Expires", "Current", "Status"][..shown]);
    let mut tokens = Vec::with_capacity(rows.len());
    for row in rows {
        let (created, expires) = (moment(row.created_at), row.expiry.for_people());
        let current = table::mark(row.current, app.ctx);
        table.row(&[&row.jti, &created, &expires, current, row.status][..shown]);
        tokens.push(Json::of([
            ("jti", row.jti.into()),
            ("created_at", row.created_at.into()),
            ("expires_at", row.expiry.at().into()),
            ("never_expires", (row.expiry == TokenExpiry::Never).into()),
            ("current", row.current.into()),
            ("status", row.status.into()),
        ]));
    }
    let local = app::workspace_ref(&workspace, "");
    let json =
        Json::of([("workspace", app::json_workspace(&local)), ("tokens", Json::Array(tokens))]);
    Ok(Report::new(table.render(), json))
}

/// What is known here of the tokens of a workspace: of the current one first, then of those that were made.
fn known(workspace: &Workspace, past: &[Line]) -> Vec<Row> {
    let row = |jti: &Option<String>, created_at, expiry, current| {
        let jti = jti.clone().unwrap_or_default();
        Row { jti, created_at, expiry, current, status: "expired" }
    };
    let token = workspace.token.iter();
    let current = token.map(|token| row(&token.jti, token.created_at(), token.expiry, true));
    let births = past.iter().filter(|l| l.workspace_id == workspace.id && l.is_birth());
    let noted = births.map(|line| {
        let expiry = line.ends().map_or(TokenExpiry::Unknown, TokenExpiry::At);
        row(&line.jti, Timestamp::parse_rfc3339(&line.at), expiry, false)
    });
    current.chain(noted).collect()
}

/// A token that the server lists. Where its list does not say when it ends, we may know.
fn listed_row(RemoteToken { token, revoked }: RemoteToken, known: &[Row]) -> Row {
    let ours = known.iter().find(|row| row.jti == token.jti);
    let expiry = match token.expiry {
        TokenExpiry::Unknown => ours.map_or(TokenExpiry::Unknown, |row| row.expiry),
        told => told,
    };
    Row {
        created_at: token.created_at,
        current: ours.is_some_and(|row| row.current),
        status: if revoked { "revoked" } else { "active" },
        expiry,
        jti: token.jti,
    }
}
