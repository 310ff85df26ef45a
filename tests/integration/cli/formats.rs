//! The config file is shared with the existing client: each must be able to use what the other
//! wrote.

use serde_json::Value;

use crate::control_plane::TokenShape;
use crate::harness::parallel::for_each;
use crate::harness::world::{SESSION, World};

const PROD: &str = "74e4f895-5c8a-4222-ac86-ae0885506202";
const STAGING: &str = "9c1d2e3f-0a1b-4c2d-8e3f-405162738495";

const FIXTURES: [(&str, &str); 5] = [
    ("bare-uuid", include_str!("../../../fixtures/config/bare-uuid.json")),
    ("ws-name-uuid", include_str!("../../../fixtures/config/ws-name-uuid.json")),
    ("no-token", include_str!("../../../fixtures/config/no-token.json")),
    ("null-expiry", include_str!("../../../fixtures/config/null-expiry.json")),
    ("ours", include_str!("../../../fixtures/config/ours.json")),
];

/// A command, its exit code where the workspace holds a token, and where it holds none.
type Case = (&'static [&'static str], i32, i32);

const COMMANDS: [Case; 28] = [
    (&["token", "refresh"], 0, 1),
    (&["token", "create"], 0, 0),
    (&["token", "create", "--save"], 0, 0),
    (&["token", "create", "--no-save", "-w", PROD], 0, 0),
    (&["token", "show"], 0, 1),
    (&["token", "show", "--show-token"], 0, 1),
    (&["token", "print"], 0, 1),
    (&["token", "exec", "--", "true"], 0, 1),
    (&["token", "list", "--show-expired"], 0, 0),
    (&["token", "needs-refresh", "--within", "9000w"], 0, 255),
    (&["token", "revoke", "PROD_JTI", "--force"], 0, 0),
    (&["token", "revoke", "--pending"], 0, 0),
    (&["token", "history"], 0, 0),
    (&["workspace", "list"], 0, 0),
    (&["workspace", "select", "staging"], 0, 0),
    (&["workspace", "select", STAGING], 0, 0),
    (&["workspace", "switch", "prod"], 0, 0),
    (&["workspace", "create", "dev"], 0, 0),
    (&["workspace", "delete", "staging", "--force"], 0, 0),
    (&["workspace", "clear"], 0, 0),
    (&["workspace", "sync"], 0, 0),
    (&["domain", "set", "example.com"], 0, 0),
    (&["domain", "set", "example.com", "--insecure"], 0, 0),
    (&["domain", "show"], 0, 0),
    (&["config", "show"], 0, 0),
    (&["config", "path"], 0, 0),
    (&["config", "reset", "--force"], 0, 0),
    (&["health"], 0, 0),
];

/// A world whose config is the fixture, with its names replaced by what the server has.
struct Given {
    world: World,
    text: String,
    swaps: Vec<(&'static str, String)>,
}

impl Given {
    fn new(fixture: &str) -> Self {
        let world = World::new();
        if fixture.contains("\"expires_at\": null") {
            // Such a token says nothing about itself.
            world.plane.configure(|options| {
                options.token_shape = TokenShape::Opaque;
                options.jti_in_answer = true;
            });
        }
        world.make_dir();
        let (prod, staging) =
            (world.plane.add_workspace("prod"), world.plane.add_workspace("staging"));
        let token = world.plane.issue_token(&prod, Some(1_000_000));
        let swaps = vec![
            (PROD, prod),
            (STAGING, staging),
            ("PROD_TOKEN", token.access_token),
            ("PROD_JTI", token.jti),
            ("SESSION", SESSION.to_owned()),
            ("REFRESH", world.plane.grant_refresh_token()),
        ];
        let mut given = Given { world, text: String::new(), swaps };
        given.text = given.swapped(fixture);
        given.world.write("config.json", given.text.as_bytes());
        given
    }

    fn swapped(&self, text: &str) -> String {
        let swaps = self.swaps.iter();
        swaps.fold(text.to_owned(), |text, (name, real)| text.replace(name, real))
    }

