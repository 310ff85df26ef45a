//! Two machines with one state in an engine: each step of one of them, killed, frozen, misreported or cut
//! off at its push; then the other one takes over, and the first comes back.
//!
//! The engine is a folder with a number that every push compares; the shipped scripts against the real
//! engines are tested beside the other recipes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::control_plane::Route;
use crate::harness::kill::WIDTH;
use crate::harness::parallel::for_each;
use crate::harness::run::wait_until;
use crate::harness::world::{Output, Run, Workspace, World};

const ENGINE: &str = r#"#!/bin/sh
set -eu
umask 077
cd "$NTCLI_CONFIG_DIR"
engine=ENGINE_FOLDER
files='config.json targets.json policies.json history.jsonl rotation.journal'
[ ! -e $engine/down ] || exit 1
if [ "$1" = pull ]; then
    number=$(cat $engine/number)
    if [ "$number" != 0 ] && [ "$number" != "$(cat .number 2> /dev/null || :)" ]; then
        rm -f $files
        tar -xf $engine/state
    fi
    echo "$number" > .number
    exit
fi
count=$(($(cat $engine/count) + 1))
echo $count > $engine/count
how=
[ $count != "$(cat $engine/at)" ] || how=$(cat $engine/how)
frozen() {
    touch $engine/frozen
    while [ ! -e $engine/thawed ]; do sleep 0.02; done
}
case $how in
kill-before) kill -9 "${NTCLI_LOCK_HOLDER%%:*}"; exit 1 ;;
freeze-before) frozen ;;
lost) exit 1 ;;
down) touch $engine/down; exit 1 ;;
esac
[ "$(cat .number)" = "$(cat $engine/number)" ] || exit 3
tar -cf $engine/new $(ls $files 2> /dev/null)
mv $engine/new $engine/state
number=$(($(cat .number) + 1))
echo $number > $engine/number
case $how in
kill-after) kill -9 "${NTCLI_LOCK_HOLDER%%:*}"; exit 1 ;;
freeze-after) frozen ;;
unsure) exit 1 ;;
twice) exit 3 ;;
esac
echo $number > .number
"#;

const FROZEN: [&str; 2] = ["freeze-before", "freeze-after"];
/// The last one is carried out twice: the second time it is refused.
const HOW: [&str; 6] = ["kill-before", "kill-after", "lost", "unsure", "down", "twice"];

/// Two machines, one workspace, one consumer.
struct Two {
    world: World,
    prod: Workspace,
    engine: PathBuf,
}

impl Two {
    /// Before the first machine has used the engine.
    fn before() -> Self {
        let (world, prod) = World::ready();
        let engine = world.outside("engine");
        fs::create_dir(&engine).unwrap();
        let script = ENGINE.replace("ENGINE_FOLDER", engine.to_str().unwrap());
        fs::write(world.outside("state"), script).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(world.outside("state"), executable).unwrap();
        let two = Two { world, prod, engine };
        two.set("number", "0");
        two.at(0, "none");
        two
    }

    fn new() -> Self {
        let two = Self::before();
        let held = two.world.outside("held");
        let command = format!("printf %s \"$NTCLI_NEW_TOKEN\" > '{}'", held.display());
        let check = format!("[ \"$(cat '{}')\" = \"$NTCLI_NEW_TOKEN\" ]", held.display());
        two.a(&["target", "add", "--exec", &command, "--check", &check]).run().exits(0);
        two
    }

    fn set(&self, name: &str, text: &str) {
        fs::write(self.engine.join(name), text).unwrap();
    }

    /// What happens at which push from here on.
    fn at(&self, push: usize, how: &str) {
        self.set("count", "0");
        self.set("at", &push.to_string());
        self.set("how", how);
    }

    fn pushes(&self) -> usize {
        fs::read_to_string(self.engine.join("count")).unwrap().trim().parse().unwrap()
    }

