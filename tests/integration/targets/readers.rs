//! Env files as their readers read them: sh, bash, systemd, node, dotenv for node and for python, docker.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{add, read};
use crate::harness::skip::skipped;
use crate::harness::world::World;

const OLD: &str = "old-value";

/// The file, and whether it is an env file in which T can be set.
const FILES: [(&str, bool); 60] = [
    ("", true),
    ("A=1", true),
    ("T=old-value\n", true),
    ("T=old-value", true),
    ("T=\n", true),
    ("T=\"\"\nA=1\n", true),
    ("# a\n\nA=1\nT=old-value\nB=2\n", true),
    ("export T=old-value\n", true),
    ("export A=1\nexport B='2'\n", true),
    ("  T=old-value\n", true),
    ("T='old-value'\nA=\"x y\"\n", true),
    ("T=\"old-value\" # note\nA=1\n", true),
    ("T=old-value # note\nA=1\n", true),
    ("T=old-value  \nA=1\n", true),
    ("T = old-value\nA = 1\n", true),
    ("T = 'old-value'\n", true),
    ("A=1\r\nT=old-value\r\nB=2\r\n", true),
    ("A=1\r\nB=2\r\n", true),
    ("A=\"x\ny\"\nT=old-value\nB=1\n", true),
    ("K='-----BEGIN\nab+/cd\n-----END'\nT='old-value'\n", true),
    ("A='it is \"x\"'\nT=old-value\n", true),
    ("A=it's\nT=old-value\n", true),
    ("# it's\nT=old-value\n", true),
    ("; a\nT=old-value\n", true),
    ("A=x\\\ny\nT=old-value\n", true),
    ("A=$HOME\nB=${T}\nT=old-value\n", true),
    ("T=old-value\nB=1\nT=old-value\n", true),
    ("HOME\nA=1\nT=old-value\n", true),
    ("TT=1\nXT=2\n# T=3\n", true),
    ("A=\u{e9}\nT=old-value\n", true),
    ("a.b=c\nT=old-value\n", true),
    ("A={\"a\": 1}\nT=old-value\n", true),
    ("A = \"x\"\nT = \"old-value\"\n", true),
    // Not every reader would see that change, or no other.
    ("T=old-value; export T\n", false),
    ("T=old-value && A=1\n", false),
    ("T=old-value A=1\n", false),
    ("T='old-value''x'\n", false),
    ("T=\"old-value\nmore\"\n", false),
    ("A=\"x\nT=old-value\n\"\n", false),
    ("A= \"x\n", false),
    ("A=\"x\" \"y\n", false),
    ("A=1\\\n", false),
    ("# a\\\n", false),
    ("A=`x\nT=old-value\n`\n", false),
    ("\u{feff}T=old-value\n", false),
    ("T\0=\0o\0\n\0", false),
    ("A=1\rT=old-value\r", false),
    ("{\"T\": \"old-value\"}\n", false),
    ("{\n  \"T\": 1\n}\n", false),
    ("T: old-value\n", false),
    ("[a]\nT = old-value\n", false),
    ("[Service]\nEnvironment=T=old-value\n", false),
    ("name = \"x\"\nlist = [1, 2]\nT = \"old-value\"\n", false),
    ("T = \"old-value\"\nt = { a = 1 }\n", false),
    ("T = \"old-value\"\nt = \"\"\"\nx\n\"\"\"\n", false),
    ("a = 1\nb = true\n", false),
    ("a.b = c\n", false),
    ("a.b: c\nT=old-value\n", false),
    ("! note\nT=old-value\n", false),
    ("#!/bin/sh\nset -e\nT=old-value\n", false),
];

type Variables = BTreeMap<String, String>;
/// Reads files; `None` for one that it does not read.
type Reader = Box<dyn Fn(&[PathBuf]) -> Vec<Option<Variables>>>;

fn one_by_one(read: impl Fn(&Path) -> Option<Variables> + 'static) -> Reader {
    Box::new(move |files| files.iter().map(|file| read(file)).collect())
}

