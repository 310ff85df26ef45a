//! A server and a disk that are simulated, with trouble at any effect of a run.

mod kinds;
mod outside;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use crate::error::Failure;
use crate::rotation::journal::{Window, WorkspaceRef};
use crate::rotation::world::{Event, HistoryEvent};
use crate::rotation::{RefreshOptions, Rotator};
use crate::secret::Secret;
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};
pub(super) use kinds::{KINDS, Kind, ONE, TROUBLES, Trouble};

/// What an effect needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Network,
    Space,
    Disk,
}

#[derive(Debug, Clone)]
pub(super) struct OnServer {
    workspace: String,
    token: Token,
    born: Timestamp,
    live: bool,
}

#[derive(Debug, Default)]
pub(super) struct Sim {
    pub(super) now: i64,
    /// How long after one run the next one starts.
    pub(super) pause_s: i64,
    pub(super) tokens: Vec<OnServer>,
    /// The journal file; `None` when there is none.
    journal: Option<Vec<u8>>,
    /// How much of it outlasts a power cut.
    durable: usize,
    last_append: usize,
    /// What the lock file says.
    late: Vec<Window>,
    pub(super) config: Vec<(String, Token)>,
    deeds: Vec<HistoryEvent>,
    pub(super) events: Vec<Event>,
    pub(super) effects: usize,
    troubles: Vec<(usize, Trouble)>,
    disk_dead: bool,
    disk_full: bool,
    net_dead: bool,
    /// What the users of the tokens hold, when tokens are handed on.
    handed: Vec<(String, Token)>,
    kind: Kind,
    /// How far our clock is ahead of the server's.
    pub(super) ahead_s: i64,
    /// How far its clock is ahead of ours, once it has answered this run.
    skew_s: Option<i64>,
    /// The tokens that were current once, and when another took their place.
    replaced: Vec<(Token, i64)>,
}

/// Unwinds out of a run, as a kill does; no hook prints anything.
struct Killed;

#[derive(Clone)]
pub(super) struct World(pub(super) Rc<RefCell<Sim>>);

/// What becomes of one effect.
enum Fate {
    Done,
    Failed { done: bool },
}

impl World {
    pub(super) fn new(kind: Kind) -> Self {
        let world = Self(Rc::new(RefCell::new(Sim {
            now: 1_000_000_000,
            pause_s: 600, // a timer's
            kind,
            ..Sim::default()
        })));
        for n in 0..kind.workspaces {
            let token = world.make(&format!("w{n}"), -86_400);
            let mut sim = world.0.borrow_mut();
            sim.config.push((format!("w{n}"), token.clone()));
            if kind.hooks {
                sim.handed.push((format!("w{n}"), token));
            }
        }
        world
    }

    /// A new token on the server.
    pub(super) fn make(&self, workspace: &str, age_s: i64) -> Token {
        let mut sim = self.0.borrow_mut();
        let n = sim.tokens.len();
        let token = Token {
            access_token: Secret::new(format!("wst_{n}")),
            jti: Some(format!("jti_{n}")),
            expiry: TokenExpiry::Never,
            token_type: "Bearer".into(),
            scope: Vec::new(),
        };
        let born = Timestamp::from_secs(sim.now + age_s);
        sim.tokens.push(OnServer {
            workspace: workspace.into(),
            token: token.clone(),
            born,
            live: true,
        });
        token
    }

    /// Carries an effect out, or not, as the trouble of the run has it.
    fn effect(&self, needs: Needs, change: impl FnOnce(&mut Sim)) -> Fate {
        let act = |sim: &mut Sim| {
            change(sim);
            Self::check_config(sim);
        };
        let trouble = {
            let mut sim = self.0.borrow_mut();
            sim.effects += 1;
            let now = sim.effects;
            sim.troubles
                .iter()
                .find(|(at, _)| *at == now)
                .map(|(_, trouble)| *trouble)
        };
        let mut sim = self.0.borrow_mut();
        match trouble {
            Some(Trouble::KillBefore) => {
                drop(sim);
                resume_unwind(Box::new(Killed));
            }
            Some(kill @ (Trouble::KillAfter | Trouble::PowerCutAfter)) => {
                act(&mut sim);
                if kill == Trouble::PowerCutAfter {
                    let durable = sim.durable;
                    if let Some(journal) = &mut sim.journal {
                        journal.truncate(durable);
                    }
                }
                drop(sim);
                resume_unwind(Box::new(Killed));
            }
            Some(Trouble::DiskDies) => sim.disk_dead = true,
            Some(Trouble::DiskFull) => sim.disk_full = true,
            Some(Trouble::NetDies) => sim.net_dead = true,
            _ => {}
        }
        let impossible = match needs {
            Needs::Network => sim.net_dead,
            Needs::Space => sim.disk_dead || sim.disk_full,
            Needs::Disk => sim.disk_dead,
        };
        if impossible {
            return Fate::Failed { done: false };
        }
        match trouble {
            Some(Trouble::Fails) => Fate::Failed { done: false },
            Some(Trouble::FailsDone) => {
                act(&mut sim);
                Fate::Failed { done: true }
            }
            _ => {
                act(&mut sim);
                Fate::Done
            }
        }
    }

