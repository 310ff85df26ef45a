//! A local control plane: real state, requests on record, and faults on demand.
//!
//! The integration tests run it in-process, the `control-plane` example for people. It shares no
//! code with `ntcli`, so that a mistake of the client is not repeated here.
#![allow(dead_code, reason = "each of the two users leaves something unused")]

// The paths are spelt out because this file is included from two places, and only
// one of them would look for the modules here.
#[path = "clock.rs"]
mod clock;
#[path = "connection.rs"]
mod connection;
#[path = "faults.rs"]
mod faults;
#[path = "http.rs"]
mod http;
#[path = "jwt.rs"]
mod jwt;
#[cfg(test)]
#[path = "knobs.rs"]
mod knobs;
#[path = "management.rs"]
mod management;
#[path = "oauth.rs"]
mod oauth;
#[path = "options.rs"]
mod options;
#[path = "refusal.rs"]
mod refusal;
#[path = "routes.rs"]
mod routes;
#[path = "saved.rs"]
mod saved;
#[path = "state.rs"]
mod state;
#[path = "world.rs"]
mod world;

use std::any::Any;
use std::collections::HashMap;
use std::io::{self, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

#[allow(unused_imports, reason = "see `dead_code`")]
pub(crate) use self::{
    faults::{Fault, Times},
    http::Request,
    options::{
        Dates, ErrorStyle, Identity, Options, Paging, RevokeAnswer, TokenAuth, TokenShape, Userinfo,
    },
    routes::Route,
    world::Recorded,
};
use self::{state::Origin, world::World};

/// A running server. Clones are the same one; it stops when the last is dropped
/// (one that is caught in a fault's closure counts as long as the fault waits).
#[derive(Clone)]
pub(crate) struct ControlPlane {
    running: Arc<Running>,
}

/// A workspace token and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) jti: String,
    /// Unix seconds by the server's clock; `None` is never.
    pub(crate) expires_at: Option<u64>,
}

impl ControlPlane {
    /// On a free port of the loopback interface.
    pub(crate) fn start() -> Self {
        Self::start_on(0).expect("a loopback port to listen on")
    }

    pub(crate) fn start_on(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        let running = Arc::new(Running { address, shared, acceptor: Some(acceptor) });
        Ok(ControlPlane { running })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    /// Takes effect with the next request. `f` must not call this server.
    pub(crate) fn configure(&self, f: impl FnOnce(&mut Options)) {
        f(&mut self.world().options);
    }

    /// Lets `bearer` use the management API until it is dropped.
    pub(crate) fn add_session(&self, bearer: &str) {
        self.world().state.add_session(bearer, None);
    }

    /// The session of another account: it has no workspaces, and sees none.
    pub(crate) fn add_stranger(&self, bearer: &str) {
        self.world().state.add_stranger(bearer);
    }

    pub(crate) fn drop_session(&self, bearer: &str) {
        self.world().state.drop_session(bearer);
    }

    /// Returns its bare UUID.
    pub(crate) fn add_workspace(&self, name: &str) -> String {
        let mut world = self.world();
        let now = clock::now(world.options.clock_offset_s);
        world.state.add_workspace(name, now)
    }

    /// A token that is live, and known to `token_auth`, at once.
    pub(crate) fn issue_token(&self, workspace_id: &str, expires_in: Option<u64>) -> Issued {
        let mut world = self.world();
        let (now, shape) = (world.now(), world.options.token_shape);
        let expires_at = expires_in.map(|seconds| now.saturating_add(seconds));
        let issued = world.state.issue(workspace_id, expires_at, now, shape, Origin::Test);
        let token = issued.expect("a workspace that exists");
        Issued { access_token: token.bearer, jti: token.jti, expires_at }
    }

    /// As another client does.
    pub(crate) fn revoke_token(&self, workspace_id: &str, jti: &str) {
        let mut world = self.world();
        let now = world.now();
        assert!(world.state.revoke(workspace_id, jti, now), "{jti} is no live token");
    }

    /// The jtis of the workspace's live tokens, oldest first.
    pub(crate) fn live_tokens(&self, workspace_id: &str) -> Vec<String> {
        let world = self.world();
        let tokens = world.state.live_tokens(workspace_id, world.now());
        tokens.into_iter().map(|token| token.jti.clone()).collect()
    }

    /// As if every token had been made so many seconds earlier.
    pub(crate) fn age_tokens(&self, secs: u64) {
        self.world().state.age_tokens(secs);
    }

    /// Its workspaces and tokens, for another server to load.
    pub(crate) fn saved(&self) -> Value {
        self.world().state.saved()
    }

    /// Loads what another server has saved.
    pub(crate) fn restore(&self, saved: &Value) {
        self.world().state.restore(saved);
    }

    pub(crate) fn is_live(&self, access_token: &str) -> bool {
        let world = self.world();
        world.state.is_live(access_token, world.now())
    }

    /// Every bearer that was ever valid here: no output may show one.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let world = self.world();
        let refresh_tokens = world.provider.refresh_tokens().iter().cloned();
        world.state.bearers().chain(refresh_tokens).collect()
    }

