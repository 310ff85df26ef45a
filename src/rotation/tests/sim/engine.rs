//! A simulated engine that keeps the state of both machines: a value with a number that every push compares.

use std::fmt;

use super::machine::{Folder, Machine};
use super::{Fate, How, Needs, Sim};
use crate::error::{Error, Kind, Result};
use crate::rotation::{Pending, Store};
use crate::store::{WriteError, Written};
use crate::token::Token;

/// What a push takes along.
#[derive(Debug, Clone, Default)]
struct Value {
    config: Vec<(String, Option<Token>)>,
    journal: Option<Vec<u8>>,
    history: Vec<(String, bool)>,
}

impl Value {
    fn of(machine: &Machine) -> Self {
        let Machine { config, journal, history, .. } = machine;
        let whole = journal.as_ref().filter(|journal| !journal.is_empty());
        Self { config: config.clone(), journal: whole.cloned(), history: history.clone() }
    }
}

#[derive(Default)]
pub(in crate::rotation::tests) struct Engine {
    number: u64,
    value: Value,
    /// A push that is still on its way: what it compares with.
    late: Option<(u64, Value)>,
    is_late_after_pull: bool,
    /// How many pushes were on their way, applied twice, or found another number.
    pub(in crate::rotation::tests) delayed: usize,
    pub(in crate::rotation::tests) doubled: usize,
    pub(in crate::rotation::tests) conflicts: usize,
}

/// For the message of a failure.
impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jtis = self.value.config.iter();
        let jtis: Vec<_> =
            jtis.map(|(id, t)| (id, t.as_ref().map_or("-", Token::jti_for_people))).collect();
        let journal = self.value.journal.as_deref().unwrap_or_default();
        writeln!(f, "engine {}, {jtis:?}, late: {:?}", self.number, self.late.is_some())?;
        write!(f, "engine's journal: {}", String::from_utf8_lossy(journal))
    }
}

impl Engine {
    pub(super) fn new(machine: &Machine) -> Self {
        Self { value: Value::of(machine), ..Self::default() }
    }

    pub(super) fn config(&self) -> &[(String, Option<Token>)] {
        &self.value.config
    }

    pub(super) fn pending(&self) -> Result<Pending> {
        let journal = self.value.journal.as_deref().unwrap_or_default();
        let read = Pending::read(journal).map(|(pending, _)| pending);
        read.map_err(|place| Error::damaged_file("/engine".as_ref(), &place))
    }

    /// Whether it took the value over.
    fn put(&mut self, number: u64, value: Value) -> bool {
        let fits = self.number == number;
        if fits {
            (self.number, self.value) = (number + 1, value);
        } else {
            self.conflicts += 1;
        }
        fits
    }
}

/// What a machine knows of the engine.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// What it has pulled or pushed.
    number: Option<u64>,
    is_behind: bool,
    is_unsure: bool,
    /// A push failed: what was not taken over is pushed by the next run.
    is_marked: bool,
}

impl Sim {
    /// The push that is on its way arrives.
    pub(super) fn take_late(&mut self, after_pull: bool) {
        let engine = &mut self.engine;
        if engine.is_late_after_pull == after_pull {
            if let Some((number, value)) = engine.late.take() {
                engine.put(number, value);
                self.check_moment();
            }
        }
    }

    fn pull(&mut self, n: usize) {
        let (engine, machine) = (&self.engine, &mut self.machines[n]);
        if machine.shared.number == Some(engine.number) {
            return;
        }
        let Value { config, journal, history } = engine.value.clone();
        machine.durable = journal.as_ref().map_or(0, Vec::len);
        machine.unmarked = false;
        (machine.config, machine.journal, machine.history) = (config, journal, history);
        machine.shared.number = Some(engine.number);
    }

    fn push(&mut self, n: usize) -> bool {
        let machine = &self.machines[n];
        let value = Value::of(machine);
        machine.shared.number.is_some_and(|number| self.engine.put(number, value))
    }
}

