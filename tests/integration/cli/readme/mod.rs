//! The examples of the README and of the guides, run as they stand there.
//!
//! Under each heading there is a workspace `prod` with a token, and blocks are run one after another:
//! of a `console` block every command must print what follows it; `sh` and `cron` blocks must
//! succeed. What differs from run to run is masked on both sides: see `pattern`. A comment before a
//! block changes that: `<!-- given: ... -->` names one of the [`GIVEN`], and `<!-- not run: ... -->`
//! says why it cannot run. A block in any other language needs the latter.

mod block;
mod pattern;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use self::block::{Block, blocks};
use crate::control_plane::{Fault, Route, Times, TokenAuth, TokenShape};
use crate::harness::world::{Output, SESSION, World};
use crate::ports::free_port;

/// Where the commands under a heading run.
struct Stage {
    world: World,
    variables: Vec<(&'static str, String)>,
}

/// A name, and how it is brought about.
type Given = (&'static str, fn(&mut Stage));

/// What a block may be given. Trouble of the server lasts for its first command.
const GIVEN: [Given; 7] = [
    ("a new machine", |stage| {
        let world = World::new();
        world.plane.add_workspace("prod");
        *stage = Stage::new(world);
    }),
    ("a session", |stage| {
        let world = World::signed_in();
        world.plane.add_workspace("prod");
        *stage = Stage::new(world);
    }),
    ("a token that ends in 4 days", |stage| stage.give_token(4)),
    ("a token that ends in 60 days", |stage| stage.give_token(60)),
    ("a server that answers 504 to the revocation", |stage| {
        let fault = Fault::Status(504, String::new(), Vec::new());
        stage.world.plane.fault(Route::TokenRevoke, Times::Always, fault);
    }),
    ("a server whose answer is lost", |stage| {
        stage.world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
    }),
    ("a server that does not know its new token yet", |stage| {
        stage.world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(usize::MAX));
    }),
];

/// Programs that need a service or a project, and do nothing here; and those that nothing may run.
const STAND_INS: [(&str, &str); 6] = [
    ("curl", "exit 0"),
    ("deploy.sh", "exit 0"),
    ("systemctl", "exit 0"),
    ("terraform", "exit 0"),
    ("sudo", "exit 1"),
    ("make", "exit 1"),
];

impl Stage {
    fn new(world: World) -> Self {
        world.plane.add_workspace("staging");
        for folder in
            ["etc", "run/app", "var/lib/ntcli/targets", "var/lib/prometheus/node-exporter"]
        {
            fs::create_dir_all(world.outside(folder)).unwrap();
        }
        fs::write(world.outside("etc/ntcli.session"), SESSION).unwrap();
        symlink(&world.program, world.outside("ntcli")).unwrap();
        for (name, line) in STAND_INS {
            program(&world.outside(name), line);
        }
        program(&world.outside("browser"), "PATH=${PATH#*:} exec curl -sL -o page \"$1\"");
        Stage { world, variables: Vec::new() }
    }

    /// After a refresh, and in a config that names the server. Half a day more keeps the number of days.
    fn give_token(&mut self, days: u64) {
        self.world.refresh(&[]).exits(0);
        let server = self.world.plane.base_url().replace("http://", "");
        self.world.set_config("/domain", json!(server));
        self.variables.push(("NTCLI_API_URL", String::new()));
        let key = self.world.config()["workspaces"]["activeWorkspaceId"].clone();
        let key = key.as_str().unwrap();
        let id = key.strip_prefix("ws-prod-").unwrap();
        // Nothing tells how long it was to live, so that the default window counts.
        self.world.plane.configure(|o| o.token_shape = TokenShape::Opaque);
        let token = self.world.plane.issue_token(id, Some(days * 86_400 + 43_200));
        self.world.plane.configure(|o| o.token_shape = TokenShape::Jwt);
        let ends = token.expires_at.map(|secs| secs * 1000);
        let item = format!("/workspaces/items/{key}");
        // As another client's refresh does.
        let old = self.world.config()["workspaces"]["items"][key]["jti"].clone();
        self.world.plane.revoke_token(id, old.as_str().unwrap());
        self.world.set_config(&format!("{item}/access_token"), json!(token.access_token));
        self.world.set_config(&format!("{item}/jti"), json!(token.jti));
        self.world.set_config(&format!("{item}/expires_at"), json!(ends));
    }

