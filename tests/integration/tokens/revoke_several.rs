//! `ntcli token revoke` of several tokens at once.

use crate::control_plane::{Fault, Route, Times};
use crate::crash::inside::Inside;
use crate::harness::world::{Workspace, World};
use crate::harness::{kill, strace};
use crate::tokens::local::run;

/// With two tokens more than the current one.
fn with_two() -> (World, Workspace, [String; 2]) {
    let (world, prod) = World::ready();
    let two = [(); 2].map(|()| world.plane.issue_token(&prod.id, None).jti);
    (world, prod, two)
}

fn text(a: &str, b: &str) -> String {
    format!("Token {a} has been revoked.\nToken {b} has been revoked.\n")
}

#[test]
fn each_is_revoked_and_told() {
    let (world, prod, [a, b]) = with_two();
    let output = run(&world, &["revoke", &a, &b, &a, "--force"]);
    output.exits(0).says_only("").prints(&text(&a, &b));
    world.assert_one_live_token(&prod);

    let (world, prod, [a, b]) = with_two();
    let output = run(&world, &["revoke", &a, &b, "-w", "prod", "-f", "--format", "json"]);
    let json = output.exits(0).says_only("").json();
    for (n, jti) in [a, b].iter().enumerate() {
        let result = &json["results"][n];
        assert_eq!((&result["jti"], &result["status"]), (&jti.as_str().into(), &"revoked".into()));
        assert_eq!(result["workspace"]["id"], prod.id.as_str());
    }
    assert!(json["error"].is_null(), "{output}");
    world.assert_one_live_token(&prod);

    let (world, _, [a, b]) = with_two();
    let quiet = run(&world, &["revoke", &a, &b, "-w", "prod", "-f", "-q"]);
    quiet.exits(0).says_only("").prints(&text(&a, &b));
}

/// One that fails keeps no other from being revoked; the highest exit code is that of the run.
#[test]
fn what_fails_is_told_beside_what_worked() {
    let (world, prod, [a, b]) = with_two();
    let output = run(&world, &["revoke", &a, "jti_0", &b, "--force"]);
    output.exits(1).prints(&text(&a, &b));
    output.says("Error: 1 of 3 tokens could not be revoked\n");
    output.says("Caused by: Token with JTI 'jti_0' not found\nHint: ntcli token list\n");
    world.assert_one_live_token(&prod);

    let (world, prod, [a, b]) = with_two();
    let broken = || Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken());
    world.plane.fault(Route::TokenList, Times::Always, broken());
    let output = run(&world, &["revoke", &a, &b, "jti_0", "--force", "--format", "json"]);
    let json = output.exits(8).json();
    assert_eq!(json["results"][0]["status"], "failed");
    assert_eq!(json["results"][1]["error"]["code"], "old_token_live");
    assert_eq!(json["error"]["exit_code"], 8);
    assert_eq!(json["error"]["hint"], "ntcli token revoke --pending");
    world.plane.clear_faults();
    run(&world, &["revoke", "--pending"]).exits(0);
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 1);
}

#[test]
fn one_question_names_them_all() {
    let (world, prod, [a, _]) = with_two();
    let current = prod.token.jti.as_str();
    let refused = run(&world, &["revoke", &a, current]);
    let again = format!("Hint: ntcli token revoke {a} {current} -w {} --force\n", prod.id);
    refused.exits(2).prints("").says(&again);
    let ask =
        |typed: &str| Inside::new(&world).typing(typed).run(&["token", "revoke", &a, current]);
    let no = ask("n\n");
    assert_eq!((no.code, no.stdout.as_str()), (1, ""), "{no:?}");
    let what = format!("Revoking tokens {a}, {current} of 'prod' locks out");
    assert!(no.stderr.contains(&what), "{no:?}");
    assert!(no.stderr.contains(&format!("{current} is the current token")), "{no:?}");
    assert_eq!(no.stderr.matches("Type yes to go on:").count(), 1, "{no:?}");
    world.assert_nothing_sent();
    assert_eq!(ask("yes\n").code, 0);
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 1);
}

