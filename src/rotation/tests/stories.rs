//! Single scenarios that the exhaustive search does not cover.

use super::sim::{Command, Folder, Kind, ONE, SERVER, Trouble, World, workspace};
use crate::error;
use crate::rotation::{Event, Origin, Pending, Rotator, Stage, Store};
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

pub(super) fn pending(world: &World) -> Pending {
    let mut folder = Folder { world: world.clone(), machine: 0 };
    folder.pending().expect("a journal")
}

/// A run some time later that only does what is pending.
pub(super) fn recover(world: &World, after_s: i64) -> Vec<Event> {
    world.0.borrow_mut().now += after_s;
    let mut events = Vec::new();
    let mut on_event = |event| events.push(event);
    let (mut folder, server) = (Folder { world: world.clone(), machine: 0 }, world.clone());
    let mut rotator =
        Rotator::new(&server, &mut folder, &server, &mut on_event).expect("a journal");
    rotator.refresh(&[]);
    events
}

pub(super) fn names(events: &[Event], jti: &str) -> Option<Origin> {
    events.iter().find_map(|event| match event {
        Event::Orphan { orphan, .. } if orphan.jti == jti => Some(orphan.origin),
        _ => None,
    })
}

/// The server takes over the request of a run that was killed only after the next run has looked.
#[test]
fn a_token_that_comes_late_is_found_too() {
    for revoke in [false, true] {
        let world = World::new(ONE);
        world.0.borrow_mut().pause_s = 1;
        // Killed when it asks, before the server has done anything.
        assert!(world.run(Command::Refresh, &[(3, Trouble::KillBefore)]).is_none());
        world.refresh(true).expect("no kill").expect("nothing is in the way");
        assert_eq!(pending(&world).creates.len(), 1, "it is looked for some time longer");
        let late = world.make("w0", 0);
        world.refresh(revoke).expect("no kill").expect("nothing is in the way");
        let jti = late.jti.clone().unwrap();
        assert!(names(&world.0.borrow().events, &jti).is_some());
        assert_eq!(world.is_live(&late), !revoke, "it matches in time and number");
        // The search ends: another machine's token is not ours.
        world.0.borrow_mut().pause_s = 600;
        world.refresh(true).expect("no kill").expect("nothing is in the way");
        assert!(pending(&world).creates.is_empty());
        let other = world.make("w0", 0);
        world.refresh(true).expect("no kill").expect("nothing is in the way");
        assert!(world.is_live(&other));
    }
}

#[test]
fn a_token_that_another_program_stored_is_kept() {
    let world = World::new(ONE);
    // Killed when the new token is in the journal and not yet stored.
    assert!(world.run(Command::Refresh, &[(4, Trouble::KillAfter)]).is_none());
    assert!(pending(&world).rotations.iter().any(|r| !r.is_stored()), "the scene is set");
    let theirs = world.make("w0", 0);
    world.0.borrow_mut().machines[0].config[0].1 = Some(theirs.clone());
    recover(&world, 1);
    assert!(world.is_live(&theirs));
    // The interrupted one was given up; the token that the other program replaced is not ours.
    assert_eq!(world.live(), ["jti_0", "jti_2"]);
}

/// What comes due while a run is at work is no failure of that run.
#[test]
fn a_grace_that_ends_during_a_run() {
    let world = World::new(Kind { grace_s: Some(600), ..ONE });
    world.refresh(false).expect("no kill").expect("nothing is in the way");
    let mut folder = Folder { world: world.clone(), machine: 0 };
    let (server, mut on_event) = (world.clone(), |_| {});
    world.0.borrow_mut().now += 599;
    let mut rotator =
        Rotator::new(&server, &mut folder, &server, &mut on_event).expect("a journal");
    rotator.refresh(&[]);
    world.0.borrow_mut().now += 5;
    assert!(rotator.overdue().is_none());
}

