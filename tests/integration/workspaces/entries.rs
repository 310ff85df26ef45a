//! Several entries of one workspace, each with a token: every command means the same one.

use serde_json::{Value, json};

use crate::control_plane::Issued;
use crate::harness::run::Output;
use crate::harness::world::World;

/// The entries in the order of the file, and which of them is active.
struct Scene {
    world: World,
    id: String,
    /// Key and token of each.
    entries: Vec<(String, Option<Issued>)>,
    active: Option<usize>,
}

impl Scene {
    fn new(prefixes: &[&str], without_token: Option<usize>, active: Option<usize>) -> Self {
        let world = World::signed_in();
        let id = world.plane.add_workspace("prod");
        let mut items = String::new();
        let mut entries = Vec::new();
        for (n, prefix) in prefixes.iter().enumerate() {
            let key = format!("{prefix}{id}");
            let days = 40 + u64::try_from(n).unwrap();
            let token = (without_token != Some(n))
                .then(|| world.plane.issue_token(&id, Some(days * 86_400)));
            let text = token.as_ref().map_or("no-token", |token| &token.access_token);
            let jti = token.as_ref().map(|token| token.jti.clone());
            let item = json!({"workspace_id": key, "workspace_name": "prod",
                "access_token": text, "token_type": "Bearer", "scope": ["workspace:read"],
                "expires_at": token.as_ref().map(|t| t.expires_at.unwrap() * 1000), "jti": jti});
            items += &format!("{}{}: {item}", if n > 0 { "," } else { "" }, json!(key));
            entries.push((key, token));
        }
        let mut config = world.config();
        let key = active.map(|n: usize| entries[n].0.clone());
        config["workspaces"] = json!({"activeWorkspaceId": key, "items": {}});
        // The order of the entries must be that of the file.
        let text = config.to_string().replace("\"items\":{}", &format!("\"items\":{{{items}}}"));
        world.write("config.json", text.as_bytes());
        Self { world, id, entries, active }
    }

    /// The token that counts, by the documented order.
    fn used(&self) -> &Issued {
        let with_token = |n: &usize| self.entries[*n].1.as_ref();
        let bare = self.entries.iter().position(|(key, _)| *key == self.id);
        let mut order = self.active.iter().chain(&bare).copied().chain(0..self.entries.len());
        order.find_map(|n| with_token(&n)).unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        let output = self.world.ntcli(args).prints_secrets().run();
        let (used, said) = (&self.used().jti, output.transcript());
        assert!(!said.contains(&format!("token revoke {used}")), "{}\n{said}", self.describe());
        output
    }

    fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--format", "json"]].concat()).json()
    }

    fn describe(&self) -> String {
        let keys: Vec<_> = self.entries.iter().map(|(k, t)| (k, t.is_some())).collect();
        format!("{keys:?}, active: {:?}", self.active)
    }

    fn hold_the_views_against_each_other(&self) {
        let (scene, used) = (self.describe(), self.used());
        let names = [&[][..], &["-w", "prod"], &["-w", self.id.as_str()]];
        for named in names.into_iter().filter(|named| self.active.is_some() || !named.is_empty()) {
            let with = |args: &[&'static str]| [args, named].concat();
            let shown = self.json(&with(&["token", "show"]));
            assert_eq!(shown["jti"], used.jti.as_str(), "{scene} show {named:?}");
            let printed = self.run(&with(&["token", "print"]));
            printed.prints(&format!("{}\n", used.access_token));
            let mut exec = with(&["token", "exec"]);
            exec.extend(["--", "sh", "-c", "echo $NTCLI_WORKSPACE_TOKEN"]);
            self.run(&exec).prints(&format!("{}\n", used.access_token));
            let listed = self.json(&with(&["token", "list"]));
            let tokens = listed["tokens"].as_array().unwrap().iter();
            let current: Vec<_> = tokens.filter(|t| t["current"] == true).collect();
            assert_eq!(current.len(), 1, "{scene} list {named:?}");
            assert_eq!(current[0]["jti"], used.jti.as_str(), "{scene} list {named:?}");
            let would = self.json(&with(&["token", "refresh", "--dry-run"]));
            assert!(would.to_string().contains(&used.jti), "{scene} --dry-run: {would}");
        }
        let would = self.json(&["token", "refresh", "--all", "--dry-run"]);
        assert!(would.to_string().contains(&used.jti), "{scene} --all --dry-run: {would}");
        let end = &self.json(&["token", "show", "-w", "prod"])["expires_at"];
        let checked = self.json(&["check", "--all"]);
        assert_eq!(checked["workspaces"].as_array().unwrap().len(), 1, "{scene} check");
        assert_eq!(&checked["workspaces"][0]["expires_at"], end, "{scene} check");
        let listed = self.json(&["workspace", "list"]);
        let listed = listed["workspaces"].as_array().unwrap();
        assert_eq!((listed.len(), &listed[0]["has_token"]), (1, &json!(true)), "{scene}");
        assert_eq!(listed[0]["active"], self.active.is_some(), "{scene}");
        let doctor = self.json(&["doctor", "--offline"]).to_string();
        assert!(doctor.contains(end.as_str().unwrap()), "{scene} doctor: {doctor}");
    }

    /// A refresh of all replaces the one that counts, and leaves the others.
    fn refresh_and_sync(&self) {
        let scene = self.describe();
        self.run(&["workspace", "sync"]).exits(0);
        let json = self.json(&["token", "refresh", "--all"]);
        let results = json["results"].as_array().unwrap();
        assert_eq!(results.len(), 1, "{scene}: {json}");
        assert_eq!(results[0]["old_token"]["jti"], self.used().jti.as_str(), "{scene}: {json}");
        for token in self.entries.iter().filter_map(|(_, token)| token.as_ref()) {
            let is_live = self.world.plane.is_live(&token.access_token);
            assert_eq!(is_live, token.jti != self.used().jti, "{scene} {}", token.jti);
        }
        let shown = self.json(&["token", "show", "-w", "prod"]);
        assert_eq!(shown["jti"], results[0]["new_token"]["jti"], "{scene}");
    }
}

fn permuted(items: &[&'static str]) -> Vec<Vec<&'static str>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (n, first) in items.iter().enumerate() {
        let others = [&items[..n], &items[n + 1..]].concat();
        all.extend(permuted(&others).into_iter().map(|rest| [vec![*first], rest].concat()));
    }
    all
}

#[test]
fn every_command_means_the_same_entry() {
    let mut tried = 0;
    for prefixes in [&["", "ws-prod-"][..], &["ws-old-", "ws-prod-"], &["", "ws-old-", "ws-prod-"]]
    {
        for order in permuted(prefixes) {
            let actives = (0..order.len()).map(Some).chain([None]);
            for active in actives {
                let scene = Scene::new(&order, None, active);
                scene.hold_the_views_against_each_other();
                scene.refresh_and_sync();
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 2 * 3 + 2 * 3 + 6 * 4);
}

#[test]
fn an_entry_without_a_token_never_counts() {
    for order in permuted(&["", "ws-old-", "ws-prod-"]) {
        for without in 0..order.len() {
            let scene = Scene::new(&order, Some(without), Some(without));
            scene.hold_the_views_against_each_other();
        }
    }
}
