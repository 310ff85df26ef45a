//! Two machines that keep one consumer supplied, each with a folder and a token of its own.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::harness::world::{Run, SESSION, World};

#[test]
fn the_consumer_has_a_token_that_lives_although_one_machine_dies() {
    let (world, _) = World::ready();
    let (file, second) = (world.outside("app.env"), world.outside("second"));
    let on = |machine: usize, args: &[&str]| -> Run<'_> {
        let run = world.ntcli(args).prints_secrets();
        if machine == 0 {
            return run;
        }
        run.env("NTCLI_CONFIG_DIR", &second).env("NTCLI_SESSION_TOKEN", SESSION.trim())
    };
    on(1, &["workspace", "select", "prod"]).run().exits(0);
    on(1, &["token", "create"]).run().exits(0);
    let assignment = format!("TOKEN={}", file.display());
    for machine in 0..2 {
        on(machine, &["target", "add", "--env", &assignment]).run().exits(0);
    }
    let held = || fs::read_to_string(&file).unwrap().trim_end().replace("TOKEN=", "");
    let (samples, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let token = held();
                // Between the two looks the file may have got another one.
                assert!(world.plane.is_live(&token) || held() != token, "a dead token");
                samples.fetch_add(1, Ordering::Relaxed);
            }
        });
        for round in 0..12 {
            // From the middle on there is no second machine.
            let machine = if round < 6 { round % 2 } else { 0 };
            on(machine, &["token", "refresh"]).run().exits(0);
            on(machine, &["renew"]).run().exits(0);
        }
        stop.store(true, Ordering::Relaxed);
        consumer.join().unwrap();
    });
    assert!(samples.into_inner() > 12);
    let of_first = on(0, &["token", "print"]).run().stdout.trim().to_owned();
    assert_eq!(held(), of_first);
    // Nobody has revoked what the dead machine had last.
    let of_second = on(1, &["token", "print"]).run().stdout.trim().to_owned();
    assert!(of_first != of_second && world.plane.is_live(&of_second));
}
