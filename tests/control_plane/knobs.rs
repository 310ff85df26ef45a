//! The effects of the options that are seldom set.

use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::options::{Dates, Options, TokenAuth};
use super::routes;
use super::state::Origin;
use super::world::World;

const AT: u64 = 1_767_225_600;

fn world() -> (World, String) {
    let mut world = World::default();
    world.state.add_session("session", None);
    world.state.add_stranger("stranger");
    let id = world.state.add_workspace("prod", std::time::Duration::from_secs(AT));
    (world, id)
}

fn send(world: &mut World, bearer: &str, line: &str) -> Answer {
    let head = format!("{line} HTTP/1.1\r\nAuthorization: Bearer {bearer}\r\n\r\n");
    let request = Request::read(&mut head.as_bytes()).unwrap().unwrap();
    world.apply(routes::find(&request.method, &request.segments), &request)
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn a_list_of_tokens_in_every_style() {
    let styles = [
        (Dates::Seconds, json!(AT)),
        (Dates::Millis, json!(AT * 1000)),
        (Dates::Zoned, json!("2026-01-01T00:00:00.000000Z")),
        (Dates::Ahead, json!("2026-01-01T02:00:00.000000+02:00")),
        (Dates::Unzoned, json!("2026-01-01T00:00:00.000000")),
        (Dates::Rfc1123, json!("Thu, 01 Jan 2026 00:00:00 GMT")),
        (Dates::Missing, Value::Null),
        (Dates::Garbage, json!("the day before yesterday")),
    ];
    let (mut world, id) = world();
    let shape = world.options.token_shape;
    let token = world.state.issue(&id, None, AT, shape, Origin::Api).unwrap();
    world.state.issue(&id, None, AT, shape, Origin::Api);
    world.state.revoke(&id, &token.jti, AT);
    let list = format!("GET /v1/workspaces/{id}/tokens");
    for (style, expected) in styles {
        world.options.list_dates = style;
        let listed = json(&send(&mut world, "session", &list));
        assert_eq!(listed["count"], 1, "{listed}");
        assert_eq!(listed["tokens"][0]["created_at"], expected, "{listed}");
    }
    world.options.list_has_revoked = true;
    let listed = json(&send(&mut world, "session", &list));
    assert_eq!(listed["tokens"][0]["status"], "revoked", "{listed}");
    assert_eq!(listed["tokens"][1]["status"], "active", "{listed}");
    world.options.list_lag = 10;
    let counts = [0; 2].map(|_| json(&send(&mut world, "session", &list))["count"].clone());
    assert_eq!(counts, [0, 2], "after nine lists, and after ten");
}

#[test]
fn a_stranger_sees_nothing() {
    let (mut world, id) = world();
    let listed = json(&send(&mut world, "stranger", "GET /v1/workspaces"));
    assert_eq!(listed["workspaces"], json!([]));
    for line in ["GET /v1/workspaces/{}/tokens", "DELETE /v1/workspaces/{}"] {
        let answer = send(&mut world, "stranger", &line.replace("{}", &id));
        let detail = format!("Workspace {id} not found");
        assert_eq!((answer.status, json(&answer)), (404, json!({"detail": detail})));
    }
    let listed = json(&send(&mut world, "session", "GET /v1/workspaces"));
    assert_eq!(listed["total"], 1);
}

#[test]
fn a_create_that_makes_nothing_and_a_check_that_says_no() {
    let (mut world, id) = world();
    let create = format!("POST /v1/workspaces/{id}/tokens");
    let first = json(&send(&mut world, "session", &create));
    world.options = Options {
        create_repeats_token: true,
        fractional_expires_in: true,
        token_auth: TokenAuth::Denies,
        ..Options::default()
    };
    let second = send(&mut world, "session", &create);
    assert_eq!(first["access_token"], json(&second)["access_token"]);
    assert!(json(&second)["expires_in"].is_f64(), "{}", second.body);
    let check = send(&mut world, "any", "GET /v1/token_auth");
    assert_eq!((check.status, json(&check)), (200, json!({"authenticated": false})));
}
