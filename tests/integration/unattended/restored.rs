//! A config file that is restored from a backup, or rolled out from an older copy: its token is not
//! revoked, even if the journal says so, and the server decides which token is current.

use std::fs;

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::kill;
use crate::harness::world::{Output, Workspace, World};

fn broken() -> Fault {
    Fault::Status(500, "{}".to_owned(), Vec::new())
}

fn backup(world: &World) -> Vec<u8> {
    fs::read(world.config_path()).unwrap()
}

fn restore(world: &World, backup: &[u8]) {
    world.write("config.json", backup);
}

/// Every command that does pending work, none of which has other work to do.
fn runs(world: &World) -> [Output; 3] {
    [
        world.refresh(&["--if-expires-within", "1"]),
        world.refresh(&["--if-expires-within", "1", "--all", "--revoke-orphans"]),
        world.ntcli(&["token", "revoke", "--pending"]).run(),
    ]
}

/// The token of the backup is current again; the journal has it to be revoked.
fn restored(first: &[&str]) -> (World, Workspace, String) {
    let (world, prod) = World::ready();
    let copy = backup(&world);
    if first.is_empty() {
        world.plane.fault(Route::TokenRevoke, Times::N(2), broken());
        world.refresh(&[]).exits(8);
    } else {
        world.refresh(first).exits(0);
    }
    let new = world.item(&prod)["jti"].as_str().unwrap().to_owned();
    restore(&world, &copy);
    (world, prod, new)
}

#[test]
fn what_is_current_again_is_kept_and_told() {
    for first in [&[][..], &["--revoke-after", "1h"]] {
        let (world, prod, new) = restored(first);
        world.let_time_pass(3601);
        for output in runs(&world) {
            output
                .exits(0)
                .says(&prod.token.jti)
                .says("is current again")
                .does_not_say("has been revoked");
            // Nothing else names the other one any more.
            output.says(&new).says(&format!("ntcli token revoke {new} -w {}", prod.id));
            assert_eq!(world.current(&prod), prod.token.access_token);
            world.assert_current_is_live(&prod);
            let live = world.plane.live_tokens(&prod.id);
            assert_eq!(live, [prod.token.jti.as_str(), &new]);
        }
        let shown = world.ntcli(&["token", "show"]).run();
        assert!(shown.stdout.contains(&new), "{shown}");

        // A refresh replaces it, and then it may go, as any other.
        world.refresh(&[]).exits(0);
        assert!(!world.plane.is_live(&prod.token.access_token));
        let revoke = ["token", "revoke", &new, "--force"];
        world.ntcli(&revoke).run().exits(0);
        world.assert_one_live_token(&prod);
        assert!(!world.has_journal(), "{}", world.describe());
    }
}

/// Once the copy is gone again, what was pending is done after all.
#[test]
fn a_copy_that_goes_again() {
    let (world, prod) = World::ready();
    let copy = backup(&world);
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    let newer = backup(&world);
    restore(&world, &copy);
    world.let_time_pass(3601);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_current_is_live(&prod);
    restore(&world, &newer);
    for output in runs(&world) {
        output.exits(0).does_not_say("the config file holds it");
    }
    world.assert_one_live_token(&prod);
    assert!(!world.has_journal(), "{}", world.describe());
}

/// An interrupted refresh, and its old token is current again: the server takes the new one.
#[test]
fn of_two_the_one_that_the_server_accepts_is_current() {
    for deliver in ["false", "kill -9 $PPID"] {
        let (world, prod) = World::ready();
        let copy = backup(&world);
        let command = format!("test -e \"$HERE/fixed\" || {deliver}");
        world.refresh(&["--exec", &command]);
        let new = world.current(&prod);
        restore(&world, &copy);
        fs::write(world.outside("fixed"), "").unwrap();
        let output = world.refresh(&["--format", "json"]);
        assert_eq!(output.exits(0).json()["outcome"], "delivered");
        assert_eq!(world.current(&prod), new);
        world.assert_one_live_token(&prod);
        assert!(!world.has_journal());
    }
}

