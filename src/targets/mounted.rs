//! Where else a file is mounted by itself, as container tools do. What is mounted is the file and not its
//! name: it stays what it was when the file is replaced.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{major, minor};

use super::{Destination, SavedTarget};
use crate::store::{self, Place};
use crate::text::printable;

/// All mounts of a part of a file system, as far as `/proc` shows those of other processes to this user.
pub(crate) struct Mounts(Vec<Mount>);

struct Mount {
    process: String,
    device: String,
    /// The part of the file system, and where it is mounted.
    root: String,
    point: String,
}

/// What the kernel puts behind the name of a file that was replaced.
const REPLACED: &str = "//deleted";

impl Mounts {
    pub(crate) fn look() -> Self {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        let others = fs::read_dir("/proc").into_iter().flatten().flatten();
        let others = others.filter_map(|entry| entry.file_name().into_string().ok());
        let others = others.filter(|name| name.bytes().all(|b| b.is_ascii_digit()));
        for process in [std::process::id().to_string()].into_iter().chain(others) {
            let place = Path::new("/proc").join(&process);
            if !fs::read_link(place.join("ns/mnt")).is_ok_and(|space| seen.insert(space)) {
                continue;
            }
            let text = fs::read_to_string(place.join("mountinfo")).unwrap_or_default();
            all.extend(text.lines().filter_map(|line| {
                let mut fields = line.split(' ').skip(2).map(|field| field.replace("\\040", " "));
                let (device, root, point) = (fields.next()?, fields.next()?, fields.next()?);
                let process = process.clone();
                (root != "/").then_some(Mount { process, device, root, point })
            }));
        }
        Self(all)
    }

    /// Where else the file of a target is mounted by itself, and the command after which that place gets the
    /// token too.
    pub(crate) fn of_target(&self, target: &SavedTarget) -> Option<(String, String)> {
        Destination::remembered(target).ok()?.as_file()?.mounted(&target.workspace, self)
    }

    /// Where the file, or one that it has replaced, is mounted by itself, for people.
    pub(super) fn of(&self, path: &Path) -> Option<String> {
        let path = Place::find(path).ok()?.path();
        let found = fs::metadata(&path).ok();
        let device = fs::metadata(store::parent_of(&path)).ok()?.dev();
        let device = format!("{}:{}", major(device), minor(device));
        let is_there = |mount: &Mount| {
            let root = Path::new("/proc").join(&mount.process).join("root");
            let there = fs::metadata(root.join(mount.point.trim_start_matches('/')));
            let id = |found: &Metadata| (found.dev(), found.ino());
            there.is_ok_and(|there| found.as_ref().is_some_and(|found| id(&there) == id(found)))
        };
        let mount = self.0.iter().find(|mount| match mount.root.strip_suffix(REPLACED) {
            Some(old) => mount.device == device && path.ends_with(old.trim_start_matches('/')),
            None => Path::new(&mount.root).file_name() == path.file_name() && is_there(mount),
        })?;
        let Mount { point, process, .. } = mount;
        Some(format!(
            "it is mounted by itself at {} (process {process}), where a file that is replaced stays \
             what it was until that is started anew",
            printable(point)
        ))
    }
}
