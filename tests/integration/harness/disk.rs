//! What a disk may contain after a power cut, given the system calls before it.
//!
//! What was synced is there. Of the rest, an unordered file system may have any part: each change of a
//! name by itself, and each sector or page of what was written, over the length that it has by then.
//! What an ordered one may leave is among that. A rename is there whole or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use crate::harness::strace::Traced;
use crate::harness::unsynced::{Contents, choices};

/// By their path from the root; `None` is a folder.
pub(crate) type Files = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// More changes of names than this are not tried in every combination.
const MOST_NAMES: usize = 8;
/// A temporary file is removed unread, with any contents.
const TEMPORARY: &str = ".tmp";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

/// A name that appears or goes; a rename is both.
struct NameChange {
    folder: PathBuf,
    gone: Option<PathBuf>,
    new: Option<(PathBuf, Node)>,
}

enum Open {
    Folder(PathBuf),
    File { file: usize, at: Option<usize> },
}

/// The folders of a test, as its program sees them and as far as they are synced.
pub(crate) struct Disk {
    root: PathBuf,
    names: BTreeMap<PathBuf, Node>,
    synced: BTreeMap<PathBuf, Node>,
    unsynced: Vec<NameChange>,
    files: Vec<Contents>,
    open: HashMap<usize, Open>,
    /// The folders that are held open, wherever they are, by their whole path.
    held: HashMap<usize, PathBuf>,
}

/// Everything below `root`.
pub(crate) fn files_of(root: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            let is_dir = root.join(&path).is_dir();
            let bytes = (!is_dir).then(|| fs::read(root.join(&path)).unwrap());
            if is_dir {
                folders.push(path.clone());
            }
            files.insert(path, bytes);
        }
    }
    files
}

/// Puts private files and folders below `root`.
pub(crate) fn put(root: &Path, files: &Files) {
    // A folder comes before what is in it.
    for (path, bytes) in files {
        let path = root.join(path);
        match bytes {
            Some(bytes) => {
                fs::write(&path, bytes).unwrap();
                fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
            }
            None => DirBuilder::new().mode(0o700).create(path).unwrap(),
        }
    }
}

impl Disk {
    /// All of it synced.
    pub(crate) fn of(root: PathBuf, files: Files) -> Self {
        let (mut names, mut contents) = (BTreeMap::new(), Vec::new());
        for (path, bytes) in files {
            let node = bytes.map_or(Node::Folder, |bytes| {
                contents.push(Contents::synced(bytes));
                Node::File(contents.len() - 1)
            });
            names.insert(path, node);
        }
        Disk {
            root,
            synced: names.clone(),
            names,
            unsynced: Vec::new(),
            files: contents,
            open: HashMap::new(),
            held: HashMap::new(),
        }
    }

    /// Returns whether the call concerns these files.
    pub(crate) fn follow(&mut self, call: &Traced) -> bool {
        match call.name.as_str() {
            "openat" | "openat2" => self.open(call),
            "close" => {
                self.open.remove(&call.number(0));
                self.held.remove(&call.number(0));
                false
            }
            "write" | "pwrite64" => self.write(call),
            "sendto" => false,
            "ftruncate" => self.change(call.number(0), |bytes, _| bytes.resize(call.number(1), 0)),
            "fsync" | "fdatasync" => self.sync(call.number(0)),
            "mkdir" | "mkdirat" => {
                let path = self.path(call, 0);
                path.is_some_and(|path| self.rename(None, Some((path, Node::Folder))))
            }
            "unlink" | "unlinkat" => {
                let path = self.path(call, 0);
                path.is_some_and(|path| self.rename(Some(path), None))
            }
            "rename" | "renameat" | "renameat2" => {
                let (from, to) = (self.path(call, 0), self.path(call, 1));
                let Some((from, to)) = from.zip(to) else {
                    return false;
                };
                assert_eq!(from.parent(), to.parent(), "not one step");
                let node = self.names[&from];
                self.rename(Some(from), Some((to, node)))
            }
            other => panic!("what does {other} do?"),
        }
    }

