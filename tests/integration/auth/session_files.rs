//! A session in a file that a variable names, or among systemd's credentials.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::control_plane::Route;
use crate::harness::world::{Run, SESSION, World};
use crate::unattended::hooks::REMEMBERED;

const FILE: &str = "NTCLI_SESSION_TOKEN_FILE";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const STALE: &str = "a-bearer-unknown-to-the-server";

/// A world that has no session but in its file `ntcli.session`, as `echo` writes it.
fn world() -> World {
    let (world, _) = World::ready();
    let mut config = world.config();
    config.as_object_mut().unwrap().remove("auth");
    world.write_config(&config);
    fs::write(world.outside("ntcli.session"), format!("{SESSION}\n")).unwrap();
    world
}

fn with<'a>(world: &'a World, args: &[&str], variable: &str, value: &Path) -> Run<'a> {
    world.ntcli(args).env(variable, value)
}

#[test]
fn a_file_holds_the_session() {
    let world = world();
    let file = world.outside("ntcli.session");
    world.refresh(&[]).exits(4);
    with(&world, &["token", "refresh"], FILE, &file).run().exits(0).says_only("");
    let folder = world.outside(".");
    with(&world, &["token", "refresh"], CREDENTIALS, &folder).run().exits(0).says_only("");
    // A service may have other credentials.
    let other = world.outside("other");
    fs::create_dir(&other).unwrap();
    with(&world, &["token", "refresh"], CREDENTIALS, &other).run().exits(4);
    assert_eq!(world.count(Route::TokenCreate), 2);
}

#[test]
fn which_one_wins() {
    let world = world();
    let config = json!({"bearerToken": STALE, "expiresAt": 4_000_000_000_000_u64});
    world.set_config("/auth", config);
    let (file, stale) = (world.outside("ntcli.session"), world.outside("stale"));
    fs::write(&stale, STALE).unwrap();
    let list = ["token", "list"];
    // Over the stored one; over systemd's; under the variable that holds it itself.
    with(&world, &list, FILE, &file).run().exits(0);
    with(&world, &list, FILE, &file).env(CREDENTIALS, "/nowhere").run().exits(0);
    with(&world, &list, FILE, &stale).env("NTCLI_SESSION_TOKEN", SESSION).run().exits(0);
    let folder = world.outside(".");
    with(&world, &list, CREDENTIALS, &folder).env("NTCLI_TOKEN", SESSION).run().exits(0);
    with(&world, &list, CREDENTIALS, &folder).env("NTCLI_TOKEN", STALE).run().exits(4);
    // A workspace token in the old variable is in nobody's way.
    let workspace = "wst_0123456789abcdef";
    with(&world, &list, FILE, &file).env("NTCLI_TOKEN", workspace).run().exits(0).says_only("");
    let run = with(&world, &list, CREDENTIALS, &folder).env("NTCLI_TOKEN", workspace);
    run.run().exits(0).says_only("");
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let world = world();
    let good = "x".repeat(64 * 1024 + 1);
    for (name, content, words) in [
        ("missing", None, "no such file or directory"),
        ("empty", Some(""), "it is empty"),
        ("blank", Some("\n"), "it is empty"),
        ("two lines", Some("one\ntwo\n"), "holds a character that no token has"),
        ("long", Some(good.as_str()), "it is larger than 64 KiB"),
        (".", None, "it is not a regular file"),
    ] {
        let path = world.outside(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let output = with(&world, &["token", "refresh"], FILE, &path).run();
        output.exits(2).says("Error: ").says(&path.display().to_string()).says(FILE).says(words);
    }
    world.assert_nothing_sent();
    assert!(!world.has_journal());
}

#[test]
fn a_file_that_is_turned_down_is_named() {
    let world = world();
    let path = world.outside("stale");
    fs::write(&path, STALE).unwrap();
    let output = with(&world, &["token", "refresh"], FILE, &path).run();
    output.exits(4).says("Error: Authentication required\n");
    output.says(&format!("Hint: put a fresh session token into {}\n", path.display()));
    output.does_not_say("ntcli auth login");
}

#[test]
fn status_tells_the_file() {
    let world = world();
    let file = world.outside("ntcli.session");
    let status = ["auth", "status", "--format", "json"];
    let json = with(&world, &status, FILE, &file).run().exits(0).json();
    assert_eq!(json["source"], "file");
    assert_eq!(json["variable"], FILE);
    assert_eq!(json["file"], file.display().to_string());
    let folder = file.parent().unwrap();
    let text = with(&world, &status[..2], CREDENTIALS, folder).run();
    let line = format!("Session from:  {} ({CREDENTIALS})\n", file.display());
    assert!(text.exits(0).stdout.contains(&line), "{text}");
}

/// Where the session is, is none of another program's business; its own credentials are.
#[test]
fn other_programs_are_not_led_to_it() {
    let world = world();
    let file = world.outside("ntcli.session");
    let run = ["token", "exec", "--", "sh", "-c", "env; echo ${NTCLI_SESSION_TOKEN_FILE-unset}"];
    let run = with(&world, &run, FILE, &file).env(CREDENTIALS, "/run/credentials/x");
    let output = run.prints_secrets().run();
    assert!(output.exits(0).stdout.ends_with("unset\n"), "{output}");
    assert!(output.stdout.contains("CREDENTIALS_DIRECTORY=/run/credentials/x"), "{output}");
    let hook = ["token", "refresh", "--exec", "echo ${NTCLI_SESSION_TOKEN_FILE-unset}"];
    let said = format!("{REMEMBERED}unset\nThe new token is delivered to 1 target.\n");
    with(&world, &hook, FILE, &file).run().exits(0).says_only(&said);
}
