//! A token whose answer was lost: which of the server's tokens it is, and when to stop looking.

use std::time::Duration;

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::gate::Gate;
use crate::harness::world::{Output, World, wait_until};
use crate::harness::{journal, kill};

/// A refresh whose create is carried out and not answered.
fn lose_an_answer(world: &World) -> Output {
    world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
    world.refresh(&[])
}

/// A token that somebody created when the server's clock was at another hour.
fn made_at(world: &World, workspace: &str, offset_s: i64) -> String {
    let now = world.plane.clone();
    let mut offset = 0;
    now.configure(|o| {
        offset = o.clock_offset_s;
        o.clock_offset_s += offset_s;
    });
    let token = now.issue_token(workspace, None);
    now.configure(|o| o.clock_offset_s = offset);
    token.jti
}

/// The server's clock decides, however wrong it or ours is.
#[test]
fn it_is_found_by_the_servers_clock() {
    for offset in [0, 7 * 86_400, -7 * 86_400] {
        let (world, workspace) = World::ready();
        world.plane.configure(|o| o.clock_offset_s = offset);
        let before = made_at(&world, &workspace.id, -3600);
        let output = lose_an_answer(&world);
        let lost = world.plane.live_tokens(&workspace.id).pop().unwrap();
        output.exits(10).says(&lost).does_not_say(&before);
        let after = made_at(&world, &workspace.id, 3600);

        // Other people's tokens are neither named nor revoked.
        let output = world.refresh(&["--revoke-orphans"]);
        output.exits(0).says(&lost).does_not_say(&before).does_not_say(&after);
        let live = world.plane.live_tokens(&workspace.id);
        assert!(live.contains(&before) && live.contains(&after), "{live:?}");
        assert!(!live.contains(&lost) && live.len() == 3, "{live:?}");
        world.assert_settled();
    }
}

/// A script that reads the failure learns of it too.
#[test]
fn the_failure_names_it_in_json() {
    let (world, workspace) = World::ready();
    let lost = Fault::CloseAfter;
    world.plane.fault(Route::TokenCreate, Times::Once, lost);
    let answer = world.refresh(&["--format", "json"]).exits(10).json();
    let lost = world.plane.live_tokens(&workspace.id).pop().unwrap();
    assert_eq!(answer["error"]["exit_code"], 10);
    assert_eq!(answer["orphans"][0]["jti"], lost.as_str());
    assert_eq!(answer["orphans"][0]["revoked"], false);
}

/// A token that was handed out is in use somewhere: it is not an orphan.
#[test]
fn what_was_handed_out_is_not_lost() {
    let (world, workspace) = World::ready();
    let create = world.ntcli(&["token", "create", "--format", "json"]);
    let created = create.prints_secrets().run();
    let handed_out = created.exits(0).json()["jti"].clone();
    let handed_out = handed_out.as_str().unwrap();
    lose_an_answer(&world).exits(10).does_not_say(handed_out);
    world.refresh(&["--revoke-orphans"]).exits(0).does_not_say(handed_out);
    let live = world.plane.live_tokens(&workspace.id);
    assert!(live.iter().any(|jti| jti == handed_out), "{live:?}");
    assert_eq!(live.len(), 2);
}

/// An orphan is named by every run until it is gone, and then no longer.
#[test]
fn it_is_named_until_it_is_gone() {
    let (world, workspace) = World::ready();
    lose_an_answer(&world).exits(10);
    let lost = world.plane.live_tokens(&workspace.id).pop().unwrap();
    for _ in 0..2 {
        let output = world.refresh(&["--format", "json"]);
        let revoke = format!(
            "Revoke it: ntcli token revoke {lost} -w {} (with --forget: keep it)",
            workspace.id
        );
        output.exits(0).says(&revoke);
        let orphan = &output.json()["orphans"][0];
        assert_eq!((&orphan["jti"], &orphan["revoked"]), (&json!(lost), &json!(false)));
        assert!(world.has_journal());
    }
    world.ntcli(&["token", "show"]).run().exits(0);
    // Somebody revokes it by other means.
    revoke_elsewhere(&world, &workspace.id, &lost);
    world.refresh(&[]).exits(0).does_not_say(&lost);
    world.assert_settled();
    world.refresh(&[]).exits(0).says_only("");
    world.assert_one_live_token(&workspace);
}

/// Another machine with the same account, which finds and revokes it there.
fn revoke_elsewhere(world: &World, workspace: &str, jti: &str) {
    use std::io::{Read, Write};
    let address = world.plane.base_url().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let session = crate::harness::world::SESSION;
    let request = format!(
        "DELETE /v1/workspaces/{workspace}/tokens/{jti} HTTP/1.1\r\nHost: here\r\n\
         Authorization: Bearer {session}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// A request that ran out of time may be carried out late. Once its time is certainly over, and the
/// list shows nothing, it is settled.
#[test]
fn a_search_that_ends() {
    let (world, workspace) = World::ready();
    world.plane.fault(Route::TokenCreate, Times::Once, Fault::Stall { apply: false });
    let refresh = world.ntcli(&["token", "refresh"]).env("NTCLI_TIMEOUT", "1");
    refresh.limit(Duration::from_secs(30)).run().exits(10).says("within 1 s");
    for _ in 0..2 {
        world.refresh(&[]).exits(0).says_only("");
        let shown = world.ntcli(&["token", "show"]).run();
        let told = shown.stdout.contains("no answer came; none was found so far");
        assert!(told, "{shown}");
    }

    journal::age(&world.journal_path(), 3600);
    world.refresh(&[]).exits(0).says_only("");
    assert!(!world.has_journal());
    world.assert_one_live_token(&workspace);
}

/// The file may hold the workspace under another key, whose token was made at the same time.
#[test]
fn what_another_key_holds_is_not_lost() {
    let (world, workspace) = World::ready();
    let refresh = ["token", "refresh"];
    kill::at_request(&world, Route::TokenCreate, Times::Once, true, &refresh);
    let lost = world.plane.live_tokens(&workspace.id).pop().unwrap();
    let second = world.plane.issue_token(&workspace.id, Some(86_400));
    let mut item = world.item(&workspace);
    item["access_token"] = json!(second.access_token);
    item["jti"] = json!(second.jti);
    world.set_config(&format!("/workspaces/items/{}", workspace.id), item);
    let output = world.refresh(&["-w", &workspace.key, "--revoke-orphans"]);
    output.exits(0).does_not_say(&second.jti);
    let live = world.plane.live_tokens(&workspace.id);
    assert!(live.contains(&second.jti) && !live.contains(&lost), "{live:?}");
}

/// The server accepts a request only after the run that sent it is dead and the next one has
/// searched: a later run finds the token anyway.
#[test]
fn a_token_that_comes_after_the_next_run_has_looked() {
    let (world, workspace) = World::ready();
    let gate = Gate::before(&world, Route::TokenCreate);
    let running = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    kill::process(running.pid());
    running.finish();
    world.refresh(&["--revoke-orphans"]).exits(0).says_only("");
    world.assert_settled();

    gate.open();
    wait_until("it has come", || world.plane.live_tokens(&workspace.id).len() == 2);
    let late = world.plane.live_tokens(&workspace.id).pop().unwrap();
    world.refresh(&[]).exits(0).says(&late);
    world.refresh(&["--revoke-orphans"]).exits(0).says(&late);
    world.assert_one_live_token(&workspace);
    world.assert_settled();
}
