//! How a workspace is named, and the records that name one.

use serde::{Deserialize, Serialize};

use super::journal::Record;
use crate::time::Timestamp;

/// A workspace, by everything it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether both are the same workspace.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.named(&other.id, &other.server)
    }

    pub(crate) fn named(&self, id: &str, server: &str) -> bool {
        self.id == id && self.is_on(server)
    }

    pub(crate) fn is_on(&self, server: &str) -> bool {
        server.is_empty() || self.server.is_empty() || self.server == server
    }

    fn ids(&self) -> (String, String) {
        (self.id.clone(), self.server.clone())
    }

    pub(super) fn searched(&self, at: Timestamp) -> Record {
        let (workspace, server) = self.ids();
        Record::Searched { workspace, server, at }
    }

    pub(super) fn ended(&self, at: Timestamp, until: Timestamp) -> Record {
        let (workspace, server) = self.ids();
        Record::Ended { workspace, server, at, until }
    }

    pub(super) fn closed(&self, at: Timestamp) -> Record {
        let (workspace, server) = self.ids();
        Record::Closed { workspace, server, at }
    }

    pub(super) fn unconfirmed(&self) -> Record {
        let (workspace, server) = self.ids();
        Record::Unconfirmed { workspace, server }
    }

    pub(super) fn promoted(&self) -> Record {
        let (workspace, server) = self.ids();
        Record::Promoted { workspace, server }
    }

    pub(super) fn delivered(&self) -> Record {
        let (workspace, server) = self.ids();
        Record::Delivered { workspace, server }
    }

    pub(super) fn delivering(&self, attempt: u32) -> Record {
        let (workspace, server) = self.ids();
        Record::Delivering { workspace, server, attempt }
    }

    pub(super) fn delivered_to(&self, target: &str) -> Record {
        let ((workspace, server), target) = (self.ids(), target.to_owned());
        Record::DeliveredTo { workspace, server, target }
    }

    pub(super) fn turned_back(&self) -> Record {
        let (workspace, server) = self.ids();
        Record::TurnedBack { workspace, server }
    }

    pub(super) fn done(&self) -> Record {
        let (workspace, server) = self.ids();
        Record::Done { workspace, server }
    }

    pub(super) fn gone(&self, jti: &str) -> Record {
        let ((workspace, server), jti) = (self.ids(), jti.to_owned());
        Record::Gone { workspace, server, jti }
    }

    pub(super) fn withdrawn(&self, jti: &str) -> Record {
        let ((workspace, server), jti) = (self.ids(), jti.to_owned());
        Record::Withdrawn { workspace, server, jti }
    }

    pub(super) fn dismissed(&self, jti: &str) -> Record {
        let ((workspace, server), jti) = (self.ids(), jti.to_owned());
        Record::Dismissed { workspace, server, jti }
    }

    pub(super) fn forgotten(&self) -> Record {
        let (workspace, server) = self.ids();
        Record::Forgotten { workspace, server }
    }
}
