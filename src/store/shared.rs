//! Whether other machines may use a folder at the same time.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{major, minor};

/// FUSE file systems whose locks hold for all machines, or that no other machine can see.
const FINE: [&str; 3] = ["fuse.glusterfs", "fuse.ceph-fuse", "fuse.fuse-overlayfs"];

/// Why no other machine may use the folder, if its locks hold on this one alone.
pub(crate) fn local_locks(dir: &Path) -> Option<String> {
    let device = fs::metadata(dir).ok()?.dev();
    let device = format!("{}:{}", major(device), minor(device));
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&device))?;
    let (kind, options) = mount.split_once(" - ")?.1.split_once(' ')?;
    let is_nfs = matches!(kind, "nfs" | "nfs4");
    let local = ["nolock", "local_lock=all", "local_lock=flock"];
    let option = options.split([' ', ',']).find(|option| is_nfs && local.contains(option));
    let is_fuse = (kind == "fuse" || kind.starts_with("fuse.")) && !FINE.contains(&kind);
    (is_fuse || option.is_some()).then(|| {
        let with = option.map_or(String::new(), |option| format!(" with {option}"));
        let dir = dir.display();
        format!("{dir} is on {kind}{with}, where locks may hold on this machine alone: no other may use the folder")
    })
}
