//! A year of nights: whatever happens between them, `renew` brings about what is wanted, does what its
//! plan says, and is silent when there was nothing to do.
//!
//! `NTCLI_YEAR=400` (`make year`) sets how many nights.

#![allow(clippy::print_stdout, reason = "it says what it has lived through")]

mod checks;
mod program;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ntcli::context::{Clock, SystemClock};
use serde_json::Value;

use crate::harness::random::Random;
use crate::harness::world::{Output, Workspace, World};
use program::AHEAD;

const DAY_S: i64 = 86_400;
const NAMES: [&str; 5] = ["prod", "staging", "dev", "demo", "lab"];
/// What is wanted of each: lifetimes, windows and graces of all kinds.
const POLICIES: [&[&str]; 5] = [
    &["--default"],
    &["--expires-in", "30d"],
    &["--expires-in", "90d", "--revoke-after", "12h"],
    &["--expires-in", "14d", "--renew-before", "5d"],
    &["--expires-in", "180d", "--renew-before", "20d"],
];
/// The variable by which this test's own program becomes ntcli.
const ARGS: &str = "NTCLI_YEAR_ARGS";

#[test]
#[expect(clippy::disallowed_methods, reason = "run once more, this test is the program")]
fn a_year_of_nights() {
    if let Ok(args) = std::env::var(ARGS) {
        program::run(&args);
    }
    let nights = std::env::var("NTCLI_YEAR").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let mut year = Year::new(nights);
    for night in 1..=nights {
        year.night = night;
        year.live_through();
    }
    year.end();
}

/// What there is of a workspace at a moment.
#[derive(Debug, Clone, PartialEq)]
struct State {
    live: BTreeSet<String>,
    /// Of each target how often the history says that it was delivered to, and a mark that changes
    /// when it is.
    delivered: BTreeMap<String, (usize, u64)>,
}

struct Year {
    world: World,
    workspaces: Vec<Workspace>,
    random: Random,
    nights: usize,
    night: usize,
    /// What the application of each workspace had read when it began.
    read: Vec<String>,
    /// The workspaces whose policy makes a refresh due tonight.
    due: BTreeSet<usize>,
    /// Those that something from outside happened to, and until which night that may be seen.
    disturbed: BTreeMap<usize, usize>,
    /// Another machine's copy of the folder.
    copy: Option<World>,
    quiet: usize,
    troubled: usize,
    compared: usize,
}

impl Year {
    fn new(nights: usize) -> Self {
        let mut world = World::signed_in();
        let workspaces = world.add_workspaces(&NAMES);
        for workspace in &workspaces {
            let name = NAMES[workspaces.iter().position(|w| w.id == workspace.id).unwrap()];
            let add = |args: &[&str]| {
                world.ntcli(&[&["target", "add", name, "--later"], args].concat()).run().exits(0);
            };
            let place = world.outside(name);
            fs::create_dir(&place).unwrap();
            let place = place.to_str().unwrap();
            let config = format!("{place}/config.json");
            let token = &workspace.token.access_token;
            fs::write(&config, format!("{{\"token\": \"{token}\", \"more\": 1}}\n")).unwrap();
            fs::write(format!("{place}/env"), "# ours\nOTHER=1\n").unwrap();
            let check = format!("test \"$(cat '{place}/got')\" = \"$NTCLI_NEW_TOKEN\"");
            for (name, _) in targets(Path::new(place)) {
                let (option, value) = match name.split_once(':') {
                    Some(("exec", command)) => ("--exec", command),
                    Some(("env", assignment)) => ("--env", assignment),
                    Some((_, path)) => ("--replace", path),
                    None => ("--file", &*name),
                };
                let checked: &[&str] =
                    if value.starts_with("printenv") { &["--check", &check] } else { &[] };
                add(&[&[option, value], checked].concat());
            }
        }
        // A program whose clock can be set: this one.
        let (itself, script) = (std::env::current_exe().unwrap(), world.outside("ntcli"));
        let lines = format!(
            "#!/bin/sh\nread -r {AHEAD} < '{script}.s'\n{ARGS}=$*\nexport {AHEAD} {ARGS}\n\
             exec 3>&1 > /dev/null\nexec '{itself}' --exact --nocapture \
             unattended::year::a_year_of_nights\n",
            script = script.display(),
            itself = itself.display(),
        );
        fs::write(&script, lines).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        world.program = script;
        let mut year = Self {
            world,
            workspaces,
            random: Random::seeded(),
            nights,
            night: 0,
            read: Vec::new(),
            due: BTreeSet::new(),
            disturbed: BTreeMap::new(),
            copy: None,
            quiet: 0,
            troubled: 0,
            compared: 0,
        };
        year.set_clock();
        for n in 0..NAMES.len() {
            year.set_policy(n);
        }
        year.renew().exits(0);
        year.read = (0..NAMES.len()).map(|n| year.file(n, "config.json")).collect();
        year
    }

    fn set_clock(&self) {
        let ahead_s = i64::try_from(self.night).unwrap() * DAY_S;
        fs::write(self.world.outside("ntcli.s"), format!("{ahead_s}\n")).unwrap();
        self.world.plane.configure(|options| options.clock_offset_s = ahead_s);
        // The copy's program reads the same file.
    }

