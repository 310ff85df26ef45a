//! The completions in their shells, and the manual page in its viewer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::skip::has_tool;
use crate::harness::world::World;

/// What the program prints, in a file.
fn printed(world: &World, args: &[&str]) -> PathBuf {
    let file = world.outside(args.last().unwrap());
    let output = world.ntcli(args).run();
    output.exits(0).says_only("");
    fs::write(&file, &output.stdout).unwrap();
    file
}

/// A program that finds `ntcli`, and a home of the test's: fish writes into whichever it finds.
fn away_from_home(program: &str, world: &World) -> Command {
    let path = format!("{}:/usr/bin:/bin", world.program.parent().unwrap().display());
    let mut command = Command::new(program);
    command.env_clear().env("PATH", path).env("HOME", world.outside("home"));
    command
}

fn read_by(program: &str, args: &[&str], file: &Path, world: &World) -> Output {
    away_from_home(program, world).args(args).arg(file).output().unwrap()
}

/// What bash offers for the last of these words, with nothing of the system's completions.
fn offered(world: &World, script: &Path, words: &[&str]) -> Vec<String> {
    let run = "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _ntcli; \
               printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = away_from_home("bash", world);
    bash.env("NTCLI_CONFIG_DIR", &world.dir);
    let output = bash.args(["--norc", "--noprofile", "-c", run]).arg(script).args(words).output();
    let output = output.expect("bash");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let offered = text.lines().filter(|line| !line.is_empty());
    offered.map(str::to_owned).collect()
}

#[test]
fn bash_completes() {
    let world = World::new();
    let script = printed(&world, &["completions", "bash"]);
    let file = world.outside("token file");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    for (words, offers) in [
        (&["ntcli", "to"][..], &["token"][..]),
        (&["ntcli", "w"], &["workspace", "ws"]),
        (&["ntcli", "he"], &["health", "help"]),
        (&["ntcli", "help", "ex"], &["exit-codes"]),
        (&["ntcli", "help", "tok"], &["token"]),
        (&["ntcli", "token", "re"], &["refresh", "revoke"]),
        (&["ntcli", "--debug", "token", "ref"], &["refresh"]),
        (&["ntcli", "ws", "l"], &["list", "ls"]),
        (&["ntcli", "ws", "rm", "--fo"], &["--format", "--force"]),
        (&["ntcli", "token", "show", "--show"], &["--show-token"]),
        (&["ntcli", "token", "show", "--format", ""], &["text", "json"]),
        (&["ntcli", "token", "show", "--format", "=", "j"], &["json"]),
        (&["ntcli", "token", "show", "--format", "="], &["text", "json"]),
        (&["ntcli", "token", "refresh", "--expires-in", ""], &[]),
        (&["ntcli", "token", "refresh", "--token-file", &file[..file.len() - 4]], &[file]),
        (&["ntcli", "target", "add", "--env", "TOKEN", "=", &file[..file.len() - 4]], &[file]),
        (&["ntcli", "target", "add", "--env", "TOK"], &[]),
        (&["ntcli", "completions", ""], &["bash", "zsh", "fish"]),
        (&["ntcli", "auth", "status", ""], &[]),
        (&["ntcli", "nothing", "--v"], &["--version"]),
    ] {
        let mut found = offered(&world, &script, words);
        let mut offers = offers.to_vec();
        found.sort();
        offers.sort_unstable();
        assert_eq!(found, offers, "{words:?}");
    }
}

