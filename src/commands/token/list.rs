//! `ntcli token list`

use crate::api::RemoteToken;
use crate::cli::TokenList;
use crate::commands::prelude::*;
use crate::config::Workspace;
use crate::config_dir::history::{self, Line};
use crate::output::moment;
use crate::output::table::{self, Table};
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

    let mut rows = listed_rows(listed, &workspace, &past);
    if whole {
        tell_of_current(app, &workspace, &rows);
    } else {
        app.console().warn("The server lists only some of the tokens.");
    }
    if args.show_expired {
        rows.extend(expired_rows(&rows, &workspace, &past, app.now()));
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

/// What the server lists. Where its list does not say when a token ends, we may know.
fn listed_rows(listed: Vec<RemoteToken>, workspace: &Workspace, past: &[Line]) -> Vec<Row> {
    let current = workspace.token.as_ref();
    let row = |RemoteToken { token, revoked }| {
        let ours = current.filter(|c| c.jti.as_deref() == Some(&token.jti));
        let noted = || born(past, workspace).find(|l| l.jti.as_deref() == Some(&token.jti));
        let known = || match ours {
            Some(ours) => ours.expiry,
            None => noted().and_then(Line::ends).map_or(TokenExpiry::Unknown, TokenExpiry::At),
        };
        Row {
            created_at: token.created_at,
            current: ours.is_some(),
            status: if revoked { "revoked" } else { "active" },
            expiry: if token.expiry == TokenExpiry::Unknown { known() } else { token.expiry },
            jti: token.jti,
        }
    };
    listed.into_iter().map(row).collect()
}

/// The server lists live tokens only: those that have ended are the ones that we remember.
fn expired_rows(listed: &[Row], workspace: &Workspace, past: &[Line], now: Timestamp) -> Vec<Row> {
    let row = |jti, created_at, expiry, current| Row {
        jti,
        created_at,
        expiry,
        current,
        status: "expired",
    };
    let current = workspace.token.iter().map(|token| {
        row(token.jti.clone().unwrap_or_default(), token.created_at(), token.expiry, true)
    });
    let is_revoked = |jti: &String| {
        let mut lines = past.iter();
        lines.any(|l| l.event == "revoked" && l.jti.as_ref() == Some(jti))
    };
    let noted = born(past, workspace).filter_map(|line| {
        let jti = line.jti.clone().filter(|jti| !is_revoked(jti))?;
        let born = Timestamp::parse_rfc3339(&line.at);
        Some(row(jti, born, TokenExpiry::At(line.ends()?), false))
    });
    let mut rows: Vec<Row> = Vec::new();
    for row in current.chain(noted) {
        let is_seen = listed.iter().chain(&rows).any(|other| other.jti == row.jti);
        if !is_seen && row.expiry.at().is_some_and(|end| end <= now) {
            rows.push(row);
        }
    }
    rows
}

/// The lines that tell of a new token of the workspace.
fn born<'a>(past: &'a [Line], workspace: &'a Workspace) -> impl Iterator<Item = &'a Line> {
    past.iter().filter(move |l| l.workspace_id == workspace.id && l.is_birth())
}

/// A current token that the server does not list will not work.
fn tell_of_current(app: &App, workspace: &Workspace, rows: &[Row]) {
    let Some(token) = &workspace.token else {
        return;
    };
    let Some(jti) = token.jti.as_deref().map(printable) else {
        let unknown = "The current token has no id here, so it cannot be told which of them it is.";
        return app.console().note(unknown);
    };
    let what = match rows.iter().find(|row| row.current) {
        Some(row) if row.status != "revoked" => return,
        Some(_) => "was revoked",
        None => "is not among those that the server lists: it has ended or was revoked",
    };
    app.console()
        .warn(&format!("The current token ({jti}) {what}. Get another: ntcli token refresh"));
}