/// Our clock may be wrong, and may be set at any time: that neither shortens nor extends a grace.
#[test]
fn a_grace_is_as_long_as_it_was_promised() {
    let kind = Kind { grace_s: Some(3600), ..ONE };
    let offsets = [0, 600, -600, 86_400, -86_400];
    for (first, then) in offsets.iter().flat_map(|a| offsets.map(|b| (*a, b))) {
        let scene = format!("our clock is {first} s ahead, then {then} s");
        let world = World::new(kind);
        world.0.borrow_mut().ahead_s = first;
        world.run(Command::Refresh, &[]).expect("no kill").expect("nothing is in the way");
        world.0.borrow_mut().ahead_s = then;
        for after_s in [0, 600, 2_000] {
            recover(&world, after_s);
            assert_eq!(world.live(), ["jti_0", "jti_1"], "{scene}");
        }
        recover(&world, 1_001);
        assert_eq!(world.live(), ["jti_1"], "{scene}");
    }
}

/// A config file from before the refresh is put back while the old token is kept live for a while:
/// the old one is the current one again, and is not revoked; the new one is named.
#[test]
fn what_a_restored_config_file_holds_is_not_revoked() {
    let world = World::new(Kind { grace_s: Some(300), ..ONE });
    let old = world.0.borrow().machines[0].config[0].1.clone().unwrap();
    world.run(Command::Refresh, &[]).expect("no kill").expect("nothing is in the way");
    world.0.borrow_mut().machines[0].config[0].1 = Some(old.clone());
    for _ in 0..2 {
        let events = recover(&world, 10_000);
        assert!(world.is_live(&old));
        assert!(events.iter().any(|e| matches!(e, Event::Restored { .. })), "{events:?}");
        assert_eq!(names(&events, "jti_1"), Some(Origin::Superseded));
    }
    world.refresh(false).expect("no kill").expect("nothing is in the way");
    assert_eq!(world.live(), ["jti_0", "jti_1", "jti_2"], "the grace begins again");
    recover(&world, 10_000);
    assert_eq!(world.live(), ["jti_1", "jti_2"]);
}

/// The same while the journal still has the new token: the server decides which one is current.
#[test]
fn of_two_tokens_the_one_that_the_server_accepts_is_current() {
    for new_is_live in [true, false] {
        let world = World::new(ONE);
        let old = world.0.borrow().machines[0].config[0].1.clone().unwrap();
        // Killed before the old token is revoked.
        assert!(world.run(Command::Refresh, &[(8, Trouble::KillBefore)]).is_none());
        assert!(pending(&world).rotations[0].is_stored(), "the scene is set");
        world.0.borrow_mut().machines[0].config[0].1 = Some(old.clone());
        world.0.borrow_mut().tokens[1].live = new_is_live;
        recover(&world, 10);
        let current = world.0.borrow().machines[0].config[0].1.clone().unwrap();
        assert!(world.is_live(&current));
        assert_eq!(current == old, !new_is_live);
        assert_eq!(world.live().len(), 1);
        assert!(!pending(&world).has_work());
    }
}

/// A run that leaves nothing to do leaves no journal, and so no token that is spent.
#[test]
fn a_journal_is_there_while_something_is_pending() {
    let world = World::new(ONE);
    world.run(Command::Refresh, &[]);
    assert_eq!(world.0.borrow().machines[0].journal, None);
}

/// Pending work belongs to a server: at another one nothing is done or dropped.
#[test]
fn work_of_another_server_is_named_and_left_alone() {
    for trouble in [(3, Trouble::KillBefore), (4, Trouble::KillAfter), (8, Trouble::Fails)] {
        let world = World::new(ONE);
        world.run(Command::Refresh, &[trouble]);
        let (live, journal) = (world.live(), world.0.borrow().machines[0].journal.clone().unwrap());
        let elsewhere = String::from_utf8(journal).unwrap().replace(SERVER, "https://elsewhere");
        world.0.borrow_mut().machines[0].journal = Some(elsewhere.clone().into_bytes());
        let events = recover(&world, 1000);
        let [Event::OtherServer { workspace }] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(workspace.server, "https://elsewhere");
        let journal = world.0.borrow().machines[0].journal.clone();
        assert_eq!(journal, Some(elsewhere.into_bytes()));
        assert_eq!(world.live(), live);
    }
}