/// Names come from the local files: no server is asked, and it does not matter if there are none.
#[test]
fn bash_completes_names() {
    let (world, _) = World::ready();
    world.add_workspace("staging");
    world.ntcli(&["target", "add", "--file", "token"]).run().exits(0);
    world.refresh(&[]).exits(0);
    world.plane.clear_requests();
    let script = printed(&world, &["completions", "bash"]);
    let names = |words: &[&str]| offered(&world, &script, words);
    assert_eq!(names(&["ntcli", "token", "refresh", "-w", ""]), ["prod", "staging"]);
    assert_eq!(names(&["ntcli", "token", "refresh", "s"]), ["staging"]);
    assert_eq!(names(&["ntcli", "ws", "use", "p"]), ["prod"]);
    assert_eq!(names(&["ntcli", "target", "deliver", "1"]), ["1"]);
    assert!(names(&["ntcli", "token", "refresh", "--w"]).contains(&"--workspace".to_owned()));
    world.assert_nothing_sent();
    world.write("config.json", b"{");
    assert_eq!(names(&["ntcli", "token", "refresh", "-w", ""]), [""; 0]);
}

#[test]
fn the_other_shells_can_read_theirs() {
    let world = World::new();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = printed(&world, &["completions", shell]);
        if has_tool(shell, "--version") {
            let output = read_by(shell, &[check], &script, &world);
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        }
    }
    if !has_tool("fish", "--version") {
        return;
    }
    let script = world.outside("fish");
    let file = script.display().to_string();
    let file = file.strip_suffix("sh").unwrap();
    let ask = |line: &str| {
        let run = format!("source $argv[1]; complete -C '{line}'");
        let output = read_by("fish", &["--no-config", "-c", &run], &script, &world);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = text.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
        words.collect::<Vec<_>>()
    };
    for (line, wanted) in [
        ("ntcli token ref", &["refresh"][..]),
        ("ntcli ws use --deb", &["--debug"]),
        ("ntcli token show --format ", &["json", "text"]),
        ("ntcli token refresh --dry", &["--dry-run"]),
        ("ntcli token show --dry", &[]),
        ("ntcli hel", &["help"]),
        ("ntcli help rec", &["recovery"]),
        ("ntcli token show --format=j", &["--format=json"]),
        (&format!("ntcli target add --env TOKEN={file}"), &[&format!("TOKEN={file}sh")]),
    ] {
        assert_eq!(ask(line), wanted, "{line}");
    }
}

#[test]
fn the_manual_pages_have_no_fault() {
    let world = World::new();
    let main = world.ntcli(&["man"]).run().exits(0).stdout.clone();
    let groups =
        main.lines().filter_map(|line| line.strip_prefix(".BR ntcli\\-")?.split(' ').next());
    let pages: Vec<_> = groups.map(|name| format!("ntcli-{name}")).collect();
    assert!(pages.len() > 9, "{pages:?}");
    // mandoc tells no version, and laughs at nothing.
    let (lints, lays_out) = (has_tool("mandoc", "/dev/null"), has_tool("groff", "--version"));
    for name in pages.iter().map(String::as_str).chain(["ntcli"]) {
        let page = printed(&world, &["man", name]);
        if lints {
            let output = read_by("mandoc", &["-T", "lint", "-W", "warning"], &page, &world);
            let said = String::from_utf8_lossy(&output.stdout);
            // The page has none: builds at different times give the same.
            let faults: Vec<_> =
                said.lines().filter(|said| !said.contains("missing date")).collect();
            assert!(faults.is_empty(), "{name}: {faults:?}");
        }
        let laid_out = ["-ww", "-man", "-Tascii", "-P-cbu"];
        if !lays_out {
            continue;
        }
        let output = read_by("groff", &laid_out, &page, &world);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
        let text = String::from_utf8_lossy(&output.stdout);
        // A terminal would break it inside a word.
        assert_eq!(text.lines().find(|line| line.chars().count() > 80), None, "{name}");
        let words: Vec<_> = text.split_whitespace().collect();
        if name == "ntcli-token" {
            let option = "how long the server may take to accept the new token";
            assert!(words.join(" ").contains(option), "{text}");
        }
    }
    let unknown = world.ntcli(&["man", "ntcli-nothing"]).run();
    unknown.exits(2).prints("").says("There is no such page");
}

#[test]
fn an_unknown_shell() {
    let world = World::new();
    let output = world.ntcli(&["completions", "tcsh"]).run();
    output.exits(2).says("ntcli completions takes bash, zsh or fish").prints("");
}
