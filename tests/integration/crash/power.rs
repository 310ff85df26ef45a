//! The power fails after any write, sync, rename, removal, request or print: on any disk that this
//! may leave, the stored token is live, what was reported is true, and the next run is not blocked
//! and names every other live token.

use std::fs;

use serde_json::json;

use crate::control_plane::{Route, Times};
use crate::harness::journal;
use crate::harness::kill::{self, WIDTH};
use crate::harness::parallel::{for_each, say};
use crate::harness::power_cut::{Moment, Recorded};
use crate::harness::strace;
use crate::harness::world::{Output, Run, SESSION, Workspace, World};

const LOGIN: [&str; 3] = ["auth", "login", "--token-stdin"];
const OTHER_SESSION: &str = "session-a11ce0b0b5e55107";
const TOKEN_FILE: &str = "app/api.token";
const AGE_S: i64 = 90 * 86_400;

/// Command lines, run one after the other, that lose power, and what must hold then.
struct Story {
    world: fn() -> (World, Vec<Workspace>),
    runs: &'static [&'static [&'static str]],
    /// The run after that.
    next: &'static [&'static str],
    /// What must hold on each disk before that run.
    before: fn(&Moment, &World, &[Workspace]),
    /// What must hold after that run.
    after: fn(&Moment, &World, &[Workspace], &Output),
}

fn run<'a>(world: &'a World, args: &[&str]) -> Run<'a> {
    world.ntcli(args).stdin(OTHER_SESSION).prints_secrets()
}

impl Story {
    #[track_caller]
    fn cut_everywhere(&self) {
        if !strace::is_available() {
            return;
        }
        let (world, workspaces) = (self.world)();
        world.plane.add_session(OTHER_SESSION);
        let recorded = Recorded::of(&world, self.runs.iter().map(|args| run(&world, args)));
        let moments: Vec<_> = recorded.moments.iter().collect();
        let runs: Vec<_> = self.runs.iter().map(|args| args.join(" ")).collect();
        say(&format!("{}: {} disks", runs.join("; "), moments.len()));
        for_each(WIDTH, &moments, |moment| {
            let world = recorded.world_at(moment);
            world.plane.add_session(OTHER_SESSION);
            for workspace in &workspaces {
                world.assert_current_is_live(workspace);
            }
            (self.before)(moment, &world, &workspaces);
            let output = run(&world, self.next).run();
            output.exits(0);
            for workspace in &workspaces {
                assert_named(moment, &world, workspace, &output);
            }
            world.assert_no_leftover();
            (self.after)(moment, &world, &workspaces, &output);
        });
    }
}

/// Their tokens are too old to be taken for the result of a lost request.
fn world_of(names: &[&str]) -> (World, Vec<Workspace>) {
    let world = World::signed_in();
    world.plane.configure(|o| o.clock_offset_s = -AGE_S);
    let workspaces = world.add_workspaces(names);
    world.plane.configure(|o| o.clock_offset_s = 0);
    world.set_config("/workspaces/activeWorkspaceId", json!(workspaces[0].key));
    (world, workspaces)
}

/// Every live token is the stored one, or one that was reported to somebody.
#[track_caller]
fn assert_named(moment: &Moment, world: &World, workspace: &Workspace, output: &Output) {
    world.assert_current_is_live(workspace);
    let pending = journal::pending(&world.journal_path());
    let current = world.item(workspace)["jti"].clone();
    for jti in world.plane.live_tokens(&workspace.id) {
        let named = current == jti.as_str()
            || output.stderr.contains(&jti)
            || pending.contains(&format!("token {jti}"))
            || moment.told.contains(&jti);
        assert!(named, "{jti} lives unnamed: {output}{}", world.describe());
    }
    let readable = !pending.iter().any(|what| what.starts_with("no record"));
    assert!(readable, "{pending:?}{}", world.describe());
}

/// What was printed is true.
fn assert_refreshed(moment: &Moment, world: &World, workspaces: &[Workspace]) {
    for workspace in workspaces {
        let jti = world.item(workspace)["jti"].clone();
        let said = moment.printed.contains(jti.as_str().unwrap());
        assert!(moment.printed.is_empty() || said, "{jti} is stored");
    }
}

const REFRESH: Story = Story {
    world: || world_of(&["prod"]),
    runs: &[&["token", "refresh"]],
    next: &["token", "refresh"],
    before: assert_refreshed,
    after: |_, _, _, _| {},
};

#[test]
fn of_a_refresh() {
    REFRESH.cut_everywhere();
}

#[test]
fn of_a_refresh_after_another() {
    let story = Story { runs: &[&["token", "refresh"], &["token", "refresh"]], ..REFRESH };
    story.cut_everywhere();
}

#[test]
fn of_a_refresh_of_all() {
    const NEXT: &[&str] = &["token", "refresh", "--all", "--format", "json"];
    let story =
        Story { world: || world_of(&["a", "b", "c"]), runs: &[NEXT], next: NEXT, ..REFRESH };
    story.cut_everywhere();
}

#[test]
fn of_a_refresh_with_a_grace() {
    const NEXT: &[&str] = &["token", "refresh", "--revoke-after", "1h"];
    let story = Story { runs: &[NEXT], next: NEXT, ..REFRESH };
    story.cut_everywhere();
}

