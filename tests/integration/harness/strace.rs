//! The system calls of a refresh, one by one: which there are, and what to do at one of them.

use std::ffi::OsStr;
use std::fs;

use crate::harness::world::{Run, World, has_tool};

/// One system call of a run: the `nth` of its name.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) nth: usize,
    /// Its arguments and what came of it, as strace shows them.
    pub(crate) line: String,
}

impl Call {
    /// On the disk, on the server or in another process.
    pub(crate) fn changes_something(&self) -> bool {
        let changing = [
            "open", "write", "send", "sync", "rename", "unlink", "mkdir", "truncate", "chown",
            "chmod", "clone", "fork", "wait", "close", "flock",
        ];
        changing.iter().any(|name| self.name.contains(name))
    }

    /// The run with `what` happening as it enters this call; with `when` `+` at every later one
    /// of its name too.
    pub(crate) fn inject<'a>(
        &self,
        run: Run<'a>,
        world: &World,
        what: &str,
        when: &str,
    ) -> Run<'a> {
        let Call { name, nth, .. } = self;
        let (trace, inject) = (
            format!("trace={name}"),
            format!("inject={name}:{what}:when={nth}{when}"),
        );
        let options = ["-e", &trace, "-e", &inject];
        run.strace(&world.outside("strace"), &options)
    }
}

/// `false` only if whoever runs the tests has said that it may be missing.
pub(crate) fn is_available() -> bool {
    has_tool("strace", "-V", "NTCLI_TEST_WITHOUT_STRACE")
}

/// The calls of a run that nothing disturbs, without the one that starts it.
pub(crate) fn calls_of(world: &World, args: &[impl AsRef<OsStr>]) -> Vec<Call> {
    let log = world.outside("strace");
    // Descriptors with their paths, and no text shortened.
    let options = ["-y", "-s", "4096"];
    world.ntcli(args).strace(&log, &options).run().exits(0);
    let log = fs::read_to_string(log).unwrap();
    let mut calls = Vec::<Call>::new();
    for line in log.lines() {
        let Some((name, _)) = line.split_once('(').filter(|_| !line.starts_with("+++")) else {
            continue;
        };
        let nth = calls.iter().filter(|call| call.name == name).count() + 1;
        calls.push(Call {
            name: name.to_owned(),
            nth,
            line: line.to_owned(),
        });
    }
    calls.retain(|call| call.name != "execve");
    assert!(calls.len() > 100, "{log}");
    calls
}
