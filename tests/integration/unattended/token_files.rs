//! `--token-file`: every reader of the file finds a token that works, in the requested form.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::skip::can_mount;
use crate::harness::world::{Output, Workspace, World};
use crate::unattended::hooks::{REMEMBERED, at_the_revocation};

/// A refresh that delivers the token to one file, given as `to` with `@` for its path.
pub(crate) fn refresh_into(world: &World, to: &str, file: &Path) -> Output {
    let to = to.replace('@', file.to_str().unwrap());
    world.refresh(&["--token-file", &to])
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[track_caller]
pub(crate) fn assert_holds(file: &Path, text: &str) {
    assert_eq!(fs::read_to_string(file).unwrap(), text);
    let parent = fs::read_dir(file.parent().unwrap()).unwrap();
    let mut names = parent.map(|entry| entry.unwrap().file_name());
    let leftover = names.find(|name| name.to_string_lossy().contains(".ntcli-"));
    assert_eq!(leftover, None, "a temporary file was left");
}

/// What must hold after a failed delivery: the new token is stored, and the old one is live.
#[track_caller]
fn assert_not_delivered(world: &World, workspace: &Workspace, output: &Output) {
    output.exits(9).says("not delivered to every target");
    let [old, new] = &world.plane.live_tokens(&workspace.id)[..] else {
        panic!("not two live tokens: {}", world.describe());
    };
    assert_eq!(*old, workspace.token.jti);
    assert_eq!(world.item(workspace)["jti"], new.as_str());
    assert!(world.has_journal());
    assert!(world.plane.is_live(&workspace.token.access_token));
}

/// The same, and while nothing is fixed the next run finds it so again.
#[track_caller]
pub(crate) fn assert_delivery_pending(world: &World, workspace: &Workspace, output: &Output) {
    assert_not_delivered(world, workspace, output);
    let old = &workspace.token.jti;
    let requests = world.plane.requests().len();
    let again = world.refresh(&["--if-expires-within", "1"]);
    again
        .exits(9)
        .says("not delivered to every target")
        .says("Hint: fix that, then: ntcli renew prod\n");
    assert_eq!(world.plane.requests().len(), requests, "something was sent");
    let show = world.ntcli(&["token", "show", "--format", "json"]).run();
    let pending = show.json()["pending"].to_string();
    assert!(pending.contains(old) && pending.contains("still be delivered"));
    assert!(world.plane.is_live(&workspace.token.access_token));
}

#[test]
fn a_new_file_is_private() {
    let (world, workspace) = World::ready();
    let file = world.outside("token");
    let said = format!("{REMEMBERED}The new token is delivered to 1 target.\n");
    refresh_into(&world, "@", &file).exits(0).says_only(&said);
    assert_holds(&file, &format!("{}\n", world.current(&workspace)));
    assert_eq!(mode(&file), 0o600);
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
}

#[test]
fn owner_and_mode_stay() {
    let (world, workspace) = World::ready();
    let (file, linked) = (world.outside("app.env"), world.outside("link.env"));
    fs::write(&file, "A=1\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    // Giving a file away is for root alone, and only to whom the namespace knows.
    let mut owner = (1234, 5678);
    if chown(&file, Some(owner.0), Some(owner.1)).is_err() {
        let before = fs::metadata(&file).unwrap();
        owner = (before.uid(), before.gid());
    }
    symlink("app.env", &linked).unwrap();
    refresh_into(&world, "env:TOKEN=@", &linked).exits(0);
    assert!(fs::symlink_metadata(&linked).unwrap().is_symlink());
    let after = fs::metadata(&file).unwrap();
    assert_eq!((after.uid(), after.gid(), mode(&file)), (owner.0, owner.1, 0o640));
    let token = world.current(&workspace);
    assert_holds(&file, &format!("A=1\nTOKEN={token}\n"));
}

#[test]
fn the_other_lines_of_an_env_file_stay() {
    let (world, workspace) = World::ready();
    let file = world.outside("app.env");
    for (before, after) in [
        ("", "TOKEN=@\n"),
        ("A=1", "A=1\nTOKEN=@\n"),
        (
            "A=1\n\n# TOKEN=x\nTOKEN=\"old\"\nTOKENS=2\n",
            "A=1\n\n# TOKEN=x\nTOKEN=\"@\"\nTOKENS=2\n",
        ),
        ("TOKEN=a\nB='x y'\n  export TOKEN=b # c\n", "TOKEN=@\nB='x y'\n  export TOKEN=@ # c\n"),
        ("A=1\r\nTOKEN=old\r\nB=2\r\n", "A=1\r\nTOKEN=@\r\nB=2\r\n"),
        ("A=1\r\n", "A=1\r\nTOKEN=@\r\n"),
        ("TOKEN=", "TOKEN=@"),
    ] {
        fs::write(&file, before).unwrap();
        refresh_into(&world, "env:TOKEN=@", &file).exits(0);
        assert_holds(&file, &after.replace('@', &world.current(&workspace)));
    }
    // Text of other programs is not touched, in any encoding.
    fs::write(&file, b"LATIN=\xe9\nTOKEN=old\n").unwrap();
    refresh_into(&world, "env:TOKEN=@", &file).exits(0);
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"LATIN=\xe9\nTOKEN=") && !bytes.ends_with(b"old\n"));
}

/// A shell reads what we wrote.
#[test]
fn a_shell_takes_the_line() {
    let (world, workspace) = World::ready();
    let file = world.outside("app.env");
    refresh_into(&world, "env:TOKEN=@", &file).exits(0);
    let script = ". \"$0\"; printf %s \"$TOKEN\"";
    let shell = Command::new("/bin/sh").args(["-c", script]).arg(&file).output();
    let read = String::from_utf8(shell.unwrap().stdout).unwrap();
    assert_eq!(read, world.current(&workspace));
}

