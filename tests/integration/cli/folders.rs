//! Folders as people have them: closed, linked from elsewhere, full, open to others.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use crate::crash::local_faults::assert_kept;
use crate::harness::skip::can_mount;
use crate::harness::world::{Run, World};

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// root ignores permissions unless it gives up the capability to do so.
pub(crate) fn bound_by_permissions<'a>(run: Run<'a>, world: &World) -> Run<'a> {
    if fs::metadata(&world.dir).unwrap().uid() != 0 {
        return run;
    }
    run.under(&["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"])
}

#[test]
fn a_folder_that_cannot_be_written() {
    let (world, workspace) = World::ready();
    world.refresh(&[]).exits(0);
    world.plane.clear_requests();
    let before = fs::read(world.config_path()).unwrap();
    set_mode(&world.dir, 0o500);
    let output = bound_by_permissions(world.ntcli(&["token", "refresh"]), &world).run();
    output.exits(2).prints("").says("Permission denied").says(world.dir.to_str().unwrap());
    output.says(&format!("Hint: ls -ld {} ", world.dir.display()));
    world.assert_nothing_sent();
    assert_eq!(fs::read(world.config_path()).unwrap(), before);
    set_mode(&world.dir, 0o700);
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
}

/// Moves the config into a folder of its own and leaves a link.
pub(super) fn move_config(world: &World, link_to: &str) -> std::path::PathBuf {
    let elsewhere = world.outside("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let target = elsewhere.join("real.json");
    fs::rename(world.config_path(), &target).unwrap();
    symlink(link_to, world.config_path()).unwrap();
    target
}

#[test]
fn a_linked_config_is_written_where_it_is() {
    let (world, workspace) = World::ready();
    let target = move_config(&world, "../elsewhere/real.json");
    world.refresh(&[]).exits(0).says_only("");
    world.assert_one_live_token(&workspace);
    let link = fs::read_link(world.config_path()).unwrap();
    assert_eq!(link, Path::new("../elsewhere/real.json"));
    let found = fs::symlink_metadata(&target).unwrap();
    assert!(found.is_file() && found.mode() & 0o777 == 0o600);
    let names = fs::read_dir(world.outside("elsewhere")).unwrap().count();
    assert_eq!(names, 1, "something was left beside the config");
}

#[test]
fn a_linked_config_that_cannot_be_replaced() {
    let (world, workspace) = World::ready();
    let target = move_config(&world, "../elsewhere/real.json");
    set_mode(&world.outside("elsewhere"), 0o500);
    let output = bound_by_permissions(world.ntcli(&["token", "refresh"]), &world).run();
    set_mode(&world.outside("elsewhere"), 0o700);
    output.exits(2).prints("").says("Permission denied").says("config.json");
    world.assert_nothing_sent();
    assert!(target.is_file());
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
}

#[test]
fn a_link_into_nowhere_is_a_config_to_be_made() {
    let world = World::new();
    world.make_dir();
    fs::create_dir(world.outside("elsewhere")).unwrap();
    symlink("../elsewhere/new.json", world.config_path()).unwrap();
    world.sign_in();
    let made = fs::symlink_metadata(world.outside("elsewhere/new.json")).unwrap();
    assert!(made.is_file() && made.mode() & 0o777 == 0o600);
    assert!(fs::read_link(world.config_path()).is_ok());
}

#[test]
fn a_config_that_others_can_read() {
    for mode in [0o644, 0o640, 0o604, 0o660] {
        let (world, workspace) = World::ready();
        set_mode(&world.config_path(), mode);
        let output = world.refresh(&[]);
        output.exits(0).says("could be read by others").says("config.json");
        assert_eq!(output.stderr.matches("Warning").count(), 1, "{output}");
        world.assert_private();
        world.assert_one_live_token(&workspace);
        world.refresh(&[]).exits(0).says_only("");
    }
}

/// A new folder, and everything in it, is private, for any umask.
#[test]
fn everything_new_is_private() {
    let world = World::new();
    let login = world.ntcli(&["auth", "login", "--token-stdin"]);
    let login = login.under(&["sh", "-c", "umask 0; exec \"$@\"", "sh"]);
    login.stdin(crate::harness::world::SESSION).run().exits(0);
    world.assert_private();
    let dir = world.files().into_iter().find(|(name, _)| name == ".");
    assert_eq!(dir, Some((".".to_owned(), 0o700)));
}

/// Runs in a file system of this many pages, of which the config takes one.
fn in_pages<'a>(run: Run<'a>, world: &World, pages: usize) -> Run<'a> {
    let script = r#"cp -a "$1" "$2" && mount -t tmpfs -o "size=$3,mode=700" none "$1" || exit 99
        cp -a "$2/." "$1" && rm -r "$2" || exit 99
        shift 3; "$@"; code=$?
        cp -a "$0" "$0.after" && exit $code"#;
    let (dir, copy) = (world.dir.to_str().unwrap(), world.outside("copy"));
    let size = format!("{}k", 4 * pages);
    run.under(&["unshare", "-rm", "sh", "-c", script, dir, dir, copy.to_str().unwrap(), &size])
}

/// Full at every point: not even the journal's first record fits, nor the token, nor the config.
#[test]
fn a_full_disk() {
    // Where this is forbidden, `local_faults.rs` still has the same errors one by one.
    if !can_mount() {
        return;
    }
    let mut codes = Vec::new();
    for pages in 1..=5 {
        let (world, workspace) = World::ready();
        let output = in_pages(world.ntcli(&["token", "refresh"]), &world, pages).run();
        codes.push(output.code().unwrap_or(-1));
        fs::remove_dir_all(&world.dir).unwrap();
        fs::rename(world.outside("config.after"), &world.dir).unwrap();
        if output.code() != Some(0) {
            output.says("No space left").says(world.dir.to_str().unwrap());
        }
        if output.code() == Some(2) {
            world.assert_nothing_sent();
        }
        assert_kept(&world, &workspace, &output);
    }
    for code in [2, 7, 0] {
        assert!(codes.contains(&code), "never {code}: {codes:?}");
    }
}
