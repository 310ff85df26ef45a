//! Two servers that have a workspace of the same UUID, as after a copy of a database: a token belongs to
//! the one that made it, and the other's word about it counts for nothing.

use crate::control_plane::ControlPlane;
use crate::harness::world::{Output, SESSION, Workspace, World};

/// The current token was made by the first one; the second was copied before that, or after it.
fn two_servers(knows_it: bool) -> (World, Workspace, ControlPlane) {
    let (world, prod) = World::ready();
    let before = world.plane.saved();
    world.refresh(&["--expires-in", "60d"]).exits(0);
    let copy = ControlPlane::start();
    copy.add_session(SESSION);
    copy.restore(&if knows_it { world.plane.saved() } else { before });
    (world, prod, copy)
}

/// A run that asks the second one.
fn there(world: &World, copy: &ControlPlane, args: &[&str]) -> Output {
    world.ntcli(args).env("NTCLI_API_URL", copy.base_url()).run()
}

fn was_asked_to_revoke(copy: &ControlPlane) -> bool {
    copy.requests().iter().any(|r| r.method == "DELETE")
}

#[test]
fn what_one_made_is_not_judged_by_the_other() {
    for knows_it in [false, true] {
        let (world, prod, copy) = two_servers(knows_it);
        let token = world.current(&prod);
        let run = |args: &[&str]| {
            let output = there(&world, &copy, args);
            assert_eq!(world.current(&prod), token, "{output}");
            assert!(world.plane.is_live(&token) && !was_asked_to_revoke(&copy), "{output}");
            for word in ["has been revoked", "was revoked", "Get another", "no longer knew"] {
                output.does_not_say(word);
                assert!(!output.stdout.contains(word), "{output}");
            }
            output
        };
        let made_it = format!("{} made it", world.plane.base_url());
        let listed = run(&["token", "list", "--format", "json"]);
        listed.exits(0).says(&made_it);
        let listed = listed.json();
        assert!(listed["tokens"].as_array().unwrap().iter().all(|t| t["current"] == false));
        let shown = run(&["token", "show", "--check", "--format", "json"]);
        shown.exits(5).says(&made_it);
        assert_eq!(shown.json()["server"], "unreachable", "{shown}");
        run(&["renew"]).exits(0);
        run(&["check"]).exits(0);
        let doctor = run(&["doctor"]);
        assert!(doctor.stdout.contains(&made_it), "{doctor}");
        assert!(!doctor.stdout.contains("does not accept"), "{doctor}");
        let jti = world.item(&prod)["jti"].as_str().unwrap().to_owned();
        run(&["token", "revoke", &jti, "--force"]).exits(2).says(&made_it);
        let out = run(&["auth", "logout", "--all", "--force"]);
        out.exits(8).says(&format!("prod: {jti} (at another server)"));
        assert!(world.config()["auth"]["bearerToken"].is_string());
        // Nobody was shown it, nor does anything pend.
        assert!(copy.requests().iter().all(|r| r.bearer.as_deref() != Some(&token)));
        assert!(!world.has_journal(), "{}", world.describe());
    }
}

/// A refresh there makes a token there; the one before it is revoked where it was made.
#[test]
fn a_refresh_leaves_it_to_the_server_that_made_it() {
    for knows_it in [false, true] {
        for args in [&["token", "refresh"][..], &["token", "refresh", "--revoke-after", "1s"]] {
            let (world, prod, copy) = two_servers(knows_it);
            let token = world.current(&prod);
            let old = world.item(&prod)["jti"].as_str().unwrap().to_owned();
            there(&world, &copy, args).exits(8).says(&old);
            assert!(copy.is_live(&world.current(&prod)));
            let command =
                format!("NTCLI_API_URL={} ntcli token revoke --pending", world.plane.base_url());
            std::thread::sleep(std::time::Duration::from_millis(1_100));
            there(&world, &copy, &["renew"]).exits(8).says(&command);
            assert!(world.plane.is_live(&token) && !was_asked_to_revoke(&copy));
            world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
            assert!(!world.plane.is_live(&token));
            there(&world, &copy, &["renew"]).exits(0);
        }
    }
}

/// Where nobody noted who made it, as in a folder of an older version, the server that is asked counts.
#[test]
fn where_the_maker_is_not_known() {
    let (world, prod, copy) = two_servers(false);
    let history = std::fs::read_to_string(world.path("history.jsonl")).unwrap();
    assert!(history.contains("\"server\":"), "{history}");
    std::fs::remove_file(world.path("history.jsonl")).unwrap();
    there(&world, &copy, &["token", "list"]).exits(0).says("is not among the live ones");
    there(&world, &copy, &["token", "show", "--check"]).exits(1);
    there(&world, &copy, &["renew"]).exits(8).says("no longer knew");
    assert!(copy.is_live(&world.current(&prod)));
}