/// Not even an opaque one, or one that was cut off: a path stands in everybody's logs.
#[test]
fn a_token_in_place_of_any_jti_is_neither_sent_nor_shown() {
    let (world, prod, [a, _]) = with_two();
    let jwt = prod.token.access_token.as_str();
    let (cut, opaque) = (&jwt[..jwt.rfind('.').unwrap()], format!("wst_{}", "0123abcd".repeat(8)));
    for token in [jwt, cut, &opaque, &format!("Bearer {opaque}")] {
        for more in [&["--force"][..], &[], &["--forget"], &[&a, "--force", "--format", "json"]] {
            let output = run(&world, &[&["revoke", token], more].concat());
            output.exits(2).says("That is a token, not its JTI; nothing was sent");
            let shown = format!("{}{}", output.stdout, output.stderr);
            let end = &token[token.len() - 16..];
            assert!(!shown.contains(end), "{output}");
        }
    }
    world.assert_nothing_sent();
}

/// However many are revoked, what is pending is tried once.
#[test]
fn what_is_pending_is_tried_once() {
    let (world, prod, [a, b]) = with_two();
    let pending = world.plane.issue_token(&prod.id, None).jti;
    let broken = || Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken());
    world.plane.fault(Route::TokenList, Times::Always, broken());
    run(&world, &["revoke", &pending, "-f"]).exits(8);
    let sent = |jti: &str| {
        let requests = world.plane.requests().into_iter();
        requests.filter(|r| r.method == "DELETE" && r.path.ends_with(jti)).count()
    };
    let before = sent(&pending);
    let output = run(&world, &["revoke", &a, &b, "jti_0", "-f"]);
    output.exits(8);
    assert_eq!(output.stderr.matches("Warning: ").count(), 1, "{output}");
    assert_eq!([&pending, &a, &b, "jti_0"].map(sent), [2 * before, before, before, before]);
    world.plane.clear_faults();
    run(&world, &["revoke", "--pending"]).exits(0);
    world.assert_one_live_token(&prod);
}

/// Where nobody answers, the later ones are not tried, and nothing is pending about them.
#[test]
fn a_server_that_is_down_is_not_asked_for_each() {
    let (world, _) = World::ready();
    let jtis: Vec<String> = (0..6).map(|n| format!("jti_{n}")).collect();
    let words: Vec<&str> =
        ["token", "revoke", "-f"].into_iter().chain(jtis.iter().map(String::as_str)).collect();
    let output = world.ntcli(&words).env("NTCLI_API_URL", "http://127.0.0.1:1").run();
    output
        .exits(5)
        .says("Error: 6 of 6 tokens could not be revoked\n")
        .says("Hint: ntcli health\n");
    assert_eq!(
        output.stderr.matches("not tried, after 3 failures in a row").count(),
        3,
        "{output}"
    );
    assert!(!world.has_pending_work());
}

#[test]
fn several_are_forgotten() {
    let (world, _, [a, b]) = with_two();
    let broken = || Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken());
    world.plane.fault(Route::TokenList, Times::Always, broken());
    run(&world, &["revoke", &a, &b, "-f"]).exits(8);
    let forgotten =
        |jti: &str| format!("Token {jti} is forgotten. It may be live: nothing was sent.\n");
    run(&world, &["revoke", &a, &b, "--forget"]).exits(0).prints(&(forgotten(&a) + &forgotten(&b)));
    assert!(!world.has_pending_work());
    world.plane.clear_faults();
}

/// A kill leaves each of them as it was, revoked, or pending; the same command ends the work.
#[test]
fn a_kill_between_them_loses_nothing() {
    let set_up = || {
        let (world, prod, two) = with_two();
        (world, (prod, two))
    };
    let words =
        |(_, [a, b]): &(Workspace, [String; 2])| kill::words(&["token", "revoke", a, b, "--force"]);
    kill::at_every_call(set_up, words, strace::Call::changes_something, |world, (prod, [a, b])| {
        world.assert_current_is_live(prod);
        run(world, &["revoke", "--pending"]).exits(0);
        let live = world.plane.live_tokens(&prod.id);
        let again = run(world, &["revoke", a, b, "--force"]);
        assert_eq!(again.code() == Some(0), live.len() == 3, "{again}");
        world.assert_one_live_token(prod);
        world.assert_settled();
    });
}
