//! Runs of the program, and every disk that a power cut in their course may leave.

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::disk::{self, Disk, Files};
use crate::harness::strace::Traced;
use crate::harness::world::{Run, World};

/// A disk, and the rest of the world, when the power has failed.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    files: Files,
    /// How many requests the server has carried out.
    requests: usize,
    /// By the run that was cut.
    pub(crate) printed: String,
    /// Printed or reported by any run.
    pub(crate) told: String,
}

impl Debug for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} requests, printed {:?}", self.requests, self.printed)?;
        for (path, bytes) in &self.files {
            let shown = bytes.as_deref().map(String::from_utf8_lossy);
            writeln!(f, "{}: {shown:?}", path.display())?;
        }
        Ok(())
    }
}

/// The undisturbed runs, and everything that may be left on the way.
pub(crate) struct Recorded {
    url: String,
    /// The folder of the world, which the paths of targets begin with.
    root: String,
    /// The server's state before each request, and in the end.
    servers: Vec<Value>,
    pub(crate) moments: BTreeSet<Moment>,
}

impl Recorded {
    #[track_caller]
    pub(crate) fn of<'a>(world: &'a World, runs: impl Iterator<Item = Run<'a>>) -> Self {
        let mut disk = Disk::of(world.outside(""), disk::files_of(&world.outside("")));
        let servers = save_before_each_request(world);
        let mut moments = vec![Moment::default()];
        for run in runs {
            let (output, calls) = Traced::run(run, &world.outside("strace"));
            assert_ne!(output.code(), Some(2), "{output}");
            fs::remove_file(world.outside("strace")).unwrap();
            follow(&mut disk, &calls, &mut moments);
            let files = disk::files_of(&world.outside(""));
            assert!(disk.now() == files, "some call was not understood");
            assert_eq!(moments.last().unwrap().printed, output.stdout);
        }
        world.plane.clear_faults();
        let mut servers = servers.lock().unwrap().clone();
        servers.push(world.plane.saved());
        assert_eq!(moments.last().unwrap().requests + 1, servers.len());
        Recorded {
            url: world.plane.base_url(),
            root: world.outside("").display().to_string(),
            servers,
            moments: moments.into_iter().skip(1).collect(),
        }
    }

    /// The same disk in a world of its own, whose server has another port and whose folder another name.
    pub(crate) fn world_at(&self, moment: &Moment) -> World {
        let world = World::new();
        world.plane.restore(&self.servers[moment.requests]);
        let root = world.outside("").display().to_string();
        let mut files = moment.files.clone();
        for bytes in files.values_mut().flatten() {
            for (old, new) in [(&self.url, world.plane.base_url()), (&self.root, root.clone())] {
                *bytes = replaced(bytes, old.as_bytes(), new.as_bytes());
            }
        }
        disk::put(&world.outside(""), &files);
        world
    }
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(old) {
            all.extend(new);
            at += old.len();
        } else {
            all.push(bytes[at]);
            at += 1;
        }
    }
    all
}

/// What the server knows before each request, as they come.
fn save_before_each_request(world: &World) -> Arc<Mutex<Vec<Value>>> {
    let servers = Arc::new(Mutex::new(Vec::new()));
    for route in [
        Route::WorkspaceList,
        Route::TokenCreate,
        Route::TokenList,
        Route::TokenAuth,
        Route::TokenRevoke,
    ] {
        let (servers, plane) = (Arc::clone(&servers), world.plane.clone());
        let save = move || servers.lock().unwrap().push(plane.saved());
        let fault = Fault::Wait(Arc::new(save));
        world.plane.fault(route, Times::Always, fault);
    }
    servers
}

/// Adds the moments of one more run.
fn follow(disk: &mut Disk, calls: &[Traced], moments: &mut Vec<Moment>) {
    disk.close_all();
    let last = moments.last().unwrap();
    let (mut requests, mut told) = (last.requests, last.told.clone());
    let mut printed = String::new();
    for call in calls {
        let is_output = ["write", "sendto"].contains(&call.name.as_str());
        if disk.follow(call) {
        } else if is_output && call.number(0) <= 2 {
            told += &call.texts()[0];
            if call.number(0) == 1 {
                printed += &call.texts()[0];
            }
        } else if is_output && is_request(&call.texts()[0]) {
            requests += 1;
        } else {
            continue;
        }
        let moment =
            |files| Moment { files, requests, printed: printed.clone(), told: told.clone() };
        moments.extend(disk.after_power_cut().into_iter().map(moment));
    }
}

fn is_request(text: &str) -> bool {
    ["GET /", "POST /", "DELETE /"].iter().any(|m| text.starts_with(m))
}
