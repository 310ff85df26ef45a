//! Which tokens of a list a lost request has made, and how they are told of.

use super::COMPARED;
use super::sim::{Command, Kind, Loss, ONE, Trouble, World, workspace};
use super::stories::{names, pending, recover};
use crate::rotation::{Event, ListedToken, Moment, Origin, PendingCreate};
use crate::time::{Expiry, Timestamp};
use crate::token::TokenExpiry;

/// The request is carried out, and its answer lost.
const LOST: Trouble = Trouble::FailsDone;

#[test]
fn each_is_named_once_in_a_run() {
    let world = World::new(ONE);
    assert!(world.run(Command::Refresh, &[(3, LOST)]).expect("no kill").is_err());
    world.0.borrow_mut().pause_s = 1;
    assert!(world.run(Command::Refresh, &[(4, LOST)]).expect("no kill").is_err());
    let events = &world.0.borrow().events;
    for found in ["jti_1", "jti_2"] {
        let is_it = |e: &&Event| matches!(e, Event::Orphan { orphan, .. } if orphan.jti == found);
        assert_eq!(events.iter().filter(is_it).count(), 1, "{found}: {events:?}");
    }
}

/// One token for one request is certain, whatever was lost of another workspace.
#[test]
fn workspaces_are_counted_apart() {
    let world = World::new(Kind { workspaces: 2, ..ONE });
    assert!(world.run(Command::Refresh, &[(3, LOST), (8, LOST)]).expect("no kill").is_err());
    let events = &world.0.borrow().events;
    for found in ["jti_2", "jti_3"] {
        assert_eq!(names(events, found), Some(Origin::Match), "{events:?}");
    }
}

/// Killed before the request leaves; a token that is made so many seconds later.
fn made_after(secs: i64) -> World {
    let world = World::new(ONE);
    assert!(world.run(Command::Refresh, &[(3, Trouble::KillBefore)]).is_none());
    world.0.borrow_mut().now += secs;
    world.make("w0", 0);
    world
}

/// Within the time that the request may have taken it is certain, some minutes after that possible.
#[test]
fn a_token_fits_by_its_moment() {
    for (secs, origin) in [
        (-10, None),
        (-4, Some(Origin::Maybe)),
        (-1, Some(Origin::Match)),
        (30, Some(Origin::Match)),
        (40, Some(Origin::Maybe)),
        (320, Some(Origin::Maybe)),
        (340, None),
    ] {
        assert_eq!(names(&recover(&made_after(secs), 1), "jti_1"), origin, "{secs}");
    }
}

/// The token bears the server's time.
#[test]
fn our_clock_may_be_days_off() {
    for ahead_s in [86_400, -86_400] {
        let world = World::new(ONE);
        world.0.borrow_mut().ahead_s = ahead_s;
        assert!(world.run(Command::Refresh, &[(3, Trouble::KillAfter)]).is_none());
        assert_eq!(names(&recover(&world, 600), "jti_1"), Some(Origin::Match), "{ahead_s}");
    }
}

/// Our clock was wrong when the power failed: every token that is younger than the current one may
/// be that of the request.
#[test]
fn our_clock_was_set_while_the_power_was_off() {
    let world = World::new(ONE);
    let before = world.make("w0", -200_000).jti.unwrap();
    world.0.borrow_mut().ahead_s = -10_000_000;
    let cut = Trouble::PowerCut(Loss::History);
    assert!(world.run(Command::Refresh, &[(3, cut)]).is_none());
    world.0.borrow_mut().ahead_s = 0;
    let events = recover(&world, 10);
    assert_eq!(names(&events, "jti_2"), Some(Origin::Maybe));
    assert_eq!(names(&events, &before), None);
}

/// A config file that holds one by now makes it no orphan, whatever else is pending.
#[test]
fn one_that_was_stored_since_is_not_named() {
    let world = World::new(ONE);
    world.0.borrow_mut().pause_s = 1;
    assert!(world.run(Command::Refresh, &[(3, LOST)]).expect("no kill").is_err());
    let _ = world.run(Command::Refresh, &[(9, Trouble::Fails)]);
    let left = pending(&world);
    assert!(left.revocations.len() == 1 && left.orphans.iter().count() == 1, "the scene is set");
    let stored = world.0.borrow().tokens[1].token.clone();
    world.0.borrow_mut().machines[0].config[0].1 = Some(stored);
    assert_eq!(names(&recover(&world, 1), "jti_1"), None);
    assert!(pending(&world).orphans.iter().all(|orphan| orphan.jti != "jti_1"));
}

