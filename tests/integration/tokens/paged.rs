//! Lists of which a server shows a page at a time.

use crate::control_plane::{Fault, Paging, Route, Times};
use crate::harness::world::World;
use crate::tokens::local::run;

const WARNING: &str = "Warning: The server lists only some of the tokens.\n";

/// Where the answer gives the place of the next page.
const FOLLOWED: [Paging; 2] = [Paging::Link, Paging::NextPath];
const NOT_FOLLOWED: [Paging; 4] =
    [Paging::HasMore, Paging::Cursor, Paging::TotalHeader, Paging::Pagination];

fn paged(world: &World, size: usize, paging: Paging) {
    world.plane.configure(|o| (o.page_size, o.paging) = (size, paging));
}

#[test]
fn the_next_page_is_read_where_its_place_is_given() {
    let (world, workspace) = World::ready();
    for _ in 0..4 {
        world.plane.issue_token(&workspace.id, None);
    }
    for (size, pages) in [(2, 3), (5, 1), (4, 2)] {
        for paging in FOLLOWED {
            paged(&world, size, paging);
            world.plane.clear_requests();
            let listed = run(&world, &["list", "--format", "json"]);
            let json = listed.exits(0).says_only("").json();
            assert_eq!(json["tokens"].as_array().map(Vec::len), Some(5), "{paging:?}");
            assert_eq!(world.count(Route::TokenList), pages, "{paging:?} {size}");
        }
    }
    for paging in NOT_FOLLOWED.into_iter().chain([Paging::Count]) {
        paged(&world, 2, paging);
        world.plane.clear_requests();
        let listed = run(&world, &["list", "--format", "json"]);
        let json = listed.exits(0).says_only(WARNING).json();
        assert_eq!(json["tokens"].as_array().map(Vec::len), Some(2), "{paging:?}");
        assert_eq!(world.count(Route::TokenList), 1, "{paging:?}");
    }
}

/// Only this list of this server is asked for, and not for ever.
#[test]
fn another_place_is_not_read() {
    let (world, workspace) = World::ready();
    let own = format!("/v1/workspaces/{}/tokens", workspace.id);
    let base = world.plane.base_url();
    for next in [
        "https://other.example/v1/workspaces?page=2".to_owned(),
        format!("http://127.0.0.1:1{own}?page=2"),
        format!("{base}.example{own}?page=2"),
        format!("//127.0.0.1:1{own}?page=2"),
        "/v1/workspaces?page=2".to_owned(),
        format!("{own}/../../x?page=2"),
        own.clone(),
        "\n?page=2".to_owned(),
    ] {
        world.plane.clear_requests();
        let body = serde_json::json!({"tokens": [{"jti": "jti_1"}], "next": next}).to_string();
        world.plane.fault(Route::TokenList, Times::Once, Fault::Body(body));
        run(&world, &["list"]).exits(0).says_only(WARNING);
        assert_eq!(world.plane.requests().len(), 1, "{next}");
    }
    // The same page again and again.
    world.plane.clear_requests();
    let body = serde_json::json!({"tokens": [{"jti": "jti_1"}], "next": format!("{own}?page=2")});
    world.plane.fault(Route::TokenList, Times::Always, Fault::Body(body.to_string()));
    run(&world, &["list"]).exits(0).says_only(WARNING);
    assert_eq!(world.plane.requests().len(), 2);
    world.plane.clear_faults();
}

/// What a list lacks may stand on a page that was not read.
#[test]
fn a_page_proves_no_absence() {
    for paging in NOT_FOLLOWED.into_iter().chain(FOLLOWED) {
        let (world, workspace) = World::ready();
        let old = workspace.token.jti.as_str();
        paged(&world, 1, paging);
        let gone = Fault::Status(404, "404 page not found".to_owned(), Vec::new());
        world.plane.fault(Route::TokenRevoke, Times::Always, gone);
        world.refresh(&[]).exits(8).says(old);
        assert!(world.plane.live_tokens(&workspace.id).iter().any(|live| live == old));
        world.plane.clear_faults();
        run(&world, &["revoke", "--pending"]).exits(0);
        world.assert_one_live_token(&workspace);
    }
    let (world, workspace) = World::ready();
    paged(&world, 1, Paging::HasMore);
    world.add_workspace("other");
    world.ntcli(&["workspace", "sync"]).run().says("it is not the whole list");
    assert!(world.item(&workspace).is_object());
}
