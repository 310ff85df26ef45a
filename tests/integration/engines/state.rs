//! One chain of tokens on two machines, whose state lives in an engine: `NTCLI_STATE_COMMAND` with the
//! scripts that are shipped, against the real engines.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use super::shared_engines::{self, Engines};
use super::{GUIDE, program};
use crate::control_plane::TokenShape;
use crate::harness::parallel::for_each;
use crate::harness::run::wait_until;
use crate::harness::strace;
use crate::harness::world::{Output, Run, Workspace, World};

/// What happens at a push of the first machine: killed before it, killed after it, carried out but
/// reported as failed, the engine is down from then on, and frozen until the other machine is done.
const TROUBLE: [&str; 5] = ["before", "after", "unsure", "down", "frozen"];

/// The script with what `PLAN` says: at which push, and what.
const PLANNED: &str = r#"
    [ -n "${PLAN-}" ] && [ "$1" = push ] || exec "$SCRIPT" "$1"
    echo >> pushes; count=$(wc -l < pushes); at=${PLAN% *}
    [ "$count" -ge "$at" ] || exec "$SCRIPT" push
    ntcli=$PPID
    until [ "$(cat /proc/$ntcli/comm)" = ntcli ]; do ntcli=$(cut -d' ' -f4 /proc/$ntcli/stat); done
    case ${PLAN#* } in
        before) kill -9 $ntcli; exit 1 ;;
        after) "$SCRIPT" push; kill -9 $ntcli; exit ;;
        down) exit 1 ;;
    esac
    [ "$count" = "$at" ] || exec "$SCRIPT" push
    case ${PLAN#* } in
        unsure) "$SCRIPT" push; exit 1 ;;
        frozen)
            kill -STOP $ntcli; : > frozen
            until [ -e go ]; do sleep 0.02; done
            kill -CONT $ntcli; exec "$SCRIPT" push ;;
    esac"#;

/// Two machines with one folder each, and a consumer that both deliver to.
pub(super) struct Pair<'a> {
    pub(super) world: World,
    pub(super) prod: Workspace,
    pub(super) engine: &'a Engines,
    pub(super) key: String,
    pub(super) second: PathBuf,
}

impl<'a> Pair<'a> {
    /// The first machine has a token that is due.
    pub(super) fn new(engine: &'a Engines, key: &str) -> Self {
        let pair = Self::before(engine, key);
        pair.add_target();
        pair
    }

    /// A command, which writes whatever it is given.
    pub(super) fn add_target(&self) {
        let file = self.world.outside("token").display().to_string();
        let exec = format!("printf %s \"$NTCLI_NEW_TOKEN\" > {file}.new && mv {file}.new {file}");
        let check = format!("[ \"$(cat {file})\" = \"$NTCLI_NEW_TOKEN\" ]");
        self.on(0, &["target", "add", "--exec", &exec, "--check", &check]).run().exits(0);
    }

    pub(super) fn before(engine: &'a Engines, key: &str) -> Self {
        let (world, prod) = World::ready();
        program(&world, "state", PLANNED);
        let (second, key) = (world.outside("second"), key.to_owned());
        let pair = Pair { world, prod, engine, key, second };
        // Nothing tells how long it was to live, so that the default window counts.
        pair.world.plane.configure(|o| o.token_shape = TokenShape::Opaque);
        let token = pair.world.plane.issue_token(&pair.prod.id, Some(5 * 86_400));
        pair.world.plane.configure(|o| o.token_shape = TokenShape::Jwt);
        pair.world.plane.revoke_token(&pair.prod.id, &pair.prod.token.jti);
        let item = format!("/workspaces/items/{}", pair.prod.key);
        let ends = token.expires_at.map(|secs| secs * 1000);
        pair.world.set_config(&format!("{item}/access_token"), json!(token.access_token));
        pair.world.set_config(&format!("{item}/jti"), json!(token.jti));
        pair.world.set_config(&format!("{item}/expires_at"), json!(ends));
        pair
    }

