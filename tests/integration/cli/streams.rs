//! Output to a broken stream: the work is done anyway.

use std::fs::OpenOptions;

use rustix::pipe::pipe;

use crate::cli::every_command::{COMMANDS, Command, world};
use crate::control_plane::Route;
use crate::harness::parallel::for_each;
use crate::harness::world::World;

#[test]
fn a_result_that_cannot_be_written() {
    for format in ["text", "json"] {
        let (world, workspace) = World::ready();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let refresh = world.ntcli(&["token", "refresh", "--format", format]);
        let output = refresh.stdout(full).run();
        output.exits(1).says("Error: The work is done, but its result could not be written");
        output.says("No space left").says("Hint: ntcli token show\n");
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal());
        world.refresh(&[]).exits(0).says_only("");
    }
}

/// As with `| head -0`: there is no reader left.
#[test]
fn a_reader_that_went_away() {
    let (world, workspace) = World::ready();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    world.ntcli(&["token", "refresh"]).stdout(writer).run().exits(0).says_only("");
    world.assert_one_live_token(&workspace);
}

/// Neither a message that cannot be written nor a stream that is not there stops the work.
#[test]
fn streams_that_are_broken_or_closed() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let (world, workspace) = World::ready();
    world.ntcli(&["token", "refresh", "--debug"]).stderr(full()).run().exits(0);
    world.ntcli(&["token", "refresh", "--debug"]).stderr(writer).run().exits(0);
    for closed in ["exec \"$@\" 2>&-", "exec \"$@\" >&-", "exec \"$@\" <&- >&- 2>&-"] {
        let refresh = world.ntcli(&["token", "refresh", "--debug"]);
        refresh.under(&["sh", "-c", closed, "sh"]).run().exits(0);
        world.assert_one_live_token(&workspace);
    }
    assert!(!world.has_journal());
}

/// Who asks for the token itself must not take its absence for a success.
#[test]
fn a_token_that_is_printed_nowhere() {
    let (world, _) = World::ready();
    let print = |sh: &str| {
        let print = world.ntcli(&["token", "print"]);
        print.under(&["sh", "-c", sh, "sh"]).run()
    };
    print("exec \"$@\" >&-").exits(1).says("standard output is closed");
    print("exec \"$@\" > /dev/null").exits(0).says_only("");
}

/// A failure keeps its code, even if its message cannot be written.
#[test]
fn failures_keep_their_code() {
    let world = World::new();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    world.ntcli(&["token", "refresh"]).stderr(full()).run().exits(4);
    let refresh = world.ntcli(&["token", "refresh", "--format", "json"]);
    refresh.stdout(full()).stderr(full()).run().exits(4);
}

/// A pipe without a reader: its other end is closed at once.
fn closed_pipe() -> impl Into<std::process::Stdio> {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer
}

fn hands_out(command: &Command) -> bool {
    command.args == ["token", "create"]
}

/// A token that was created and never arrived is revoked.
#[track_caller]
fn assert_nothing_handed_out(world: &World, command: &Command) {
    if hands_out(command) {
        assert_eq!(world.count(Route::TokenCreate), 1);
        let config = world.config();
        let key = config["workspaces"]["activeWorkspaceId"].as_str().unwrap();
        let live = world.plane.live_tokens(key.strip_prefix("ws-prod-").unwrap());
        let current = &config["workspaces"]["items"][key]["jti"];
        assert_eq!(live, [current.as_str().unwrap()]);
        world.assert_settled();
    }
}

#[test]
fn output_without_a_reader() {
    for_each(4, &COMMANDS, |command| {
        for format in ["text", "json"] {
            let args = [command.args, &["--format", format]].concat();
            let world = world();
            let told = world.ntcli(&args).prints_secrets().run();
            let world = self::world();
            let untold = world.ntcli(&args).stdout(closed_pipe()).stderr(closed_pipe());
            let untold = untold.run();
            // A token without a recipient is of no use.
            let code = if hands_out(command) { Some(1) } else { told.code() };
            assert_eq!(code, untold.code(), "{untold}");
            assert_nothing_handed_out(&world, command);
        }
    });
}

/// A result that cannot be written is a failure, not an answer of `needs-refresh`.
#[test]
fn a_full_disk_behind_stdout() {
    for_each(4, &COMMANDS, |command| {
        if command.args.contains(&"jti_other") {
            return; // it fails by itself
        }
        let world = world();
        let full = OpenOptions::new().write(true).open("/dev/full");
        let run = world.ntcli(&[command.args, &["--format", "json"]].concat());
        let output = run.stdout(full.unwrap()).run();
        let gate = command.args.contains(&"needs-refresh");
        output.exits(if gate { 255 } else { 1 });
        output.says(if hands_out(command) {
            "could not be printed; it was revoked again"
        } else {
            "its result could not be written"
        });
        assert_nothing_handed_out(&world, command);
    });
}
