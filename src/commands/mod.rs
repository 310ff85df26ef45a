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
mod lifetimes;
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
use crate::output::{Detail, Report};
use app::App;
pub(crate) use hints::complete;

/// A command: its argument struct says what is meant, and knows how to do it.
pub(crate) trait Run {
    /// Does it.
    ///
    /// # Errors
    /// Where nothing came of it; a partial success is a report with a problem.
    fn run(&self, ctx: &Context) -> Result<Report>;

    /// What is printed with `--quiet`: what was asked for by name, the change in a line, or nothing,
    /// where the exit code says it.
    fn when_quiet(&self) -> Detail {
        Detail::Nothing
    }

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
        Command::Auth(group) => one_of!(group, AuthCommand: Login Signup Status Logout),
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

/// The commands that are a function: what they work with, their arguments, what `--quiet` leaves, and
/// the function.
macro_rules! commands {
    ($ctx:ident => $given:expr; $($args:ident: $quiet:ident, $run:expr;)+) => {
        $(impl Run for cli::$args {
            fn run(&self, $ctx: &Context) -> Result<Report> {
                ($run)($given, self)
            }

            fn when_quiet(&self) -> Detail {
                Detail::$quiet
            }
        })+
    };
}

commands! {
    ctx => ctx;
    TokenNeedsRefresh: Nothing, token::needs_refresh::run;
    Check: Whole, |ctx, args| Ok(check::run(ctx, args));
    Completions: Whole, setup::completions;
    Man: Whole, |_, args| setup::man(args);
}

commands! {
    ctx => &App::open(ctx)?;
    TokenShow: Nothing, token::show::run;
    TokenPrint: Whole, token::print::run;
    TokenExec: Whole, token::exec::run;
    TokenList: Nothing, token::list::run;
    TokenHistory: Nothing, token::history::run;
    TargetList: Nothing, |app, _| target::list(app);
    TargetCheck: Nothing, target::check::run;
    AuthStatus: Nothing, |app, _| auth::status(app);
    WorkspaceList: Nothing, |app, _| workspace::list::run(app);
    WorkspaceCurrent: Whole, |app, _| workspace::select::current(app);
    DomainShow: Nothing, |app, _| domain::show(app);
    ConfigShow: Nothing, |app, _| config::show::run(app);
    ConfigPath: Whole, |app, _| Ok(config::path(app));
    Doctor: Nothing, |app, args| Ok(doctor::run(app, args));
    Health: Nothing, |app, _| health::run(app);
}

// Those that change something.
commands! {
    ctx => &App::up_to_date(ctx)?;
    TokenCreate: Whole, token::create::run;
    TokenRevoke: Change, token::revoke::run;
    TokenRollback: Change, token::rollback::run;
    TargetAdd: Change, target::add::run;
    TargetRemove: Change, target::remove;
    TargetDeliver: Change, target::deliver::run;
    AuthLogin: Change, auth::login;
    AuthSignup: Change, auth::signup;
    AuthLogout: Change, auth::logout;
    WorkspaceSelect: Change, workspace::select::run;
    WorkspaceCreate: Change, workspace::create::run;
    WorkspaceDelete: Change, workspace::delete::run;
    WorkspaceClear: Change, |app, _| workspace::select::clear(app);
    WorkspaceSync: Change, |app, _| workspace::sync::run(app);
    DomainSet: Change, domain::set;
    ConfigReset: Change, config::reset::run;
    Policy: Change, policy::run;
}

impl Run for cli::TokenRefresh {
    fn run(&self, ctx: &Context) -> Result<Report> {
        token::refresh::run(ctx, self)
    }

    fn when_quiet(&self) -> Detail {
        Detail::Change
    }

    fn record(&self, ctx: &Context, succeeded: &[String], exit_code: u8) {
        token::refresh::record_run(ctx, self, succeeded, exit_code);
    }
}

impl Run for cli::Renew {
    fn run(&self, ctx: &Context) -> Result<Report> {
        renew::run(ctx, self)
    }

    fn when_quiet(&self) -> Detail {
        Detail::Change
    }

    fn record(&self, ctx: &Context, succeeded: &[String], exit_code: u8) {
        if !self.dry_run {
            let metrics = self.metrics.as_deref();
            token::refresh::record(ctx, &self.workspaces, metrics, succeeded, exit_code);
        }
    }
}
