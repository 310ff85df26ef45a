//! `auth logout --all`: every token is revoked, and what may live is told.

use super::sim::{Command, Folder, Kind, ONE, Trouble, World, workspace};
use super::stories::{pending, recover};
use crate::rotation::{LoggedOut, Rotator};
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

fn logout(world: &World) -> LoggedOut {
    world.0.borrow_mut().ending = true;
    let current = world.0.borrow().machines[0].config[0].1.clone();
    let tokens: Vec<_> = current.map(|token| (workspace("w0"), token)).into_iter().collect();
    let mut folder = Folder { world: world.clone(), machine: 0 };
    let (server, mut on_event) = (world.clone(), |_| {});
    let rotator = Rotator::new(&server, &mut folder, &server, &mut on_event);
    rotator.expect("a journal").revoke_all(&tokens).expect("a disk")
}

/// Whatever was to be revoked some day is from now on.
#[test]
fn a_grace_ends_with_the_session() {
    let world = World::new(Kind { grace_s: Some(1000), ..ONE });
    world.run(Command::Refresh, &[]).expect("no kill").expect("nothing is in the way");
    assert!(world.run(Command::Logout, &[(2, Trouble::Fails)]).expect("no kill").is_err());
    assert_eq!(world.live(), ["jti_0"]);
    recover(&world, 1);
    assert!(world.live().is_empty());
}

/// The user has heard that it lives, and may go on with it.
#[test]
fn a_current_token_that_could_not_be_revoked_is_kept() {
    let world = World::new(ONE);
    assert!(world.run(Command::Logout, &[(2, Trouble::Fails)]).expect("no kill").is_err());
    recover(&world, 1);
    assert_eq!(world.live(), ["jti_0"]);
}

#[test]
fn a_token_without_an_id_is_told_of_unless_it_has_expired() {
    let at = |secs| TokenExpiry::At(Timestamp::from_secs(secs));
    for (expiry, left) in [(at(999_000_000), 0), (at(2_000_000_000), 1), (TokenExpiry::Never, 1)] {
        let world = World::new(ONE);
        let held = world.0.borrow_mut().machines[0].config[0].1.take().unwrap();
        world.0.borrow_mut().machines[0].config[0].1 = Some(Token { jti: None, expiry, ..held });
        assert_eq!(logout(&world).left.len(), left, "{expiry:?}");
    }
}

#[test]
fn what_is_left_stays_pending() {
    let world = World::new(ONE);
    assert!(world.run(Command::Refresh, &[(3, Trouble::KillBefore)]).is_none());
    assert_eq!(logout(&world).left.len(), 1);
    assert!(!pending(&world).is_empty());
}
