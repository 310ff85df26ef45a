use std::fs;
use std::os::unix::fs::symlink;

use super::*;

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