    pub(super) fn on(&self, machine: usize, args: &[&str]) -> Run<'_> {
        let run = self.world.ntcli(args).env("NTCLI_STATE_KEY", &self.key);
        let state = self.world.outside("state");
        let run = run.env("NTCLI_STATE_COMMAND", state).env("SCRIPT", self.engine.script());
        let run = self.engine.variables().into_iter().fold(run, |run, (n, v)| run.env(n, v));
        if machine == 0 { run } else { run.env("NTCLI_CONFIG_DIR", &self.second) }
    }

    pub(super) fn held(&self) -> String {
        fs::read_to_string(self.world.outside("token")).unwrap().trim_end().to_owned()
    }

    /// The token that a machine holds for the current one.
    pub(super) fn current(&self, machine: usize) -> String {
        let output = self.on(machine, &["token", "print"]).prints_secrets().run();
        output.exits(0).stdout.trim_end().to_owned()
    }

    /// Does the work while a consumer uses what it has at every moment.
    fn watched<T>(&self, work: impl FnOnce() -> T) -> T {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let consumer = scope.spawn(|| {
                let mut dead = None;
                while !stop.load(Ordering::Relaxed) {
                    let token = self.held();
                    // Between the two looks the file may have got another one.
                    if !self.world.plane.is_live(&token) && self.held() == token {
                        dead = Some(token);
                    }
                    thread::sleep(std::time::Duration::from_millis(1));
                }
                dead
            });
            let done = catch_unwind(AssertUnwindSafe(work));
            stop.store(true, Ordering::Relaxed);
            let dead = consumer.join().unwrap();
            let done = done.unwrap_or_else(|panic| resume_unwind(panic));
            assert_eq!(dead, None, "a dead token");
            done
        })
    }

    /// Everything lives that is used, and nothing else but what was named.
    #[track_caller]
    fn assert_whole(&self, said: &[Output]) {
        let story = || said.iter().map(Output::to_string).collect::<String>();
        let current = self.current(0);
        assert_eq!(self.held(), current, "{}", story());
        assert!(self.world.plane.is_live(&current), "{}", story());
        let jti = self.world.item(&self.prod)["jti"].as_str().unwrap().to_owned();
        let live: BTreeSet<_> = self.world.plane.live_tokens(&self.prod.id).into_iter().collect();
        for other in live.iter().filter(|other| **other != jti) {
            assert!(
                story().contains(other.as_str()),
                "{other} lives and nobody says so: {}",
                story()
            );
        }
    }
}

/// How often a `renew` with a due token pushes.
fn pushes(engine: &Engines) -> usize {
    let pair = Pair::new(engine, "count");
    pair.on(0, &["renew"]).env("PLAN", "9999 none").run().exits(0);
    assert_eq!(pair.held(), pair.current(0));
    pair.world.assert_one_live_token(&pair.prod);
    // The other machine finds the work done.
    pair.on(1, &["renew"]).run().exits(0);
    assert_eq!(pair.current(1), pair.current(0));
    pair.world.assert_one_live_token(&pair.prod);
    fs::read_to_string(pair.world.outside("pushes")).unwrap().lines().count()
}

fn takes_over(pair: &Pair, at: usize, trouble: &str) {
    let said = pair.watched(|| {
        let plan = format!("{at} {trouble}");
        let first = pair.on(0, &["renew"]).env("PLAN", plan).spawn();
        if trouble == "frozen" {
            wait_until("it is frozen", || pair.world.outside("frozen").exists());
            let second = pair.on(1, &["renew"]).run();
            fs::write(pair.world.outside("go"), "").unwrap();
            return vec![first.finish(), second, pair.on(0, &["renew"]).run()];
        }
        let first = first.finish();
        pair.world.plane.settle();
        vec![first, pair.on(1, &["renew"]).run(), pair.on(0, &["renew"]).run()]
    });
    if (at, trouble) == (1, "frozen") {
        said[0].exits(6); // by the engine's comparison
    }
    for later in &said[1..] {
        assert!(matches!(later.code(), Some(0 | 8)), "{at} {trouble}: {said:#?}");
    }
    pair.assert_whole(&said);
}

fn survives_everything(engine: &Engines) {
    let pushes = pushes(engine);
    assert!(pushes >= 5, "only {pushes} durable steps");
    let steps = (1..=pushes).flat_map(|at| TROUBLE.map(|trouble| (at, trouble)));
    for_each(4, &steps.collect::<Vec<_>>(), |(at, trouble)| {
        let pair = Pair::new(engine, &format!("{trouble}-{at}"));
        takes_over(&pair, *at, trouble);
    });
}

#[test]
fn in_etcd_the_other_machine_takes_over_at_every_step() {
    let folder = World::new();
    let Some(engine) = shared_engines::shared_etcd(&folder) else { return };
    survives_everything(&engine);
}

