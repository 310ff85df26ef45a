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

use crate::cli::{
    self, AuthCommand, Command, ConfigCommand, DomainCommand, TargetCommand, TokenCommand,
    WorkspaceCommand,
};
use crate::context::Context;
use crate::error::Result;
use crate::output::Report;
use app::App;
pub(crate) use hints::complete;

/// A command: its argument struct says what is meant, and knows how to do it.
pub(crate) trait Run {
    /// Does it.
    ///
    /// # Errors
    /// Where nothing came of it; a partial success is a report with a problem.
    fn run(&self, ctx: &Context) -> Result<Report>;

    /// Tells monitoring how the run ended, once its result is out. `succeeded` holds the UUIDs of the
    /// workspaces with which nothing is left to do.
    fn record(&self, _ctx: &Context, _succeeded: &[String], _exit_code: u8) {}
}

/// The command that was typed.
pub(crate) fn chosen(command: &Command) -> &dyn Run {
    macro_rules! one_of {
        ($group:expr, $kind:ident: $($name:ident)+) => {
            match &$group.command { $($kind::$name(args) => args,)+ }
        };
    }
    match command {
        Command::Token(group) => one_of!(group, TokenCommand: Refresh Create Show Print Exec List
            NeedsRefresh Revoke Rollback History),
        Command::Target(group) => one_of!(group, TargetCommand: Add List Remove Deliver Check),
        Command::Auth(group) => one_of!(group, AuthCommand: Login Status Logout),
        Command::Workspace(group) => {
            one_of!(group, WorkspaceCommand: List Select Create Delete
            Current Clear Sync)
        }
        Command::Domain(group) => one_of!(group, DomainCommand: Set Show),
        Command::Config(group) => one_of!(group, ConfigCommand: Show Path Reset),
        Command::Renew(args) => args,
        Command::Policy(args) => args,
        Command::Check(args) => args,
        Command::Doctor(args) => args,
        Command::Health(args) => args,
        Command::Completions(args) => args,
        Command::Man(args) => args,
    }
}

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
        if !self.dry_run && token::refresh::lifetime(ctx, self).is_ok() {
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