impl Folder {
    fn shared<T>(&self, look: impl FnOnce(&mut Shared) -> T) -> T {
        look(&mut self.world.0.borrow_mut().machines[self.machine].shared)
    }

    /// Begins a run: replaces what the folder holds by what the engine has, if that is something else.
    pub(super) fn pull(&self) -> Result<()> {
        if !self.world.0.borrow().kind.shared {
            return Ok(());
        }
        self.shared(|shared| (shared.is_behind, shared.is_unsure) = (shared.is_marked, false));
        // Killed between two files, it has a part of both states.
        let torn = self.world.effect(Needs::Engine, |sim| {
            let machine = &mut sim.machines[self.machine];
            if machine.shared.number != Some(sim.engine.number) {
                (machine.journal, machine.shared.number) = (None, None);
            }
        });
        let pulled = self.world.effect(Needs::Engine, |sim| sim.pull(self.machine));
        self.world.0.borrow_mut().take_late(true);
        match (torn, pulled) {
            (Fate::Done, Fate::Done) => Ok(()),
            _ => Err(Error::state_not_pulled("no")),
        }
    }

    pub(super) fn mark_behind(&self) {
        self.shared(|shared| shared.is_behind = true);
    }

    fn push(&self) -> Result<()> {
        let is_shared = self.world.0.borrow().kind.shared;
        if !is_shared || !self.shared(|shared| shared.is_behind) {
            return Ok(());
        }
        let mut is_taken = false;
        let fate = self.world.effect(Needs::Engine, |sim| is_taken = sim.push(self.machine));
        let mut sim = self.world.0.borrow_mut();
        let sim = &mut *sim;
        let (engine, machine) = (&mut sim.engine, &mut sim.machines[self.machine]);
        let is_changed = match fate {
            Fate::Done if is_taken => {
                let number = machine.shared.number.map(|number| number + 1);
                machine.shared = Shared { number, ..Shared::default() };
                return Ok(());
            }
            Fate::Failed { how: How::Twice, .. } => {
                engine.doubled += 1;
                true
            }
            Fate::Done => true,
            Fate::Failed { how, .. } => {
                if let (How::Late { after_pull }, Some(number)) = (how, machine.shared.number) {
                    engine.late = Some((number, Value::of(machine)));
                    engine.is_late_after_pull = after_pull;
                    engine.delayed += 1;
                }
                false
            }
        };
        if is_changed && !machine.shared.is_unsure {
            return Err(Error::state_changed());
        }
        (machine.shared.is_unsure, machine.shared.is_marked) = (true, true);
        Err(Error::state_not_pushed("no"))
    }

    pub(super) fn push_change(&self) -> Result<()> {
        self.mark_behind();
        self.push()
    }

    pub(super) fn push_replaced(&self) -> Written<()> {
        self.push_change().map_err(|error| WriteError { is_unchanged: false, error })
    }

    pub(super) fn push_appended(&mut self) -> Written<()> {
        self.push_change().map_err(|error| {
            let is_unchanged = matches!(error.kind(), Kind::StateChanged) && self.retract().is_ok();
            WriteError { is_unchanged, error }
        })
    }

    /// As a pull into another folder shows it.
    pub(super) fn is_in_engine(&self, jti: &str) -> bool {
        if !self.world.0.borrow().kind.shared {
            return false;
        }
        let mut is_there = true;
        let _ = self.world.effect(Needs::Engine, |sim| {
            let jti_is = |token: &Token| token.jti.as_deref() == Some(jti);
            let mut config = sim.engine.config().iter().filter_map(|(_, token)| token.as_ref());
            let journal = sim.engine.value.journal.as_deref().unwrap_or_default();
            let journal = String::from_utf8_lossy(journal);
            is_there = config.any(jti_is) || journal.contains(&format!("\"{jti}\""));
        });
        is_there
    }

    pub(super) fn push_or_tell(&self) {
        let _ = self.push();
    }
}