    fn config_text(&self) -> String {
        std::fs::read_to_string(self.world.config_path()).unwrap()
    }
}

#[test]
fn every_command_takes_what_the_existing_client_wrote_and_leaves_it_readable() {
    let cases: Vec<_> = FIXTURES
        .iter()
        .flat_map(|fixture| COMMANDS.iter().map(move |command| (fixture, command)))
        .collect();
    for_each(4, &cases, |((name, fixture), (args, held, bare))| {
        let given = Given::new(fixture);
        let args: Vec<String> = args.iter().map(|arg| given.swapped(arg)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let run = given.world.ntcli(&args);
        let run = match args[..] {
            ["token", "create" | "print", ..] | [.., "--show-token"] => run.prints_secrets(),
            _ => run,
        };
        run.run().exits(if *name == "no-token" { *bare } else { *held });
        assert_readable(&given.world.config());
        if !args.starts_with(&["config", "reset"]) {
            assert_kept(&given.text, &given.config_text());
        }
        given.world.assert_private();
    });
}

/// Nothing of ours is written unasked: a command that only reads leaves every byte as it was.
#[test]
fn looking_changes_nothing() {
    let looks: [&[&str]; 10] = [
        &["token", "show"],
        &["token", "show", "--check"],
        &["token", "exec", "--", "true"],
        &["token", "list"],
        &["token", "needs-refresh"],
        &["token", "history"],
        &["workspace", "list"],
        &["domain", "show"],
        &["config", "show"],
        &["health"],
    ];
    for (_, fixture) in FIXTURES {
        let given = Given::new(fixture);
        for args in looks {
            given.world.ntcli(args).run();
            assert_eq!(given.config_text(), given.text, "{args:?}");
        }
        let files = given.world.files();
        assert_eq!(files.len(), 2, "{files:?}");
    }
}

/// A refresh of each shape: one live token, in the config, under the same key.
#[test]
fn a_refresh_keeps_the_key() {
    for (name, fixture) in FIXTURES.iter().filter(|(name, _)| *name != "no-token") {
        let given = Given::new(fixture);
        let before = given.world.config();
        given.world.refresh(&[]).exits(0);
        let after = given.world.config();
        let keys = |config: &Value| -> Vec<String> {
            let items = config["workspaces"]["items"].as_object().unwrap();
            items.keys().cloned().collect()
        };
        assert_eq!(keys(&before), keys(&after), "{name}");
        let live = given.world.plane.live_tokens(&given.swaps[0].1);
        assert_eq!(live.len(), 1, "{name}: {live:?}");
        assert_ne!(live[0], given.swaps[3].1, "{name}");
    }
}

/// What the existing client expects of the file.
#[track_caller]
fn assert_readable(config: &Value) {
    let fits = |value: &Value, kind: fn(&Value) -> bool| value.is_null() || kind(value);
    assert!(config["version"].is_string(), "{config:#}");
    assert!(config["lastUpdated"].is_string(), "{config:#}");
    assert!(fits(&config["domain"], Value::is_string), "{config:#}");
    assert!(fits(&config["insecure"], Value::is_boolean), "{config:#}");
    let auth = &config["auth"];
    if !auth.is_null() {
        assert!(auth["bearerToken"].is_string(), "{config:#}");
        assert!(fits(&auth["expiresAt"], Value::is_number), "{config:#}");
        for name in ["id", "email", "firstName", "lastName", "organizationId"] {
            assert!(fits(&auth["user"][name], Value::is_string), "{config:#}");
        }
    }
    let workspaces = &config["workspaces"];
    let items = workspaces["items"].as_object().expect("items");
    if let Some(active) = workspaces.get("activeWorkspaceId") {
        let active = active.as_str().expect("a key");
        assert!(items.contains_key(active), "{config:#}");
        let flagged = items.iter().filter(|(_, item)| item["isActive"] == true);
        assert!(flagged.map(|(key, _)| key).all(|key| key == active));
    }
    for item in items.values() {
        assert!(item["workspace_id"].is_string(), "{config:#}");
        assert!(item["workspace_name"].is_string(), "{config:#}");
        for name in ["access_token", "token_type", "jti"] {
            assert!(fits(&item[name], Value::is_string), "{config:#}");
        }
        assert!(fits(&item["expires_at"], Value::is_number), "{config:#}");
        assert!(fits(&item["scope"], Value::is_array), "{config:#}");
        assert!(fits(&item["isActive"], Value::is_boolean), "{config:#}");
    }
}

/// Unknown fields are still there, in their order.
#[track_caller]
fn assert_kept(before: &str, after: &str) {
    let unknown = |text: &str| -> Vec<String> {
        let mut names: Vec<_> = text.split('"').map(str::to_owned).collect();
        names.retain(|name| name.starts_with("x_"));
        names
    };
    assert_eq!(unknown(before), unknown(after), "{after}");
    let parse = |text| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(values(&parse(before)), values(&parse(after)));
}

/// The unknown fields with their values.
fn values(value: &Value) -> Vec<(String, Value)> {
    let fields = value.as_object().into_iter().flatten();
    let mut found = Vec::new();
    for (name, value) in fields {
        if name.starts_with("x_") {
            found.push((name.clone(), value.clone()));
        } else {
            found.extend(values(value));
        }
    }
    found
}
