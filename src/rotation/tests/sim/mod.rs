//! A simulated server and two simulated machines, with trouble at any effect of a run.

mod around;
mod engine;
mod kinds;
mod machine;
mod run;
mod server;
mod targets;

use std::cell::RefCell;
use std::fmt;
use std::panic::resume_unwind;
use std::rc::Rc;

use crate::rotation::moment::signed;
use crate::rotation::{Event, WorkspaceRef};
use crate::secret::Secret;
use crate::token::{Token, TokenExpiry};
use engine::Engine;
pub(super) use kinds::{
    COMMANDS, Command, KINDS, Kind, Loss, ONE, SHARED, SHARED_TROUBLES, TROUBLES, Trouble,
};
pub(super) use machine::Folder;
use machine::Machine;
use server::OnServer;
pub(super) use targets::Targets;

pub(super) const SERVER: &str = "https://sim";

/// What an effect needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Network,
    Space,
    Disk,
    /// Standard output.
    Print,
    /// What uses a token.
    Target,
    /// The engine that keeps the state of both machines.
    Engine,
}

/// The outcome of one effect.
enum Fate {
    Done,
    Failed { done: bool, how: How },
}

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Cut,
    NoRoute,
    Busy,
    NotFound,
    Late { after_pull: bool },
    Twice,
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // a world has many
pub(super) struct Sim {
    pub(super) now: i64,
    /// How long after one run the next one starts.
    pub(super) pause_s: i64,
    pub(super) kind: Kind,
    /// A refresh is of what ends within this time.
    pub(super) due_within_s: Option<u64>,
    pub(super) tokens: Vec<OnServer>,
    /// Workspaces that the server has.
    pub(super) workspaces: Vec<String>,
    pub(super) machines: [Machine; 2],
    /// What was printed by `token create`.
    pub(super) printed: Vec<Token>,
    pub(super) events: Vec<Event>,
    /// The ids of the tokens that stay live although another is current, as the user was told.
    told: Vec<String>,
    pub(super) effects: usize,
    troubles: Vec<(usize, Trouble)>,
    met: bool,
    disk_dead: bool,
    disk_full: bool,
    net_dead: bool,
    engine_dead: bool,
    pub(super) engine: Engine,
    /// The machine that is at work.
    running: usize,
    /// The effect of machine 0 at which machine 1 has a whole run.
    pub(super) turn: Option<usize>,
    /// How far our clock is ahead of the server's.
    pub(super) ahead_s: i64,
    /// How far its clock is ahead of ours, once it has answered this run.
    skew_s: Option<i64>,
    boots: [usize; 2],
    /// The tokens that were current once, and when another replaced them.
    replaced: Vec<(Token, i64)>,
    /// What the targets hold, and everything that they ever got.
    pub(super) delivered: Vec<(String, Token)>,
    run_before: Vec<(String, Token)>,
    /// Commands fail.
    pub(super) refuses: bool,
    /// The user wants to remove tokens: meanwhile a config file may hold a dead one.
    pub(super) ending: bool,
    /// Another program has revoked what the targets may have.
    pub(super) disturbed: bool,
    pub(super) states: usize,
}

/// For the message of a failure.
impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = |tokens: &mut dyn Iterator<Item = (&str, Option<&Token>)>| {
            let ids =
                tokens.map(|(id, t)| format!("{id}: {}", t.map_or("-", Token::jti_for_people)));
            ids.collect::<Vec<_>>().join(", ")
        };
        writeln!(f, "now {}, effects {}", self.now, self.effects)?;
        let live = self.tokens.iter().filter(|t| t.live);
        let mut live = live.map(|t| (t.workspace.as_str(), Some(&t.token)));
        writeln!(f, "live: {}", ids(&mut live))?;
        let mut delivered = self.delivered.iter().map(|(id, t)| (id.as_str(), Some(t)));
        writeln!(f, "delivered: {}", ids(&mut delivered))?;
        writeln!(f, "{:?}", self.engine)?;
        for machine in &self.machines {
            let mut config = machine.config.iter().map(|(id, t)| (id.as_str(), t.as_ref()));
            writeln!(f, "config: {}", ids(&mut config))?;
            let journal = machine.journal.as_deref().unwrap_or_default();
            writeln!(f, "journal: {}", String::from_utf8_lossy(journal))?;
        }
        self.events.iter().try_for_each(|event| writeln!(f, "{event:?}"))
    }
}

