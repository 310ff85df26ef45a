//! The existing client on the same folder: it knows neither our lock nor our targets. It is not
//! started; its writes are written as it writes them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::random::{Random, number};
use crate::harness::world::{Output, SESSION, Workspace, World};
use crate::unattended::renew::{assert_quiet_night, renew};

/// What the existing client does.
struct Existing<'a>(&'a World);

impl Existing<'_> {
    /// Into the same file, in place.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut config = self.0.config();
        change(&mut config);
        config["lastUpdated"] = json!("2026-02-01T00:00:00.000Z");
        fs::write(self.0.config_path(), serde_json::to_string_pretty(&config).unwrap()).unwrap();
    }

    /// `auth` is replaced as a whole.
    fn sign_in(&self) {
        let user = json!({"id": "user_1", "email": "ada@example.com"});
        let auth =
            json!({"bearerToken": SESSION, "expiresAt": 4_000_000_000_000_u64, "user": user});
        self.change(|config| config["auth"] = auth);
    }

    /// The entry that holds a token, else the last one.
    fn key(&self, workspace: &Workspace) -> String {
        let items = self.0.config()["workspaces"]["items"].clone();
        let items = items.as_object().cloned().unwrap_or_default();
        let mut those: Vec<_> =
            items.iter().filter(|(key, _)| key.ends_with(&workspace.id)).collect();
        those.sort_by_key(|(_, item)| item["access_token"] != "no-token");
        those.last().map_or(workspace.key.clone(), |(key, _)| (*key).clone())
    }

    /// An answer without `jti` leaves the old one in the file, and that one is revoked.
    fn refresh(&self, workspace: &Workspace) {
        let key = self.key(workspace);
        let old = self.0.config()["workspaces"]["items"][&key]["jti"].clone();
        self.store(workspace);
        let old = old.as_str().unwrap_or_default();
        if self.0.plane.live_tokens(&workspace.id).iter().any(|jti| jti == old) {
            self.0.plane.revoke_token(&workspace.id, old);
        }
    }

    /// `token create`, with `--no-save` too.
    fn store(&self, workspace: &Workspace) {
        let (key, token) =
            (self.key(workspace), self.0.plane.issue_token(&workspace.id, Some(31_536_000)));
        self.change(|config| {
            let item = &mut config["workspaces"]["items"][&key];
            item["access_token"] = token.access_token.into();
            item["expires_at"] = token.expires_at.map(|secs| secs * 1000).into();
        });
    }

    /// A second entry, which becomes the active one.
    fn list_workspaces(&self, workspace: &Workspace) {
        let id = &workspace.id;
        self.change(|config| {
            let items = &mut config["workspaces"]["items"];
            if items[id].is_null() {
                items[id] = json!({"workspace_id": id, "workspace_name": "again",
                    "access_token": "no-token", "isActive": true});
            }
            config["workspaces"]["activeWorkspaceId"] = json!(id);
        });
    }

    /// `config clear`, and all that a user does after it.
    fn clear(&self, workspaces: &[Workspace]) {
        let world = self.0;
        fs::remove_dir_all(&world.dir).unwrap();
        world.ntcli(&["renew"]).run().exits(1).says("No workspace has a token here");
        fs::remove_dir_all(&world.dir).ok();
        world.make_dir();
        let empty = json!({"version": "1.0.0", "workspaces": {"items": {}}});
        world.write_config(&empty);
        fs::set_permissions(world.config_path(), fs::Permissions::from_mode(0o600)).unwrap();
        self.sign_in();
        for (n, workspace) in workspaces.iter().enumerate() {
            let name = json!({"workspace_id": workspace.key, "workspace_name": format!("w{n}")});
            self.change(|config| config["workspaces"]["items"][&workspace.key] = name);
            self.store(workspace);
            target(world, n, workspace).exits(0);
        }
    }
}

fn target(world: &World, n: usize, workspace: &Workspace) -> Output {
    let file = format!("token-{n}");
    world.ntcli(&["target", "add", &workspace.id, "--file", &file, "--overwrite"]).run()
}

/// What is current is live, and where it is used.
#[track_caller]
fn assert_served(world: &World, workspaces: &[Workspace], output: &Output) {
    for (n, workspace) in workspaces.iter().enumerate() {
        let held = fs::read_to_string(world.outside(&format!("token-{n}"))).unwrap();
        let held = held.trim();
        assert!(world.plane.is_live(held), "the target of {n} holds a dead token: {output}");
        let shown = world.ntcli(&["token", "print", &workspace.id]).prints_secrets().run();
        assert_eq!(shown.exits(0).stdout.trim(), held, "{n}: {output}");
    }
}

