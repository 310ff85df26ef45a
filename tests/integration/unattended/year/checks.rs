//! What must hold after a night.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{NAMES, State, Year};
use crate::control_plane::Route;
use crate::harness::world::Output;

impl Year {
    /// Each consumer holds a token that lives.
    pub(super) fn check_consumers(&mut self, n: usize, was_troubled: bool, scene: &str) {
        if self.is_deleted(n) {
            return;
        }
        if was_troubled && self.disturbed.get(&n).is_some_and(|until| *until >= self.night) {
            // The run came to nothing on the very day: the next one heals it.
            self.disturb(n, self.night + 1);
        }
        if self.disturbed.get(&n).is_some_and(|until| *until > self.night) {
            return;
        }
        for name in ["token", "env", "config.json", "got", "last"] {
            let text = self.file(n, name);
            let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            let words = text.split(|c| !is_part(c)).filter(|word| word.len() > 30);
            let tokens: Vec<&str> = words.collect();
            assert_eq!(tokens.len(), 1, "{} of {}: {text:?}\n{scene}", name, NAMES[n]);
            let lives = self.world.plane.is_live(tokens[0]);
            assert!(lives, "{name} of {} holds a dead token\n{scene}", NAMES[n]);
        }
    }

    /// What was done is what the plan said; a night in which the server failed did no more than that.
    pub(super) fn check_plan(
        &mut self,
        n: usize,
        plan: &Value,
        (before, after): (&State, &State),
        was_troubled: bool,
        scene: &str,
    ) {
        let result = plan["results"].as_array().unwrap().iter();
        let Some(result) = result.clone().find(|r| r["workspace"]["name"] == NAMES[n]) else {
            assert_eq!(before, after, "{} is not in the plan\n{scene}", NAMES[n]);
            return;
        };
        let actions = result["actions"].as_array().unwrap();
        let those = |action: &str, field: &str, certain: bool| -> BTreeSet<String> {
            let those = actions.iter().filter(|a| a["action"] == action);
            let those = those.filter(|a| !certain || a["depends_on_server"] != true);
            those.filter_map(|a| a[field].as_str().map(str::to_owned)).collect()
        };
        let served: BTreeSet<String> = after
            .delivered
            .iter()
            .filter(|(name, mark)| before.delivered.get(*name) != Some(mark))
            .map(|(name, _)| name.clone())
            .collect();
        let made: BTreeSet<&String> = after.live.difference(&before.live).collect();
        let died: BTreeSet<String> = before.live.difference(&after.live).cloned().collect();
        let scene =
            format!("{} made {made:?}, {died:?} died, {served:?} got it: {scene}", NAMES[n]);
        let asks = result["asks_server"] == true;
        let may_refresh = asks || !those("refresh", "jti", false).is_empty();
        let may_search = !those("finish", "why", false).is_empty();
        assert!(made.len() <= usize::from(may_refresh), "not in the plan: {scene}");
        let mut may_die = those("revoke", "jti", false);
        may_die.extend(those("refresh", "jti", false));
        for jti in died.iter().filter(|_| !may_search && !asks) {
            assert!(may_die.contains(jti), "{jti} was not to be revoked: {scene}");
        }
        let may_be_served = those("deliver", "target", false);
        for name in served.iter().filter(|_| !asks) {
            assert!(may_be_served.contains(name), "{name} was not to be served: {scene}");
        }
        if was_troubled || self.is_deleted(n) {
            return;
        }
        self.compared += 1;
        let must_refresh = those("refresh", "jti", true);
        assert!(must_refresh.is_empty() || made.len() == 1, "no refresh: {scene}");
        for jti in those("revoke", "jti", true).iter().filter(|jti| before.live.contains(*jti)) {
            assert!(died.contains(jti), "{jti} still lives: {scene}");
        }
        let current = self.world.current(&self.workspaces[n]);
        for name in those("deliver", "target", true).difference(&served) {
            // A file that held it already is not written again.
            let (_, file) = self.targets(n).into_iter().find(|(known, _)| known == name).unwrap();
            let text = fs::read_to_string(file).unwrap_or_default();
            assert!(text.contains(&current), "{name} did not get it: {scene}");
        }
    }

    /// A night in which nothing was to be done is silent, and asks the server at most whether it still
    /// knows the tokens.
    pub(super) fn check_silence(
        &mut self,
        plan: &Value,
        output: &Output,
        was_troubled: bool,
        scene: &str,
    ) {
        let results = plan["results"].as_array().unwrap();
        let is_idle =
            |r: &Value| r["actions"].as_array().unwrap().iter().all(|a| a["action"] == "none");
        let knows_less = self.disturbed.values().any(|until| *until > self.night);
        let is_missing = (0..NAMES.len()).any(|n| {
            self.is_deleted(n) && results.iter().any(|r| r["workspace"]["name"] == NAMES[n])
        });
        // That the folder was copied is found out once, and said.
        let is_found = self.copy.is_some() && output.stdout.contains("no longer knew");
        if is_found || self.disturbed.get(&1).is_some_and(|until| *until == self.night) {
            self.forget_copy();
        }
        if was_troubled || knows_less || is_missing {
            return;
        }
        if is_found {
            output.exits(8);
            return;
        }
        assert_eq!(output.code(), Some(0), "{output}\n{scene}");
        if results.iter().all(is_idle) {
            assert_eq!((&*output.stdout, &*output.stderr), ("", ""), "{scene}");
            let requests = self.world.plane.requests();
            let looks = requests.iter().filter(|r| r.route == Some(Route::TokenAuth)).count();
            assert_eq!(looks, requests.len(), "{scene}");
            self.quiet += 1;
        }
    }
}
