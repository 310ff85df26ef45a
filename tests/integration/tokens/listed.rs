//! Lists as servers write them: dates of every kind, and tokens that are revoked.

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::World;
use crate::tokens::local::run;

fn lists(world: &World, tokens: &Value) {
    let body = json!({"tokens": tokens}).to_string();
    let fault = Fault::Body(body);
    world.plane.fault(Route::TokenList, Times::Once, fault);
}

#[test]
fn dates_of_every_kind() {
    let (world, _) = World::ready();
    let end = "2030-03-17T17:46:40Z";
    let known = [
        json!(1_900_000_000),
        json!(1_900_000_000.4),
        json!(1_900_000_000_000_u64),
        json!("1900000000"),
        json!("2030-03-17T17:46:40Z"),
        json!("2030-03-17T17:46:40.123456+00:00"),
        json!("2030-03-17T19:46:40+02:00"),
        json!("2030-03-17T19:46:40+0200"),
        json!("2030-03-17T17:46:40"),
        json!("2030-03-17T17:46:40.123456"),
        json!("2030-03-17 17:46:40"),
        json!("2030-03-17 17:46:40Z"),
        json!("Sun, 17 Mar 2030 17:46:40 GMT"),
        json!(" Sun, 17 Mar 2030 17:46:40 GMT "),
    ];
    let unknown = [
        json!("soon"),
        json!(""),
        json!(true),
        json!({"seconds": 1}),
        json!(0),
        json!(-5),
        json!(1.9e18),
        json!("2030-03-17"),
        json!("2030-02-30T00:00:00"),
    ];
    for (dates, read) in [(&known[..], true), (&unknown[..], false)] {
        let tokens: Vec<Value> = dates
            .iter()
            .enumerate()
            .map(|(n, date)| {
                json!({"jti": format!("jti_{n:02}"), "created_at": date, "expires_at": date})
            })
            .collect();
        lists(&world, &json!(tokens));
        let json = run(&world, &["list", "--format", "json"]).json();
        let listed = json["tokens"].as_array().unwrap();
        assert_eq!(listed.len(), dates.len());
        for token in listed {
            let jti = token["jti"].as_str().unwrap();
            let date = &dates[jti[4..].parse::<usize>().unwrap()];
            let expected = if read { json!(end) } else { Value::Null };
            assert_eq!(token["created_at"], expected, "{date}");
            assert_eq!(token["expires_at"], expected, "{date}");
            // An end that cannot be read does not mean that it never expires.
            assert_eq!(token["never_expires"], false, "{date}");
        }
    }
    lists(&world, &json!([{"jti": "jti_1", "expires_at": "soon"}]));
    let output = run(&world, &["list"]);
    let row: Vec<_> = output.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["jti_1", "-", "-", "-"]);
}

#[test]
fn what_is_revoked_is_not_live() {
    let (world, prod) = World::ready();
    let jti = &prod.token.jti;
    let tokens = json!([
        {"jti": jti, "created_at": 1_700_000_000, "status": "Revoked"},
        {"jti": "jti_live", "created_at": 1_700_000_001, "status": "active"},
        {"jti": "jti_odd", "created_at": 1_700_000_002, "status": 5},
    ]);
    for args in [&["list"][..], &["list", "--show-expired"]] {
        lists(&world, &tokens);
        let output = run(&world, args);
        output.exits(0).says("The current token is not among the live ones");
        let status = |first: &str| {
            let mut lines = output.stdout.lines();
            let line = lines.find(|l| l.starts_with(first)).unwrap_or_default();
            line.split_whitespace().last().map(str::to_owned)
        };
        assert_eq!(status("JTI").as_deref(), Some("Status"), "{output}");
        assert_eq!(status(jti).as_deref(), Some("revoked"), "{output}");
        assert_eq!(status("jti_live").as_deref(), Some("active"), "{output}");
    }
    lists(&world, &tokens);
    let json = run(&world, &["list", "--format", "json"]).json();
    let statuses: Vec<_> =
        json["tokens"].as_array().unwrap().iter().map(|t| &t["status"]).collect();
    assert_eq!(statuses, ["revoked", "active", "active"]);
}

/// An orphan that the server lists as revoked is no longer an orphan, and a revocation that a list
/// proves is done.
#[test]
fn a_list_proves_a_revocation() {
    let (world, prod) = World::ready();
    let workspace = json!({"key": prod.key, "id": prod.id, "name": "prod"});
    let orphan = json!({"orphan": {"place": workspace, "jti": "jti_lost", "born": null}});
    world.write("rotation.journal", format!("{orphan}\n").as_bytes());
    lists(&world, &json!([{"jti": "jti_lost", "status": "revoked"}]));
    world.refresh(&[]).exits(0).does_not_say("jti_lost");
    assert!(!world.has_journal());
}
