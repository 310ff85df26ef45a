//! Invalid files: named with the place of the error, left byte for byte as they are, and no request
//! is sent.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::{Output, SESSION, Workspace, World};

/// Reading a file must not change any of this.
fn state(path: &Path) -> (Option<Vec<u8>>, (i64, i64, u32, u64)) {
    let stamp = |m: Metadata| (m.mtime(), m.mtime_nsec(), m.mode(), m.ino());
    let found = fs::symlink_metadata(path).unwrap();
    let bytes = found.is_file().then(|| fs::read(path).unwrap());
    (bytes, stamp(found))
}

/// The refresh names the file and leaves it alone.
#[track_caller]
fn assert_refused(world: &World, path: &Path) -> Output {
    let before = state(path);
    let output = world.refresh(&[]);
    output.exits(2).prints("").says("Error: Cannot ").says(path.to_str().unwrap());
    let json = world.refresh(&["--format", "json"]);
    let error = &json.exits(2).json()["error"];
    assert_eq!(error["exit_code"], 2, "{json}");
    let code = error["code"].as_str().unwrap();
    assert!(["damaged_file", "read_file"].contains(&code), "{json}");
    assert!(error["message"].as_str().unwrap().contains(path.to_str().unwrap()), "{json}");
    assert!(state(path) == before, "the file was touched: {output}");
    world.assert_nothing_sent();
    output
}

/// A refusal of a file with something wrong at a place in it.
#[track_caller]
fn assert_damaged(world: &World, name: &str, bytes: &[u8], place: &str) {
    world.write(name, bytes);
    let output = assert_refused(world, &world.path(name));
    output.says(&format!("Cannot use {}: ", world.path(name).display()));
    output.says(place).says("Hint: it was left as it is; fix it, or put it aside: mv ");
}

#[test]
fn a_config_that_is_not_json() {
    let (world, _) = World::ready();
    let whole = fs::read(world.config_path()).unwrap();
    let deep = "[".repeat(100_000);
    let closed = deep.clone() + &"]".repeat(100_000);
    let inside = format!(r#"{{"unknown": {closed}}}"#);
    let objects = r#"{"a":"#.repeat(100_000);
    let marked = [b"\xef\xbb\xbf", whole.as_slice()].concat();
    let wide: Vec<u8> = whole.iter().flat_map(|byte| [*byte, 0]).collect();
    let trailing = [whole.as_slice(), b"}"].concat();
    let cases: [(&[u8], &str); 18] = [
        (b"", "it is empty"),
        (b" \n\t", "it is empty"),
        (b"\0\xff\xfe\x01binary\x80", "line 1 column 1"),
        (b"{", "line 1 column 1"),
        (b"{\n  \"version\": \"1.0.0\",\n  oops\n}", "line 3 column 3"),
        (b"{\"domain\": \"\xff\xfe\"}", "line 1 column"),
        (b"{\"domain\": \"\\ud800\"}", "line 1 column"),
        (b"{\"n\": 1e999}", "line 1 column"),
        (b"{\"n\": NaN}", "line 1 column"),
        (b"{} {}", "line 1 column"),
        (b"[]", "the file must be an object, not an array"),
        (b"null", "the file must be an object, not null"),
        (b"\"text\"", "the file must be an object, not a string"),
        (b"12", "the file must be an object, not a number"),
        (deep.as_bytes(), "line 1 column"),
        (closed.as_bytes(), "line 1 column"),
        (inside.as_bytes(), "line 1 column"),
        (objects.as_bytes(), "line 1 column"),
    ];
    for (bytes, place) in cases {
        assert_damaged(&world, "config.json", bytes, place);
    }
    assert_damaged(&world, "config.json", &marked, "line 1 column");
    assert_damaged(&world, "config.json", &wide, "line 1 column");
    assert_damaged(&world, "config.json", &trailing, "line ");
    // Half a config, cut anywhere.
    for end in (1..whole.len()).step_by(61) {
        assert_damaged(&world, "config.json", &whole[..end], "line ");
    }
}

#[test]
fn a_field_of_the_wrong_type() {
    let (world, workspace) = World::ready();
    let good = world.config();
    let item = format!("workspaces.items.{}", workspace.key);
    let item_fields = |names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("{item}.{name}")).collect()
    };
    let mut texts =
        item_fields(&["access_token", "workspace_id", "workspace_name", "token_type", "jti"]);
    for name in ["domain", "auth.bearerToken", "auth.refreshToken", "workspaces.activeWorkspaceId"]
    {
        texts.push(name.to_owned());
    }
    for name in ["id", "email", "firstName", "lastName", "organizationId"] {
        texts.push(format!("auth.user.{name}"));
    }
    let mut numbers = item_fields(&["expires_at"]);
    numbers.push("auth.expiresAt".to_owned());
    let mut booleans = item_fields(&["never_expires", "isActive"]);
    booleans.push("insecure".to_owned());
    let objects = ["auth", "auth.user", "workspaces", "workspaces.items", &item].map(str::to_owned);

    let kinds = [
        ("a string", json!("text")),
        ("a number", json!(1)),
        ("a boolean", json!(true)),
        ("an object", json!({})),
        ("an array", json!([])),
    ];
    for (wanted, places) in [
        ("a string", &texts[..]),
        ("a number", &numbers),
        ("a boolean", &booleans),
        ("an object", &objects),
    ] {
        for place in places {
            for (kind, value) in kinds.iter().filter(|(kind, _)| *kind != wanted) {
                let config = with(&good, place, value);
                let said = format!("{place} must be {wanted}, not {kind}");
                assert_damaged(&world, "config.json", config.to_string().as_bytes(), &said);
            }
        }
    }
    for scope in [json!(1), json!({}), json!(["a", 1])] {
        let config = with(&good, &format!("{item}.scope"), &scope);
        let said = format!("{item}.scope must be an array of strings");
        assert_damaged(&world, "config.json", config.to_string().as_bytes(), &said);
    }
}