/// Names and values that a program prints with a NUL after each.
fn variables(mut command: Command) -> Option<Variables> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pairs = text.split_terminator('\0').map(|pair| pair.split_once('=').unwrap());
    let those = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let own = ["PWD", "OLDPWD", "SHLVL", "_", "HOME"];
    let those = those.filter(|(name, _)| !own.contains(&name.as_str())).collect();
    output.status.success().then_some(those)
}

fn shell(name: &'static str) -> Option<Reader> {
    Command::new(name).args(["-c", ":"]).output().ok()?;
    Some(one_by_one(move |file| {
        let script = "set -ae; . \"$0\" 2>/dev/null; exec /usr/bin/env -0";
        let mut command = Command::new(name);
        command.args(["-c", script]).arg(file).env_clear().env("HOME", "/h").stderr(Stdio::null());
        variables(command)
    }))
}

/// The parser of `EnvironmentFile=` also reads `environment.d`, for which no service has to run.
fn systemd(scratch: PathBuf) -> Option<Reader> {
    let generators = Path::new("/usr/lib/systemd/user-environment-generators");
    let program = generators.join("30-systemd-environment-d-generator");
    if !program.exists() {
        return None;
    }
    Some(one_by_one(move |file| {
        let folder = scratch.join("environment.d");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(file, folder.join("a.conf")).unwrap();
        let mut command = Command::new(&program);
        command
            .env_clear()
            .env("XDG_CONFIG_HOME", &scratch)
            .env("HOME", "/h")
            .stderr(Stdio::null());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // What a shell takes back. A value with newlines goes on in the next lines.
        let mut script = text.lines().fold(String::new(), |script, line| script + line + "\n");
        script.insert_str(0, "set -a\n");
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{script}exec /usr/bin/env -0")]).env_clear();
        variables(shell)
    }))
}

/// A program that gets files as arguments and prints a list in JSON: an object for each, or null. Its packages
/// are found by `NODE_PATH` and `PYTHONPATH`.
fn by_program(program: &'static str, flag: &'static str, script: &'static str) -> Option<Reader> {
    let run = move |files: &[PathBuf]| {
        let mut command = Command::new(program);
        command.args([flag, script]).args(files).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        serde_json::from_slice::<Vec<Option<BTreeMap<String, Option<String>>>>>(&output.stdout).ok()
    };
    run(&[])?;
    Some(Box::new(move |files| {
        let read = run(files).expect("a list");
        let given = |one: BTreeMap<String, Option<String>>| {
            one.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        };
        read.into_iter().map(|one| one.map(given)).collect()
    }))
}

const NODE: &str = "const {parseEnv} = require('node:util'), fs = require('fs'); \
    console.log(JSON.stringify(process.argv.slice(1).map(f => parseEnv(fs.readFileSync(f, 'utf8')))))";
const NODE_DOTENV: &str = "const d = require('dotenv'), fs = require('fs'); \
    console.log(JSON.stringify(process.argv.slice(1).map(f => d.parse(fs.readFileSync(f)))))";
const PYTHON_DOTENV: &str = "
import sys, json, logging, dotenv
logging.disable(logging.CRITICAL)
def read(f):
    try:
        return dict(dotenv.dotenv_values(f, interpolate=False))
    except UnicodeDecodeError:
        return None
print(json.dumps([read(f) for f in sys.argv[1:]]))";

/// By its documented rules: a line is a variable, quotes and comments at its end are parts of it.
fn docker(file: &Path) -> Option<Variables> {
    let text = fs::read_to_string(file).ok()?;
    let mut those = Variables::new();
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim_start) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        if line.contains('=') {
            those.insert(name.to_owned(), value.to_owned());
        }
    }
    Some(those)
}

