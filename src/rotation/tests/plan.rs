//! What a plan says of a run is what the run does, in every state that trouble leaves.

use super::sim::{Command, Folder, TROUBLES, World, workspace};
use super::{effects, one_workspace};
use crate::rotation::{Deliver, Outlook, RefreshOptions, Step, Store, moment, plan};

/// The steps of the next refresh.
fn next_steps(world: &World) -> Vec<Step> {
    let (w0, kind) = (workspace("w0"), world.0.borrow().kind);
    let mut folder = Folder { world: world.clone(), machine: 0 };
    let (pending, current) = (folder.pending().unwrap(), folder.current(&w0).unwrap());
    let targets = super::sim::Targets { world: world.clone(), own: kind.own_targets };
    let lacking = current.as_ref().map_or(Vec::new(), |current| targets.lacking(&w0, current));
    let all = targets.targets(&w0);
    let mut now =
        moment::Moment { ours: crate::context::Clock::now(world), boot: None, skew_s: None };
    now.boot = crate::context::Clock::boot_time(world);
    now.ours = now.ours.plus_secs(world.0.borrow().pause_s);
    now.boot.iter_mut().for_each(|boot| boot.secs += world.0.borrow().pause_s);
    let outlook = Outlook {
        pending: &pending,
        current: current.as_ref(),
        targets: &all,
        lacking: &lacking,
        now: &now,
    };
    let options = RefreshOptions { grace_s: kind.grace_s, ..RefreshOptions::default() };
    plan(&w0, &outlook, &options)
}

#[test]
fn a_run_does_what_the_plan_says() {
    let mut compared = 0;
    for kind in one_workspace(Command::Refresh) {
        for at in 1..=effects(Command::Refresh, kind) * 2 {
            for trouble in TROUBLES {
                let scene = format!("{trouble:?} at effect {at} of {kind:?}");
                let world = World::new(kind);
                world.run(Command::Refresh, &[(at, trouble)]);
                let steps = next_steps(&world);
                let is_open =
                    |step: &Step| matches!(step, Step::Search { .. } | Step::Finish { .. });
                let (live, made) = (world.live(), world.0.borrow().tokens.len());
                let ended = world.refresh(false).expect("no kill");
                if ended.is_err() || steps.iter().any(is_open) {
                    continue; // the server decides
                }
                compared += 1;
                let refreshes = steps.iter().any(|step| matches!(step, Step::Refresh { .. }));
                let has_made = world.0.borrow().tokens.len() > made;
                assert_eq!(refreshes, has_made, "{scene}: {steps:?}");
                let left = world.live();
                let died: Vec<&String> = live.iter().filter(|jti| !left.contains(jti)).collect();
                let revoked: Vec<&String> = steps
                    .iter()
                    .filter_map(|step| match step {
                        Step::Revoke { jti, .. } => Some(jti).filter(|jti| live.contains(jti)),
                        _ => None,
                    })
                    .collect();
                assert_eq!(revoked, died, "{scene}: {steps:?}");
            }
        }
    }
    assert!(compared > 300, "only {compared} runs were compared");
}
