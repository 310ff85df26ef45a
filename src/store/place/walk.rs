//! The way along a path, component by component.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{self, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::super::owner::is_trusted;
use super::super::parent_of;
use super::{Folder, PATH};

/// As many links as the kernel follows.
const LINK_LIMIT: u32 = 40;

/// One step of the way along a path.
enum Step {
    Name(OsString),
    Up,
    /// What was reached must belong to the user who made the link to it.
    Owned(u32),
}

pub(super) fn planted(uid: u32) -> io::Error {
    io::Error::other(format!(
        "it is a link that another user (uid {uid}) made to a file that is not theirs"
    ))
}

/// The folder that `path` is in and its name there, or the folder that it is.
pub(super) fn walk(
    path: &Path,
    to_file: bool,
) -> io::Result<(Folder, Option<OsString>, Option<u32>)> {
    let mut left = steps(path);
    let direct = without_links(if to_file { parent_of(path) } else { path });
    let mut here = match (direct, left.first()) {
        (Some(folder), _) if !to_file => return Ok((folder, None, None)),
        // The last component alone is still to be looked at.
        (Some(folder), Some(Step::Name(_))) => {
            left.truncate(1);
            folder
        }
        _ if path.is_absolute() => begin("/", "/".into())?,
        _ => begin(".", std::env::current_dir().unwrap_or_default())?,
    };
    let mut links = 0;
    while let Some(step) = left.pop() {
        let name = match step {
            Step::Up => {
                let fd = fs::openat(&here.fd, "..", PATH | OFlags::DIRECTORY, Mode::empty())?;
                here.path.pop();
                here = Folder::of(fd, here.path, false)?;
                continue;
            }
            Step::Owned(uid) if here.found().st_uid == uid => continue,
            Step::Owned(uid) => return Err(planted(uid)),
            Step::Name(name) => name,
        };
        let is_last = to_file && left.iter().all(|step| matches!(step, Step::Owned(_)));
        let owners =
            || left.iter().filter_map(|s| if let Step::Owned(u) = s { Some(*u) } else { None });
        let fd = match fs::openat(&here.fd, &name, PATH, Mode::empty()) {
            Err(Errno::NOENT) if is_last => match owners().next() {
                Some(uid) => return Err(planted(uid)),
                None => return Ok((here, Some(name), None)),
            },
            opened => opened?,
        };
        let there = Folder::of(fd, here.path.join(&name), false)?;
        let found = there.found();
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => {
                links += 1;
                if links > LINK_LIMIT {
                    return Err(Errno::LOOP.into());
                }
                if !is_trusted(found.st_uid) {
                    left.push(Step::Owned(found.st_uid));
                }
                let target = fs::readlinkat(&there.fd, "", Vec::new())?;
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                if target.is_absolute() {
                    here = begin("/", "/".into())?;
                }
                left.extend(steps(&target));
            }
            _ if is_last => {
                return match owners().find(|uid| *uid != found.st_uid) {
                    Some(uid) => Err(planted(uid)),
                    None => Ok((here, Some(name), owners().next())),
                };
            }
            FileType::Directory => here = there,
            _ => return Err(Errno::NOTDIR.into()),
        }
    }
    Ok((here, None, None))
}

/// The steps of a path, the last one first.
fn steps(path: &Path) -> Vec<Step> {
    let steps = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(Step::Name(name.to_owned())),
        Component::ParentDir => Some(Step::Up),
        _ => None,
    });
    steps.collect()
}

/// Where a path begins, and the path of that, which only messages need.
fn begin(at: &str, path: PathBuf) -> io::Result<Folder> {
    let fd = fs::openat(CWD, at, PATH | OFlags::DIRECTORY, Mode::empty())?;
    Folder::of(fd, path, false)
}

/// The folder at `path`, found in one call, if no link is on the way and the kernel can tell (5.6).
fn without_links(path: &Path) -> Option<Folder> {
    let plain = |component| matches!(component, Component::Normal(_) | Component::RootDir);
    if !path.components().all(plain) || path.as_os_str().is_empty() {
        return None;
    }
    // Of one that cannot be read, the way is gone step by step.
    let options = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = fs::openat2(CWD, path, options, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()?;
    let path =
        if path.is_absolute() { path.to_owned() } else { std::env::current_dir().ok()?.join(path) };
    Folder::of(fd, path, true).ok()
}