/// Unwinds out of a run, as a kill does; no hook prints anything.
pub(super) struct Killed;

#[derive(Clone)]
pub(super) struct World(pub(super) Rc<RefCell<Sim>>);

impl World {
    pub(super) fn new(kind: Kind) -> Self {
        let world = Self(Rc::new(RefCell::new(Sim {
            now: 1_000_000_000,
            pause_s: 600, // a timer's
            kind,
            ..Sim::default()
        })));
        for n in 0..kind.workspaces {
            let id = format!("w{n}");
            world.0.borrow_mut().workspaces.push(id.clone());
            let token = world.make(&id, -86_400);
            let mut sim = world.0.borrow_mut();
            for machine in &mut sim.machines {
                machine.config.push((id.clone(), Some(token.clone())));
            }
            for name in targets::REMEMBERED.iter().filter(|_| kind.targets) {
                sim.delivered.push((format!("{name} {id}"), token.clone()));
            }
        }
        let mut sim = world.0.borrow_mut();
        sim.engine = Engine::new(&sim.machines[0]);
        drop(sim);
        world
    }

    /// Applies an effect, or not, depending on the trouble of the run.
    fn effect(&self, needs: Needs, change: impl FnOnce(&mut Sim)) -> Fate {
        let trouble = self.next_trouble(needs);
        let act = |sim: &mut Sim| {
            change(sim);
            sim.check_moment();
        };
        let mut sim = self.0.borrow_mut();
        match trouble {
            Some(Trouble::KillBefore) => {
                drop(sim);
                resume_unwind(Box::new(Killed));
            }
            Some(kill @ (Trouble::KillAfter | Trouble::PowerCut(_))) => {
                act(&mut sim);
                if let Trouble::PowerCut(loss) = kill {
                    let running = sim.running;
                    sim.machines[running].cut_power(loss);
                    sim.boots[running] += 1;
                }
                drop(sim);
                resume_unwind(Box::new(Killed));
            }
            Some(Trouble::DiskDies) => sim.disk_dead = true,
            Some(Trouble::DiskFull) => sim.disk_full = true,
            Some(Trouble::NetDies) => sim.net_dead = true,
            Some(Trouble::EngineDies) => sim.engine_dead = true,
            _ => {}
        }
        let impossible = match needs {
            Needs::Network => sim.net_dead,
            Needs::Space | Needs::Print | Needs::Target => sim.disk_dead || sim.disk_full,
            Needs::Disk => sim.disk_dead,
            Needs::Engine => sim.engine_dead,
        };
        if impossible {
            return Fate::Failed { done: false, how: How::NoRoute };
        }
        let (done, how) = match trouble {
            Some(Trouble::Fails) => (false, How::Cut),
            Some(Trouble::FailsDone) => (true, How::Cut),
            Some(Trouble::Busy) => (false, How::Busy),
            Some(Trouble::BusyDone) => (true, How::Busy),
            Some(Trouble::NotFound) => (false, How::NotFound),
            Some(Trouble::NotFoundDone) => (true, How::NotFound),
            Some(Trouble::LateSoon) => (false, How::Late { after_pull: false }),
            Some(Trouble::LateAfterPull) => (false, How::Late { after_pull: true }),
            Some(Trouble::Twice) => (true, How::Twice),
            _ => {
                act(&mut sim);
                return Fate::Done;
            }
        };
        if done {
            act(&mut sim);
        }
        Fate::Failed { done, how }
    }

