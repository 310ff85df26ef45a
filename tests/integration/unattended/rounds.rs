//! Refresh after refresh, some of them killed at a random moment, while somebody reads the token
//! all the time.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::world::{World, kill};
use crate::tokens::history::assert_consistent;

/// `NTCLI_TEST_ROUNDS=1000` for the long way.
const ROUNDS: u32 = 90;

fn rounds() -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "for the tests' user, not the program's"
    )]
    let asked = std::env::var("NTCLI_TEST_ROUNDS").ok();
    asked.map_or(ROUNDS, |text| text.parse().expect("a number of rounds"))
}

/// Reads the file until it is told to stop: what it holds is a whole token, and one that works.
fn read_on(world: &World, file: &Path, stop: &AtomicBool) -> u32 {
    let mut seen = 0;
    let mut last = String::new();
    while !stop.load(Ordering::Relaxed) {
        let text = fs::read_to_string(file).unwrap();
        // A token that was replaced since it was read may be dead by now.
        if !world.plane.is_live(text.trim_end()) {
            let again = fs::read_to_string(file).unwrap();
            assert_ne!(
                again,
                text,
                "the token in the file is dead: {}",
                world.describe()
            );
        }
        if text != last {
            assert!(
                text.ends_with('\n') && world.plane.secrets().contains(&text.trim_end().to_owned()),
                "{text:?}"
            );
            seen += 1;
            last = text;
        }
    }
    seen
}

#[test]
fn a_random_kill_in_every_third() {
    let rounds = rounds();
    let (world, prod) = World::ready();
    let file = world.outside("token");
    fs::write(&file, format!("{}\n", prod.token.access_token)).unwrap();
    let args = [
        "token",
        "refresh",
        "--revoke-orphans",
        "--token-file",
        "token",
        "--exec",
        ":",
    ];
    let mut whole = Duration::ZERO;
    let stop = AtomicBool::new(false);
    let (mut killed, mut random) = (0, 0x5eed_u32);
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(|| read_on(&world, &file, &stop));
        for round in 0..rounds {
            let started = Instant::now();
            let running = world.ntcli(&args).spawn();
            if round % 3 == 2 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                thread::sleep(whole / 256 * (random >> 24));
                kill(running.pid());
            }
            let output = running.finish();
            if output.signal() == Some(9) {
                killed += 1;
            } else {
                output.exits(0);
                whole = started.elapsed(); // of the one before the next kill
            }
            world.assert_current_is_live(&prod);
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(
        killed > rounds / 8,
        "only {killed} of {rounds} were killed in time"
    );
    assert!(seen > rounds / 4, "only {seen} tokens were seen");
    // The last may have been killed; the next puts it right.
    world.plane.settle();
    world.ntcli(&args).run().exits(0);
    world.assert_one_live_token(&prod);
    let token = fs::read_to_string(&file).unwrap();
    assert_eq!(token.trim_end(), world.current(&prod));
    assert!(!world.has_journal(), "{}", world.describe());
    world.assert_no_leftover();
    assert_consistent(&world, &prod);
}
