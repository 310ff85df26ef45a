//! Where nothing can be stored, a folder that goes with the run does: a session of the environment and
//! a UUID are enough to make a token for others, and to revoke one.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use super::prelude::*;
use crate::config::{Config, Paths, Workspace};
use crate::config_dir::ConfigDir;
use crate::context::{Console, Env};
use crate::text::shell_word;

/// A folder beside the config folder, which cannot be used. It stays only if work in it is pending.
pub(super) struct Aside {
    paths: Paths,
    console: Console,
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.paths.journal.exists() {
            let _ = fs::remove_dir_all(&self.paths.dir);
            return;
        }
        let dir = shell_word(&self.paths.dir.display().to_string());
        self.console.warn(&format!(
            "Nothing can be stored in the config folder. What is pending is in {dir}: NTCLI_CONFIG_DIR={dir} ntcli token revoke --pending"
        ));
    }
}

impl<'c> App<'c> {
    /// As [`App::lock`]; where nothing can be stored, of a folder that goes with the run.
    ///
    /// # Errors
    /// As [`App::lock`].
    pub(super) fn lock_anywhere(&self) -> Result<(ConfigDir<'c>, Option<Aside>)> {
        let has_session = self.ctx.env.os("NTCLI_SESSION_TOKEN").is_some();
        let refusal = match self.lock() {
            Err(error) if error.code() == "write_file" && has_session => error,
            locked => return Ok((locked?, None)),
        };
        let name = format!("ntcli-{:016x}", RandomState::new().build_hasher().finish());
        let given = self.ctx.env.os("TMPDIR").map(PathBuf::from);
        for folder in given.into_iter().chain(["/tmp".into(), "/dev/shm".into()]) {
            let env = Env::new([("NTCLI_CONFIG_DIR".into(), folder.join(&name).into())]);
            let paths = Paths::find(&env)?;
            if let Ok((dir, _)) = self.lock_at(&paths, Duration::ZERO) {
                return Ok((dir, Some(Aside { paths, console: self.console().clone() })));
            }
        }
        Err(refusal)
    }

    /// As [`App::workspace`]; also one of which nothing is known here but its UUID.
    ///
    /// # Errors
    /// As [`App::workspace`].
    pub(super) fn workspace_or_id(
        &self,
        config: &Config,
        named: Option<&str>,
    ) -> Result<Workspace> {
        self.workspace(config, named).or_else(|error| {
            let id = error.unknown_name().filter(|name| is_uuid(name)).map(str::to_owned);
            let id = id.ok_or(error)?;
            Ok(Workspace { key: id.clone(), name: id.clone(), id, token: None })
        })
    }
}

fn is_uuid(name: &str) -> bool {
    let lengths = name.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && name.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}
