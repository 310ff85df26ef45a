//! The system calls of a refresh, one by one: which there are, and what to do at one of them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::harness::skip::has_tool;
use crate::harness::world::{Output, Run, World};

/// One system call of a run: the `nth` of its name.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) nth: usize,
    /// Its arguments and its result, as strace shows them.
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
        let (trace, inject) =
            (format!("trace={name}"), format!("inject={name}:{what}:when={nth}{when}"));
        let options = ["-e", &trace, "-e", &inject];
        run.strace(&world.outside("strace"), &options)
    }
}

pub(crate) fn is_available() -> bool {
    has_tool("strace", "-V")
}

/// The calls of a run that nothing disturbs, without the one that starts it.
pub(crate) fn calls_of(world: &World, args: &[impl AsRef<OsStr>]) -> Vec<Call> {
    let log = world.outside("strace");
    // Descriptors with their paths, and no text shortened.
    let options = ["-y", "-s", "4096"];
    let run = world.ntcli(args).strace(&log, &options);
    run.prints_secrets().run().exits(0);
    let log = fs::read_to_string(log).unwrap();
    let mut calls = Vec::<Call>::new();
    for line in log.lines() {
        let Some((name, _)) = line.split_once('(').filter(|_| !line.starts_with("+++")) else {
            continue;
        };
        let nth = calls.iter().filter(|call| call.name == name).count() + 1;
        calls.push(Call { name: name.to_owned(), nth, line: line.to_owned() });
    }
    calls.retain(|call| call.name != "execve");
    assert!(calls.len() > 100, "{log}");
    calls
}

/// What changes files, prints, or sends.
const EFFECTS: &str = "trace=?open,openat,?openat2,close,write,pwrite64,sendto,fsync,fdatasync,ftruncate,mkdir,mkdirat,\
                       unlink,unlinkat,rename,renameat,renameat2";

/// A system call that did not fail, to the byte.
pub(crate) struct Traced {
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) result: usize,
}

impl Traced {
    /// The calls of a run that write, send or change names.
    #[track_caller]
    pub(crate) fn run(run: Run, log: &Path) -> (Output, Vec<Self>) {
        let options = ["-xx", "-s", "1000000", "-e", EFFECTS];
        let output = run.strace(log, &options).run();
        let log = fs::read_to_string(log).unwrap();
        (output, log.lines().filter_map(Self::of).collect())
    }

    /// From `NAME(ARGUMENT, ARGUMENT) = RESULT`; texts are in hexadecimal, so they hold none of these.
    fn of(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once('(')?;
        let (args, result) = rest.rsplit_once(" = ")?;
        let args = args.trim_end().strip_suffix(')')?;
        let mut args: Vec<_> = args.split(", ").map(str::to_owned).collect();
        let mut name = name.to_owned();
        if name == "open" {
            // musl's way to say the same.
            "openat".clone_into(&mut name);
            args.insert(0, "AT_FDCWD".to_owned());
        }
        Some(Traced { name, args, result: result.parse().ok()? })
    }

    pub(crate) fn number(&self, n: usize) -> usize {
        self.args[n].parse().expect("a number")
    }

    /// The arguments that are texts; every file of the tests is one.
    pub(crate) fn texts(&self) -> Vec<String> {
        let quoted = self.args.iter().filter_map(|arg| arg.strip_prefix('"'));
        let text = |arg: &str| {
            let digits = arg.strip_suffix('"').expect("a whole text");
            let bytes = digits.split("\\x").skip(1);
            let bytes = bytes.map(|byte| u8::from_str_radix(byte, 16).expect("two digits"));
            String::from_utf8(bytes.collect()).expect("no other bytes")
        };
        quoted.map(text).collect()
    }
}