#[test]
fn in_postgresql_the_other_machine_takes_over_at_every_step() {
    let folder = World::new();
    let Some(engine) = shared_engines::shared_postgres(&folder) else { return };
    survives_everything(&engine);
}

/// The lines of the guide, on a machine that has nothing yet.
#[test]
fn the_guide_sets_up_the_second_machine() {
    let folder = World::new();
    let Some(engine) = shared_engines::shared_etcd(&folder) else { return };
    let pair = Pair::new(&engine, "ntcli/state");
    symlink(&pair.world.program, pair.world.outside("ntcli")).unwrap();
    let (_, chapter) = GUIDE.split_once("NTCLI_STATE_COMMAND=").expect("its lines");
    let block = format!("export NTCLI_STATE_COMMAND={}", chapter.split("```").next().unwrap());
    let script = engine.script();
    let here = [
        ("/usr/share/ntcli/state/etcd.sh", script.to_str().unwrap()),
        ("http://etcd.example.net:2379", &engine.variables()[0].1),
    ];
    let lines = here.iter().fold(block, |lines, (named, here)| {
        assert!(lines.contains(named), "{lines}");
        lines.replace(named, here)
    });
    let run = pair.world.ntcli(&[""; 0]).under(&["/bin/sh", "-ec", &lines]);
    run.env("NTCLI_CONFIG_DIR", &pair.second).run().exits(0);
    pair.on(0, &["renew"]).run().exits(0);
    assert_eq!((pair.current(0), pair.held()), (pair.current(1), pair.current(1)));
    pair.world.assert_one_live_token(&pair.prod);
}

/// Nobody sees a token in the arguments of what the scripts start.
#[test]
fn nothing_of_the_state_is_an_argument() {
    let folder = World::new();
    let other = World::new();
    let (Some(etcd), Some(postgres)) =
        (shared_engines::shared_etcd(&folder), shared_engines::shared_postgres(&other))
    else {
        return;
    };
    if !strace::is_available() {
        return;
    }
    for engine in [&etcd, &postgres] {
        let pair = Pair::new(engine, "arguments");
        let log = pair.world.outside("strace");
        let options = ["-f", "-s", "65536", "-e", "trace=execve,execveat"];
        pair.on(0, &["renew"]).strace(&log, &options).run().exits(0);
        let log = fs::read_to_string(log).unwrap();
        let started = log.lines().filter(|line| line.contains("execve"));
        let suspicious = started.filter(|line| line.split('"').any(|word| word.len() > 400));
        assert_eq!(suspicious.collect::<Vec<_>>(), [""; 0], "an argument that may be the state");
        assert!(!log.contains(&pair.current(0)), "{log}");
    }
}

/// What `kubectl` does with a Secret: a version that every replacement compares.
pub(super) const KUBECTL: &str = r#"
    case "$*" in
        '--request-timeout=10s get secret ntcli-state -o go-template={{.metadata.resourceVersion}} {{.data.files}}')
            printf '%s %s' "$(cat version)" "$(cat files 2> /dev/null || echo '<no value>')" ;;
        '--request-timeout=10s replace -f - -o go-template={{.metadata.resourceVersion}}')
            sent=$(cat)
            version=$(printf %s "$sent" | sed 's/.*"resourceVersion":"\([0-9]*\)".*/\1/')
            if [ "$version" != "$(cat version)" ]; then
                echo 'Error from server (Conflict): Operation cannot be fulfilled on secrets' >&2; exit 1
            fi
            printf %s "$sent" | sed 's/.*"files":"\([^"]*\)".*/\1/' > files
            echo $((version + 1)) | tee version ;;
        *) echo "unknown: $*" >&2; exit 64 ;;
    esac"#;

#[test]
fn in_a_secret_of_kubernetes() {
    let engine = Engines::stand_in("kubernetes.sh");
    let pair = Pair::before(&engine, "ntcli-state");
    program(&pair.world, "kubectl", KUBECTL);
    fs::write(pair.world.outside("version"), "7\n").unwrap();
    pair.add_target();
    takes_over(&pair, 1, "frozen");
    takes_over(&pair, 9999, "none");
    assert_eq!(pair.current(0), pair.current(1));
    pair.world.assert_one_live_token(&pair.prod);
}