/// A server that learns of its own tokens slowly: the new one is kept, and is the current one once it
/// is accepted; one that stays denied is given up by the run after.
#[test]
fn a_token_that_is_not_accepted_yet_is_kept() {
    let world = World::new(Kind { news_s: 60, ..ONE });
    assert!(world.run(Command::Refresh, &[]).expect("no kill").is_err());
    assert!(pending(&world).rotations[0].stage == Stage::Denied);
    assert_eq!(world.live(), ["jti_0", "jti_1"]);
    let events = recover(&world, 100);
    assert!(events.iter().any(|e| matches!(e, Event::Finished { .. })), "{events:?}");
    assert_eq!(world.live(), ["jti_1"]);

    let world = World::new(Kind { news_s: 1_000_000, ..ONE });
    world.0.borrow_mut().tokens[0].created_at -= 2_000_000;
    assert!(world.run(Command::Refresh, &[]).expect("no kill").is_err());
    let said = world.refresh(false).expect("no kill");
    let said = said.expect_err("rejected");
    assert!(matches!(said.kind(), error::Kind::NewTokenRejected), "{said:?}");
    assert!(said.to_string().contains("was revoked again"), "{said}");
    assert_eq!(world.live(), ["jti_0"]);
}

/// A token that the user dismissed by name is not named again.
#[test]
fn a_dismissed_token_is_not_named_again() {
    let world = World::new(ONE);
    world.0.borrow_mut().pause_s = 1;
    assert!(world.run(Command::Refresh, &[(3, Trouble::KillBefore)]).is_none());
    let (late, other) = (world.make("w0", 0), world.make("w0", 0));
    let events = recover(&world, 1);
    let jti = late.jti.clone().unwrap();
    assert_eq!(names(&events, &jti), Some(Origin::Maybe), "more candidates than requests");
    let mut folder = Folder { world: world.clone(), machine: 0 };
    let forgotten = crate::rotation::forget(&mut folder, Some(&workspace("w0")), Some(&jti));
    let forgotten = forgotten.expect("a journal");
    assert!(forgotten.tokens().map(|(_, jti)| jti).eq([&jti]));
    let events = recover(&world, 1);
    assert_eq!(names(&events, &jti), None);
    assert!(names(&events, &other.jti.clone().unwrap()).is_some());
    assert!(world.is_live(&late));
}

