//! The simulated server and disk as a rotation sees them.

use std::time::Duration;

use super::{Fate, Needs, OnServer, World};
use crate::context::Clock;
use crate::error::{Error, Failure, Result};
use crate::rotation::journal::{self, Pending, Record, Window, WorkspaceRef};
use crate::rotation::world::{
    ControlPlane, HandOver, HistoryEvent, Listed, Listing, Promotion, Store,
};
use crate::secret::Secret;
use crate::store::{AppendError, ReplaceError};
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};

fn io_error() -> Error {
    Error::write_file("write", "/sim".as_ref(), std::io::Error::other("no"))
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        let sim = self.0.borrow();
        Timestamp::from_secs(sim.now + sim.ahead_s)
    }

    fn sleep(&self, _: Duration) {
        self.0.borrow_mut().now += 1;
    }
}

impl ControlPlane for World {
    fn create(&self, workspace: &str, _: Expiry) -> std::result::Result<Token, Failure> {
        self.0.borrow_mut().now += 1;
        let mut answer = None;
        let fate = self.effect(Needs::Network, |sim| {
            let n = sim.tokens.len();
            let token = Token {
                access_token: Secret::new(format!("wst_{n}")),
                jti: Some(format!("jti_{n}")),
                expiry: TokenExpiry::Never,
                token_type: "Bearer".into(),
                scope: Vec::new(),
            };
            answer = Some(token.clone());
            let born = Timestamp::from_secs(sim.now);
            sim.tokens.push(OnServer {
                workspace: workspace.into(),
                token,
                born,
                live: true,
            });
        });
        match fate {
            Fate::Done => {
                self.heed_date();
                Ok(answer.expect("it was made"))
            }
            Fate::Failed { done: false } if self.0.borrow().net_dead => Err(Failure::NotSent {
                reason: "no route".into(),
                our_setting: false,
            }),
            Fate::Failed { .. } => Err(Failure::Unknown {
                reason: "the connection was cut".into(),
                status: None,
                in_flight: false,
                retry_after: None,
            }),
        }
    }

    fn list(&self, workspace: &str) -> std::result::Result<Listing, Failure> {
        self.call(|sim| Listing {
            tokens: sim
                .tokens
                .iter()
                .filter(|t| t.live && t.workspace == workspace)
                .map(|t| Listed {
                    jti: t.token.jti.clone().unwrap_or_default(),
                    created_at: Some(t.born),
                    expires_at: None,
                })
                .collect(),
        })
    }

    fn revoke(&self, _: &str, jti: &str) -> std::result::Result<Option<Timestamp>, Failure> {
        self.call(|sim| {
            for token in &mut sim.tokens {
                if token.token.jti.as_deref() == Some(jti) {
                    Self::check_grace(&sim.replaced, &token.token, sim.now, sim.kind);
                    token.live = false;
                }
            }
            None
        })
    }

    fn check(&self, secret: &Secret) -> std::result::Result<bool, Failure> {
        self.call(|sim| {
            let mut live = sim.tokens.iter().filter(|t| t.live);
            !sim.kind.mute && live.any(|t| t.token.access_token == *secret)
        })
    }

    fn skew_s(&self) -> Option<i64> {
        self.0.borrow().skew_s
    }

    fn longest_create(&self) -> Duration {
        Duration::from_secs(30)
    }
}

impl HandOver for World {
    fn hand_over(
        &mut self,
        place: &WorkspaceRef,
        new: &Token,
        _: Option<&Token>,
    ) -> std::result::Result<(), String> {
        let fate = self.effect(Needs::Space, |sim| {
            let user = sim.handed.iter_mut().find(|(id, _)| *id == place.id);
            user.expect("it is there").1 = new.clone();
        });
        match fate {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err("no".into()),
        }
    }
}

impl Store for World {
    fn ledger(&mut self) -> Result<Pending> {
        let lines = self.0.borrow().journal.clone().unwrap_or_default();
        Pending::read(&lines).map_err(|place| Error::DamagedFile {
            path: "/sim".into(),
            place,
        })
    }

    fn append(
        &mut self,
        records: &[Record],
        durable: bool,
    ) -> std::result::Result<(), AppendError> {
        let lines = journal::lines(records).expect("a record has a form");
        let fate = self.effect(Needs::Space, |sim| {
            let journal = sim.journal.get_or_insert_default();
            sim.last_append = journal.len();
            journal.extend(lines);
            if durable {
                sim.durable = journal.len();
            }
        });
        match fate {
            Fate::Done => Ok(()),
            Fate::Failed { done } => Err(AppendError {
                taken_back: !done,
                error: io_error(),
            }),
        }
    }

    fn retract(&mut self) -> Result<()> {
        let fate = self.effect(Needs::Disk, |sim| {
            let length = sim.last_append;
            if let Some(journal) = &mut sim.journal {
                journal.truncate(length);
            }
            sim.durable = length;
        });
        match fate {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err(io_error()),
        }
    }

    fn close(&mut self, ledger: &Pending) -> Result<()> {
        if !ledger.is_empty() {
            return Ok(());
        }
        let fate = self.effect(Needs::Disk, |sim| {
            sim.journal = None;
            sim.durable = 0;
        });
        match fate {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err(io_error()),
        }
    }

    fn current(&mut self, key: &str) -> Result<Option<Token>> {
        let sim = self.0.borrow();
        Ok(sim
            .config
            .iter()
            .find(|(id, _)| id == key)
            .map(|(_, t)| t.clone()))
    }

    fn promote(
        &mut self,
        promotions: &[Promotion],
    ) -> std::result::Result<Vec<bool>, ReplaceError> {
        let fate = self.effect(Needs::Space, |sim| {
            for Promotion { place, new, .. } in promotions {
                let item = sim.config.iter_mut().find(|(id, _)| *id == place.key);
                let current = &mut item.expect("it is there").1;
                if current != *new {
                    let old = std::mem::replace(current, (*new).clone());
                    sim.replaced.push((old, sim.now));
                }
            }
        });
        match fate {
            Fate::Done => Ok(vec![true; promotions.len()]),
            Fate::Failed { done } => Err(ReplaceError {
                in_place: done,
                error: io_error(),
            }),
        }
    }

    fn probe(&mut self) -> Result<()> {
        match self.effect(Needs::Space, |_| {}) {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err(io_error()),
        }
    }

    fn late(&mut self) -> Vec<Window> {
        self.0.borrow().late.clone()
    }

    fn set_late(&mut self, late: &[Window]) -> Result<()> {
        match self.effect(Needs::Space, |sim| sim.late = late.to_vec()) {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err(io_error()),
        }
    }

    fn knows(&mut self, _: &str, _: &str) -> bool {
        false
    }

    fn note(&mut self, _: &WorkspaceRef, deed: &HistoryEvent) {
        self.0.borrow_mut().deeds.push(deed.clone());
    }

    fn note_once(&mut self, place: &WorkspaceRef, deed: &HistoryEvent) {
        self.note(place, deed);
    }
}
