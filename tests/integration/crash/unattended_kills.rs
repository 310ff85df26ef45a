//! Killed at any point while it delivers tokens: the token in each file is live at every moment, no
//! file is half written, and the next run of the same timer repairs everything.

use std::fs;

use crate::control_plane::{Route, Times};
use crate::harness::kill::{self, WIDTH};
use crate::harness::parallel::for_each;
use crate::harness::strace::Call;
use crate::harness::world::{Workspace, World};
use crate::tokens::history::assert_consistent;
use crate::unattended::all::world_of;

const GRACE_S: i64 = 3600;
/// A target; it writes as a careful one would.
const HOOK: &str = "cd \"$HERE\" && echo \"$NTCLI_NEW_TOKEN\" > $NTCLI_WORKSPACE_NAME.new && \
     mv $NTCLI_WORKSPACE_NAME.new $NTCLI_WORKSPACE_NAME.hook";

/// A timer's command line, and its workspaces. For one of them that names the targets, for many they are
/// remembered before.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Timer {
    workspaces: usize,
    args: &'static [&'static str],
}

const ONE: Timer = Timer {
    workspaces: 1,
    args: &[
        "a0000",
        "--revoke-after",
        "1h",
        "--token-file",
        "a0000.token",
        "--token-file",
        "env:TOKEN=a0000.env",
        "--exec",
        HOOK,
    ],
};
const ALL: Timer = Timer { workspaces: 3, args: &["--all"] };

/// Remembers the targets of each workspace.
fn remember(world: &World, workspaces: &[Workspace], command: &str) {
    for (n, workspace) in workspaces.iter().enumerate() {
        let (file, env) = (format!("a000{n}.token"), format!("TOKEN=a000{n}.env"));
        for target in [["--file", &file], ["--env", &env], ["--exec", command]] {
            let add = ["target", "add", &workspace.id, "--later", target[0], target[1]];
            world.ntcli(&add).run().exits(0);
        }
    }
}

impl Timer {
    fn args(self) -> Vec<&'static str> {
        [&["token", "refresh"], self.args].concat()
    }

    fn world(self) -> (World, Vec<Workspace>) {
        self.world_with(HOOK)
    }

    /// Every user of a token has the current one.
    fn world_with(self, command: &str) -> (World, Vec<Workspace>) {
        let (world, workspaces) = world_of(self.workspaces);
        for (n, workspace) in workspaces.iter().enumerate() {
            let token = &workspace.token.access_token;
            let write = |what: &str, text: String| {
                fs::write(world.outside(&format!("a000{n}.{what}")), text).unwrap();
            };
            write("token", format!("{token}\n"));
            write("env", format!("A=1\nTOKEN={token}\nB=2\n"));
            write("hook", format!("{token}\n"));
        }
        if self == ALL {
            remember(&world, &workspaces, command);
        }
        (world, workspaces)
    }

    /// The invariants at every moment; returns the tokens that the users hold.
    #[track_caller]
    fn assert_sound(world: &World, workspaces: &[Workspace]) -> Vec<String> {
        let mut held = Vec::new();
        for (n, workspace) in workspaces.iter().enumerate() {
            world.assert_current_is_live(workspace);
            let read = |what| fs::read_to_string(world.outside(&format!("a000{n}.{what}")));
            let env = read("env").unwrap();
            let env = env.strip_prefix("A=1\nTOKEN=").and_then(|e| e.strip_suffix("B=2\n"));
            let env = env.unwrap_or_else(|| panic!("half an env file: {env:?}")).to_owned();
            for text in [read("token").unwrap(), env, read("hook").unwrap()] {
                let token = text.strip_suffix('\n').expect("a whole line");
                assert!(world.plane.is_live(token), "{n}: {text}{}", world.describe());
                held.push(token.to_owned());
            }
        }
        world.assert_private();
        held
    }

    /// The timer's next run has delivered the current tokens, and in time nothing is left of the
    /// old ones.
    #[track_caller]
    fn assert_repaired(self, world: &World, workspaces: &[Workspace]) {
        let again = [&self.args()[..], &["--revoke-orphans"]].concat();
        world.ntcli(&again).run().exits(0);
        let held = Self::assert_sound(world, workspaces);
        for (workspace, held) in workspaces.iter().zip(held.chunks(3)) {
            assert_eq!(held, [(); 3].map(|()| world.current(workspace)));
            assert_consistent(world, workspace);
        }
        world.let_time_pass(GRACE_S + 60);
        world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
        for workspace in workspaces {
            world.assert_one_live_token(workspace);
            assert_consistent(world, workspace);
        }
        assert!(!world.has_journal(), "{}", world.describe());
        world.assert_no_leftover();
        let names = fs::read_dir(world.outside("")).unwrap().flatten();
        let mut names = names.map(|entry| entry.file_name().into_string().unwrap());
        assert_eq!(names.find(|name| name.contains(".ntcli-")), None);
    }
}

#[test]
fn at_every_request() {
    let one = [(Route::TokenCreate, 1), (Route::TokenAuth, 1)];
    let all = [1, 2, 3].map(|n| {
        [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke].map(|route| (route, n))
    });
    let one = one.iter().map(|(route, n)| (ONE, *route, *n));
    let all = all.as_flattened().iter().map(|(route, n)| (ALL, *route, *n));
    let cases: Vec<_> = one.chain(all).flat_map(|c| [(c, false), (c, true)]).collect();
    for_each(WIDTH, &cases, |((timer, route, n), after)| {
        let (world, workspaces) = timer.world();
        kill::at_request(&world, *route, Times::Nth(*n), *after, &timer.args());
        Timer::assert_sound(&world, &workspaces);
        timer.assert_repaired(&world, &workspaces);
    });
}

/// The hook itself may kill it, before or after it has used the token.
#[test]
fn in_the_hook() {
    let dies = "[ -e \"$HERE/died\" ] || { touch \"$HERE/died\"; kill -9 $PPID; }";
    for_each(WIDTH, &[ONE, ALL], |timer| {
        for command in [dies.to_owned(), format!("{HOOK}; {dies}")] {
            let (world, workspaces) = timer.world_with(&command);
            let mut args = timer.args();
            if *timer == ONE {
                *args.last_mut().unwrap() = &command;
            }
            world.ntcli(&args).run().is_killed();
            Timer::assert_sound(&world, &workspaces);
            if *timer == ALL {
                remember(&world, &workspaces, HOOK);
            }
            timer.assert_repaired(&world, &workspaces);
        }
    });
}

fn at_every_call(timer: Timer) {
    let args = |_: &Vec<Workspace>| kill::words(&timer.args());
    kill::at_every_call(
        || timer.world(),
        args,
        Call::changes_something,
        |world, workspaces| {
            Timer::assert_sound(world, workspaces);
            timer.assert_repaired(world, workspaces);
        },
    );
}

#[test]
fn at_every_system_call_that_changes_something() {
    at_every_call(ONE);
}

#[test]
fn at_every_system_call_that_changes_something_of_many() {
    at_every_call(ALL);
}