/// A request that asked for a lifetime of its own is answered by a token of that very lifetime, which
/// is revoked unasked, whatever else was created then. A token of another lifetime is not named.
#[test]
fn one_with_the_lifetime_that_was_asked_for() {
    let world = World::new(Kind { lifetimes: true, ..ONE });
    world.0.borrow_mut().pause_s = 1;
    world.refresh(false).expect("no kill").expect("nothing is in the way");
    // By chance it could have asked for the same lifetime as the lost one: then both are named.
    world.0.borrow_mut().tokens.last_mut().unwrap().lifetime_s = Some(31_536_000);
    assert!(world.run(Command::Refresh, &[(3, Trouble::KillAfter)]).is_none());
    let asked = pending(&world).creates[0].expiry;
    let Some(Expiry::In(asked_s)) = asked else { panic!("{asked:?}") };
    assert!((31_536_000 - 600..31_536_000).contains(&asked_s), "{asked_s}");
    let other = world.make("w0", 0);
    world.0.borrow_mut().tokens.last_mut().unwrap().lifetime_s = Some(31_536_000);
    let events = recover(&world, 1);
    assert!(world.is_live(&other));
    assert!(events.iter().all(|e| !matches!(e, Event::Orphan { .. })), "{events:?}");
    assert_eq!(world.live(), ["jti_1", "jti_3"], "the lost one was revoked");
    assert!(pending(&world).is_empty());
}

/// One that lives as long as was asked for, or as the server granted last, may be the answer; another is not.
/// One that was there before the request is its own only by a lifetime that nothing else asked for.
#[test]
fn which_lifetimes_fit() {
    const GRANTED_S: i64 = 864_000;
    const YEAR_S: i64 = 31_536_000;
    for (unique, age_s, lifetime_s, is_named) in [
        (false, 0, YEAR_S, true),
        (false, 0, GRANTED_S, true),
        (false, 0, 1_000_000, false),
        (true, 0, GRANTED_S, true),
        (true, 0, YEAR_S, false),
        (false, -100, YEAR_S, false),
        (true, -100, 0, true), // as long as was asked for
    ] {
        let world = World::new(Kind { lifetimes: unique, ..ONE });
        world.0.borrow_mut().tokens[0].lifetime_s = Some(GRANTED_S);
        assert!(world.run(Command::Refresh, &[(3, Trouble::KillBefore)]).is_none());
        let Some(Expiry::In(asked_s)) = pending(&world).creates[0].expiry else { panic!() };
        world.make("w0", age_s);
        let own_s = if lifetime_s == 0 { asked_s.try_into().unwrap() } else { lifetime_s };
        world.0.borrow_mut().tokens[1].lifetime_s = Some(own_s);
        let scene = format!("{unique}, {age_s}, {lifetime_s}");
        assert_eq!(names(&recover(&world, 1), "jti_1").is_some(), is_named, "{scene}");
    }
}

/// A date that was asked for is known by its end, however long that was from the moment it was made.
#[test]
fn one_that_ends_when_it_was_asked_to() {
    let at = Timestamp::from_secs(1_000);
    let end = |secs: i64| Timestamp::from_secs(500_000 + secs);
    let create = PendingCreate {
        expiry: Some(Expiry::At(end(0))),
        ..PendingCreate::new(workspace("w0"), at, at.plus_secs(30), None)
    };
    let now = Moment { ours: at.plus_secs(60), boot: None, skew_s: Some(0) };
    for (secs, is_it) in [(0, true), (2, true), (100, false)] {
        let expiry = TokenExpiry::At(end(secs));
        let created_at = Some(at.plus_secs(10));
        let token = ListedToken { jti: "jti_1".to_owned(), created_at, expiry };
        assert_eq!(create.has_made(&token, &now), is_it, "{secs}");
    }
}

/// Where the server grants other lifetimes than asked, nothing tells whose a token is: it is named.
#[test]
fn one_with_a_lifetime_that_the_server_chose() {
    let world = World::new(Kind { lifetimes: true, ..ONE });
    world.0.borrow_mut().pause_s = 1;
    world.refresh(false).expect("no kill").expect("nothing is in the way");
    assert!(world.run(Command::Refresh, &[(3, Trouble::KillAfter)]).is_none());
    world.0.borrow_mut().tokens.iter_mut().for_each(|token| token.lifetime_s = Some(864_000));
    assert_eq!(names(&recover(&world, 1), "jti_2"), Some(Origin::Maybe));
}

/// What a server lists is not compared each with each: with twice the tokens, twice the work.
#[test]
fn a_list_of_very_many() {
    let work = |listed: usize| {
        let world = World::new(ONE);
        assert!(world.run(Command::Refresh, &[(3, Trouble::KillBefore)]).is_none());
        for _ in 0..listed {
            world.make("w0", 0);
        }
        let before = COMPARED.get();
        let events = recover(&world, 10);
        assert_eq!(events.len(), listed, "each is named");
        world.0.borrow_mut().tokens.iter_mut().skip(1).for_each(|token| token.live = false);
        recover(&world, 1000);
        assert!(pending(&world).orphans.is_empty());
        COMPARED.get() - before
    };
    let (some, twice) = (work(200), work(400));
    assert!(twice < some * 5 / 2, "{some} comparisons, then {twice}");
}
