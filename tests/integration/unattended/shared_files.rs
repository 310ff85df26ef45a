//! Token files that others share: by an access control list, or as writers.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::skip::skipped;
use crate::harness::world::World;
use crate::unattended::hooks::REMEMBERED;
use crate::unattended::token_files::{assert_holds, mode, refresh_into};

/// The system's library, by way of a script: the standard library sets no attributes.
pub(crate) fn python(script: &str, file: &Path) -> Option<String> {
    let run = Command::new("python3").args(["-c", script]).arg(file).output();
    let output = run.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).unwrap())
}

/// One more user may read the file, and it has an extended attribute.
const SET_ATTRIBUTES: &str = "
import os, struct, sys
entry = lambda tag, perm, id=0xffffffff: struct.pack('<HHI', tag, perm, id)
acl = struct.pack('<I', 2) + entry(1, 6) + entry(2, 4, 1234) + entry(4, 0) + entry(16, 4) + entry(32, 0)
os.setxattr(sys.argv[1], 'system.posix_acl_access', acl)
os.setxattr(sys.argv[1], 'user.note', b'keep me')
";
const GET_ATTRIBUTES: &str = "
import os, sys
for name in sorted(os.listxattr(sys.argv[1])): print(name, os.getxattr(sys.argv[1], name).hex())
";

/// What is made in this folder from now on is readable by one more user.
pub(crate) const SET_DEFAULT: &str = "
import os, struct, sys
entry = lambda tag, perm, id=0xffffffff: struct.pack('<HHI', tag, perm, id)
acl = struct.pack('<I', 2) + entry(1, 7) + entry(2, 5, 1234) + entry(4, 5) + entry(16, 5) + entry(32, 5)
os.setxattr(sys.argv[1], 'system.posix_acl_default', acl)
";

#[test]
fn an_access_control_list_stays() {
    let (world, workspace) = World::ready();
    let file = world.outside("app.env");
    fs::write(&file, "A=1\n").unwrap();
    if python(SET_ATTRIBUTES, &file).is_none() {
        skipped("no python3, or no access control lists on this file system");
        return;
    }
    let before = python(GET_ATTRIBUTES, &file).unwrap();
    assert!(before.contains("posix_acl") && before.contains("user.note"));
    let mode_before = mode(&file);
    let said = format!("{REMEMBERED}The new token is delivered to 1 target.\n");
    refresh_into(&world, "env:TOKEN=@", &file).exits(0).says_only(&said);
    let token = world.current(&workspace);
    assert_holds(&file, &format!("A=1\nTOKEN={token}\n"));
    assert_eq!(python(GET_ATTRIBUTES, &file).unwrap(), before);
    assert_eq!(mode(&file), mode_before);

    // A list that the folder hands down to new files gives nobody a right that the file did not give.
    let plain = world.outside("plain.env");
    fs::write(&plain, "").unwrap();
    python(SET_DEFAULT, plain.parent().unwrap()).unwrap();
    refresh_into(&world, "env:TOKEN=@", &plain).exits(0);
    assert_eq!(python(GET_ATTRIBUTES, &plain).unwrap(), "");
}

/// Independent config folders write lines of one file at once.
#[test]
fn several_config_folders_write_one_file() {
    let worlds: Vec<_> = (0..8).map(|_| World::ready()).collect();
    let file = worlds[0].0.outside("shared.env");
    fs::write(&file, "A=1\n").unwrap();
    for _ in 0..4 {
        let runs = worlds.iter().enumerate().map(|(n, (world, _))| {
            let to = format!("env:T{n}={}", file.display());
            world.ntcli(&["token", "refresh", "--token-file", &to]).spawn()
        });
        for run in runs.collect::<Vec<_>>() {
            run.finish().exits(0);
        }
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), 1 + worlds.len(), "{text}");
        for (n, (world, workspace)) in worlds.iter().enumerate() {
            let line = format!("T{n}={}\n", world.current(workspace));
            assert!(text.contains(&line), "line {n} is lost: {text}");
        }
    }
}
