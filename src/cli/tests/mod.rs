//! Command lines and their results.

mod accepted;
mod hostile;
mod pages;
mod papers;
mod refused;

use std::ffi::OsString;

use super::*;

fn args(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// Splits at spaces; `''` is an empty argument.
fn typed(line: &str) -> Vec<OsString> {
    let word = |w: &str| OsString::from(if w == "''" { "" } else { w });
    line.split_whitespace().map(word).collect()
}

#[track_caller]
fn run(line: &str) -> Ntcli {
    match parse(typed(line)) {
        Ok(Parsed::Run(ntcli, _)) => ntcli,
        other => panic!("{line}: {other:?}"),
    }
}

#[track_caller]
fn shown(line: &str) -> String {
    match parse(typed(line)) {
        Ok(Parsed::Show(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[track_caller]
fn refused(line: &str) -> UsageError {
    match parse(typed(line)) {
        Err(error) => error,
        other => panic!("{line}: {other:?}"),
    }
}

#[allow(clippy::unnecessary_wraps)] // reads better in tables
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The words that the front page lists under that heading, with their meanings.
fn listed(heading: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let entries = help::part(heading).lines().filter_map(|line| line.trim_start().split_once("  "));
    entries.map(|(word, meaning)| (word, meaning.trim_start()))
}
