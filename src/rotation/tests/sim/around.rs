//! What goes on around the runs: the clocks, another program, a user who puts an old file back.

use super::World;
use crate::context::{BootTime, Clock};
use crate::time::Timestamp;

impl Clock for World {
    fn now(&self) -> Timestamp {
        let sim = self.0.borrow();
        Timestamp::from_secs(sim.now + sim.ahead())
    }

    fn sleep(&self, _: std::time::Duration) {
        self.0.borrow_mut().now += 1;
    }

    fn boot_time(&self) -> Option<BootTime> {
        let sim = self.0.borrow();
        let id = format!("boot {} of {}", sim.boots[sim.running], sim.running);
        Some(BootTime { id, secs: sim.now })
    }
}

impl World {
    /// Another program refreshes: it revokes what it replaces. Or an old config file is restored,
    /// with a token that is long dead.
    pub(in crate::rotation::tests) fn replace_elsewhere(&self, is_live: bool) {
        let other = self.make("w0", 0);
        let mut sim = self.0.borrow_mut();
        sim.disturbed = true;
        let before = sim.machines[0].config[0].1.replace(other.clone());
        for token in &mut sim.tokens {
            token.live &=
                if is_live { Some(&token.token) != before.as_ref() } else { token.token != other };
        }
        if !is_live {
            sim.printed.extend(before); // the copy that was restored does not tell of it
        }
    }

    /// Puts the first copy of a target's file back, if that still works and is another one.
    pub(in crate::rotation::tests) fn put_back(&self) -> bool {
        let mut sim = self.0.borrow_mut();
        let first = sim.tokens[0].token.clone();
        let is_live = sim.is_live(&first);
        let held = sim.delivered.iter_mut().find(|(id, held)| id == "file w0" && *held != first);
        held.filter(|_| is_live).map(|(_, held)| *held = first).is_some()
    }
}
