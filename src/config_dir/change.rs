//! Changes of the config file, which the existing client writes too and without our lock.

use super::ConfigDir;
use crate::config::Config;
use crate::error::Result;
use crate::rotation::Rotation;
use crate::store::{WriteError, Written};
use crate::token::Token;

impl ConfigDir<'_> {
    /// The config file as it is now, read again only if another program has replaced it.
    pub(super) fn fresh(&mut self) -> Result<&Config> {
        let known = self.config.take().filter(Config::is_current);
        let read = || Config::load(&self.paths.config, &self.on_notice);
        let config = known.map_or_else(read, Ok)?;
        Ok(self.config.insert(config))
    }

    /// Changes the config file; anew, if another program that ignores the lock writes it meanwhile.
    pub(super) fn change<T>(&mut self, mut change: impl FnMut(&mut Config) -> T) -> Written<T> {
        let mut tries = 0;
        loop {
            // That it is current is found out when it is written.
            let known = self.config.take();
            let read = || Config::load(&self.paths.config, &self.on_notice);
            let mut config = known.map_or_else(read, Ok).map_err(WriteError::before)?;
            let changed = change(&mut config);
            if config.save(self.clock, tries)? {
                self.config = Some(config);
                let stored = |error| WriteError { is_unchanged: false, error };
                return self.push_change().map(|()| changed).map_err(stored);
            }
            tries += 1;
        }
    }

    /// Reads the config file, changes it and writes it back.
    ///
    /// # Errors
    /// As [`Config::load`] and [`Config::save`].
    pub(crate) fn update(&mut self, change: impl FnMut(&mut Config)) -> Result<Config> {
        self.change(change)?;
        self.config()
    }
}

/// Makes a token the current one, under every key of the workspace that holds the old one. Returns
/// `false` if the workspace no longer holds either token.
pub(super) fn store_in(config: &mut Config, rotation: &Rotation) -> bool {
    let Rotation { workspace, old, token: new, .. } = rotation;
    let is_old =
        |token: &Token| old.as_ref().is_some_and(|old| old.access_token == token.access_token);
    let current = config.workspace(&workspace.key).and_then(|w| w.token);
    if !current.is_none_or(|current| current.access_token == new.access_token || is_old(&current)) {
        return false;
    }
    let held = config.tokens_of(&workspace.id);
    let twins = held.filter(|(key, token)| *key != workspace.key && is_old(token));
    let twins: Vec<String> = twins.map(|(key, _)| key.to_owned()).collect();
    for key in twins.iter().chain([&workspace.key]) {
        config.set_token(key, &workspace.name, new);
    }
    true
}