#[test]
fn the_same_without_a_delivery() {
    let (world, prod) = World::ready();
    let copy = backup(&world);
    let refresh = ["token", "refresh"];
    kill::at_request(&world, Route::TokenRevoke, Times::Once, false, &refresh);
    let new = world.current(&prod);
    restore(&world, &copy);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert_eq!(world.current(&prod), new);
    world.assert_one_live_token(&prod);
    assert!(!world.has_journal(), "{}", world.describe());
}

/// The same, but somebody has revoked the new one meanwhile: the old one stays.
#[test]
fn and_if_it_accepts_the_old_one_that_is() {
    let (world, prod) = World::ready();
    let copy = backup(&world);
    world.refresh(&["--exec", "false"]).exits(9);
    let new = world.item(&prod)["jti"].as_str().unwrap().to_owned();
    revoke_elsewhere(&world, &prod, &new);
    restore(&world, &copy);
    // Its absence is not believed before the news of it had its time.
    for output in runs(&world) {
        output.exits(8).does_not_say("has been revoked");
        assert_eq!(world.current(&prod), prod.token.access_token);
        world.assert_one_live_token(&prod);
    }
    world.let_time_pass(181);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_one_live_token(&prod);
    assert!(!world.has_journal(), "{}", world.describe());
    world.ntcli(&["target", "remove", "1"]).run().exits(0);
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&prod);
}

/// The whole folder, in a week in which the server was asked: what the consumer has lives, and its place
/// is taken by no token that is dead.
#[test]
fn a_folder_of_which_the_token_is_dead() {
    let (world, prod) = World::ready();
    let (held, log) = (world.outside("held"), world.outside("log"));
    let command = format!(
        "printf %s \"$NTCLI_NEW_TOKEN\" | tee -a '{}' > '{}' && echo >> '{}'",
        log.display(),
        held.display(),
        log.display()
    );
    let check = format!("[ \"$(cat '{}')\" = \"$NTCLI_NEW_TOKEN\" ]", held.display());
    world.ntcli(&["target", "add", "--exec", &command, "--check", &check]).run().exits(0);
    let file = world.outside("app.env");
    let assignment = format!("TOKEN={}", file.display());
    world.ntcli(&["target", "add", "--env", &assignment]).run().exits(0);
    world.ntcli(&["renew"]).run().exits(0);
    let names = ["config.json", "history.jsonl", "last-run.json"];
    let copy = names.map(|name| fs::read(world.path(name)).unwrap());
    world.refresh(&[]).exits(0);
    names.iter().zip(&copy).for_each(|(name, bytes)| world.write(name, bytes));
    fs::write(&log, "").unwrap();

    world.ntcli(&["renew"]).run().exits(8).says("that the server no longer knew");
    let new = world.current(&prod);
    assert_eq!(fs::read_to_string(&log).unwrap(), format!("{new}\n"), "no other was delivered");
    assert_eq!(fs::read_to_string(file).unwrap().trim(), format!("TOKEN={new}"));
    world.assert_current_is_live(&prod);
    world.plane.clear_requests();
    world.ntcli(&["-q", "renew"]).run().exits(0).says_only("");
    world.assert_nothing_sent();
}

/// Somebody with a config folder of their own revokes it.
fn revoke_elsewhere(world: &World, workspace: &Workspace, jti: &str) {
    let other = World::signed_in();
    let mut config = other.config();
    config["workspaces"]["items"][&workspace.key] = json!({"workspace_id": workspace.key,
        "workspace_name": "prod", "access_token": "no-token"});
    other.write_config(&config);
    let run = other.ntcli(&["token", "revoke", jti, "-w", "prod", "--force"]);
    let run = run.env("NTCLI_API_URL", world.plane.base_url());
    run.run().exits(0);
}