/// The config with another value at a place, which is named as in the messages.
fn with(config: &Value, place: &str, value: &Value) -> Value {
    let mut config = config.clone();
    let mut field = &mut config;
    for name in place.split('.') {
        field = &mut field[name];
    }
    *field = value.clone();
    config
}

/// What could end a header, or start another, is never sent.
#[test]
fn a_token_that_no_header_can_carry() {
    let (world, workspace) = World::ready();
    let good = world.config();
    let token = format!("workspaces.items.{}.access_token", workspace.key);
    for place in ["auth.bearerToken", &token] {
        for bad in ["a\r\nX-Evil: 1", "a\nb", "a b", "caf\u{e9}", "a\0b", "\u{7f}"] {
            let config = with(&good, place, &json!(format!("{SESSION}{bad}")));
            let said = format!("{place} holds a character that no token has");
            assert_damaged(&world, "config.json", config.to_string().as_bytes(), &said);
        }
    }
}

fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn what_is_not_a_regular_file() {
    for name in ["config.json", "rotation.journal"] {
        let (world, _) = World::ready();
        let path = world.path(name);
        fs::remove_file(&path).ok();
        fs::create_dir(&path).unwrap();
        assert_refused(&world, &path).says("not a regular file");
        fs::remove_dir(&path).unwrap();
        make_fifo(&path);
        assert_refused(&world, &path).says("not a regular file");
    }
    // A folder that is a file, a lock that is a folder.
    let (world, _) = World::ready();
    let refresh = world.ntcli(&["token", "refresh"]).env("NTCLI_CONFIG_DIR", world.config_path());
    refresh.run().exits(2).prints("").says(world.config_path().to_str().unwrap());
    fs::create_dir(world.path("ntcli.lock")).unwrap();
    world.refresh(&[]).exits(2).prints("").says("ntcli.lock");
    world.assert_nothing_sent();
}

