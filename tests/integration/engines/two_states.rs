//! A folder and an engine that do not have the same state: one of them counts, and which one is asked.

use std::fs;
use std::path::Path;

use super::program;
use super::shared_engines::{self, Engines};
use super::state::{KUBECTL, Pair};
use crate::harness::world::{Output, SESSION, World};

/// The line that it says to run for the answer that is meant.
fn advice<'a>(output: &'a Output, before: &str) -> &'a str {
    let (_, rest) = output.stderr.split_once(before).expect("advice");
    rest.split_once(". ").map_or(rest, |(first, _)| first).lines().next().expect("a line")
}

fn follow(pair: &Pair, line: &str) {
    pair.world.ntcli(&[""; 0]).under(&["/bin/sh", "-c", line]).run().exits(0);
}

fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let names = ["config.json", "targets.json", "history.jsonl"];
    names.map(|name| (name.to_owned(), fs::read(dir.join(name)).unwrap_or_default())).into()
}

/// The second machine has rotated by itself before it is shown the engine of the first.
fn both_have_one(pair: &Pair) {
    let own = |args: &[&str]| {
        let run = pair.world.ntcli(args).env("NTCLI_CONFIG_DIR", &pair.second);
        run.env("NTCLI_SESSION_TOKEN", SESSION).prints_secrets().run()
    };
    own(&["workspace", "select", "prod"]).exits(0);
    own(&["token", "create"]).exits(0);
    own(&["target", "add", "--file", pair.world.outside("other").to_str().unwrap()]).exits(0);
    let (first, second) = (contents(&pair.world.dir), contents(&pair.second));
    let live = pair.world.plane.live_tokens(&pair.prod.id);
    let output = pair.on(1, &["renew"]).run();
    output.exits(5).says("a state, and this folder one of its own").says("nothing was done");
    assert_eq!(contents(&pair.second), second, "{output}");
    assert_eq!(pair.world.plane.live_tokens(&pair.prod.id), live, "{output}");
    pair.on(0, &["-q", "renew", "--no-network"]).run().exits(0);
    assert_eq!(contents(&pair.world.dir)[1], first[1]);
    follow(pair, advice(&output, "To go on with that: "));
    pair.on(1, &["renew"]).run().exits(0);
    assert_eq!(pair.current(1), pair.current(0));
}

/// Says which state counts, and that is the one of the machine that was told so.
fn asks_which(pair: &Pair, said: &str) {
    let held = pair.held();
    for machine in [1, 0] {
        let output = pair.on(machine, &["renew"]).run();
        output.exits(5).says(said).says("nothing was done");
    }
    assert_eq!(pair.held(), held, "the consumer keeps what it has");
    let output = pair.on(0, &["renew"]).run();
    follow(pair, advice(&output, "With this folder's: "));
    pair.on(0, &["renew"]).run().exits(0);
    pair.on(0, &["token", "refresh"]).run().exits(0);
    let output = pair.on(1, &["renew"]).run();
    if output.code() == Some(5) {
        follow(pair, advice(&output, "To go on with that: "));
        pair.on(1, &["renew"]).run().exits(0);
    }
    assert_eq!(pair.held(), pair.current(0));
    assert_eq!(pair.current(1), pair.current(0));
    pair.world.assert_one_live_token(&pair.prod);
}

/// After a backup the engine counts from there: the number that a machine knows comes again, for another
/// state.
fn the_same_number_again(pair: &Pair) {
    pair.on(0, &["token", "refresh"]).run().exits(0);
    let path = |dir: &Path| dir.join(".state.revision");
    let known = [&pair.world.dir, &pair.second].map(|dir| fs::read_to_string(path(dir)).unwrap());
    let [(now, _), (_, of_second)] = known.each_ref().map(|known| known.split_once(' ').unwrap());
    fs::write(path(&pair.second), format!("{now} {of_second}")).unwrap();
    let output = pair.on(1, &["renew"]).run();
    output.exits(5).says("an older state than this folder has seen");
    follow(pair, advice(&output, "To go on with that: "));
    pair.on(1, &["renew"]).run().exits(0);
    assert_eq!(pair.current(1), pair.current(0));
    pair.world.assert_one_live_token(&pair.prod);
}

/// Both machines know the state, and one of them goes on.
fn rotated<'a>(engine: &'a Engines, key: &str) -> Pair<'a> {
    let pair = Pair::new(engine, key);
    pair.on(0, &["renew"]).run().exits(0);
    pair.on(1, &["renew"]).run().exits(0);
    pair
}

#[test]
fn in_etcd() {
    let folder = World::new();
    let Some(engine) = shared_engines::shared_etcd(&folder) else { return };
    let pair = Pair::new(&engine, "both");
    both_have_one(&pair);
    let pair = rotated(&engine, "wiped");
    pair.on(0, &["token", "refresh"]).run().exits(0);
    engine.sh(&pair.key, "etcdctl del $KEY");
    asks_which(&pair, "no state any more");
    the_same_number_again(&rotated(&engine, "again"));
}

#[test]
fn in_postgresql() {
    let folder = World::new();
    let Some(engine) = shared_engines::shared_postgres(&folder) else { return };
    let pair = Pair::new(&engine, "both");
    both_have_one(&pair);
    let pair = rotated(&engine, "wiped");
    pair.on(0, &["token", "refresh"]).run().exits(0);
    engine.sh(&pair.key, "psql -Xqc \"delete from ntcli_state where name = '$KEY'\"");
    asks_which(&pair, "no state any more");
    let pair = rotated(&engine, "restored");
    engine.sh(&pair.key, "psql -Xqc 'create table backup as select * from ntcli_state'");
    pair.on(0, &["token", "refresh"]).run().exits(0);
    pair.on(1, &["renew"]).run().exits(0);
    let restore = "delete from ntcli_state; insert into ntcli_state select * from backup";
    engine.sh(&pair.key, &format!("psql -Xqc '{restore}'"));
    asks_which(&pair, "an older state than this folder has seen");
}

#[test]
fn in_a_secret_of_kubernetes() {
    let engine = Engines::stand_in("kubernetes.sh");
    let begin = || {
        let pair = Pair::before(&engine, "ntcli-state");
        program(&pair.world, "kubectl", KUBECTL);
        fs::write(pair.world.outside("version"), "7\n").unwrap();
        pair.add_target();
        pair
    };
    let pair = begin();
    both_have_one(&pair);
    let pair = begin();
    pair.on(1, &["renew"]).run().exits(0);
    pair.on(0, &["token", "refresh"]).run().exits(0);
    fs::remove_file(pair.world.outside("files")).unwrap();
    fs::write(pair.world.outside("version"), "5000\n").unwrap();
    asks_which(&pair, "no state any more");
    let pair = begin();
    pair.on(1, &["renew"]).run().exits(0);
    the_same_number_again(&pair);
}
