//! An isolated world for the built program: a config folder and a control plane. `run.rs` runs the
//! program in it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, Issued, Route};
use crate::harness::journal;
pub(crate) use crate::harness::run::{Output, Run, Running, wait_until};

/// The bearer that the control plane of a [`World`] knows.
pub(crate) const SESSION: &str = "session-5f1d3c9a7b2e4d60";

/// A private config folder and control plane.
pub(crate) struct World {
    pub(crate) plane: ControlPlane,
    root: PathBuf,
    /// The value of `NTCLI_CONFIG_DIR`; it does not exist until somebody creates it.
    pub(crate) dir: PathBuf,
    /// The program under test.
    pub(crate) program: PathBuf,
}

/// A workspace that a [`World`] has in its config.
pub(crate) struct Workspace {
    /// What the API calls it.
    pub(crate) id: String,
    /// What the config file calls it.
    pub(crate) key: String,
    pub(crate) token: Issued,
}

impl World {
    /// A control plane that knows [`SESSION`]; no config folder yet.
    pub(crate) fn new() -> Self {
        static SERIAL: AtomicUsize = AtomicUsize::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let name = format!("world-{}-{serial}", std::process::id());
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&root).unwrap();
        let plane = ControlPlane::start();
        plane.add_session(SESSION);
        World { plane, dir: root.join("config"), program: program(), root }
    }

    /// Signed in, with the workspace `prod` active and a current token in the config.
    pub(crate) fn ready() -> (Self, Workspace) {
        let world = World::signed_in();
        let workspace = world.add_workspace("prod");
        world.set_config("/workspaces/activeWorkspaceId", json!(workspace.key));
        (world, workspace)
    }

    /// Without a workspace.
    pub(crate) fn signed_in() -> Self {
        let world = World::new();
        world.make_dir();
        let auth = json!({"bearerToken": SESSION, "expiresAt": 4_000_000_000_000_u64});
        let config = json!({"version": "1.0.0", "lastUpdated": "2026-01-01T00:00:00.000Z",
            "domain": "nimbletools.ai", "insecure": false, "auth": auth,
            "workspaces": {"items": {}}});
        world.write_config(&config);
        world
    }

    /// One more workspace with a current token, on the server and in the config.
    pub(crate) fn add_workspace(&self, name: &str) -> Workspace {
        self.add_workspaces(&[name]).remove(0)
    }

    /// Many of them, in one go.
    pub(crate) fn add_workspaces(&self, names: &[impl AsRef<str>]) -> Vec<Workspace> {
        let mut config = self.config();
        let items = &mut config["workspaces"]["items"];
        let added = names.iter().map(|name| {
            let (workspace, item) = self.issue_workspace(name.as_ref());
            items[&workspace.key] = item;
            workspace
        });
        let added = added.collect();
        self.write_config(&config);
        added
    }

    /// A workspace on the server, and what the config says of it.
    fn issue_workspace(&self, name: &str) -> (Workspace, Value) {
        let id = self.plane.add_workspace(name);
        let token = self.plane.issue_token(&id, Some(31_536_000));
        let key = format!("ws-{name}-{id}");
        let expires_at = token.expires_at.map(|secs| secs * 1000);
        let item = json!({"workspace_id": key, "workspace_name": name,
            "access_token": token.access_token, "token_type": "Bearer",
            "expires_at": expires_at, "scope": ["workspace:read"], "jti": token.jti,
            "isActive": true});
        (Workspace { id, key, token }, item)
    }

    /// Another client's refresh, as far as it stores a token of its own.
    pub(crate) fn issue_elsewhere(&self, workspace: &Workspace) -> Issued {
        let token = self.plane.issue_token(&workspace.id, Some(31_536_000));
        let item = format!("/workspaces/items/{}", workspace.key);
        self.set_config(&format!("{item}/access_token"), token.access_token.as_str().into());
        self.set_config(&format!("{item}/jti"), token.jti.as_str().into());
        let expires_at = token.expires_at.map(|secs| secs * 1000);
        self.set_config(&format!("{item}/expires_at"), expires_at.into());
        token
    }

    /// As a user would: pipes the bearer into `auth login`.
    pub(crate) fn sign_in(&self) {
        let login = self.ntcli(&["auth", "login", "--token-stdin"]);
        login.stdin(SESSION).run().exits(0);
        self.plane.clear_requests(); // other tests cover the requests of a sign-in
    }

    pub(crate) fn make_dir(&self) {
        DirBuilder::new().mode(0o700).create(&self.dir).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.path("config.json")
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.path("rotation.journal")
    }

    /// A file beside the config folder, for any use in a test.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn config(&self) -> Value {
        let bytes = fs::read(self.config_path()).expect("a config file");
        serde_json::from_slice(&bytes).expect("a config file that parses")
    }

    pub(crate) fn write_config(&self, config: &Value) {
        let text = serde_json::to_string_pretty(config).unwrap();
        self.write("config.json", text.as_bytes());
    }

    /// When the current token ends, as the config file has it.
    pub(crate) fn end(&self, workspace: &Workspace) -> String {
        let millis = self.item(workspace)["expires_at"].as_i64().expect("a time");
        ntcli::time::Timestamp::from_millis(millis).to_string()
    }

    /// Sets a field that is there, or whose parent is, by its JSON pointer.
    pub(crate) fn set_config(&self, pointer: &str, value: Value) {
        let mut config = self.config();
        let (parent, name) = pointer.rsplit_once('/').expect("a JSON pointer");
        let parent = config.pointer_mut(parent).expect("a field with a parent");
        parent[name] = value;
        self.write_config(&config);
    }

    /// Writes a private file into the config folder, in place.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The workspace's entry in the config.
    pub(crate) fn item(&self, workspace: &Workspace) -> Value {
        self.config()["workspaces"]["items"][&workspace.key].clone()
    }

    /// The workspace's current token, by the config.
    pub(crate) fn current(&self, workspace: &Workspace) -> String {
        let item = self.item(workspace);
        let token = item["access_token"].as_str().expect("a current token");
        token.to_owned()
    }

    pub(crate) fn has_journal(&self) -> bool {
        self.journal_path().exists()
    }

    /// Whether the journal holds more than requests whose token was not found: those stay
    /// until it could not appear any more.
    pub(crate) fn has_pending_work(&self) -> bool {
        !journal::pending(&self.journal_path()).is_empty()
    }

    /// As if so much time had passed, for the journal and the tokens on the server.
    pub(crate) fn let_time_pass(&self, secs: i64) {
        journal::age(&self.journal_path(), secs);
        self.plane.age_tokens(u64::try_from(secs).unwrap());
    }

    /// Nothing is left to do except wait for tokens that may still appear.
    #[track_caller]
    pub(crate) fn assert_settled(&self) {
        let pending = journal::pending(&self.journal_path());
        assert_eq!(pending, [""; 0], "pending: {}", self.describe());
    }

    /// Name and mode of the config folder (`.`) and of everything in it.
    pub(crate) fn files(&self) -> Vec<(String, u32)> {
        let mode = |path: &Path| fs::symlink_metadata(path).ok().map(|m| m.permissions());
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if let Some(mode) = mode(&entry.path()) {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.push((name, mode.mode() & 0o7777));
            }
        }
        files.extend(mode(&self.dir).map(|m| (".".to_owned(), m.mode() & 0o7777)));
        files.sort();
        files
    }

    /// Only the owner can read anything in the config folder.
    #[track_caller]
    pub(crate) fn assert_private(&self) {
        let files = self.files();
        let open: Vec<_> = files.iter().filter(|(_, mode)| mode & 0o077 != 0).collect();
        assert!(open.is_empty(), "readable by others: {open:x?} of {files:x?}");
    }

    #[track_caller]
    pub(crate) fn assert_no_leftover(&self) {
        let mut names = self.files().into_iter().map(|(name, _)| name);
        let leftover = names.find(|name| name.contains(".ntcli-"));
        assert_eq!(leftover, None, "a temporary file was left");
    }

    /// The config holds a token, and the server accepts it.
    #[track_caller]
    pub(crate) fn assert_current_is_live(&self, workspace: &Workspace) {
        let live = self.plane.is_live(&self.current(workspace));
        assert!(live, "the token in the config is dead: {}", self.describe());
    }

    /// Exactly one token of the workspace is live: the one in the config.
    #[track_caller]
    pub(crate) fn assert_one_live_token(&self, workspace: &Workspace) {
        self.assert_current_is_live(workspace);
        let live = self.plane.live_tokens(&workspace.id);
        assert_eq!(live.len(), 1, "{live:?} are live: {}", self.describe());
    }

    /// The requests of one route so far.
    pub(crate) fn count(&self, route: Route) -> usize {
        let requests = self.plane.requests();
        requests.iter().filter(|r| r.route == Some(route)).count()
    }

    #[track_caller]
    pub(crate) fn assert_nothing_sent(&self) {
        let requests = self.plane.requests();
        assert!(requests.is_empty(), "{requests:#?}");
    }

    /// For the message of a failure.
    pub(crate) fn describe(&self) -> String {
        let (config, journal) = (text(&self.config_path()), text(&self.journal_path()));
        let requests = self.plane.requests();
        let requests: Vec<_> =
            requests.iter().map(|r| format!("{} {} {:?}", r.method, r.path, r.status)).collect();
        format!("\nconfig: {config}\njournal: {journal}\nrequests: {requests:#?}")
    }

    /// A run of the program, still to be started.
    pub(crate) fn ntcli(&self, args: &[impl AsRef<OsStr>]) -> Run<'_> {
        Run::new(self, &self.root, args)
    }

    /// The whole of `ntcli token refresh` with these arguments.
    pub(crate) fn refresh(&self, args: &[&str]) -> Output {
        self.ntcli(&[&["token", "refresh"], args].concat()).run()
    }

    /// Every text that must not be shown: all bearers the server knows, all secrets in our files.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        let mut secrets: BTreeSet<String> = self.plane.secrets().into_iter().collect();
        for path in [self.config_path(), self.journal_path()] {
            let text = text(&path);
            for value in serde_json::Deserializer::from_str(&text).into_iter() {
                collect_secrets(&value.unwrap_or_default(), &mut secrets);
            }
        }
        secrets
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !thread::panicking() {
            assert_eq!(self.plane.panics(), [""; 0], "the control plane panicked");
            assert_eq!(self.plane.unmet_faults(), [""; 0], "faults that did not happen");
            self.assert_no_leftover();
        }
        // A test may have taken the permission to do so.
        fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700)).ok();
        fs::remove_dir_all(&self.root).ok();
    }
}

/// The program that was built with these tests, or another build of it: `NTCLI_TEST_PROGRAM`.
pub(crate) fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "for the tests' user, not the program's")]
    let other = std::env::var_os("NTCLI_TEST_PROGRAM");
    // Runs have a working directory of their own.
    other.map_or_else(
        || env!("CARGO_BIN_EXE_ntcli").into(),
        |path| fs::canonicalize(path).expect("NTCLI_TEST_PROGRAM names a program"),
    )
}

/// What a file holds; a FIFO in its place would block forever.
fn text(path: &Path) -> String {
    let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
    let bytes = is_file.then(|| fs::read(path).unwrap_or_default());
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

fn collect_secrets(value: &Value, secrets: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let is_secret = ["access_token", "bearerToken", "refreshToken"];
                match value {
                    Value::String(text) if is_secret.contains(&name.as_str()) => {
                        secrets.insert(text.clone());
                    }
                    value => collect_secrets(value, secrets),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|v| collect_secrets(v, secrets)),
        _ => {}
    }
}
