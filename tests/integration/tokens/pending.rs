//! `ntcli token needs-refresh` with work in the journal: a timer must not skip it.

use std::fs;

use serde_json::{Value, json};

use crate::harness::world::{Output, Workspace, World};
use crate::tokens::local::run;

fn asks(world: &World, args: &[&str]) -> Output {
    run(world, &[&["needs-refresh"], args].concat())
}

fn journal(world: &World, records: &[Value]) {
    let lines = records.iter().map(|record| format!("{record}\n"));
    world.write("rotation.journal", lines.collect::<String>().as_bytes());
}

fn workspace_ref(of: &Workspace) -> Value {
    json!({"key": of.key, "id": of.id, "name": "prod"})
}

#[test]
fn a_failed_delivery_is_due() {
    let (world, prod) = World::ready();
    asks(&world, &[]).exits(1);
    world.refresh(&["--exec", "test -e \"$HERE/fixed\""]).exits(9);
    asks(&world, &[]).exits(0).prints(&format!(
        "Due: work of an earlier run on 'prod' is pending.\n  Pending: the current token must still be delivered; until then the old one ({}) stays live\n",
        prod.token.jti
    ));
    let json = asks(&world, &["--format", "json"]).exits(0).json();
    assert_eq!((&json["due"], &json["reason"]), (&json!(true), &json!("pending")));
    assert_eq!(json["pending"].as_array().unwrap().len(), 1);
    assert_eq!(json["jti"], world.item(&prod)["jti"]);
    // The reason of the token itself is the more urgent one.
    let json = asks(&world, &["--within=2x", "--format=json"]);
    json.exits(255);
    let json = asks(&world, &["--within=800d", "--format=json"]).exits(0).json();
    assert_eq!(json["reason"], "expires_soon");

    fs::write(world.outside("fixed"), "").unwrap();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    asks(&world, &[]).exits(1);
    world.plane.clear_requests();
    asks(&world, &[]).exits(1);
    world.assert_nothing_sent();
}

#[test]
fn only_what_is_due_and_of_this_workspace() {
    let (world, prod) = World::ready();
    let other = world.add_workspace("other");
    let (past, future) = (1_000_i64, 4_000_000_000_000_i64);
    let to_revoke = |of: &Workspace, until: Value| json!({"owed": {"place": workspace_ref(of), "jti": "jti_old", "not_before": until}});
    let creating = |of: &Workspace, until: i64| json!({"creating": {"place": workspace_ref(of), "at": past, "until": until}});
    let searched = json!({"searched": {"workspace": prod.id, "at": past}});
    let orphan =
        json!({"orphan": {"place": workspace_ref(&prod), "jti": "jti_lost", "born": null}});
    let requested = Some("a token was requested at 1970-01-01T00:00:01Z and no answer came");
    for (records, work) in [
        (vec![to_revoke(&prod, Value::Null)], Some("token jti_old must still be revoked")),
        (vec![to_revoke(&prod, json!(past))], Some("token jti_old will be revoked after 1970")),
        (vec![to_revoke(&prod, json!(future))], None),
        (vec![to_revoke(&other, Value::Null)], None),
        (vec![creating(&prod, past)], requested),
        // No search has been made for it yet.
        (vec![creating(&prod, future)], requested),
        (vec![creating(&prod, future), searched.clone()], None),
        // Its time is over: the next run closes it.
        (vec![creating(&prod, past), searched], requested),
        (vec![creating(&other, past)], None),
        (vec![orphan], None),
    ] {
        journal(&world, &records);
        let output = asks(&world, &[]);
        output.exits(i32::from(work.is_none()));
        let told = output.stdout.contains(work.unwrap_or_default());
        assert!(told && output.stdout.contains("Pending:") == work.is_some(), "{output}");
        let json = asks(&world, &["--format=json"]).json();
        assert_eq!(json["reason"] == "pending", work.is_some(), "{records:?}");
    }
    // Work that is not due is not given as the reason.
    journal(&world, &[to_revoke(&prod, json!(future)), creating(&prod, past)]);
    let json = asks(&world, &["--format=json"]).exits(0).json();
    assert_eq!(json["pending"].as_array().unwrap().len(), 1, "{json}");
}

#[test]
fn an_unreadable_journal_is_not_an_answer() {
    let (world, _) = World::ready();
    // The blank line says that what stands before it was on the disk.
    world.write("rotation.journal", b"{\"nonsense\": 1}\n\n");
    asks(&world, &[]).exits(255).prints("").says("rotation.journal");
    let json = asks(&world, &["--format=json"]).exits(255).json();
    assert_eq!(json["error"]["code"], "damaged_file");
}
