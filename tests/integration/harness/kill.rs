//! The ways to kill the program: at a request, at each of its system calls, at calls by chance. A
//! hook kills it by itself: `kill -9 $PPID`.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::parallel::for_each;
use crate::harness::random::Random;
use crate::harness::run::signal;
use crate::harness::strace::{self, Call};
use crate::harness::wait::wait_for;
use crate::harness::world::{Output, World};

/// These cases work rather than wait.
pub(crate) const WIDTH: usize = 4;

pub(crate) fn process(pid: u32) {
    signal("KILL", &pid.to_string());
}

/// A fault in which the control plane kills the process whose id is set, before or after it
/// carries the request out.
pub(crate) fn fault(after: bool) -> (Fault, Arc<OnceLock<u32>>) {
    let victim = Arc::new(OnceLock::new());
    let pid = Arc::clone(&victim);
    let f = Arc::new(move || process(*wait_for(&pid)));
    (Fault::Call { after, f }, victim)
}

/// Runs the program until the control plane kills it at a request.
#[track_caller]
pub(crate) fn at_request(
    world: &World,
    route: Route,
    times: Times,
    after: bool,
    args: &[impl AsRef<OsStr>],
) {
    let (fault, victim) = fault(after);
    world.plane.fault(route, times, fault);
    let running = world.ntcli(args).spawn();
    victim.set(running.pid()).unwrap();
    running.finish().is_killed();
    world.plane.settle();
}

/// Runs the program once for each of its system calls that `which` names, each time in a world
/// of its own, kills it there, and has `check` look at what is left.
pub(crate) fn at_every_call<T>(
    set_up: impl Fn() -> (World, T) + Sync,
    args: impl Fn(&T) -> Vec<String> + Sync,
    which: impl FnMut(&Call) -> bool,
    check: impl Fn(&World, &T) + Sync,
) {
    if !strace::is_available() {
        return;
    }
    let (world, subject) = set_up();
    let mut calls = strace::calls_of(&world, &args(&subject));
    calls.retain(which);
    let killed = AtomicUsize::new(0);
    for_each(WIDTH, &calls, |call| {
        let (world, subject) = set_up();
        let output = killed_in(call, &world, &args(&subject));
        killed.fetch_add(usize::from(output.signal() == Some(9)), Ordering::Relaxed);
        check(&world, &subject);
    });
    let (killed, all) = (killed.into_inner(), calls.len());
    assert!(killed * 2 > all, "killed at {killed} of {all} calls");
}

/// A command line for [`at_every_call`].
pub(crate) fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(ToString::to_string).collect()
}

/// Kills one that makes such a call; another comes to a good end. A socket may give its bytes in
/// fewer pieces than the other time.
#[track_caller]
fn killed_in(call: &Call, world: &World, args: &[impl AsRef<OsStr>]) -> Output {
    let run = world.ntcli(args);
    let output = call.inject(run, world, "signal=KILL", "").run();
    if output.signal() != Some(9) {
        output.exits(0);
    }
    output
}

/// Kills one run after another at random system calls.
pub(crate) struct ByChance<'a> {
    args: &'a [&'a str],
    calls: Vec<Call>,
    random: Random,
}

impl<'a> ByChance<'a> {
    /// `None` without strace. `world` is for one run, which shows the calls to choose from.
    pub(crate) fn new(world: &World, args: &'a [&'a str]) -> Option<Self> {
        strace::is_available().then(|| ByChance {
            args,
            calls: strace::calls_of(world, args),
            random: Random::seeded(),
        })
    }

    #[track_caller]
    pub(crate) fn run(&mut self, world: &World) -> Output {
        let call = &self.calls[self.random.below(self.calls.len())];
        killed_in(call, world, self.args)
    }
}