    /// At no moment is a workspace, or whoever uses its token, left without one that works.
    fn check_config(sim: &Sim) {
        for (id, token) in sim.config.iter().chain(&sim.handed) {
            let works = sim.tokens.iter().any(|t| t.live && t.token == *token);
            assert!(
                works,
                "{:?}: the token of {id} does not work: {sim:#?}",
                sim.troubles
            );
        }
    }

    fn heed_date(&self) {
        let mut sim = self.0.borrow_mut();
        sim.skew_s = Some(-sim.ahead_s);
    }

    /// What was promised to whoever still uses a token that was replaced.
    fn check_grace(replaced: &[(Token, i64)], token: &Token, now: i64, kind: Kind) {
        let (Some(grace_s), Some((_, at))) =
            (kind.grace_s, replaced.iter().find(|(t, _)| t == token))
        else {
            return;
        };
        let over = at + grace_s.cast_signed();
        assert!(now >= over, "{token:?} is revoked at {now}, before {over}");
    }

    fn call<T>(&self, act: impl FnOnce(&mut Sim) -> T) -> std::result::Result<T, Failure> {
        let mut answer = None;
        match self.effect(Needs::Network, |sim| answer = Some(act(sim))) {
            Fate::Done => {
                self.heed_date();
                Ok(answer.expect("it was carried out"))
            }
            Fate::Failed { done } => Err(Failure::Unknown {
                reason: "the connection was cut".into(),
                status: None,
                in_flight: done, // in both kinds
                retry_after: None,
            }),
        }
    }

    pub(super) fn is_live(&self, token: &Token) -> bool {
        self.0
            .borrow()
            .tokens
            .iter()
            .any(|t| t.live && t.token == *token)
    }

    pub(super) fn live(&self) -> Vec<String> {
        let sim = self.0.borrow();
        sim.tokens
            .iter()
            .filter(|t| t.live)
            .filter_map(|t| t.token.jti.clone())
            .collect()
    }

    pub(super) fn held(&self) -> Vec<String> {
        let sim = self.0.borrow();
        let mut held: Vec<String> = sim
            .config
            .iter()
            .filter_map(|(_, t)| t.jti.clone())
            .collect();
        held.sort_by_key(|jti| {
            sim.tokens
                .iter()
                .position(|t| t.token.jti.as_ref() == Some(jti))
        });
        held
    }

    /// One run of a refresh of all workspaces; `None` when it was killed.
    pub(super) fn run(&self, troubles: &[(usize, Trouble)], revoke_orphans: bool) -> Option<bool> {
        {
            let mut sim = self.0.borrow_mut();
            sim.now += sim.pause_s;
            sim.effects = 0;
            sim.troubles = troubles.to_vec();
            sim.disk_dead = false;
            sim.disk_full = false;
            sim.net_dead = false;
            sim.skew_s = None;
            sim.events.clear();
        }
        let order = RefreshOptions {
            expiry: Expiry::DEFAULT,
            verify: true,
            revoke_orphans,
            due_within_s: None,
            grace_s: self.0.borrow().kind.grace_s,
        };
        let places: Vec<WorkspaceRef> = self
            .0
            .borrow()
            .config
            .iter()
            .map(|(id, _)| place(id))
            .collect();
        let (world, mut store, mut hooks) = (self.clone(), self.clone(), self.clone());
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut tell = |event| world.0.borrow_mut().events.push(event);
            let Ok(mut rotator) = Rotator::new(&world, &mut store, &world, &mut tell) else {
                return false;
            };
            if world.0.borrow().kind.hooks {
                rotator.set_hooks(&mut hooks);
            }
            let mut fine = true;
            rotator.refresh(&places, &order, &mut |_, outcome| fine &= outcome.is_ok());
            fine
        }));
        match ended {
            Ok(fine) => Some(fine),
            Err(payload) if payload.is::<Killed>() => None,
            Err(payload) => resume_unwind(payload),
        }
    }

    /// A run some time later that only does what is pending.
    pub(super) fn recover(&self, after_s: i64, mut tell: impl FnMut(Event)) {
        {
            let mut sim = self.0.borrow_mut();
            sim.now += after_s;
            sim.skew_s = None;
            sim.troubles.clear();
        }
        let mut store = self.clone();
        let mut rotator = Rotator::new(self, &mut store, self, &mut tell).unwrap();
        rotator.recover_only(&[], true);
    }

    /// What holds after one undisturbed run, and once every grace is over.
    pub(super) fn settled(&self, scene: &str) {
        let grace_s = self.0.borrow().kind.grace_s;
        if let Some(grace_s) = grace_s {
            self.recover(grace_s.cast_signed(), |_| {});
        }
        assert_eq!(self.live(), self.held(), "{scene}: {:#?}", self.0.borrow());
        for (id, token) in &self.0.borrow().handed {
            assert!(
                self.held().contains(&token.jti.clone().unwrap()),
                "{scene}: {id} holds {token:?}"
            );
        }
        assert_eq!(
            self.0.borrow().journal,
            None,
            "{scene}: the journal is left"
        );
    }
}

fn place(id: &str) -> WorkspaceRef {
    WorkspaceRef {
        key: id.into(),
        id: id.into(),
        name: id.into(),
    }
}