    fn a(&self, args: &[&str]) -> Run<'_> {
        let command = format!("'{}'", self.world.outside("state").display());
        self.world.ntcli(args).env("NTCLI_STATE_COMMAND", command)
    }

    fn b(&self, args: &[&str]) -> Run<'_> {
        self.a(args).env("NTCLI_CONFIG_DIR", self.world.outside("b"))
    }

    #[track_caller]
    fn assert_consumer_lives(&self, what: &str) {
        let held = fs::read_to_string(self.world.outside("held")).unwrap();
        assert!(self.world.plane.is_live(&held), "{what}: {}", self.world.describe());
    }

    /// After a run of each: the current token lives, on both machines and at the consumer, and so does
    /// nothing that was not named.
    #[track_caller]
    fn assert_ended_well(&self, outputs: &[Output]) {
        let held = fs::read_to_string(self.world.outside("held")).unwrap();
        let print = |run: Run<'_>| run.prints_secrets().run().exits(0).stdout.trim().to_owned();
        let (a, b) = (print(self.a(&["token", "print"])), print(self.b(&["token", "print"])));
        let all = outputs.iter().map(Output::to_string).collect::<Vec<_>>().join("\n");
        let shown = self.a(&["token", "show"]).run().stdout;
        assert_eq!(a, b, "{all}");
        assert_eq!(a, held, "{all}");
        assert!(self.world.plane.is_live(&a), "{all}");
        let current = self.world.item(&self.prod)["jti"].as_str().unwrap().to_owned();
        for jti in self.world.plane.live_tokens(&self.prod.id) {
            let says_so =
                |output: &Output| output.stderr.contains("may live that nothing here holds");
            let is_named = outputs.last().is_some_and(says_so) && shown.contains(&jti);
            assert!(jti == current || is_named, "{jti} lives unnamed: {all}");
        }
    }
}

/// How often a refresh pushes.
fn pushes_of(args: &[&str]) -> usize {
    let two = Two::new();
    two.at(0, "none");
    two.a(args).run().exits(0);
    two.pushes()
}

#[test]
fn what_the_other_machine_did_is_known() {
    let two = Two::new();
    two.b(&["token", "refresh"]).run().exits(0);
    two.assert_consumer_lives("refreshed by the other one");
    // Killed while it looked for a token in the engine.
    let left = two.world.path(".state.look");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("config.json"), "a token").unwrap();
    two.a(&["policy", "--expires-in", "30d"]).run().exits(0);
    assert!(!left.exists());
    two.b(&["token", "refresh"]).run().exits(0);
    let policy = two.b(&["policy", "--format", "json"]).run();
    assert_eq!(policy.json()["expires_in_s"], 30 * 86_400, "{policy}");
    let last = two.a(&["renew"]).run();
    last.exits(0);
    two.assert_ended_well(&[last]);
    // What is only looked at asks no engine.
    two.set("down", "");
    for args in [&["token", "show"][..], &["token", "print"], &["check"], &["target", "list"]] {
        two.a(args).prints_secrets().run().exits(0);
    }
}

/// Where the engine does not answer nothing is sent, and a change here is none.
#[test]
fn nothing_is_done_without_the_state() {
    let two = Two::new();
    two.set("down", "");
    let doctor = two.a(&["doctor"]).run();
    assert!(doctor.exits(1).stdout.contains("could not pull the state"), "{doctor}");
    let sent = two.world.plane.requests().len();
    for args in
        [&["token", "refresh"][..], &["renew"], &["workspace", "clear"], &["policy", "-w", "prod"]]
    {
        two.a(args).run().exits(5).prints("").says("NTCLI_STATE_COMMAND could not pull the state");
    }
    fs::remove_file(two.engine.join("down")).unwrap();
    two.at(1, "lost");
    two.a(&["token", "refresh"])
        .run()
        .exits(7)
        .says("NTCLI_STATE_COMMAND could not push the state");
    assert_eq!(two.world.plane.requests().len(), sent);
    two.a(&["token", "refresh"]).run().exits(0);
    two.world.assert_one_live_token(&two.prod);
    // The last push is of what the next run would only repeat.
    let last = pushes_of(&["token", "refresh"]);
    two.at(last, "lost");
    let output = two.a(&["token", "refresh"]).run();
    output.exits(8).says("the next renew pushes it");
    two.world.assert_one_live_token(&two.prod);
}

