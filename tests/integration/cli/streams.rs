//! Where the output goes when it cannot go where it should: the work is done all the same.

use std::fs::OpenOptions;
use std::io::pipe;

use crate::harness::world::World;

#[test]
fn a_result_that_cannot_be_written() {
    for format in ["text", "json"] {
        let (world, workspace) = World::ready();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let refresh = world.ntcli(&["token", "refresh", "--format", format]);
        let output = refresh.stdout(full).run();
        output
            .exits(1)
            .says("Error: The work is done, but its result could not be written");
        output
            .says("No space left")
            .says("Hint: ntcli token show\n");
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal());
        world.refresh(&[]).exits(0).says_only("");
    }
}

/// As with `| head -0`: nobody is left to be told.
#[test]
fn a_reader_that_went_away() {
    let (world, workspace) = World::ready();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    world
        .ntcli(&["token", "refresh"])
        .stdout(writer)
        .run()
        .exits(0)
        .says_only("");
    world.assert_one_live_token(&workspace);
}

/// Neither a message that cannot be written nor a stream that is not there stops the work.
#[test]
fn streams_that_are_broken_or_closed() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let (world, workspace) = World::ready();
    world
        .ntcli(&["token", "refresh", "--debug"])
        .stderr(full())
        .run()
        .exits(0);
    world
        .ntcli(&["token", "refresh", "--debug"])
        .stderr(writer)
        .run()
        .exits(0);
    for closed in [
        "exec \"$@\" 2>&-",
        "exec \"$@\" >&-",
        "exec \"$@\" <&- >&- 2>&-",
    ] {
        let refresh = world.ntcli(&["token", "refresh", "--debug"]);
        refresh.under(&["sh", "-c", closed, "sh"]).run().exits(0);
        world.assert_one_live_token(&workspace);
    }
    assert!(!world.has_journal());
}

/// A failure keeps its code, whatever becomes of its message.
#[test]
fn failures_keep_their_code() {
    let world = World::new();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    world
        .ntcli(&["token", "refresh"])
        .stderr(full())
        .run()
        .exits(4);
    let refresh = world.ntcli(&["token", "refresh", "--format", "json"]);
    refresh.stdout(full()).stderr(full()).run().exits(4);
}
