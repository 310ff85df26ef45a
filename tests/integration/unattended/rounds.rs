//! Refresh after refresh, some of them killed at a random call, while somebody reads the token
//! all the time.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::kill::ByChance;
use crate::harness::world::{World, wait_until};
use crate::tokens::history::assert_consistent;

/// `NTCLI_TEST_ROUNDS=1000` for a long run.
const ROUNDS: u32 = 90;

fn rounds() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "for the tests' user, not the program's")]
    let asked = std::env::var("NTCLI_TEST_ROUNDS").ok();
    asked.map_or(ROUNDS, |text| text.parse().expect("a number of rounds"))
}

/// Reads the file until it is told to stop: it always contains a whole token that works.
fn read_on(world: &World, file: &Path, last: &Mutex<String>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let text = fs::read_to_string(file).unwrap();
        // A token that was replaced since it was read may be dead by now.
        if !world.plane.is_live(text.trim_end()) {
            let again = fs::read_to_string(file).unwrap();
            assert_ne!(again, text, "the token in the file is dead: {}", world.describe());
        }
        let mut last = last.lock().unwrap();
        if text != *last {
            assert!(
                text.ends_with('\n') && world.plane.secrets().contains(&text.trim_end().to_owned()),
                "{text:?}"
            );
            *last = text;
        }
    }
}

#[test]
fn a_random_kill_in_every_third() {
    let (world, prod) = World::ready();
    let file = world.outside("token");
    fs::write(&file, format!("{}\n", prod.token.access_token)).unwrap();
    let args = ["token", "refresh", "--revoke-orphans", "--token-file", "token", "--exec", ":"];
    let Some(mut killed) = ByChance::new(&world, &args) else {
        return;
    };
    let (last, stop) = (Mutex::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_on(&world, &file, &last, &stop));
        for round in 0..rounds() {
            if round % 3 == 2 {
                killed.run(&world);
            } else {
                world.ntcli(&args).run().exits(0);
                let token = fs::read_to_string(&file).unwrap();
                wait_until("the reader has seen it", || {
                    reader.is_finished() || *last.lock().unwrap() == token
                });
            }
            world.assert_current_is_live(&prod);
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    // The last may have been killed; the next repairs it.
    world.ntcli(&args).run().exits(0);
    world.assert_one_live_token(&prod);
    let token = fs::read_to_string(&file).unwrap();
    assert_eq!(token.trim_end(), world.current(&prod));
    world.assert_settled();
    world.assert_no_leftover();
    assert_consistent(&world, &prod);
}
