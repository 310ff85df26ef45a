//! One file per command: options in, report out.

mod app;
mod auth;
mod check;
mod config;
mod doctor;
mod domain;
mod health;
pub(crate) mod interrupt;
mod prompt;
mod setup;
mod target;
mod tell;
mod token;
mod workspace;

use crate::cli::{
    AuthCommand, Command, ConfigCommand, DomainCommand, Invocation, TargetCommand, TokenCommand,
    WorkspaceCommand,
};
use crate::context::Context;
use crate::error::Result;
use crate::output::{Report, Shows};

/// Runs a command.
///
/// # Errors
/// The error of the command.
pub(crate) fn run(ctx: &Context, invocation: &Invocation) -> Result<Report> {
    match &invocation.command {
        Command::Token(token) => match &token.command {
            TokenCommand::Refresh(args) => token::refresh::run(ctx, args),
            TokenCommand::Create(args) => token::create::run(ctx, args),
            TokenCommand::Show(args) => token::show::run(ctx, args),
            TokenCommand::Print(args) => token::print::run(ctx, args),
            TokenCommand::Exec(args) => token::exec::run(ctx, args, &invocation.program),
            TokenCommand::List(args) => token::list::run(ctx, args),
            TokenCommand::NeedsRefresh(args) => token::needs_refresh::run(ctx, args),
            TokenCommand::Revoke(args) => token::revoke::run(ctx, args),
            TokenCommand::Rollback(args) => token::rollback::run(ctx, args),
            TokenCommand::History(args) => token::history::run(ctx, args),
        },
        Command::Target(target) => match &target.command {
            TargetCommand::Add(args) => target::add::run(ctx, args),
            TargetCommand::List(_) => target::list(ctx),
            TargetCommand::Remove(args) => target::remove(ctx, args),
            TargetCommand::Deliver(args) => target::deliver::run(ctx, args),
            TargetCommand::Check(_) => target::check::run(ctx),
        },
        Command::Auth(auth) => match &auth.command {
            AuthCommand::Login(args) => auth::login(ctx, args),
            AuthCommand::Signup(args) => auth::signup(ctx, args),
            AuthCommand::Status(_) => auth::status(ctx),
            AuthCommand::Logout(args) => auth::logout(ctx, args),
        },
        Command::Workspace(workspace) => match &workspace.command {
            WorkspaceCommand::List(_) => workspace::list::run(ctx),
            WorkspaceCommand::Select(args) => workspace::select::run(ctx, args.name.as_deref()),
            WorkspaceCommand::Switch(args) => workspace::select::run(ctx, Some(&args.name)),
            WorkspaceCommand::Create(args) => workspace::create::run(ctx, args),
            WorkspaceCommand::Delete(args) => workspace::delete::run(ctx, args),
            WorkspaceCommand::Current(_) => workspace::select::current(ctx),
            WorkspaceCommand::Clear(_) => workspace::select::clear(ctx),
            WorkspaceCommand::Sync(_) => workspace::sync::run(ctx),
        },
        Command::Domain(domain) => match &domain.command {
            DomainCommand::Set(args) => domain::set(ctx, args, invocation.verbose),
            DomainCommand::Show(_) => domain::show(ctx, invocation.verbose),
        },
        Command::Config(config) => match &config.command {
            ConfigCommand::Show(_) => config::show::run(ctx),
            ConfigCommand::Path(_) => config::path(ctx),
            ConfigCommand::Reset(args) => config::reset::run(ctx, args),
        },
        Command::Check(args) => Ok(check::run(ctx, args, invocation.format)),
        Command::Doctor(args) => doctor::run(ctx, args),
        Command::Health(_) => health::run(ctx),
        Command::Completions(args) => setup::completions(ctx, args),
        Command::Man(_) => Ok(setup::man()),
    }
}

/// Tells monitoring how a refresh ended.
pub(crate) fn record_run(ctx: &Context, command: &Command, succeeded: &[String], exit_code: u8) {
    if let Command::Token(token) = command
        && let TokenCommand::Refresh(args) = &token.command
    {
        token::refresh::record_run(ctx, args, succeeded, exit_code);
    }
}

/// What is printed of a command's result for those who want quiet: what was asked for by name, or
/// the change, or nothing, where the exit code says it.
pub(crate) fn when_quiet(command: &Command) -> Shows {
    use Command::{
        Check, Completions, Config, Doctor, Domain, Health, Man, Target, Token, Workspace,
    };
    match command {
        Token(token) => match token.command {
            TokenCommand::Print(_) | TokenCommand::Create(_) | TokenCommand::Exec(_) => {
                Shows::Whole
            }
            TokenCommand::Refresh(_) | TokenCommand::Revoke(_) | TokenCommand::Rollback(_) => {
                Shows::Change
            }
            _ => Shows::Nothing,
        },
        Target(target) => match target.command {
            TargetCommand::List(_) | TargetCommand::Check(_) => Shows::Nothing,
            _ => Shows::Change,
        },
        Command::Auth(auth) => match auth.command {
            AuthCommand::Status(_) => Shows::Nothing,
            _ => Shows::Change,
        },
        Workspace(workspace) => match workspace.command {
            WorkspaceCommand::List(_) => Shows::Nothing,
            WorkspaceCommand::Current(_) => Shows::Whole,
            _ => Shows::Change,
        },
        Domain(domain) => match domain.command {
            DomainCommand::Show(_) => Shows::Nothing,
            DomainCommand::Set(_) => Shows::Change,
        },
        Config(config) => match config.command {
            ConfigCommand::Reset(_) => Shows::Change,
            ConfigCommand::Path(_) => Shows::Whole,
            ConfigCommand::Show(_) => Shows::Nothing,
        },
        Health(_) | Doctor(_) => Shows::Nothing,
        Check(_) | Completions(_) | Man(_) => Shows::Whole,
    }
}