    /// The whole path of the `n`th text of a call, which may be relative to a folder that is held open.
    fn whole_path(&self, call: &Traced, n: usize) -> PathBuf {
        let folder = if call.name.starts_with("renameat") { 2 * n } else { 0 };
        let held = call.args[folder].parse().ok().and_then(|fd: usize| self.held.get(&fd));
        let mut path = held.unwrap_or(&self.root).clone();
        for part in Path::new(&call.texts()[n]).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => drop(path.pop()),
                part => path.push(part),
            }
        }
        path
    }

    /// `None` if it is not below the root.
    fn path(&self, call: &Traced, n: usize) -> Option<PathBuf> {
        Some(self.whole_path(call, n).strip_prefix(&self.root).ok()?.to_owned())
    }

    fn open(&mut self, call: &Traced) -> bool {
        if call.args[2].contains("O_DIRECTORY") || call.args[2].contains("O_PATH") {
            self.held.insert(call.result, self.whole_path(call, 0));
        }
        let Some(path) = self.path(call, 0) else {
            return false;
        };
        let (flags, mut changed) = (&call.args[2], false);
        if !self.names.contains_key(&path) && flags.contains("O_CREAT") {
            let node = Node::File(self.files.len());
            self.files.push(Contents::default());
            changed = self.rename(None, Some((path.clone(), node)));
        }
        let open = match self.names.get(&path) {
            Some(Node::File(file)) => {
                Open::File { file: *file, at: (!flags.contains("O_APPEND")).then_some(0) }
            }
            Some(Node::Folder) => Open::Folder(path),
            None if path == Path::new("") => Open::Folder(path),
            None => return false, // a file of the test itself
        };
        self.open.insert(call.result, open);
        if flags.contains("O_TRUNC") {
            changed |= self.change(call.result, |bytes, _| bytes.clear());
        }
        changed
    }

    fn write(&mut self, call: &Traced) -> bool {
        if !self.open.contains_key(&call.number(0)) {
            return false;
        }
        let text = call.texts().remove(0);
        let written = &text.as_bytes()[..call.result];
        let given = (call.name == "pwrite64").then(|| call.number(3));
        self.change(call.number(0), |bytes, at| {
            let start = given.or(*at).unwrap_or(bytes.len());
            let end = start + written.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[start..end].copy_from_slice(written);
            if let Some(at) = at.as_mut().filter(|_| given.is_none()) {
                *at = end;
            }
        })
    }

    fn change(&mut self, fd: usize, change: impl FnOnce(&mut Vec<u8>, &mut Option<usize>)) -> bool {
        let Some(Open::File { file, at }) = self.open.get_mut(&fd) else {
            return false;
        };
        let contents = &mut self.files[*file];
        change(&mut contents.now, at);
        contents.changed();
        true
    }

    fn rename(&mut self, gone: Option<PathBuf>, new: Option<(PathBuf, Node)>) -> bool {
        let path = gone.as_ref().or(new.as_ref().map(|(path, _)| path));
        let folder = path.and_then(|path| path.parent());
        let change = NameChange { folder: folder.expect("a name").to_owned(), gone, new };
        change.make(&mut self.names);
        self.unsynced.push(change);
        true
    }

    fn sync(&mut self, fd: usize) -> bool {
        match self.open.get(&fd) {
            None => return false,
            Some(Open::File { file, .. }) => {
                self.files[*file].sync();
            }
            Some(Open::Folder(folder)) => {
                let all = std::mem::take(&mut self.unsynced);
                for change in all {
                    if change.folder == *folder {
                        change.make(&mut self.synced);
                    } else {
                        self.unsynced.push(change);
                    }
                }
            }
        }
        true
    }

    /// The program has ended.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
        self.held.clear();
    }

    /// As the program sees it.
    pub(crate) fn now(&self) -> Files {
        self.with(&self.names, |file| &file.now)
    }

    /// Every disk that a power cut may leave now.
    pub(crate) fn after_power_cut(&self) -> BTreeSet<Files> {
        let mut disks = BTreeSet::new();
        for kept in choices(self.unsynced.len(), MOST_NAMES) {
            let mut names = self.synced.clone();
            for (n, change) in self.unsynced.iter().enumerate() {
                if kept & (1 << n) != 0 {
                    change.make(&mut names);
                }
            }
            for others in
                [self.with(&names, |file| &file.synced), self.with(&names, |file| &file.now)]
            {
                disks.extend(self.parts(&names, &others));
                disks.insert(others);
            }
        }
        disks
    }

    /// The disk with one file at a time written in part.
    fn parts(&self, names: &BTreeMap<PathBuf, Node>, others: &Files) -> Vec<Files> {
        let mut disks = Vec::new();
        for (path, node) in names {
            let Node::File(file) = node else { continue };
            if !others.contains_key(path) || path.to_string_lossy().ends_with(TEMPORARY) {
                continue;
            }
            for part in self.files[*file].parts() {
                let mut disk = others.clone();
                disk.insert(path.clone(), Some(part));
                disks.push(disk);
            }
        }
        disks
    }

    /// The contents of a missing folder are lost.
    fn with<'a>(
        &'a self,
        names: &BTreeMap<PathBuf, Node>,
        contents: impl Fn(&'a Contents) -> &'a Vec<u8>,
    ) -> Files {
        let mut files = Files::new();
        for (path, node) in names {
            let folder = path.parent().expect("a name");
            if folder == Path::new("") || files.contains_key(folder) {
                let bytes = match node {
                    Node::Folder => None,
                    Node::File(file) => Some(contents(&self.files[*file]).clone()),
                };
                files.insert(path.clone(), bytes);
            }
        }
        files
    }
}

impl NameChange {
    fn make(&self, names: &mut BTreeMap<PathBuf, Node>) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((path, node)) = &self.new {
            names.insert(path.clone(), *node);
        }
    }
}
