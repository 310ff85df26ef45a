//! Workspaces that are deleted: `ntcli workspace delete` and `sync`.

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::crash::inside::Inside;
use crate::harness::world::World;
use crate::workspaces::manage::{active, delete_elsewhere, named, run, world};

#[test]
fn deleted_there_and_forgotten_here() {
    let (world, workspace) = World::ready();
    // Its pending work goes with it, that of another does not.
    let other = world.add_workspace("other");
    for (of, jti) in [(&workspace, "jti_1"), (&other, "jti_2")] {
        let workspace = json!({"key": of.key, "id": of.id, "name": "x"});
        let record =
            json!({"owed": {"place": workspace, "jti": jti, "not_before": 4_000_000_000_000_u64}});
        let before = std::fs::read_to_string(world.journal_path()).unwrap_or_default();
        world.write("rotation.journal", format!("{before}{record}\n").as_bytes());
    }
    let output = run(&world, &["rm", "prod", "--force"]);
    output.exits(0).says("ntcli workspace select");
    assert_eq!(world.item(&workspace), Value::Null);
    assert_eq!(active(&world), Value::Null);
    assert_ne!(world.item(&other), Value::Null);
    let pending = world.ntcli(&["token", "show", "-w", "other"]).run();
    assert!(pending.exits(0).stdout.contains("jti_2"), "{pending}");
    let record = std::fs::read_to_string(world.journal_path()).unwrap();
    assert!(record.contains("jti_2") && !record.contains("jti_1"), "{record}");
    run(&world, &["delete", "prod", "--force"]).exits(1);
}

#[test]
fn deleting_asks_for_the_name() {
    let (world, workspace) = World::ready();
    let delete = |typed: &str| Inside::new(&world).typing(typed).run(&["ws", "rm", "prod"]);
    for typed in ["", "\n", "y\n", "pro\n"] {
        let done = delete(typed);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{done:?}");
        assert!(done.stderr.contains("nothing was done"), "{done:?}");
    }
    world.assert_nothing_sent();
    assert_eq!(delete("prod\n").code, 0);
    assert_eq!(world.item(&workspace), Value::Null);
}

/// Deleted by somebody else: forgotten. But a 404 that does not come from this server deletes
/// nothing here.
#[test]
fn already_gone_or_another_server() {
    let (world, workspace) = World::ready();
    let not_found = Fault::Status(404, "{\"detail\":\"Not Found\"}".to_owned(), Vec::new());
    world.plane.fault(Route::WorkspaceDelete, Times::Once, not_found.clone());
    run(&world, &["delete", "prod", "--force"]).exits(1);
    world.assert_current_is_live(&workspace);
    world.plane.fault(Route::WorkspaceDelete, Times::Once, not_found.clone());
    world.plane.fault(Route::WorkspaceList, Times::Once, not_found);
    run(&world, &["delete", "prod", "--force"]).exits(1);
    world.assert_current_is_live(&workspace);

    world.plane.fault(Route::WorkspaceDelete, Times::Once, Fault::CloseAfter);
    let output = run(&world, &["delete", "prod", "--force"]);
    output.exits(0);
    assert!(output.stdout.contains("prod"), "{output}");
    assert_eq!(world.item(&workspace), Value::Null);
}

#[test]
fn one_that_only_the_server_knows_can_be_deleted() {
    let world = world();
    let remote = world.plane.add_workspace("remote");
    let by_name = run(&world, &["delete", "remote", "--force"]);
    by_name.exits(2).says(&format!("({remote}) is not known here"));
    run(&world, &["delete", &remote, "--force"]).exits(0);
    assert_eq!(named(&world, "remote"), Value::Null);
}

#[test]
fn sync_takes_over_the_list() {
    let (world, workspace) = World::ready();
    let added = world.plane.add_workspace("added");
    let dead = world.add_workspace("dead");
    world.ntcli(&["ws", "use", "dead"]).run().exits(0);
    let elsewhere = World::new();
    elsewhere.sign_in();
    world.set_config(&format!("/workspaces/items/{}/workspace_name", workspace.key), json!("old"));
    // Gone from the server, and its token with it.
    let mine = world.ntcli(&["health"]).run();
    mine.exits(0);
    delete_elsewhere(&world, &dead.id);

    let output = run(&world, &["sync", "--format", "json"]);
    let report = output.exits(0).says("ntcli workspace select").json();
    assert_eq!(report["added"], json!([{"name": "added", "id": added}]));
    assert_eq!(report["renamed"], json!([{"name": "prod", "id": workspace.id, "before": "old"}]));
    assert_eq!(
        report["removed"],
        json!([{"name": "dead", "id": dead.id, "had_token": true, "jti": dead.token.jti, "targets": 0}])
    );
    assert_eq!(report["kept"], json!([]));
    assert_eq!(report["total"], 2);
    assert_eq!(world.item(&workspace)["workspace_name"], "prod");
    world.assert_current_is_live(&workspace);
    assert_eq!(world.item(&dead), Value::Null);
    assert_eq!(active(&world), Value::Null);
    let again = run(&world, &["sync"]);
    again.exits(0).prints("The server has 2 workspaces.\n");
}

/// The list of another account, or of another server: no token that may work is dropped.
#[test]
fn sync_keeps_what_may_still_work() {
    let (world, workspace) = World::ready();
    let empty = Fault::Body("{\"workspaces\": [], \"total\": 0}".to_owned());
    let cannot_tell = Fault::Status(500, String::new(), Vec::new());
    for check in [None, Some(cannot_tell)] {
        world.plane.fault(Route::WorkspaceList, Times::Once, empty.clone());
        if let Some(fault) = check {
            world.plane.fault(Route::TokenAuth, Times::Once, fault);
        }
        let output = run(&world, &["sync", "--format", "json"]);
        output.exits(0).says("It is kept; to forget it: ntcli workspace delete");
        assert_eq!(output.json()["kept"][0]["name"], "prod");
        world.assert_current_is_live(&workspace);
    }
}