/// What the application reads is live at every moment, and in the end it has the new one.
#[test]
fn of_a_refresh_with_a_token_file() {
    const NEXT: &[&str] = &["token", "refresh", "--token-file", TOKEN_FILE];
    let story = Story {
        world: || {
            let (world, workspaces) = world_of(&["prod"]);
            fs::create_dir(world.outside("app")).unwrap();
            let token = &workspaces[0].token.access_token;
            fs::write(world.outside(TOKEN_FILE), format!("{token}\n")).unwrap();
            (world, workspaces)
        },
        runs: &[NEXT],
        next: NEXT,
        before: |moment, world, workspaces| {
            assert_refreshed(moment, world, workspaces);
            let held = fs::read_to_string(world.outside(TOKEN_FILE)).unwrap();
            assert!(world.plane.is_live(held.trim_end()), "{held}");
        },
        after: |_, world, workspaces, _| {
            let held = fs::read_to_string(world.outside(TOKEN_FILE)).unwrap();
            assert_eq!(held.trim_end(), world.current(&workspaces[0]));
        },
    };
    story.cut_everywhere();
}

/// The one that repairs after a lost answer and a torn record.
#[test]
fn of_a_repair() {
    let story = Story {
        world: || {
            let (world, workspaces) = world_of(&["prod"]);
            kill::at_request(&world, Route::TokenCreate, Times::Once, true, &["token", "refresh"]);
            let mut torn = fs::read(world.journal_path()).unwrap();
            torn.extend(b"{\"created\":{\"pl");
            torn.extend([0; 700]);
            torn.push(b'\n');
            world.write("rotation.journal", &torn);
            (world, workspaces)
        },
        runs: &[&["token", "refresh", "--revoke-orphans"]],
        ..REFRESH
    };
    story.cut_everywhere();
}

/// The token that `token create` has printed.
fn handed_out(moment: &Moment) -> Option<&str> {
    let token = moment.printed.strip_prefix("New token created: ")?;
    token.lines().next()
}

/// What was printed may be in use: later runs know that, and leave it alone.
const CREATE: Story = Story {
    runs: &[&["token", "create", "--no-save"]],
    before: |moment, world, workspaces| {
        let Some(token) = handed_out(moment) else {
            return;
        };
        assert!(world.plane.is_live(token), "{moment:?}");
        let live = world.plane.live_tokens(&workspaces[0].id);
        let mut live = live.iter().filter(|jti| moment.printed.contains(*jti));
        let jti = live.next().expect("its id");
        let lines = |name, of: &str| {
            let text = fs::read(world.path(name)).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines().any(|line| line.contains(of) && line.contains(jti))
        };
        let waits = lines("rotation.journal", "handing_out") && !lines("rotation.journal", "gone");
        assert!(
            waits || lines("history.jsonl", "handed_out"),
            "{jti} may pass for an orphan: {moment:?}"
        );
    },
    after: |moment, world, _, _| {
        world.refresh(&["--revoke-orphans"]).exits(0);
        let is_live = |token| world.plane.is_live(token);
        assert!(handed_out(moment).is_none_or(is_live), "{moment:?}");
    },
    ..REFRESH
};

#[test]
fn of_a_create() {
    CREATE.cut_everywhere();
}

/// The journal is there already, and the history is as new as the run before.
#[test]
fn of_a_create_beside_unfinished_work() {
    let story = Story {
        runs: &[
            &["token", "refresh", "--exec", "test -e \"$HERE/fixed\""],
            &["token", "create", "--no-save"],
        ],
        before: |moment, world, workspaces| {
            fs::write(world.outside("fixed"), "").unwrap();
            (CREATE.before)(moment, world, workspaces);
        },
        ..CREATE
    };
    story.cut_everywhere();
}

#[test]
fn of_a_create_that_is_stored() {
    let story = Story { runs: &[&["token", "create", "--save"]], ..REFRESH };
    story.cut_everywhere();
}

fn assert_signed_in(moment: &Moment, world: &World, _: &[Workspace]) {
    if !moment.printed.is_empty() {
        let bearer = &world.config()["auth"]["bearerToken"];
        assert_eq!(*bearer, OTHER_SESSION);
    }
}

#[test]
fn of_a_login() {
    let story = Story {
        runs: &[&LOGIN],
        before: |moment, world, workspaces| {
            assert_signed_in(moment, world, workspaces);
            let bearer = &world.config()["auth"]["bearerToken"];
            assert!([SESSION, OTHER_SESSION].map(|s| json!(s)).contains(bearer));
        },
        ..REFRESH
    };
    story.cut_everywhere();
}

/// It makes the folder, which is as durable as what is in it.
#[test]
fn of_the_first_login() {
    let story = Story {
        world: || (World::new(), Vec::new()),
        runs: &[&LOGIN],
        next: &LOGIN,
        before: assert_signed_in,
        after: |_, world, _, _| {
            let bearer = &world.config()["auth"]["bearerToken"];
            assert_eq!(*bearer, OTHER_SESSION);
        },
    };
    story.cut_everywhere();
}