    /// In a shell of its own, with both streams in the order of their lines.
    fn run(&self, script: &str) -> Output {
        let root = self.world.outside("");
        let root = root.to_str().unwrap().trim_end_matches('/');
        let script = pattern::FOLDERS.iter().fold(script.to_owned(), |script, folder| {
            script.replace(folder, &format!("{root}{folder}"))
        });
        let script = script.replace("/usr/local/bin/ntcli", "ntcli");
        // A bare machine has none where cron looks for it.
        let script = script.replace("systemctl ", &format!("{root}/systemctl "));
        let script = format!("exec 2>&1\n{script}");
        let run = self.world.ntcli(&[""; 0]).under(&["/bin/sh", "-c", &script]);
        let run = run.env("HOME", root).env("BROWSER", format!("{root}/browser"));
        let run = run.env("NTCLI_DEFAULT_PORT", free_port().to_string());
        let run = self.variables.iter().fold(run, |run, (name, value)| run.env(name, value));
        let asks_for_secret = ["token create", "token print"].iter().any(|c| script.contains(c));
        if asks_for_secret { run.prints_secrets().run() } else { run.run() }
    }

    /// As a reader would see it.
    fn shown(&self, output: &Output) -> String {
        let names = [
            (self.world.dir.display().to_string(), "/home/ann/.ntcli"),
            (self.world.program.display().to_string(), "/usr/local/bin/ntcli"),
            (self.world.outside("").display().to_string(), "/"),
            (
                format!("{}/oauth", self.world.plane.base_url()),
                "https://clerk.nimblebrain.ai/oauth",
            ),
        ];
        let text = output.stdout.clone();
        let text = names.iter().fold(text, |text, (found, name)| text.replace(found, name));
        text.replace("/systemctl ", "systemctl ")
    }

    /// What is wrong with a block.
    fn check(&mut self, block: &Block) -> Vec<String> {
        for given in &block.given {
            let known = GIVEN.iter().find(|(name, _)| name == given);
            let (_, set) = known.unwrap_or_else(|| panic!("nobody knows how to give {given:?}"));
            set(self);
        }
        let mut wrong = Vec::new();
        for (command, expected) in block.commands() {
            let output = self.run(&command);
            self.world.plane.clear_faults();
            self.world.plane.configure(|o| o.token_auth = TokenAuth::Normal);
            let shown = self.shown(&output);
            let is_right = match expected {
                None => output.code() == Some(0),
                Some(text) => pattern::of(&text) == pattern::of(&shown),
            };
            if !is_right {
                let (line, status) = (block.line, output.status);
                wrong.push(format!("{line}: {command}\nprints, with {status}:\n{shown}"));
            }
        }
        self.variables.clear();
        wrong
    }
}

fn program(path: &Path, line: &str) {
    fs::write(path, format!("#!/bin/sh\n{line}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Every text, and how many of its blocks are run at least.
const TEXTS: [(&str, &str, usize); 9] = [
    ("README.md", include_str!("../../../../README.md"), 4),
    ("consumers.md", include_str!("../../../../src/docs/consumers.md"), 3),
    ("unattended.md", include_str!("../../../../src/docs/unattended.md"), 4),
    ("recovery.md", include_str!("../../../../src/docs/recovery.md"), 3),
    ("networks.md", include_str!("../../../../src/docs/networks.md"), 1),
    ("machines.md", include_str!("../../../../src/docs/machines.md"), 2),
    ("migrating.md", include_str!("../../../../src/docs/migrating.md"), 0),
    ("installing.md", include_str!("../../../../src/docs/installing.md"), 0),
    ("reference.md", include_str!("../../../../src/docs/reference.md"), 2),
];

#[test]
fn every_example_is_as_it_was() {
    let mut all_wrong = Vec::new();
    for (name, text, least) in TEXTS {
        let mut stage = Stage::new(World::ready().0);
        let (mut chapter, mut ran) = ("", 0);
        for block in blocks(text) {
            if block.chapter != chapter {
                chapter = block.chapter;
                stage = Stage::new(World::ready().0);
            }
            if block.not_run {
                continue;
            }
            ran += 1;
            let wrong = stage.check(&block);
            all_wrong.extend(wrong.into_iter().map(|wrong| format!("{name}:{wrong}")));
        }
        assert!(ran >= least, "{name}: only {ran} blocks were run");
    }
    assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n"));
}

/// Every link leads to a file that is there, and to a heading in it.
#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text, _) in TEXTS {
        let folder = if name == "README.md" { root.to_owned() } else { root.join("src/docs") };
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let (path, heading) = link.0.split_once('#').unwrap_or((link.0, ""));
            if path.starts_with("http") {
                continue;
            }
            let file = if path.is_empty() { folder.join(name) } else { folder.join(path) };
            let there = fs::read_to_string(&file);
            let there = there.unwrap_or_else(|e| panic!("{name}: {}: {e}", file.display()));
            let slug = |line: &str| {
                let words = line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
                words.replace(|c: char| !(c.is_alphanumeric() || "-_".contains(c)), "")
            };
            let mut headings = there.lines().filter(|line| line.starts_with('#'));
            assert!(
                heading.is_empty() || headings.any(|h| slug(h) == heading),
                "{name}: #{heading}"
            );
        }
    }
}

/// A sysadmin reads it in ten minutes.
#[test]
fn the_readme_is_short() {
    assert!(TEXTS[0].1.len() <= 10_240);
}