    /// Registers a refresh token, as if somebody had signed in.
    pub(crate) fn grant_refresh_token(&self) -> String {
        let mut world = self.world();
        let World { provider, state, .. } = &mut *world;
        provider.grant_refresh_token(state)
    }

    /// Oldest first.
    pub(crate) fn live_refresh_tokens(&self) -> Vec<String> {
        self.world().provider.refresh_tokens().to_vec()
    }

    /// In the order they came in; a request is here before it is answered.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.world().log.requests().to_vec()
    }

    pub(crate) fn clear_requests(&self) {
        self.world().log.clear();
    }

    /// The faults of a route happen in the order they are set, each as often as
    /// its `times` say before the next one's turn.
    pub(crate) fn fault(&self, route: Route, times: Times, fault: Fault) {
        self.fault_in("", route, times, fault);
    }

    /// The same for one workspace, or for any other part of the path.
    pub(crate) fn fault_in(&self, part: &str, route: Route, times: Times, fault: Fault) {
        self.world().faults.add(route, part, times, fault);
    }

    pub(crate) fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// The faults that should have happened by now and did not, or not often enough.
    pub(crate) fn unmet_faults(&self) -> Vec<String> {
        self.world().faults.unmet()
    }

    /// The messages of panics in the server's threads.
    pub(crate) fn panics(&self) -> Vec<String> {
        self.world().panics.clone()
    }

    /// Waits until every request has been carried out that came by a connection which the peer has
    /// closed, such as those of a killed client. All other connections must be closed too.
    pub(crate) fn settle(&self) {
        // Connections are taken in their order: once this one has ended, all earlier ones are known.
        let mut last = TcpStream::connect(self.running.address).expect("a connection");
        last.shutdown(Shutdown::Write).ok();
        last.read_to_end(&mut Vec::new()).ok();
        while !lock(&self.running.shared.streams).is_empty() {
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.running.shared.world()
    }
}

struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        *lock(&self.shared.stopped) = true;
        self.shared.stopping.notify_all();
        // A connection wakes the accepting thread, which then sees that it must stop.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            acceptor.join().ok();
        }
        // Threads that are reading or writing get an end of file or an error.
        for stream in lock(&self.shared.streams).values() {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

/// The state that the server's threads share. No lock is held while one waits.
#[derive(Default)]
struct Shared {
    world: Mutex<World>,
    /// The open connections, to be shut down at the end.
    streams: Mutex<HashMap<u64, Arc<TcpStream>>>,
    stopped: Mutex<bool>,
    stopping: Condvar,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Waits that long, or until the server stops; says whether it has.
    fn pause(&self, duration: Duration) -> bool {
        let stopped = lock(&self.stopped);
        let waited = self.stopping.wait_timeout_while(stopped, duration, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A panic elsewhere is reported by `panics`, not by a second one here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for (connection, stream) in (1..).zip(listener.incoming()) {
        if *lock(&shared.stopped) {
            return;
        }
        let Ok(stream) = stream else {
            // Most likely too many open files: some will be closed soon.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let stream = Arc::new(stream);
        lock(&shared.streams).insert(connection, Arc::clone(&stream));
        let shared = Arc::clone(shared);
        thread::spawn(move || attend(&shared, &stream, connection));
    }
}

fn attend(shared: &Shared, stream: &TcpStream, connection: u64) {
    // An answer is one write, except for those that are meant to come in pieces.
    stream.set_nodelay(true).ok();
    let serve = || connection::serve(shared, stream, connection);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(serve)) {
        shared.world().panics.push(message(panic.as_ref()));
    }
    stream.shutdown(Shutdown::Both).ok();
    lock(&shared.streams).remove(&connection);
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