    /// Counts an effect; the trouble it meets, if any. The other machine may have its turn first.
    fn next_trouble(&self, needs: Needs) -> Option<Trouble> {
        let turn = {
            let mut sim = self.0.borrow_mut();
            sim.take_late(false);
            sim.effects += 1;
            sim.states += 1;
            let effects = sim.effects;
            // No comparison at the engine sees what happens between it and the delivery that follows.
            let waits = needs == Needs::Target && sim.kind.shared;
            sim.turn.take_if(|at| *at <= effects && !waits).is_some()
        };
        if turn {
            self.run_other_machine();
        }
        let mut sim = self.0.borrow_mut();
        let now = sim.effects;
        let trouble =
            sim.troubles.iter().find(|(at, _)| *at == now).map(|(_, trouble)| *trouble)?;
        let fits = match needs {
            Needs::Network => !trouble.is_of_disk() && !trouble.is_of_engine(),
            Needs::Engine => !trouble.is_of_network() && !trouble.is_of_disk(),
            _ => !trouble.is_of_network() && !trouble.is_of_engine(),
        };
        sim.met |= fits;
        fits.then_some(trouble)
    }

    pub(super) fn is_live(&self, token: &Token) -> bool {
        self.0.borrow().is_live(token)
    }

    /// The ids of all live tokens.
    pub(super) fn live(&self) -> Vec<String> {
        let sim = self.0.borrow();
        let live = sim.tokens.iter().filter(|t| t.live);
        live.filter_map(|t| t.token.jti.clone()).collect()
    }

    /// The ids of the tokens that a config file or a recipient holds.
    pub(super) fn held(&self) -> Vec<String> {
        let sim = self.0.borrow();
        let both = sim.machines.iter().flat_map(|m| &m.config);
        let in_configs: Vec<_> =
            if sim.kind.shared { sim.engine.config().iter().collect() } else { both.collect() };
        let in_configs = in_configs.iter().filter_map(|(_, token)| token.as_ref());
        let held: Vec<&Token> = in_configs.chain(&sim.printed).collect();
        let known = sim.tokens.iter().filter(|t| held.contains(&&t.token));
        known.filter_map(|t| t.token.jti.clone()).collect()
    }
}

impl Sim {
    pub(super) fn is_live(&self, token: &Token) -> bool {
        self.tokens.iter().any(|t| t.live && t.token == *token)
    }

    /// How far the clock of the machine that is at work is ahead.
    fn ahead(&self) -> i64 {
        self.ahead_s + if self.running == 1 { self.kind.apart_s } else { 0 }
    }

    /// The config that counts: the first machine's, or the engine's.
    pub(super) fn config(&self) -> &[(String, Option<Token>)] {
        if self.kind.shared { self.engine.config() } else { &self.machines[0].config }
    }

    /// At no moment is a workspace, or a target, left without a token that works. (The second
    /// machine's config is not checked: the first one revokes what it replaces. Of two with one engine that
    /// one's counts.)
    fn check_moment(&self) {
        if self.ending || self.disturbed {
            return;
        }
        let config = self.config().iter().filter_map(|(id, token)| Some((id, token.as_ref()?)));
        for (id, token) in config.chain(self.delivered.iter().map(|(id, token)| (id, token))) {
            let replaced_elsewhere = self.machines[1].has_run && !self.kind.shared;
            assert!(
                replaced_elsewhere || self.is_live(token),
                "{:?}: the token of {id} does not work: {self:#?}",
                self.troubles
            );
        }
    }

    /// The grace that was promised to the users of a replaced token.
    fn check_grace(&self, token: &Token) {
        let replaced = self.replaced.iter().find(|(t, _)| t == token);
        let (Some(grace_s), Some((_, at)), false) = (self.kind.grace_s, replaced, self.ending)
        else {
            return;
        };
        let (now, over) = (self.now, at + signed(grace_s));
        assert!(now >= over, "{token:?} is revoked at {now}, before {over}");
    }
}

pub(super) fn workspace(id: &str) -> WorkspaceRef {
    WorkspaceRef { key: id.into(), id: id.into(), name: id.into(), server: SERVER.into() }
}

pub(super) fn token(n: usize) -> Token {
    Token {
        access_token: Secret::new(format!("wst_{n}")),
        jti: Some(format!("jti_{n}")),
        expiry: TokenExpiry::Never,
        token_type: "Bearer".into(),
        scope: Vec::new(),
    }
}