/// The tokens that refreshes of ours have made, by the history as far as it is there, and that live
/// without being current or told of.
fn unnamed(world: &World, workspace: &Workspace, told: &str) -> Vec<String> {
    let history = fs::read_to_string(world.path("history.jsonl")).unwrap_or_default();
    let lines = history.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ours =
        lines.filter(|line| ["refreshed", "recovered"].contains(&line["event"].as_str().unwrap()));
    let ours: BTreeSet<String> = ours.map(|l| l["jti"].as_str().unwrap().to_owned()).collect();
    let shown = world.ntcli(&["token", "show", &workspace.id]).run();
    let mut left = world.plane.live_tokens(&workspace.id);
    left.retain(|jti| ours.contains(jti));
    left.retain(|jti| !shown.stdout.contains(jti) && !told.contains(jti));
    left
}

/// What is told of ours that it leaves live, until somebody decides; and what it revoked is asked about
/// once.
#[test]
fn a_token_of_ours_that_it_leaves_live() {
    let (world, prod) = World::ready();
    world.refresh(&[]).exits(0);
    renew(&world, &[]).exits(0);
    let ours = world.item(&prod)["jti"].as_str().unwrap().to_owned();
    Existing(&world).store(&prod);
    for _ in 0..2 {
        let night = world.ntcli(&["-q", "renew"]).run();
        let line = "1 token of prod may live that nothing here holds";
        assert!(night.exits(8).stdout.contains(line), "{night}");
        let shown = world.ntcli(&["token", "show"]).run();
        assert!(shown.stdout.contains(&ours), "{shown}");
    }
    world.refresh(&["--if-expires-within", "1d"]).exits(0).says(&ours);
    world.ntcli(&["token", "revoke", &ours, "--force"]).run().exits(0);
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);

    for told in [true, false] {
        world.refresh(&[]).exits(0);
        let ours = world.item(&prod)["jti"].as_str().unwrap().to_owned();
        if told {
            Existing(&world).refresh(&prod);
            assert!(!world.plane.live_tokens(&prod.id).contains(&ours));
        } else {
            // One that is to be handed out is in use elsewhere.
            let create = ["token", "create", "--save"];
            world.ntcli(&create).prints_secrets().run().exits(0).says(&ours);
            world.ntcli(&["token", "revoke", &ours, "--force"]).run().exits(0);
            Existing(&world).store(&prod);
        }
        world.plane.clear_requests();
        renew(&world, &[]).exits(0);
        assert_eq!(world.count(Route::TokenList), usize::from(told));
        assert_quiet_night(&world);
    }
}

/// Both take turns; `NTCLI_TURNS` sets how many. After each of them `renew` brings things right.
#[test]
fn in_turns() {
    let mut random = Random::seeded();
    let (world, prod) = World::ready();
    let workspaces = [prod, world.add_workspace("staging")];
    for (n, workspace) in workspaces.iter().enumerate() {
        target(&world, n, workspace).exits(0);
    }
    let (theirs, mut told) = (Existing(&world), String::new());
    for turn in 0..number("NTCLI_TURNS").unwrap_or(30) {
        let workspace = random.pick(&workspaces);
        let mut ours = |args: &[&str]| {
            let run = world.ntcli(&[args, &[workspace.id.as_str()]].concat()).prints_secrets();
            told += &run.run().stderr;
        };
        let what = random.below(60);
        match what {
            0..12 => theirs.refresh(workspace),
            12..20 => theirs.store(workspace),
            20..26 => theirs.sign_in(),
            26..31 => theirs.list_workspaces(workspace),
            31 => theirs.clear(&workspaces),
            32..42 => ours(&["token", "refresh"]),
            42..47 => ours(&["token", "refresh", "--revoke-after", "1h"]),
            47..52 => ours(&["token", "rollback"]),
            52..56 => ours(&["token", "create", "--save"]),
            _ => {
                world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
                ours(&["token", "refresh"]);
                world.plane.clear_faults();
            }
        }
        let renewed = world.ntcli(&["renew"]).run();
        assert!(matches!(renewed.code(), Some(0 | 8)), "turn {turn}, {what}: {renewed}");
        assert_served(&world, &workspaces, &renewed);
        for workspace in &workspaces {
            let left = unnamed(&world, workspace, &told);
            assert!(left.is_empty(), "turn {turn}, {what}: {left:?} of ours: {renewed}");
        }
    }
}

/// Its `workspace delete`, or an entry that lost its token: what the target holds is looked after no
/// more, and that is said.
#[test]
fn a_target_whose_workspace_was_taken_away() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    target(&world, 0, &prod).exits(0);
    target(&world, 1, &staging).exits(0);
    world.ntcli(&["renew"]).run().exits(0);
    let item = format!("/workspaces/items/{}/access_token", staging.key);
    world.set_config(&item, json!("no-token"));
    let output = world.ntcli(&["renew"]).run();
    output.exits(1).says("staging has target 2").says("Hint: ntcli token create -w staging");
    Existing(&world).change(|config| {
        config["workspaces"]["items"].as_object_mut().unwrap().remove(&staging.key);
    });
    let output = world.ntcli(&["renew"]).run();
    output.exits(1).says("staging has target 2").says("ntcli target remove 2");
    world.ntcli(&["renew", "prod"]).run().exits(0);
    world.ntcli(&["target", "remove", "2"]).run().exits(0);
    world.ntcli(&["renew"]).run().exits(0);
}
