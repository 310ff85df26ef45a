//! Tokens that `token create` hands out.

use super::sim::{Command, Folder, ONE, Trouble, World, workspace};
use super::stories::{names, pending, recover};
use crate::rotation::{Event, Origin, RefreshOptions, Rotator};

#[test]
fn a_token_that_is_current_no_more_and_lives_is_named() {
    let world = World::new(ONE);
    let ended = world.run(Command::CreateSaved, &[]);
    ended.expect("no kill").expect("nothing is in the way");
    let events = &world.0.borrow().events;
    let told = |e: &Event| matches!(e, Event::KeptLive { jti, .. } if jti == "jti_0");
    assert!(events.iter().any(told), "{events:?}");
}

/// What another program stored meanwhile stays, and nobody is given the token.
#[test]
fn one_that_is_overtaken_is_not_handed_out() {
    let world = World::new(ONE);
    let theirs = world.make("w0", -1000);
    let mut on_event = |event| {
        if matches!(event, Event::Progress(_)) {
            world.0.borrow_mut().machines[0].config[0].1 = Some(theirs.clone());
        }
    };
    let mut folder = Folder { world: world.clone(), machine: 0 };
    let mut rotator = Rotator::new(&world, &mut folder, &world, &mut on_event).expect("a journal");
    let mut printed = 0;
    let issued = rotator.issue(&workspace("w0"), &RefreshOptions::default(), true, &mut |_| {
        printed += 1;
        Ok(())
    });
    assert!(matches!(&issued, Err(error) if error.code() == "overtaken"), "{issued:?}");
    assert_eq!(printed, 0);
    assert_eq!(world.live(), ["jti_0", "jti_1"]);
}

/// One that was not printed and is not listed may only be new: it is named until it would be.
#[test]
fn one_that_was_never_listed_is_named_for_a_while() {
    let world = World::new(ONE);
    assert!(world.run(Command::Create, &[(4, Trouble::KillAfter)]).is_none());
    world.0.borrow_mut().tokens[1].live = false;
    assert_eq!(names(&recover(&world, 10), "jti_1"), Some(Origin::HandedOut));
    assert_eq!(names(&recover(&world, 300), "jti_1"), None);
    assert!(pending(&world).is_empty());
}