#[test]
fn several_files_of_each_workspace() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    let root = world.outside("");
    for (name, workspace) in [("prod", &prod), ("staging", &staging)] {
        let env = format!("env:T={}.env", workspace.id);
        let file = format!("{name}.token");
        world.refresh(&[name, "--token-file", &file, "--token-file", &env]).exits(0);
    }
    world.refresh(&["--all"]).exits(0);
    for (name, workspace) in [("prod", &prod), ("staging", &staging)] {
        let token = world.current(workspace);
        assert_holds(&root.join(format!("{name}.token")), &format!("{token}\n"));
        let env = root.join(format!("{}.env", workspace.id));
        assert_holds(&env, &format!("T={token}\n"));
        world.assert_one_live_token(workspace);
    }
}

/// Lines of one file, and a file of several names.
#[test]
fn several_lines_of_one_file() {
    let (world, workspace) = World::ready();
    fs::write(world.outside("app.env"), "X=1\n").unwrap();
    symlink("app.env", world.outside("link.env")).unwrap();
    world.refresh(&["--token-file", "env:A=app.env", "--token-file", "env:B=link.env"]).exits(0);
    let token = world.current(&workspace);
    let expected = format!("X=1\nA={token}\nB={token}\n");
    assert_holds(&world.outside("app.env"), &expected);
}

/// The file first, then the end of the old token.
#[test]
fn the_file_is_there_before_the_old_token_dies() {
    let (world, workspace) = World::ready();
    let file = world.outside("token");
    let (plane, seen) = (world.plane.clone(), file.clone());
    let old = workspace.token.access_token.clone();
    at_the_revocation(&world, move || {
        let token = fs::read_to_string(&seen).unwrap();
        assert_ne!(token.trim(), old);
        assert!(plane.is_live(token.trim()) && plane.is_live(&old));
    });
    // The check cuts the connection; the revocation is tried again.
    refresh_into(&world, "@", &file).exits(0);
    world.assert_one_live_token(&workspace);
}

/// What is done while the new token is verified: the file was found fit, and is not yet written.
fn at_the_verification(world: &World, f: impl Fn() + Send + Sync + 'static) {
    let f = Arc::new(f);
    let fault = Fault::Call { after: false, f };
    world.plane.fault(Route::TokenAuth, Times::Once, fault);
}

/// A folder that disappears at that moment, and that may be put back.
#[track_caller]
pub(crate) fn lose_folder(world: &World) -> (PathBuf, impl Fn() + use<>) {
    let (folder, away) = (world.outside("folder"), world.outside("away"));
    fs::create_dir(&folder).unwrap();
    let (from, to) = (folder.clone(), away.clone());
    at_the_verification(world, move || fs::rename(&from, &to).unwrap());
    let back = folder.clone();
    (folder, move || fs::rename(&away, &back).unwrap())
}

#[test]
fn a_file_that_cannot_be_written_any_more() {
    for to in ["@", "env:TOKEN=@"] {
        let (world, workspace) = World::ready();
        let (folder, put_back) = lose_folder(&world);
        let file = folder.join("token");
        let output = refresh_into(&world, to, &file);
        output.says("folder is missing").says(file.to_str().unwrap());
        assert_delivery_pending(&world, &workspace, &output);

        // While that lasts, the next run says it before it does anything.
        world.plane.clear_requests();
        let named = "Warning: Not every target can get the new token: target 1: ";
        refresh_into(&world, to, &file).exits(9).says(named);
        world.assert_nothing_sent();

        // The same token is delivered; then, and not before, the old one ends.
        put_back();
        let current = world.current(&workspace);
        let told = to.replace('@', file.to_str().unwrap());
        let output = world.refresh(&["--token-file", &told, "--format", "json"]);
        assert_eq!(output.exits(0).json()["outcome"], "delivered");
        assert_eq!(world.count(Route::TokenCreate), 0);
        assert_eq!(world.current(&workspace), current);
        assert!(fs::read_to_string(&file).unwrap().contains(&current));
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal());
    }
}

#[test]
fn a_full_disk_beneath_the_file() {
    if !can_mount() {
        return;
    }
    let (world, workspace) = World::ready();
    let folder = world.outside("folder");
    fs::create_dir(&folder).unwrap();
    let script = r#"mount -t tmpfs -o size=4k none "$0" && echo full > "$0/other" && exec "$@""#;
    let file = folder.join("token");
    let refresh = world.ntcli(&["token", "refresh", "--token-file", file.to_str().unwrap()]);
    let folder = folder.to_str().unwrap();
    let output = refresh.under(&["unshare", "-rm", "sh", "-c", script, folder]).run();
    output.says("No space left").says(file.to_str().unwrap());
    assert_not_delivered(&world, &workspace, &output);
}

/// A user who no longer needs the old token says so, and the refresh is over.
#[test]
fn the_old_token_can_be_given_up_by_hand() {
    let (world, workspace) = World::ready();
    let (folder, put_back) = lose_folder(&world);
    let output = refresh_into(&world, "@", &folder.join("token"));
    assert_delivery_pending(&world, &workspace, &output);
    let revoke = ["token", "revoke", &workspace.token.jti, "--force"];
    world.ntcli(&revoke).run().exits(0);
    assert!(!world.has_journal(), "{}", world.describe());
    world.assert_one_live_token(&workspace);
    put_back();
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&workspace);
}
