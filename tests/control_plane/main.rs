//! The tests' control plane, for people: `make control-plane` leaves one running, `make demo` runs
//! a new user's first steps against one, `make bench` measures.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // a program of its own

mod bench;
mod certificates;
mod demo;
mod far;
mod measure;
mod server;
mod sizes;
mod timeline;
mod tls;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use server::ControlPlane;

const SESSION: &str = "demo-session";

/// What the arguments ask for.
enum Mode {
    Serve { port: u16 },
    Demo { ntcli: PathBuf },
    Bench { ntcli: PathBuf, with_symbols: PathBuf },
}

fn main() -> ExitCode {
    let Some(mode) = mode(env::args().skip(1)) else {
        eprintln!(
            "Usage: control-plane [--port N | --demo NTCLI | --bench NTCLI NTCLI_WITH_SYMBOLS]"
        );
        return ExitCode::from(2);
    };
    let port = match &mode {
        Mode::Serve { port } => *port,
        Mode::Demo { .. } | Mode::Bench { .. } => 0,
    };
    let server = match ControlPlane::start_on(port) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("Error: cannot listen on port {port}: {error}");
            return ExitCode::FAILURE;
        }
    };
    server.add_session(SESSION);
    let outcome = match mode {
        Mode::Serve { .. } => serve(&server),
        Mode::Demo { ntcli } => demo::run(&ntcli, server),
        Mode::Bench { ntcli, with_symbols } => bench::run(&ntcli, &with_symbols, server),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("Error: {what}");
            ExitCode::FAILURE
        }
    }
}

fn serve(server: &ControlPlane) -> ! {
    server.add_workspace("prod");
    server.add_workspace("staging");
    println!("export NTCLI_CONFIG_DIR=$(mktemp -d)");
    println!("export NTCLI_API_URL={}", server.base_url());
    println!("printf {SESSION} | ntcli auth login --token-stdin && ntcli workspace select prod");
    loop {
        thread::park();
    }
}

/// Any port by default; `None` if the arguments are invalid.
fn mode(mut args: impl Iterator<Item = String>) -> Option<Mode> {
    let mode = match (args.next().as_deref(), args.next()) {
        (None, _) => Mode::Serve { port: 0 },
        (Some("--port"), Some(port)) => Mode::Serve { port: port.parse().ok()? },
        (Some("--demo"), Some(ntcli)) => Mode::Demo { ntcli: ntcli.into() },
        (Some("--bench"), Some(ntcli)) => {
            Mode::Bench { ntcli: ntcli.into(), with_symbols: args.next()?.into() }
        }
        _ => return None,
    };
    args.next().is_none().then_some(mode)
}
