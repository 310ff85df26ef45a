use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::super::lock_folder;
use super::*;
use crate::context::Clock;
use crate::time::Timestamp;

#[test]
fn links_lead_where_the_kernel_would_go() {
    let dir = std::env::temp_dir().join(format!("ntcli-place-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("a/b")).unwrap();
    let dir = dir.canonicalize().unwrap();
    fs::write(dir.join("a/b/file"), "x").unwrap();
    symlink("b", dir.join("a/link")).unwrap();
    symlink(dir.join("a/link/../b/file"), dir.join("absolute")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    symlink("a/b/none", dir.join("dangling")).unwrap();
    for path in ["a/b/file", "a/link/file", "a/link/../b/file", "absolute", "./a//b/./file"] {
        let place = Place::find(&dir.join(path)).unwrap();
        assert_eq!(place.path(), dir.join("a/b/file"), "{path}");
        assert!(place.open(OFlags::RDONLY).unwrap().is_some(), "{path}");
    }
    assert_eq!(Place::find(&dir.join("dangling")).unwrap().path(), dir.join("a/b/none"));
    assert!(Place::find(&dir.join("dangling")).unwrap().look().unwrap().is_none());
    for (path, error) in [
        ("loop", Errno::LOOP),
        ("none/file", Errno::NOENT),
        ("a/b/file/x", Errno::NOTDIR),
        ("a/..", Errno::ISDIR),
    ] {
        let failed = Place::find(&dir.join(path)).unwrap_err();
        assert_eq!(failed.raw_os_error(), Some(error.raw_os_error()), "{path}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

/// Only adds up what it would sleep.
struct Sleeper(Cell<Duration>);

impl Clock for Sleeper {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn sleep(&self, duration: Duration) {
        self.0.set(self.0.get() + duration);
    }
}

/// Any user may lock a folder of root's that can be read, and a hundred of them.
#[test]
fn who_locks_many_folders_holds_up_a_run_once() {
    let dir = std::env::temp_dir().join(format!("ntcli-locked-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let place = Place::find(&dir.join("file")).unwrap();
    let (wait, sleeper) = (Duration::from_secs(10), Sleeper(Cell::default()));
    let theirs = lock_folder(&place, wait, &sleeper).unwrap();
    for _ in 0..100 {
        assert!(lock_folder(&place, wait, &sleeper).is_none());
    }
    assert_eq!(sleeper.0.get(), wait);
    drop(theirs);
    assert!(lock_folder(&place, wait, &sleeper).is_some());
    fs::remove_dir(&dir).unwrap();
}