    fn set_policy(&self, n: usize) {
        for wish in [&["--default"], POLICIES[n]] {
            self.world.ntcli(&[&["policy", NAMES[n]], wish].concat()).run().exits(0);
        }
    }

    /// Its token, of yesterday or before, is to be refreshed tonight.
    fn make_due(&mut self, n: usize) {
        let end_s = self.world.item(&self.workspaces[n])["expires_at"].as_i64().unwrap() / 1000;
        let now_s = SystemClock.now().secs() + i64::try_from(self.night).unwrap() * DAY_S;
        let hours = ((end_s - now_s) / 3600).max(1) + 2;
        let (whole, before) = (format!("{}h", hours + 1), format!("{hours}h"));
        let wish = ["policy", NAMES[n], "--expires-in", &whole, "--renew-before", &before];
        self.world.ntcli(&[&wish[..2], &["--default"]].concat()).run().exits(0);
        self.world.ntcli(&wish).run().exits(0);
        self.due.insert(n);
    }

    fn renew(&self) -> Output {
        self.world.ntcli(&["-q", "renew"]).run()
    }

    fn file(&self, n: usize, name: &str) -> String {
        fs::read_to_string(self.world.outside(NAMES[n]).join(name)).unwrap_or_default()
    }

    /// The name of each target, and the file that tells whether it was delivered to.
    fn targets(&self, n: usize) -> [(String, PathBuf); 5] {
        targets(&self.world.outside(NAMES[n]))
    }

    fn is_deleted(&self, n: usize) -> bool {
        self.world.plane.live_tokens(&self.workspaces[n].id).is_empty()
    }

    fn state(&self, n: usize) -> State {
        let live = self.world.plane.live_tokens(&self.workspaces[n].id).into_iter().collect();
        let history = fs::read_to_string(self.world.path("history.jsonl")).unwrap_or_default();
        let mut delivered = BTreeMap::new();
        for (name, file) in self.targets(n) {
            let found = fs::metadata(file).ok();
            let mark =
                found.map_or(0, |f| if name.starts_with("exec") { f.len() } else { f.ino() });
            delivered.insert(name, (0, mark));
        }
        for line in history.lines() {
            let noted: Value = serde_json::from_str(line).unwrap();
            if noted["event"] == "delivered" && noted["workspace_id"] == *self.workspaces[n].id {
                let known = delivered.get_mut(noted["target"].as_str().unwrap());
                known.unwrap_or_else(|| panic!("{noted}")).0 += 1;
            }
        }
        State { live, delivered }
    }

    fn states(&self) -> Vec<State> {
        (0..NAMES.len()).map(|n| self.state(n)).collect()
    }

    /// One day, and the night after it.
    fn live_through(&mut self) {
        self.set_clock();
        for n in std::mem::take(&mut self.due) {
            self.set_policy(n);
        }
        self.happen_outside();
        let trouble = self.make_trouble();
        let plan = self.world.ntcli(&["renew", "--dry-run", "--format", "json"]).run();
        let plan = plan.exits(0).json();
        let before = self.states();
        self.world.plane.clear_requests();
        let scene = format!("night {} ({trouble:?}): {plan:#}", self.night);
        let (output, was_troubled) = self.spend(trouble);
        let scene = format!("{output}\n{scene}\n{}", self.world.describe());
        let after = self.states();
        for n in 0..NAMES.len() {
            self.check_consumers(n, was_troubled, &scene);
            self.check_plan(n, &plan, (&before[n], &after[n]), was_troubled, &scene);
        }
        self.check_silence(&plan, &output, was_troubled, &scene);
    }

    /// Some nights later each workspace has one live token, the current one.
    fn end(mut self) {
        for n in std::mem::take(&mut self.due) {
            self.set_policy(n);
        }
        for _ in 0..3 {
            self.night += 1;
            self.set_clock();
            self.renew();
        }
        for workspace in &self.workspaces[..4] {
            self.world.assert_one_live_token(workspace);
        }
        self.renew().exits(0).prints("").says_only("");
        let Self { nights, quiet, troubled, compared, .. } = self;
        println!(
            "{nights} nights: {quiet} quiet, {troubled} met trouble, {compared} plans compared"
        );
        assert!(quiet * 4 > nights, "only {quiet} quiet nights");
        assert!(troubled * 5 > nights, "only {troubled} nights met trouble");
        assert!(compared > nights * 2, "only {compared} plans were compared");
    }
}

/// The targets of a workspace, by their names; the commands leave a mark each time.
fn targets(place: &Path) -> [(String, PathBuf); 5] {
    let at = place.display();
    [
        (format!("{at}/token"), place.join("token")),
        (format!("env:TOKEN={at}/env"), place.join("env")),
        (format!("replace:{at}/config.json"), place.join("config.json")),
        (
            format!("exec:printenv NTCLI_NEW_TOKEN > '{at}/got'; echo >> '{at}/runs'"),
            place.join("runs"),
        ),
        (
            format!("exec:cp '{at}/token' '{at}/last'; echo >> '{at}/runs too'"),
            place.join("runs too"),
        ),
    ]
}