/// A folder that was there before its engine, and what the existing client stores: nothing else need be
/// due for it to be pushed.
#[test]
fn what_nobody_has_pushed_yet_is_pushed_by_the_next_run() {
    let two = Two::before();
    let print = |run: Run<'_>| run.prints_secrets().run().exits(0).stdout.clone();
    two.a(&["renew"]).run().exits(0);
    two.b(&["renew"]).run().exits(0);
    assert_eq!(print(two.b(&["token", "print"])), print(two.a(&["token", "print"])));
    let stored = two.world.issue_elsewhere(&two.prod);
    two.a(&["renew"]).run();
    two.b(&["renew"]).run();
    assert_eq!(print(two.b(&["token", "print"])).trim(), stored.access_token);
    two.at(0, "none");
    two.a(&["renew"]).run();
    two.b(&["renew"]).run();
    assert_eq!(two.pushes(), 0, "both know it");
}

/// What the engine did not take is pushed by what the error advises, whether or not anything is due.
#[test]
fn a_change_that_could_not_be_pushed_is_not_forgotten() {
    for how in ["lost", "unsure"] {
        let two = Two::new();
        two.a(&["renew"]).run().exits(0);
        two.at(1, how);
        let output = two.a(&["policy", "--expires-in", "30d"]).run();
        output.exits(7).says("could not push the state").says("Hint: ntcli renew");
        two.a(&["renew"]).run().exits(0);
        let policy = two.b(&["policy", "--format", "json"]).run();
        assert_eq!(policy.json()["expires_in_s"], 30 * 86_400, "{how}: {policy}");
        // Once is enough.
        two.at(0, "none");
        two.a(&["renew"]).run().exits(0);
        assert_eq!(two.pushes(), 0, "{how}");
    }
}

#[test]
fn every_push_of_a_refresh_and_the_other_machine_takes_over() {
    let pushes = pushes_of(&["token", "refresh"]);
    assert!(pushes >= 4, "{pushes}");
    let cases = HOW.iter().flat_map(|how| (1..=pushes).map(move |push| (push, *how)));
    let cases: Vec<_> =
        cases.flat_map(|(push, how)| [(push, how, false), (push, how, true)]).collect();
    for_each(WIDTH, &cases, |(push, how, by_renew)| {
        let two = Two::new();
        if *by_renew {
            // Each run finds the token due.
            two.a(&["policy", "--renew-before", "364d"]).run().exits(0);
        }
        two.at(*push, how);
        let first = two.a(if *by_renew { &["renew"] } else { &["token", "refresh"] }).run();
        two.assert_consumer_lives("after the first machine's run");
        fs::remove_file(two.engine.join("down")).ok();
        two.at(0, "none");
        let other = two.b(&["renew"]).run();
        two.assert_consumer_lives("after the other machine's");
        let back = two.a(&["renew"]).run();
        two.assert_consumer_lives("after the first came back");
        let last = two.b(&["renew"]).run();
        two.assert_ended_well(&[first, other, back, last]);
    });
}

/// It wakes up after the other one's whole run, and finds out at its next push.
#[test]
fn one_that_sleeps_through_the_run_of_the_other() {
    let refresh = ["token", "refresh"];
    let pushes = pushes_of(&refresh);
    let cases: Vec<_> =
        FROZEN.iter().flat_map(|how| (1..=pushes).map(move |push| (push, *how))).collect();
    for_each(WIDTH, &cases, |(push, how)| {
        for meanwhile in [&["renew"][..], &["token", "refresh"]] {
            let two = Two::new();
            two.at(*push, how);
            let first = two.a(&refresh).spawn();
            wait_until("it is frozen", || two.engine.join("frozen").exists());
            let number = || fs::read_to_string(two.engine.join("number")).unwrap();
            let before = number();
            let other = two.b(meanwhile).run();
            let has_changed = number() != before;
            two.assert_consumer_lives("after the other machine's run");
            two.set("thawed", "");
            let first = first.finish();
            // One that had pushed its last step notices nothing, and need not.
            let is_over = *how == "freeze-after" && *push == pushes;
            assert_eq!(first.code() != Some(0), has_changed && !is_over, "{first}");
            let back = two.a(&["renew"]).run();
            two.assert_consumer_lives("after the first came back");
            let last = two.b(&["renew"]).run();
            two.assert_ended_well(&[first, other, back, last]);
        }
    });
}

/// Without the variable nothing is started, and nothing is left of it.
#[test]
fn without_an_engine_there_is_none() {
    let (world, _) = World::ready();
    world.ntcli(&["token", "refresh"]).env("NTCLI_STATE_COMMAND", "").run().exits(0);
    assert_eq!(world.count(Route::TokenCreate), 1);
}
