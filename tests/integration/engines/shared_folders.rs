//! Config folders on file systems of a network, as the kernel describes those.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{major, minor};

use crate::harness::skip::can_mount;
use crate::harness::strace;
use crate::harness::world::{Output, World};

/// A run that finds its folder mounted with this type and these options.
fn mounted(world: &World, what: &str, args: &str) -> Output {
    let device = fs::metadata(&world.dir).unwrap().dev();
    let (device, dir) = (format!("{}:{}", major(device), minor(device)), world.dir.display());
    let mounts = world.outside("mountinfo");
    let line = format!("36 35 {device} / {dir} rw,noatime shared:1 - {what}\n");
    fs::write(&mounts, format!("22 1 0:21 / / rw - tmpfs none rw\n{line}")).unwrap();
    let mounts = mounts.display();
    let script = format!("mount --bind {mounts} /proc/$$/mountinfo && exec \"$0\" {args}");
    world.ntcli(&[""; 0]).under(&["unshare", "-rm", "/bin/sh", "-c", &script]).run()
}

/// What is the type of the mount and its options, and what is said.
const CASES: [(&str, &str); 10] = [
    ("nfs4 server:/home rw,vers=4.2,hard,local_lock=none,addr=10.0.0.1", ""),
    ("nfs server:/home rw,vers=3,nolock,local_lock=all", " is on nfs with nolock, "),
    ("nfs server:/home rw,vers=3,local_lock=flock", " is on nfs with local_lock=flock, "),
    ("nfs server:/home rw,vers=3,local_lock=posix", ""),
    ("fuse.sshfs me@host:/home rw,user_id=0", " is on fuse.sshfs, "),
    ("fuse.rclone remote: rw,user_id=0", " is on fuse.rclone, "),
    ("fuse.glusterfs server:/volume rw,user_id=0", ""),
    ("fuseblk /dev/sda1 rw,user_id=0", ""),
    ("ext4 /dev/nolock rw", ""),
    ("ceph 10.0.0.1:/ rw", ""),
];

#[test]
fn locks_of_this_machine_alone_are_named_and_refused_nowhere() {
    if !can_mount() {
        return;
    }
    let (world, _) = World::ready();
    for (mount, says) in CASES {
        let renew = mounted(&world, mount, "-q renew");
        let doctor = mounted(&world, mount, "doctor");
        assert_eq!(renew.code(), Some(0), "{mount}: {renew}");
        if says.is_empty() {
            assert!(!renew.stderr.contains("this machine alone"), "{mount}: {renew}");
            assert!(!doctor.stdout.contains("this machine alone"), "{mount}: {doctor}");
        } else {
            renew.says(&format!("Warning: {}{says}", world.dir.display()));
            assert!(doctor.stdout.contains(says), "{mount}: {doctor}");
            assert!(doctor.stdout.contains("findmnt -T"), "{mount}: {doctor}");
        }
    }
}

/// A lock service that does not answer.
#[test]
fn no_locks_available() {
    if !strace::is_available() {
        return;
    }
    let (world, _) = World::ready();
    let inject = ["-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"];
    let run = world.ntcli(&["token", "refresh"]).strace(&world.outside("strace"), &inject);
    let output = run.run();
    output.exits(2).says("ntcli.lock").says("No locks available");
    output.says(&format!("Hint: findmnt -T {}\n", world.dir.display()));
    world.assert_nothing_sent();
}
