//! The recipes of the guide for consumers elsewhere, word for word as they stand there, against the real
//! engines where there are servers of those to install, else against stand-ins.

mod groups;
mod servers;
mod shared_engines;
mod shared_folders;
mod ssh;
mod stand_ins;
mod state;
mod two_states;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::control_plane::Route;
use crate::harness::strace;
use crate::harness::world::{Output, Workspace, World};

const GUIDE: &str = include_str!("../../../src/docs/machines.md");

/// Who keeps the token for a consumer.
trait Engine {
    /// Its heading in the guide.
    fn heading(&self) -> &'static str;
    /// The program that the recipe starts.
    fn client(&self) -> &'static str;

    fn start(&mut self);
    fn stop(&mut self);
    fn held(&self) -> String;
    /// As an older backup that is restored.
    fn put_back(&self, token: &str);
    /// What the guide calls it, and where it is here.
    fn address(&self) -> (&'static str, String);
}

/// What stands under a heading of the guide in a block of this language.
fn block(heading: &str, language: &str) -> &'static str {
    let start = format!("\n### {heading}\n");
    let (_, chapter) = GUIDE.split_once(&start).expect("a heading of the guide");
    let chapter = chapter.split("\n##").next().unwrap_or_default();
    let (_, block) = chapter.split_once(&format!("```{language}\n")).expect("a block");
    block.split("```").next().unwrap_or_default()
}

/// A world in which the guide's `ntcli` is the program under test.
fn world() -> (World, Workspace) {
    let (world, prod) = World::ready();
    symlink(&world.program, world.outside("ntcli")).unwrap();
    fs::create_dir_all(world.outside("etc/ntcli")).unwrap();
    (world, prod)
}

/// A program that is found before the system's.
fn program(world: &World, name: &str, lines: &str) {
    let path = world.outside(name);
    fs::write(
        &path,
        format!("#!/bin/sh\nset -eu\ncd '{}'\n{lines}\n", world.outside("").display()),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Pastes what the guide says.
fn add(world: &World, heading: &str, (named, here): (&str, String)) -> Output {
    let folder = world.outside("etc/ntcli");
    let script = block(heading, "sh").replace("/etc/ntcli", folder.to_str().unwrap());
    assert!(named.is_empty() || script.contains(named), "{script}");
    let script = if named.is_empty() { script } else { script.replace(named, &here) };
    world.ntcli(&[""; 0]).under(&["/bin/sh", "-c", &script]).run()
}

/// What is promised of every recipe with a `--check`.
fn keeps_its_promises(world: &World, prod: &Workspace, mut engine: impl Engine) {
    let current = || world.current(prod);
    let check = |code: i32, state: &str| {
        let output = world.ntcli(&["target", "check"]).run();
        assert!(output.exits(code).stdout.contains(state), "{output}");
    };
    engine.start();
    add(world, engine.heading(), engine.address()).exits(0);
    assert_eq!(engine.held(), current(), "delivered at once");
    check(0, "current");

    // Down: the old token lives, and the same new one is delivered as soon as that is possible.
    let old = current();
    engine.stop();
    world.refresh(&[]).exits(9);
    let new = current();
    let requests = world.count(Route::TokenCreate);
    world.ntcli(&["renew"]).run().exits(9);
    assert!(new != old && world.plane.is_live(&old), "{}", world.describe());
    engine.start();
    assert_eq!(engine.held(), old, "the engine has kept what it had");
    world.ntcli(&["renew"]).run().exits(0);
    assert_eq!((engine.held(), current()), (new.clone(), new));
    assert_eq!(world.count(Route::TokenCreate), requests, "no other token");
    world.assert_one_live_token(prod);

    // Drifted: found, and mended.
    engine.put_back("somebody-elses");
    check(1, "drifted");
    world.ntcli(&["renew"]).run().exits(0);
    assert_eq!(engine.held(), current());

    // The old value comes back during its grace: nothing is revoked before the consumer has the new one.
    let old = current();
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    assert_eq!(engine.held(), current());
    engine.put_back(&old);
    world.let_time_pass(3601);
    engine.stop();
    let output = world.ntcli(&["renew"]).run();
    assert!(matches!(output.code(), Some(8 | 9)), "{output}");
    assert!(world.plane.is_live(&old), "the consumer has it: {output}");
    engine.start();
    world.ntcli(&["renew"]).run().exits(0);
    assert_eq!(engine.held(), current());
    world.assert_one_live_token(prod);

    in_nobodys_arguments(world, prod, engine.client());
    assert_eq!(engine.held(), current());
}

/// Everything that a refresh starts, however deep, is started without a token in its arguments.
fn in_nobodys_arguments(world: &World, prod: &Workspace, client: &str) {
    if !strace::is_available() {
        return;
    }
    let old = world.current(prod);
    let log = world.outside("strace");
    let options = ["-f", "-s", "65536", "-e", "trace=execve,execveat"];
    let run = world.ntcli(&["token", "refresh"]).strace(&log, &options);
    run.run().exits(0);
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains(&format!("/{client}\"")), "{client} was not started: {log}");
    for token in [old, world.current(prod)] {
        assert!(!log.contains(&token), "{log}");
    }
}

/// Whoever adds a recipe adds its test.
#[test]
fn every_recipe_is_run() {
    let all = GUIDE.split("\n### ").skip(1).filter(|chapter| chapter.contains("--exec"));
    let all: Vec<_> = all.filter_map(|chapter| chapter.lines().next()).collect();
    let run = [servers::HEADINGS.as_slice(), stand_ins::HEADINGS.as_slice()].concat();
    assert_eq!(all, run);
}
