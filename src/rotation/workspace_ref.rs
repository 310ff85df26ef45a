//! How a workspace is named, and the records that name one.

use serde::{Deserialize, Serialize};

use super::journal::{About, Attempt, End, Record, Request, Served, TokenId};
use crate::context::Process;
use crate::time::Timestamp;

/// A workspace, by everything it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkspaceRef {
    /// Its key in the config file.
    pub(crate) key: String,
    /// Its UUID, for the API.
    pub(crate) id: String,
    /// Its name, for people.
    pub(crate) name: String,
    /// The base URL of the server that it is on; empty in journals of older versions, which means
    /// whichever server is asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) server: String,
}

impl WorkspaceRef {
    /// One that is being created: it has no id yet.
    pub(super) fn unborn(name: String, server: String) -> Self {
        Self { name, server, ..Self::default() }
    }

    /// Whether both are the same workspace.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.has(&other.id, &other.server)
    }

    /// Whether a record is about it.
    pub(super) fn is_of<T>(&self, about: &About<T>) -> bool {
        self.has(&about.workspace, &about.server)
    }

    fn has(&self, id: &str, server: &str) -> bool {
        #[cfg(test)]
        super::tests::COMPARED.with(|n| n.set(n.get() + 1));
        self.id == id && self.is_on(server)
    }

    pub(crate) fn is_on(&self, server: &str) -> bool {
        server.is_empty() || self.server.is_empty() || self.server == server
    }

    pub(crate) fn about(&self) -> About {
        self.with(())
    }

    fn with<T>(&self, what: T) -> About<T> {
        About { workspace: self.id.clone(), server: self.server.clone(), what }
    }

    pub(crate) fn request(&self, at: Timestamp) -> About<Request> {
        self.with(Request { at })
    }

    pub(super) fn token(&self, jti: &str) -> About<TokenId> {
        self.with(TokenId { jti: jti.to_owned() })
    }

    pub(super) fn ended(&self, at: Timestamp, until: Timestamp) -> Record {
        Record::Ended(self.with(End { at, until }))
    }

    pub(crate) fn delivering(&self, attempt: u32, process: Option<Process>) -> Record {
        Record::Delivering(self.with(Attempt { attempt, process }))
    }

    pub(crate) fn delivered_to(&self, target: &str) -> Record {
        Record::DeliveredTo(self.with(Served { target: target.to_owned() }))
    }
}
