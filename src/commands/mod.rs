//! One file per command: options in, report out.

mod app;
mod aside;
mod auth;
mod check;
mod config;
mod doctor;
mod domain;
mod dry_run;
mod granted;
mod health;
mod hints;
pub(crate) mod interrupt;
mod messages;
mod policy;
mod prelude;
mod prompt;
mod renew;
mod results;
mod session;
mod setup;
mod survey;
mod target;
mod token;
mod words;
mod workspace;

use crate::cli::{self, Run};
use crate::context::Context;
use crate::error::{Result, exit};
use crate::output::Report;
use app::App;
pub(crate) use hints::complete;

/// The commands that are a function: its arguments, and the function.
macro_rules! commands {
    ($ctx:ident => $given:expr, $changes:expr; $($args:ident: $run:expr;)+) => {
        $(impl Run for cli::$args {
            fn run(&self, $ctx: &Context) -> Result<Report> {
                ($run)($given, self).map(|r: Report| r.that_changed($changes))
            }
        })+
    };
}

commands! {
    ctx => ctx, false;
    TokenNeedsRefresh: token::needs_refresh::run;
    Check: |ctx, args| Ok(check::run(ctx, args));
    Completions: |ctx, args| Ok(setup::completions(ctx, args));
    Man: |_, args| setup::man(args);
}

commands! {
    ctx => &App::open(ctx)?, false;
    TokenShow: token::show::run;
    TokenPrint: token::print::run;
    TokenExec: token::exec::run;
    TokenList: token::list::run;
    TokenHistory: token::history::run;
    TargetList: |app, _| target::list(app);
    TargetCheck: target::check::run;
    AuthStatus: |app, _| auth::status(app);
    WorkspaceList: |app, _| workspace::list::run(app);
    WorkspaceCurrent: |app, _| workspace::select::current(app);
    DomainShow: |app, _| domain::show(app);
    ConfigShow: |app, _| config::show::run(app);
    ConfigPath: |app, _| Ok(config::path(app));
    Doctor: |app, args| Ok(doctor::run(app, args));
    Health: |app, _| health::run(app);
}

// Those that change something.
commands! {
    ctx => &App::up_to_date(ctx)?, true;
    TokenCreate: token::create::run;
    TokenRevoke: token::revoke::run;
    TokenRollback: token::rollback::run;
    TargetAdd: target::add::run;
    TargetRemove: target::remove;
    TargetDeliver: target::deliver::run;
    AuthLogin: auth::login;
    AuthLogout: auth::logout;
    WorkspaceSelect: workspace::select::run;
    WorkspaceCreate: workspace::create::run;
    WorkspaceDelete: workspace::delete::run;
    WorkspaceClear: |app, _| workspace::select::clear(app);
    WorkspaceSync: |app, _| workspace::sync::run(app);
    DomainSet: domain::set;
    ConfigReset: config::reset::run;
    Policy: policy::run;
}

impl Run for cli::TokenRefresh {
    fn run(&self, ctx: &Context) -> Result<Report> {
        token::refresh::run(&App::up_to_date(ctx)?, self)
    }

    fn record(&self, ctx: &Context, succeeded: &[String], exit_code: u8) {
        // A value that was mistyped is no run, wherever it was typed.
        let is_slip = exit_code == exit::USAGE && token::refresh::lifetime(ctx, self).is_err();
        if !self.dry_run && !is_slip {
            token::refresh::record(ctx, self.workspace.as_slice(), None, succeeded, exit_code);
        }
    }
}

impl Run for cli::Renew {
    fn run(&self, ctx: &Context) -> Result<Report> {
        renew::run(ctx, self)
    }

    fn record(&self, ctx: &Context, succeeded: &[String], exit_code: u8) {
        if !self.dry_run {
            let metrics = self.metrics.as_deref();
            token::refresh::record(ctx, &self.workspaces, metrics, succeeded, exit_code);
        }
    }
}
