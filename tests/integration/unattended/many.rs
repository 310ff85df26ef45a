//! A thousand workspaces, five of which fail in five different ways.

use crate::control_plane::{Fault, Route, Times};
use crate::unattended::all::world_of;

const COUNT: usize = 1000;

#[test]
fn five_of_a_thousand_fail() {
    let (world, workspaces) = world_of(COUNT);
    let status = |code, body: &str| Fault::Status(code, body.to_owned(), Vec::new());
    let gone = r#"{"detail": "Workspace not found"}"#;
    let html = "<html>It works!</html>".to_owned();
    let bad = [
        (17, Route::TokenCreate, Times::Once, status(404, gone), "failed", 1),
        (200, Route::TokenCreate, Times::Once, status(403, "{}"), "failed", 4),
        (
            431,
            Route::TokenCreate,
            Times::Once,
            status(500, "{}"),
            "failed",
            10, // it may have been carried out anyway
        ),
        (778, Route::TokenRevoke, Times::Always, status(500, "{}"), "refreshed_old_live", 8),
        (999, Route::TokenCreate, Times::Once, Fault::Body(html), "failed", 10),
    ];
    for (n, route, times, fault, ..) in &bad {
        world.plane.fault_in(&workspaces[*n].id, *route, *times, fault.clone());
    }
    let output = world.refresh(&["--all", "--format", "json"]);
    let answer = output.exits(10).json();
    assert_eq!(answer["error"]["message"], "5 of 1000 workspaces need attention");
    let results = answer["results"].as_array().unwrap();
    for (n, (result, workspace)) in results.iter().zip(&workspaces).enumerate() {
        assert_eq!(result["workspace"]["id"], workspace.id.as_str());
        let expected = bad.iter().find(|case| case.0 == n);
        let (outcome, code) = expected.map_or(("refreshed", None), |c| (c.4, Some(c.5)));
        assert_eq!(result["outcome"], outcome, "{n}");
        let exit_code = result.pointer("/error/exit_code");
        assert_eq!(exit_code.and_then(serde_json::Value::as_i64), code, "{n}");
        let live = world.plane.live_tokens(&workspace.id);
        if code.is_none() {
            assert_eq!(live, [result["new_token"]["jti"].as_str().unwrap()], "{n}");
        }
    }
    // The failed ones still have their old token; the next run does the rest.
    let live = |n: usize| world.plane.live_tokens(&workspaces[n].id);
    for n in [17, 200, 431] {
        assert_eq!(live(n), [workspaces[n].token.jti.as_str()]);
    }
    assert_eq!((live(778).len(), live(999).len()), (2, 2));
    world.plane.clear_faults();
    let args = ["--all", "--if-expires-within", "1", "--revoke-orphans"];
    let orphan = &live(999)[1];
    world.refresh(&args).exits(0).says(orphan);
    let config = world.config();
    for workspace in &workspaces {
        let jti = config["workspaces"]["items"][&workspace.key]["jti"].as_str().unwrap();
        assert_eq!(world.plane.live_tokens(&workspace.id), [jti]);
    }
    world.assert_settled();
}
