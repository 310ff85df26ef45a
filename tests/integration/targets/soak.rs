//! Ten targets of all kinds, and refresh after refresh: each third one killed, in each fourth one a target
//! that cannot be served. Somebody reads every target all the time.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{add, mcp, read};
use crate::harness::kill;
use crate::harness::world::{Workspace, World};

/// `NTCLI_SOAK=1000` for a long run.
const ROUNDS: u64 = 24;

/// A target, the file in which its consumer looks, and where the token stands in it: behind this, up to
/// whatever no token holds.
const TARGETS: [(&[&str], &str, &str); 10] = [
    (&["--file", "token"], "token", ""),
    (&["--file", "bare", "--no-newline", "--mode", "0640"], "bare", ""),
    (&["--file", "mounted", "--in-place"], "mounted", ""),
    (&["--env", "TOKEN=app.env"], "app.env", "\nTOKEN="),
    (&["--env", "OTHER=app.env"], "app.env", "\nOTHER='"),
    (&["--env", "T=watched.env", "--in-place"], "watched.env", "export T="),
    (&["--replace", "mcp.json"], "mcp.json", "\"--token\", \""),
    (&["--replace", "app.yaml", "--in-place"], "app.yaml", "token: "),
    (
        &[
            "--exec",
            "cd \"$HERE\" && [ ! -e broken ] && printf %s \"$NTCLI_NEW_TOKEN\" > h && mv h hook",
        ],
        "hook",
        "",
    ),
    (
        &[
            "--exec",
            "cd \"$HERE\" && printf %s \"$NTCLI_NEW_TOKEN\" > s && mv s store",
            "--check",
            "[ \"$(cat \"$HERE/store\")\" = \"$NTCLI_NEW_TOKEN\" ]",
        ],
        "store",
        "",
    ),
];

/// What the consumer of a target has: the token, if there is a whole one.
fn seen(world: &World, (_, file, mark): &(&[&str], &str, &str)) -> String {
    let text = read(world, file);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let token = text.split_once(mark).map_or("", |(_, token)| token);
    token.split(|c| !is_part(c)).next().unwrap_or_default().to_owned()
}

fn ready() -> (World, Workspace) {
    let (world, prod) = World::ready();
    let token = &prod.token.access_token;
    fs::write(world.outside("mounted"), "").unwrap();
    fs::write(world.outside("app.env"), "A=1\nTOKEN=x\nOTHER='x' # ours\n").unwrap();
    fs::write(world.outside("watched.env"), format!("export T={}\nB=1\n", "x".repeat(900)))
        .unwrap();
    fs::write(world.outside("mcp.json"), mcp(token)).unwrap();
    fs::write(world.outside("app.yaml"), format!("a: 1\ntoken: {token}\n")).unwrap();
    for (target, ..) in TARGETS {
        add(&world, target).exits(0);
    }
    world.ntcli(&["target", "deliver"]).run().exits(0);
    (world, prod)
}

/// One that cannot be served: the command, or a file to which somebody has added what must not be lost.
fn set_broken(world: &World, n: u64, is_broken: bool) {
    let files = ["token", "app.env", "watched.env", "mounted"];
    let Some(file) = files.get(usize::try_from(n / 4).unwrap() % 5) else {
        return if is_broken {
            fs::write(world.outside("broken"), "").unwrap();
        } else {
            fs::remove_file(world.outside("broken")).unwrap();
        };
    };
    let text = read(world, file);
    let whole = text.strip_suffix("{ mine\n").unwrap_or(&text);
    let text = if is_broken { format!("{whole}{{ mine\n") } else { whole.to_owned() };
    fs::write(world.outside(file), text).unwrap();
}

/// Ends the reader when a round fails, too.
struct StopAtTheEnd<'a>(&'a AtomicBool);

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks until it is told to stop: a token that is dead was replaced in the meantime.
fn look_on(world: &World, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for target in &TARGETS {
            let token = seen(world, target);
            // One that is written in place may be there in part.
            let is_whole = world.plane.secrets().contains(&token);
            if is_whole && !world.plane.is_live(&token) {
                assert_ne!(
                    seen(world, target),
                    token,
                    "{target:?} has a dead token: {}",
                    world.describe()
                );
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_kill_in_every_third_and_a_dead_target_in_every_fourth() {
    let (world, prod) = ready();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| look_on(&world, &stop));
        let _stop = StopAtTheEnd(&stop);
        for n in 0..rounds() {
            round(&world, n);
            assert!(!reader.is_finished(), "the reader has met a dead token");
        }
    });
    world.plane.settle();
    world.refresh(&["--revoke-orphans"]).exits(0);
    world.let_time_pass(60);
    world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
    for target in &TARGETS {
        assert_eq!(seen(&world, target), world.current(&prod), "{target:?}");
    }
    world.ntcli(&["target", "check"]).run().exits(0);
    assert_eq!(read(&world, "watched.env"), format!("export T={}\nB=1\n", world.current(&prod)));
    world.assert_one_live_token(&prod);
    world.assert_no_leftover();
}

fn rounds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "for the tests' user, not the program's")]
    let asked = std::env::var("NTCLI_SOAK").ok();
    asked.map_or(ROUNDS, |text| text.parse().expect("a number of rounds"))
}

fn round(world: &World, n: u64) {
    let flags: &[&str] = match n % 5 {
        0 | 1 => &["token", "refresh"],
        2 => &["token", "refresh", "--revoke-after", "5s"],
        3 => &["token", "refresh", "--all"],
        _ => &["renew"],
    };
    let is_broken = n % 4 == 3;
    if is_broken {
        set_broken(world, n, true);
    }
    let running = world.ntcli(flags).spawn();
    if n % 3 == 2 {
        // Wherever it is by then.
        thread::sleep(Duration::from_millis(n * 7 % 60));
        kill::process(running.pid());
        running.finish();
        world.plane.settle();
    } else {
        let output = running.finish();
        // A renewal that is not due asks no command.
        let fits: &[i32] = match (is_broken, flags) {
            (true, ["renew"]) => &[0, 8, 9],
            (true, _) => &[8, 9],
            _ => &[0, 8],
        };
        assert!(fits.contains(&output.code().unwrap()), "round {n}: {output}");
    }
    if is_broken {
        set_broken(world, n, false);
    }
    for target in &TARGETS {
        let token = seen(world, target);
        let is_torn = world.path("unfinished-write").exists();
        assert!(
            is_torn || world.plane.is_live(&token),
            "round {n}, {target:?}: {}",
            world.describe()
        );
    }
}
