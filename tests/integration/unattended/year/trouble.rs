//! What happens by day, and what goes wrong at night.

use std::fs;

use super::{NAMES, Year};
use crate::control_plane::{Fault, Route, Times};
use crate::harness::kill;
use crate::harness::world::{Output, World};

impl Year {
    /// What others do by day.
    pub(super) fn happen_outside(&mut self) {
        let n = self.night % NAMES.len();
        if self.night % 3 == 0 && !self.is_deleted(n) {
            // The application writes back what it read when it began, and begins anew.
            let place = self.world.outside(NAMES[n]).join("config.json");
            let now = self.file(n, "config.json");
            fs::write(&place, &self.read[n]).unwrap();
            if now != self.read[n] {
                self.disturb(n, self.night);
            }
            self.read[n] = now;
        }
        let n = self.night / 9 % NAMES.len();
        if self.night % 9 == 0 && !self.is_deleted(n) {
            let old = self.world.item(&self.workspaces[n])["jti"].as_str().unwrap().to_owned();
            self.world.issue_elsewhere(&self.workspaces[n]);
            if self.world.plane.live_tokens(&self.workspaces[n].id).contains(&old) {
                self.world.plane.revoke_token(&self.workspaces[n].id, &old);
            }
            self.disturb(n, self.night);
        }
        if self.night == self.nights / 3 {
            self.copy_folder();
        }
        if self.night == self.nights * 2 / 3 {
            crate::workspaces::manage::delete_elsewhere(&self.world, &self.workspaces[4].id);
        }
        if self.night == self.nights * 2 / 3 + 2 {
            self.world.ntcli(&["workspace", "sync"]).run().exits(0);
        }
    }

    pub(super) fn disturb(&mut self, n: usize, until: usize) {
        let known = self.disturbed.entry(n).or_default();
        *known = until.max(*known);
    }

    /// A restored machine refreshes one workspace: the token here is dead, which the weekly question
    /// finds out.
    fn copy_folder(&mut self) {
        let mut copy = World::new();
        copy.make_dir();
        for (name, _) in self.world.files().into_iter().filter(|(name, _)| name.contains('.')) {
            if let Ok(bytes) = fs::read(self.world.path(&name)) {
                copy.write(&name, &bytes);
            }
        }
        fs::remove_file(copy.path("targets.json")).unwrap();
        copy.program.clone_from(&self.world.program);
        let url = self.world.plane.base_url();
        let refresh = copy.ntcli(&["token", "refresh", NAMES[1]]).env("NTCLI_API_URL", url);
        refresh.run().exits(0);
        self.disturb(1, self.night + 7);
        self.copy = Some(copy);
    }

    /// What goes wrong tonight.
    pub(super) fn make_trouble(&mut self) -> Trouble {
        let kind = if self.night % 7 == 0 {
            Trouble::LostAnswer
        } else if self.night % 5 == 0 {
            Trouble::Kill
        } else if self.night % 4 == 1 {
            Trouble::Server
        } else {
            return Trouble::None;
        };
        let n = self.random.below(NAMES.len() - 1); // the last one is deleted one day
        if kind != Trouble::Server || self.random.below(2) == 0 {
            self.make_due(n);
        }
        kind
    }

    /// The night's run, and whether it met its trouble.
    pub(super) fn spend(&mut self, trouble: Trouble) -> (Output, bool) {
        const ROUTES: [Route; 4] =
            [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke, Route::TokenList];
        let (plane, route) = (self.world.plane.clone(), ROUTES[self.random.below(ROUTES.len())]);
        let (route, times, fault) = match trouble {
            Trouble::None => return (self.renew(), false),
            Trouble::LostAnswer => (Route::TokenCreate, Times::Once, Fault::CloseAfter),
            Trouble::Server => {
                let times = [Times::Once, Times::N(2), Times::Always][self.random.below(3)];
                let mut ways = known_faults();
                (route, times, ways.swap_remove(self.random.below(ways.len())))
            }
            Trouble::Kill => {
                let (fault, victim) = kill::fault(self.random.below(2) == 0);
                plane.fault(route, Times::Once, fault);
                let running = self.world.ntcli(&["-q", "renew"]).spawn();
                victim.set(running.pid()).unwrap();
                let output = running.finish();
                plane.settle();
                plane.clear_faults();
                let is_killed = output.signal() == Some(9);
                self.troubled += usize::from(is_killed);
                return (output, is_killed);
            }
        };
        plane.fault(route, times, fault);
        let output = self.renew();
        let is_met = plane.requests().iter().any(|r| r.route == Some(route));
        plane.clear_faults();
        self.troubled += usize::from(is_met);
        (output, is_met)
    }

    /// The other machine is taken down: what it holds is revoked.
    pub(super) fn forget_copy(&mut self) {
        if let Some(copy) = self.copy.take() {
            let id = &self.workspaces[1].id;
            let jti = copy.item(&self.workspaces[1])["jti"].as_str().unwrap().to_owned();
            if self.world.plane.live_tokens(id).contains(&jti) {
                self.world.plane.revoke_token(id, &jti);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    LostAnswer,
    Kill,
    Server,
}

/// The ways in which a server, or a gateway before it, is known to fail.
fn known_faults() -> Vec<Fault> {
    let html = || "<html>no</html>".to_owned();
    let mut faults = vec![Fault::CloseBefore, Fault::CloseAfter, Fault::Truncate];
    for status in [401, 403, 404, 429, 500, 502, 503, 504] {
        faults.push(Fault::Status(status, html(), Vec::new()));
    }
    for status in [404, 429, 500, 502, 503, 504] {
        faults.push(Fault::AppliedStatus(status, html(), Vec::new()));
    }
    faults.extend(["", "{}", "[]", "<html>"].map(|body| Fault::Body(body.to_owned())));
    faults
}
