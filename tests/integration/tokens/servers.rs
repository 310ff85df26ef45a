//! Every kind of server, and every command that makes a token: what is said of it is what it holds.

use serde_json::{Value, json};

use crate::control_plane::{Dates, ErrorStyle, Options, Paging, TokenShape};
use crate::harness::parallel::for_each;
use crate::harness::world::{Workspace, World};
use crate::unattended::renew::give_due;

const DAY: u64 = 86_400;
const YEAR: u64 = 365 * DAY;
/// `renew` asks for up to ten minutes less than is wanted, and clocks may differ by a minute.
const LESS: u64 = 660;

type Server = (&'static str, fn(&mut Options));

const SERVERS: [Server; 8] = [
    ("published types", |o| o.longest_lifetime = Some(YEAR)),
    ("core's models", |o| {
        (o.error_style, o.list_dates) = (ErrorStyle::Detail, Dates::Unzoned);
        o.fractional_expires_in = true;
    }),
    ("capped", |o| o.longest_lifetime = Some(10 * DAY)),
    ("opaque", |o| (o.token_shape, o.jti_in_answer) = (TokenShape::Opaque, true)),
    ("coded errors, 200", |o| (o.error_style, o.created_status) = (ErrorStyle::Coded, 200)),
    ("paging", |o| (o.page_size, o.paging) = (1, Paging::HasMore)),
    ("scope-dropping", |o| o.drops_scope = true),
    ("millisecond dates", |o| o.list_dates = Dates::Millis),
];

/// What is run, and what lifetime it asks for; `None` for ever.
const COMMANDS: [(&str, Option<u64>); 9] = [
    ("token refresh", Some(YEAR)),
    ("token refresh --expires-in 30d", Some(30 * DAY)),
    ("token refresh --expires-in never", None),
    ("token refresh --all --expires-in 5d", Some(5 * DAY)),
    ("token create", Some(YEAR)),
    ("token create --expires-in 12h", Some(DAY / 2)),
    ("token create --save --expires-in never", None),
    ("renew", Some(YEAR)),
    ("workspace create more", Some(YEAR)),
];

fn rfc3339(token: &Value) -> Value {
    let end = token["expires_at"].as_i64().map(|s| ntcli::time::Timestamp::from_millis(s * 1000));
    end.map_or(Value::Null, |end| json!(end.to_string()))
}

/// Where each command names its token.
fn said<'a>(command: &str, json: &'a Value) -> &'a Value {
    match command {
        "renew" => &json["results"][0],
        "workspace create more" => &json["token"],
        _ if command.contains("--all") => &json["results"][0]["new_token"],
        _ if command.starts_with("token refresh") => &json["new_token"],
        _ => json,
    }
}

fn set_up(server: &Server, command: &str) -> (World, Workspace) {
    let (world, prod) = World::ready();
    if command == "renew" {
        give_due(&world, &prod);
    }
    let rights = json!(["workspace:read", "workspace:admin"]);
    world.set_config(&format!("/workspaces/items/{}/scope", prod.key), rights);
    world.plane.configure(|o| {
        o.workspace_create_includes_token = true;
        server.1(o);
    });
    (world, prod)
}

#[test]
fn what_is_said_is_what_the_token_holds() {
    let cells: Vec<_> = SERVERS.iter().flat_map(|s| COMMANDS.map(|c| (s, c))).collect();
    for_each(6, &cells, |(server, (command, asked_s))| {
        let (world, prod) = set_up(server, command);
        let words: Vec<&str> = command.split(' ').chain(["--format", "json"]).collect();
        let before = world.plane.live_tokens(&prod.id);
        let output = world.ntcli(&words).prints_secrets().run();
        let scene = format!("{}, {command}: {output}", server.0);
        assert!(matches!(output.code(), Some(0 | 8)), "{scene}");
        let (json, made) = (output.json(), newest_since(&world, &before));
        let said = said(command, &json);
        assert_eq!((&said["jti"], &said["expires_at"]), (&made["jti"], &rfc3339(&made)), "{scene}");

        // Another lifetime than was asked is said, and no other.
        let asks_less = if *command == "renew" { LESS } else { 60 };
        let lives_s =
            made["expires_at"].as_u64().map(|end| end - made["created_at"].as_u64().unwrap());
        let as_asked = match (asked_s, lives_s) {
            (Some(asked), Some(lives)) => asked.abs_diff(lives) <= asks_less,
            (asked, lives) => *asked == lives,
        };
        let is_refresh = command.starts_with("token refresh");
        let loses = server.0 == "scope-dropping" && is_refresh;
        if *command != "renew" {
            let granted = if command.contains("--all") {
                &json["results"][0]["granted"]
            } else {
                &json["granted"]
            };
            assert_eq!(granted.is_null(), as_asked && !loses, "{as_asked} {scene}");
            if !granted.is_null() {
                let off = granted["granted_s"].as_u64().map(|s| s.abs_diff(lives_s.unwrap()));
                assert!(off.is_none_or(|off| off <= 60), "{scene}");
                assert_eq!(granted["granted_s"].is_null(), lives_s.is_none(), "{scene}");
                assert_eq!(granted["lacks_scope"].as_array().unwrap().len(), usize::from(loses));
            }
            assert_eq!(output.stderr.contains("granted a token for"), !as_asked, "{scene}");
        }

        // What is stored is the same.
        if is_refresh || *command == "renew" || command.contains("--save") {
            let item = world.item(&prod);
            assert_eq!(item["access_token"], made["access_token"], "{scene}");
            assert_eq!(item["jti"], made["jti"], "{scene}");
            match made["expires_at"].as_u64() {
                Some(end) => {
                    let off = item["expires_at"].as_u64().unwrap().abs_diff(end * 1000);
                    assert!(off < 2_000, "{scene}");
                }
                None => assert_eq!(item["never_expires"], true, "{scene}"),
            }
            let shown = world.ntcli(&["token", "show", "--format", "json"]).run().json();
            assert_eq!((&shown["jti"], &shown["expires_at"]), (&made["jti"], &said["expires_at"]));
        }
    });
}

/// The token that was not there before.
fn newest_since(world: &World, before: &[String]) -> Value {
    let saved = world.plane.saved();
    let tokens = saved.as_array().unwrap().iter().flat_map(|w| w["tokens"].as_array().unwrap());
    let is_new = |token: &&Value| {
        token["revoked"] == false && before.iter().all(|jti| token["jti"] != jti.as_str())
    };
    let made: Vec<&Value> = tokens.filter(is_new).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    made[0].clone()
}

/// What a server refuses is made nowhere, and the message says what it takes.
#[test]
fn a_server_that_refuses() {
    use crate::control_plane::{Fault, Route, Times};
    for command in ["token refresh --expires-in never", "token create --expires-in never", "renew"]
    {
        let (world, prod) = set_up(&SERVERS[0], command);
        let detail = json!({"detail": [{"loc": ["body", "expires_in"],
            "msg": "Input should be a valid integer", "type": "int_type"}]});
        let refused = Fault::Status(422, detail.to_string(), Vec::new());
        world.plane.fault(Route::TokenCreate, Times::Always, refused);
        let (before, item) = (world.plane.live_tokens(&prod.id), world.item(&prod));
        let words: Vec<&str> = command.split(' ').collect();
        let output = world.ntcli(&words).run();
        output.exits(1).says("expires_in");
        assert_eq!(world.plane.live_tokens(&prod.id), before, "{output}");
        assert_eq!(world.item(&prod), item, "{output}");
        world.assert_settled();
    }
}
