//! `--dry-run`: what a refresh would do, and nothing else: no server is asked.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::folders::bound_by_permissions;
use crate::control_plane::Route;
use crate::harness::gate::Gate;
use crate::harness::world::{Output, World};
use crate::unattended::all::world_of;

/// Every file in and beside the config folder: what it holds, and when it last changed.
fn files(world: &World) -> BTreeMap<PathBuf, (Vec<u8>, i64, i64, u64)> {
    let mut files = BTreeMap::new();
    for folder in [world.dir.clone(), world.outside("")] {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let found = entry.metadata().unwrap();
            if found.is_file() {
                let bytes = fs::read(entry.path()).unwrap();
                let stamp = (bytes, found.mtime(), found.mtime_nsec(), found.ino());
                files.insert(entry.path(), stamp);
            }
        }
    }
    files
}

/// Runs `token refresh --dry-run` and checks that it changed nothing.
#[track_caller]
fn look(world: &World, args: &[&str]) -> Output {
    let (before, requests) = (files(world), world.plane.requests().len());
    let args = [&["token", "refresh", "--dry-run"], args].concat();
    let output = bound_by_permissions(world.ntcli(&args), world).run();
    assert_eq!(files(world), before, "{output}");
    let requests = world.plane.requests().split_off(requests);
    assert!(requests.is_empty(), "{requests:#?}");
    output
}

#[test]
fn what_would_be_done() {
    let (world, prod) = World::ready();
    let jti = &prod.token.jti;
    let end = "The session is good. Nothing was changed.\n";
    let output = look(&world, &[]);
    let text = format!("prod: would refresh {jti} (as asked)\n{end}");
    output.exits(0).prints(&text).says_only("");
    assert_eq!(world.files().len(), 2, "no lock, no journal: {:?}", world.files());

    let output = look(&world, &["--if-expires-within", "1d", "--format", "json"]);
    let answer = output.exits(0).json();
    assert_eq!(answer["dry_run"], true);
    assert_eq!(answer["session"], "good");
    let result = &answer["results"][0];
    assert_eq!(result["workspace"]["name"], "prod");
    assert_eq!(result["jti"], jti.as_str());
    assert_eq!(result["actions"], json!([{"action": "none", "jti": null, "why": "not_due"}]));

    let output = look(&world, &["--if-expires-within", "53w", "--revoke-after", "1h"]);
    let then =
        format!("prod: would refresh {jti} (expires soon)\nprod: {jti} will be revoked after ");
    assert!(output.exits(0).stdout.starts_with(&then), "{output}");

    let args = ["--token-file", "token", "--exec", "touch ran", "--token-file", "env:A=b"];
    look(&world, &args).exits(0);
    assert!(!world.outside("ran").exists());
    world.assert_one_live_token(&prod);
}

#[test]
fn all_of_them() {
    let (world, workspaces) = world_of(3);
    let output = look(&world, &["--all", "--format", "json"]);
    let answer = output.exits(0).json();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for (result, workspace) in results.iter().zip(&workspaces) {
        assert_eq!(result["actions"][0]["action"], "refresh");
        assert_eq!(result["actions"][0]["jti"], workspace.token.jti.as_str());
    }
}

#[test]
fn what_is_pending() {
    let (world, prod) = World::ready();
    world.refresh(&["--exec", "test -e \"$HERE/fixed\""]).exits(9);
    let output = look(&world, &["--exec", "true", "--format", "json"]);
    let result = &output.exits(0).json()["results"][0];
    let actions = result["actions"].as_array().unwrap();
    let whats: Vec<_> = actions.iter().map(|action| action["action"].as_str().unwrap()).collect();
    assert_eq!(whats, ["deliver", "deliver", "revoke"], "{output}");
    assert_eq!(actions[2]["jti"], prod.token.jti.as_str());
    world.refresh(&[]).exits(9);
    fs::write(world.outside("fixed"), "").unwrap();
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    let output = look(&world, &[]);
    assert!(output.exits(0).stdout.contains("will be revoked after"), "{output}");
}

#[test]
fn what_cannot_be_written() {
    let (world, _) = World::ready();
    for file in ["missing/token", "env:A=missing/app.env", "config"] {
        let output = look(&world, &["--token-file", file]);
        output
            .exits(2)
            .prints("")
            .says("Error: The target was not added: it could not get the token\n")
            .says("Hint: ");
    }
    // What is remembered stops no run, and is named by its trial too.
    fs::create_dir(world.outside("folder")).unwrap();
    world.ntcli(&["target", "add", "--file", "folder/token"]).run().exits(0);
    fs::rename(world.outside("folder"), world.outside("away")).unwrap();
    let output = look(&world, &[]);
    output.exits(0).says("Warning: Not every target can get the new token: target 1:");
    assert!(output.stdout.contains(" to target 1 (the token is new)\n"), "{output}");
    fs::set_permissions(&world.dir, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    look(&world, &["--all"]).exits(2).says("Permission denied");
}

#[test]
fn a_session_that_is_not_good() {
    let (world, _) = World::ready();
    let ended = json!(1_700_000_000_000_u64);
    world.set_config("/auth/expiresAt", ended.clone());
    look(&world, &[]).fails(4, "Authentication required", "ntcli auth login");
    // A real run would renew this one; to do so here would use its refresh token up.
    world.set_config("/auth/refreshToken", json!(world.plane.grant_refresh_token()));
    let output = look(&world, &["--format", "json"]);
    assert_eq!(output.exits(0).json()["session"], "to_be_renewed");
    let output = look(&world, &[]);
    let end = "The session has ended and would be renewed. Nothing was changed.\n";
    assert!(output.exits(0).stdout.ends_with(end), "{output}");
}

/// It waits for another run, and so neither sees it half-way nor disturbs it.
#[test]
fn beside_a_real_run() {
    let (world, prod) = World::ready();
    world.refresh(&[]).exits(0); // there is a lock from here
    let gate = Gate::before(&world, Route::TokenAuth);
    let real = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    let look = ["token", "refresh", "--dry-run", "--lock-wait", "0"];
    world.ntcli(&look).run().exits(6).prints("");
    gate.open();
    real.finish().exits(0);
    world.assert_one_live_token(&prod);
}