fn readers(world: &World) -> Vec<(&'static str, Reader)> {
    let scratch = world.outside("scratch");
    let all = [
        ("sh", shell("sh")),
        ("bash", shell("bash")),
        ("systemd", systemd(scratch)),
        ("node", by_program("node", "-e", NODE)),
        ("dotenv of node", by_program("node", "-e", NODE_DOTENV)),
        ("dotenv of python", by_program("python3", "-c", PYTHON_DOTENV)),
        ("docker", Some(one_by_one(docker))),
    ];
    let here = all.into_iter().filter_map(|(name, reader)| {
        if reader.is_none() {
            skipped(&format!("{name} is not here to read env files"));
        }
        Some((name, reader?))
    });
    here.collect()
}

#[test]
fn each_reader_reads_the_new_token_and_all_else_as_before() {
    let (world, prod) = World::ready();
    let readers = readers(&world);
    let file = |n: usize| format!("{n}.env");
    let good: Vec<usize> = (0..FILES.len()).filter(|n| FILES[*n].1).collect();
    for (n, (text, is_good)) in FILES.iter().enumerate() {
        fs::write(world.outside(&file(n)), text).unwrap();
        let output = add(&world, &["--env", &format!("T={}", file(n))]);
        output.exits(if *is_good { 0 } else { 2 });
    }
    // Beside the files: what each reader reads where they are as they were.
    let copies: Vec<PathBuf> = good.iter().map(|n| world.outside(&format!("{n}.before"))).collect();
    for (n, copy) in good.iter().zip(&copies) {
        fs::write(copy, FILES[*n].0).unwrap();
    }
    let paths: Vec<PathBuf> = good.iter().map(|n| world.outside(&file(*n))).collect();
    let before: Vec<_> = readers.iter().map(|(_, read)| read(&copies)).collect();
    let mut seen = 0;
    for _ in 0..2 {
        world.refresh(&[]).exits(0);
        let token = world.current(&prod);
        for ((name, reader), before) in readers.iter().zip(&before) {
            for ((n, before), after) in good.iter().zip(before).zip(reader(&paths)) {
                let what = || format!("{name}, {:?}: {before:?}, {after:?}", FILES[*n].0);
                let Some(mut before) = before.clone() else {
                    continue; // this reader cannot read such a file
                };
                let after = after.as_ref().unwrap_or_else(|| panic!("{}", what()));
                let had = before.get("T").cloned();
                if had.is_none() && FILES[*n].0.contains(OLD) {
                    continue; // it never saw the variable
                }
                let wanted = match &had {
                    Some(value) if value.contains(OLD) => value.replace(OLD, &token),
                    Some(value) if value.starts_with('#') => format!("{token} {value}"),
                    Some(value) if value == "\"\"" => format!("\"{token}\""),
                    // A shell takes the other half of a line's end for a part of every value.
                    None if name.ends_with("sh") && FILES[*n].0.contains('\r') => {
                        format!("{token}\r")
                    }
                    _ => token.clone(),
                };
                let exported = FILES[*n].0.starts_with("export ") && had.is_none();
                if after.contains_key("T") || !exported {
                    before.insert("T".to_owned(), wanted);
                }
                // What refers to T changes with it.
                let mut before_refers = before.clone();
                if FILES[*n].0.contains("${T}") {
                    let refers = before_refers.get_mut("B").unwrap();
                    *refers = refers.replace(OLD, &token);
                }
                assert_eq!(*after, before_refers, "{}", what());
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "only {seen} readings");
    let token = world.current(&prod);
    for (n, (text, is_good)) in FILES.iter().enumerate() {
        let now = fs::read(world.outside(&file(n))).unwrap();
        match (*is_good, text.contains(OLD)) {
            (false, _) => assert_eq!(now, text.as_bytes()),
            (true, true) => assert_eq!(read(&world, &file(n)), text.replace(OLD, &token)),
            (true, false) => {
                let rest = read(&world, &file(n)).replace(&token, "");
                assert!(
                    rest.starts_with(text.trim_end()) && rest.len() < text.len() + 12,
                    "{rest}"
                );
            }
        }
    }
    world.ntcli(&["target", "check"]).run().exits(0);
}
