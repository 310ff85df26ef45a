//! What becomes of the new token of a refresh that was interrupted.

use super::sim::{Command, Kind, ONE, Trouble, World};
use super::stories::{pending, recover};
use crate::rotation::{Event, Rotation, Stage};
use crate::token::Token;

/// The next run comes a second later.
fn world(kind: Kind) -> World {
    let world = World::new(kind);
    world.0.borrow_mut().pause_s = 1;
    world
}

/// Killed when the new token is in the journal and not yet stored.
fn kept(kind: Kind) -> World {
    let world = world(kind);
    assert!(world.run(Command::Refresh, &[(4, Trouble::KillAfter)]).is_none());
    assert!(pending(&world).rotations.iter().any(|r| !r.is_stored()), "the scene is set");
    world
}

/// Killed when it is stored and the old one not yet revoked.
fn promoted() -> World {
    let world = world(ONE);
    assert!(world.run(Command::Refresh, &[(8, Trouble::KillBefore)]).is_none());
    assert!(pending(&world).rotations.iter().any(Rotation::is_stored), "the scene is set");
    world
}

/// The server did not accept it.
fn unconfirmed() -> World {
    let world = world(Kind { news_s: 60, ..ONE });
    assert!(world.run(Command::Refresh, &[]).expect("no kill").is_err());
    assert!(pending(&world).rotations.iter().any(|r| r.stage == Stage::Denied), "the scene is set");
    world
}

fn set_current(world: &World, token: Option<Token>) {
    world.0.borrow_mut().machines[0].config[0].1 = token;
}

fn current(world: &World) -> Option<String> {
    world.0.borrow().machines[0].config[0].1.as_ref().and_then(|token| token.jti.clone())
}

/// Whether the last run has stored it.
fn is_finished(world: &World) -> bool {
    let finished =
        |e: &Event| matches!(e, Event::Finished { jti: Some(jti), .. } if jti == "jti_1");
    world.0.borrow().events.iter().any(finished)
}

#[test]
fn one_that_somebody_has_logged_out_is_not_stored_again() {
    let world = promoted();
    set_current(&world, None);
    recover(&world, 1);
    assert_eq!(current(&world), None);
}

/// It is asked for once more before it is given up.
#[test]
fn one_that_is_denied_for_the_first_time_is_kept() {
    let world = kept(Kind { news_s: 60, ..ONE });
    recover(&world, 1);
    assert_eq!(world.live(), ["jti_0", "jti_1"]);
    recover(&world, 100);
    assert_eq!(world.live(), ["jti_1"]);
}

/// No answer is a reason to wait only if there was reason to doubt it.
#[test]
fn one_of_which_the_server_says_nothing() {
    let no_answer = [(1, Trouble::Fails)];
    let world = kept(ONE);
    let _ = world.run(Command::Refresh, &no_answer);
    assert!(is_finished(&world));

    let world = promoted();
    let old = world.0.borrow().tokens[0].token.clone();
    set_current(&world, Some(old));
    let _ = world.run(Command::Refresh, &no_answer);
    assert!(!is_finished(&world));

    let world = unconfirmed();
    let _ = world.run(Command::Refresh, &no_answer);
    assert!(!is_finished(&world));
    assert_eq!(world.live(), ["jti_0", "jti_1"]);
}

/// The server denies every token. Only of one that it denied when it could tell does the list decide.
#[test]
fn one_of_which_the_server_cannot_tell() {
    let world = kept(Kind { mute: true, news_s: 60, ..ONE });
    recover(&world, 1);
    assert_eq!(current(&world).as_deref(), Some("jti_0"), "it may be dead: it is not listed yet");
    recover(&world, 100);
    assert_eq!(current(&world).as_deref(), Some("jti_1"));

    for is_listed in [false, true] {
        let world = unconfirmed();
        world.0.borrow_mut().kind =
            Kind { mute: true, news_s: if is_listed { 0 } else { 60 }, ..ONE };
        recover(&world, 1);
        assert_eq!(world.live(), [if is_listed { "jti_1" } else { "jti_0" }]);
        assert_eq!(current(&world).as_deref(), Some(if is_listed { "jti_1" } else { "jti_0" }));
    }
}

/// What an earlier run left is finished, and told, and does not stand for the refresh of this run.
#[test]
fn an_interrupted_refresh_is_finished_before_another_begins() {
    // Killed before the new token is stored, or before the old one is revoked.
    for killed_at in [6, 8] {
        let world = World::new(ONE);
        assert!(world.run(Command::Refresh, &[(killed_at, Trouble::KillBefore)]).is_none());
        assert!(!pending(&world).rotations.is_empty(), "the scene is set");
        world.refresh(false).expect("no kill").expect("nothing is in the way");
        assert_eq!(world.live(), ["jti_2"]);
        let events = &world.0.borrow().events;
        let said = |e: &Event| matches!(e, Event::Revoked { jti, .. } if jti == "jti_0");
        assert!(events.iter().any(said), "{events:?}");
    }
    let world = World::new(ONE);
    assert!(world.run(Command::Refresh, &[(8, Trouble::KillBefore)]).is_none());
    let _ = world.run(Command::Refresh, &[(1, Trouble::Fails)]);
    let events = &world.0.borrow().events;
    let said = |e: &Event| matches!(e, Event::StillLive { jti, .. } if jti == "jti_0");
    assert!(events.iter().any(said), "{events:?}");
}