/// A world with a request of unknown outcome in its journal, and the record of it.
fn with_a_lost_request() -> (World, Workspace, String) {
    let (world, workspace) = World::ready();
    let status = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseBefore);
    world.plane.fault(Route::TokenList, Times::Once, status);
    world.refresh(&[]).exits(10);
    world.plane.clear_requests();
    let journal = fs::read_to_string(world.journal_path()).unwrap();
    let record = journal.lines().next().expect("what was begun").to_owned();
    (world, workspace, record)
}

/// A journal of a later version, or damaged in a part that was certainly on the disk: continuing
/// would lose its contents.
#[test]
fn a_damaged_journal() {
    let (world, _, good) = with_a_lost_request();
    let half = &good[..good.len() / 2];
    let wrong = good.replace("\"at\":", "\"at\":true,\"was\":");
    for (text, said) in [
        // An empty line says that everything before it is on the disk.
        ("garbage\n\n".to_owned(), "line 1: not a record"),
        ("\0\u{1}\n\n".to_owned(), "line 1: not a record"),
        ("[".repeat(100_000) + "\n\n", "line 1: not a record"),
        (format!("{half}\n{good}\n\n{good}\n"), "line 1: not a record"),
        (format!("{half}{good}\n\n"), "line 1: not a record"),
        (format!("{good}\n{half}\n\n{half}\n"), "line 2: not a record"),
        (format!("{good}\n\n{half}\n\n"), "line 3: not a record"),
        // A whole line was not torn by a power cut.
        ("[]\n".to_owned(), "line 1: not a record"),
        ("null\n".to_owned(), "line 1: not a record"),
        ("{}\n".to_owned(), "line 1: not a record"),
        (format!("{wrong}\n"), "line 1: not a record"),
        ("{\"invented\":{}}\n".to_owned(), "line 1: not a record"),
        (format!("{good}\n\n{{\"invented\":{{}}}}\n"), "line 3: not a record"),
        (format!("{good}\n\n{{\"invented\":{{}}}}\n\0\n"), "line 3: not a record"),
    ] {
        assert_damaged(&world, "rotation.journal", text.as_bytes(), said);
    }
}

/// A kill tears the last line; a power cut leaves holes in data that was written but not synced.
/// The step after such a record had not begun, and everything before it counts.
#[test]
fn a_torn_journal() {
    let (world, workspace, good) = with_a_lost_request();
    let (half, rest) = good.split_at(good.len() / 2);
    let hole = "\0".repeat(512);
    for end in [
        String::new(),
        good[..1].to_owned(),
        half.to_owned(),
        good.clone(),
        "garbage\n".to_owned(),
        format!("{hole}\n"),
        format!("{half}{hole}\n"),
        format!("{half}{hole}{rest}\n{good}\n"),
        format!("{hole}{rest}\n"),
        format!("{rest}\n{good}\n{hole}"),
        format!("\n{half}{hole}\n{good}\n"),
    ] {
        world.write("rotation.journal", format!("{good}\n{end}").as_bytes());
        world.plane.clear_requests();
        world.refresh(&[]).exits(0).says_only("");
        // The request before the hole is still one to look for.
        assert_eq!(world.count(Route::TokenList), 1, "{end:?}");
        world.assert_settled();
        assert!(world.has_journal(), "{end:?}: the request was dropped");
    }
    world.let_time_pass(600);
    world.refresh(&[]).exits(0).says_only("");
    assert!(!world.has_journal(), "{}", world.describe());
    world.assert_one_live_token(&workspace);
}

/// It is only history: nothing depends on it.
#[test]
fn a_damaged_history_does_not_matter() {
    let (world, workspace) = World::ready();
    world.write("history.jsonl", b"garbage\n\0\xff\n{}\ntorn");
    world.refresh(&[]).exits(0).says_only("");
    fs::remove_file(world.path("history.jsonl")).unwrap();
    fs::create_dir(world.path("history.jsonl")).unwrap();
    world.refresh(&[]).exits(0).says("history.jsonl").says("a line is missing");
    world.assert_one_live_token(&workspace);
}