/// A refused revocation does not drop what was pending about the token before.
#[test]
fn a_refused_revocation_leaves_the_orphan_named() {
    let workspace = r#"{"key":"w0","id":"w0","name":"w0"}"#;
    let orphan = format!(r#"{{"orphan":{{"place":{workspace},"jti":"jti_1"}}}}"#);
    let wish = format!(r#"{{"owed":{{"place":{workspace},"jti":"jti_1","by_hand":true}}}}"#);
    let withdrawn = r#"{"withdrawn":{"workspace":"w0","jti":"jti_1"}}"#;
    let lines = format!("{orphan}\n{wish}\n{withdrawn}\n");
    let (pending, _) = Pending::read(lines.as_bytes()).expect("a journal");
    assert!(pending.revocations.is_empty());
    assert_eq!(pending.orphans.iter().count(), 1);
}

/// A connection that breaks does not end the request: its token is as young as the time limit allows.
#[test]
fn a_request_may_go_on_after_its_connection_broke() {
    let world = World::new(Kind { news_s: 60, ..ONE });
    assert!(world.run(Command::Refresh, &[(3, Trouble::FailsDone)]).expect("no kill").is_err());
    world.0.borrow_mut().tokens[1].created_at += 20;
    assert_eq!(names(&recover(&world, 100), "jti_1"), Some(Origin::Match));
}

/// The journal certainly does not hold the new token: it is not left to the next run.
#[test]
fn a_token_that_the_full_disk_does_not_take_is_revoked_at_once() {
    let world = World::new(ONE);
    assert!(world.run(Command::Refresh, &[(4, Trouble::DiskFull)]).expect("no kill").is_err());
    assert_eq!(world.live(), ["jti_0"]);
}

/// No two requests bear the same moment, by which the journal knows them apart.
#[test]
fn two_requests_in_one_moment() {
    let world = World::new(ONE);
    world.0.borrow_mut().pause_s = 0;
    for create in [3, 5] {
        assert!(world.run(Command::Refresh, &[(create, Trouble::KillBefore)]).is_none());
        world.0.borrow_mut().now -= 1; // the request took a second
    }
    let creates = pending(&world).creates;
    assert_eq!(creates.len(), 2);
    assert_ne!(creates[0].at, creates[1].at);
}

/// News of a new token travels slowly: a list without it proves nothing yet that a gateway says.
#[test]
fn a_new_token_that_is_not_listed_yet_is_not_called_revoked() {
    let kind = Kind { mute: true, news_s: 60, ..ONE };
    // It cannot be stored, or not be printed, and a gateway answers to its revocation.
    let given_up = [(Command::Refresh, 11, 13), (Command::Create, 6, 8)];
    for (command, write, revoke) in given_up {
        let world = World::new(kind);
        world.0.borrow_mut().pause_s = 1;
        let troubles = [(write, Trouble::Fails), (revoke, Trouble::NotFound)];
        assert!(world.run(command, &troubles).expect("no kill").is_err());
        let is_left = || pending(&world).revocations.iter().any(|p| p.jti == "jti_1");
        assert!(is_left(), "the scene is set");
        let _ = world.run(Command::Refresh, &[(1, Trouble::NotFound)]);
        assert!(is_left(), "{command:?}");
        // By now a list would have it.
        world.0.borrow_mut().pause_s = 600;
        let _ = world.run(Command::Refresh, &[(1, Trouble::NotFoundDone)]);
        assert!(!is_left(), "{command:?}");
    }
}

/// The one that had replaced a restored token is named once, so that it can be dismissed.
#[test]
fn a_successor_that_was_dismissed_is_not_named_again() {
    let world = World::new(Kind { grace_s: Some(300), ..ONE });
    let old = world.0.borrow().machines[0].config[0].1.clone().unwrap();
    world.run(Command::Refresh, &[]).expect("no kill").expect("nothing is in the way");
    world.0.borrow_mut().machines[0].config[0].1 = Some(old);
    assert!(names(&recover(&world, 10), "jti_1").is_some());
    let mut folder = Folder { world: world.clone(), machine: 0 };
    crate::rotation::forget(&mut folder, None, Some("jti_1")).expect("a journal");
    assert_eq!(names(&recover(&world, 10), "jti_1"), None);
}

/// Why a token may be live is said in the words of whoever answered.
#[test]
fn a_revocation_that_fails_again_says_why() {
    let world = World::new(ONE);
    let _ = world.run(Command::Refresh, &[(8, Trouble::Fails)]);
    assert!(!pending(&world).revocations.is_empty(), "the scene is set");
    let _ = world.run(Command::Refresh, &[(1, Trouble::Busy)]);
    let events = &world.0.borrow().events;
    let said = |e: &Event| matches!(e, Event::StillLive { reason, .. } if reason.contains("the simulation's wish"));
    assert!(events.iter().any(said), "{events:?}");
}

/// A session of another account lists no workspace either: that its token is denied too proves that
/// it is gone, unless the token has expired; without one, that nothing is pending.
#[test]
fn a_workspace_that_is_not_listed_may_be_there() {
    let day = |secs| Some(TokenExpiry::At(Timestamp::from_secs(secs)));
    let (past, future) = (day(999_000_000), day(2_000_000_000));
    let cases = [
        (past, true, false),
        (future, true, true),
        (Some(TokenExpiry::Never), true, true),
        (None, true, false),
        (None, false, true),
    ];
    for (token, is_pending, is_gone) in cases {
        let world = World::new(ONE);
        if is_pending {
            let _ = world.run(Command::Refresh, &[(8, Trouble::Fails)]);
        }
        assert_eq!(pending(&world).has_work(), is_pending, "the scene is set");
        {
            let mut sim = world.0.borrow_mut();
            sim.workspaces.clear();
            sim.tokens.iter_mut().for_each(|token| token.live = false);
            let held = &mut sim.machines[0].config[0].1;
            *held = held.take().and_then(|held| Some(Token { expiry: token?, ..held }));
        }
        let deleted = world.run(Command::WorkspaceDelete, &[]).expect("no kill");
        assert_eq!(deleted.is_ok(), is_gone, "{token:?}, {is_pending}");
        assert_eq!(pending(&world).has_work(), is_pending && !is_gone, "{token:?}");
    }
}

/// That another token was to be revoked, and is, says nothing of the one that is asked for.
#[test]
fn a_token_is_revoked_beside_pending_work() {
    let world = World::new(ONE);
    let _ = world.run(Command::Refresh, &[(8, Trouble::Fails)]);
    assert!(!pending(&world).revocations.is_empty(), "the scene is set");
    let ended = world.run(Command::RevokeOther, &[]);
    ended.expect("no kill").expect("nothing is in the way");
    assert_eq!(world.live(), ["jti_1"]);
}
