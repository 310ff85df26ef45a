//! Every hint does good when it is pasted: it is about the workspace that was meant, which is not the
//! active one here, and makes or revokes nothing that was not asked for.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times, TokenAuth};
use crate::harness::hints::{Does, HINTS, fits, shape};
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, Workspace, World};
use crate::workspaces::manage::delete_elsewhere;

/// What a hint may do to the tokens of the workspace that is meant. Those of the other never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Look, here or at the server; the state was good, or the hint shows what to choose from.
    Show,
    /// Change something else, so that the error is another one.
    Fix,
    Make,
    Revoke,
    Replace,
    /// Revoke all that there is, since that was asked for.
    Everything,
}

#[derive(Debug)]
struct Case {
    name: &'static str,
    /// What goes wrong, and the command that meets it.
    fails: fn(&World, &Workspace) -> Vec<String>,
    /// What the user fixes where the hint asks for it; the faults of the server end in any case.
    fix: fn(&World),
    hint: &'static str,
    may: May,
}

const fn case(
    name: &'static str,
    fails: fn(&World, &Workspace) -> Vec<String>,
    hint: &'static str,
    may: May,
) -> Case {
    Case { name, fails, fix: |_| {}, hint, may }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn without_token(world: &World, workspace: &Workspace) {
    let item = format!("/workspaces/items/{}", workspace.key);
    for field in ["access_token", "jti", "expires_at"] {
        world.set_config(&format!("{item}/{field}"), Value::Null);
    }
    world.plane.revoke_token(&workspace.id, &workspace.token.jti);
}

fn expired(world: &World, workspace: &Workspace) {
    let item = format!("/workspaces/items/{}", workspace.key);
    let token = world.plane.issue_token(&workspace.id, Some(1));
    world.set_config(&format!("{item}/access_token"), json!(token.access_token));
    world.set_config(&format!("{item}/jti"), json!(token.jti));
    world.set_config(&format!("{item}/expires_at"), Value::Null);
    std::thread::sleep(std::time::Duration::from_millis(2_100));
}

fn lose_an_answer(world: &World) {
    world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
}

fn refuse_to_revoke(world: &World) {
    let fault = Fault::Status(500, r#"{"detail":"no"}"#.to_owned(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, fault);
}

fn target(world: &World, args: &[&str]) {
    let words = [&["target", "add", "--later", "-w", "staging"], args].concat();
    world.ntcli(&words).run().exits(0);
}

/// A target that the next token cannot reach, until it is made [`deliverable`].
fn undeliverable(world: &World) {
    let (there, first) = (world.outside("there"), world.outside("first"));
    let command = format!("test -e {} || ! test -e {}", there.display(), first.display());
    target(world, &["--exec", &command]);
    std::fs::write(first, "").unwrap();
}

fn deliverable(world: &World) {
    std::fs::write(world.outside("there"), "").unwrap();
}

/// JTI, ID and TOKEN stand for those of the workspace that is meant.
const CASES: &[Case] = &[
    case(
        "nothing to refresh",
        |world, staging| {
            without_token(world, staging);
            words("token refresh staging")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "nothing to show",
        |world, staging| {
            without_token(world, staging);
            words("token show staging")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "nothing to print",
        |world, staging| {
            without_token(world, staging);
            words("token print staging")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "nothing to use",
        |world, staging| {
            without_token(world, staging);
            words("token exec -w staging -- true")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "nothing to judge",
        |world, staging| {
            without_token(world, staging);
            words("token needs-refresh -w staging")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "expired, printed",
        |world, staging| {
            expired(world, staging);
            words("token print staging")
        },
        "ntcli token refresh -w staging",
        May::Make,
    ),
    case(
        "expired, used",
        |world, staging| {
            expired(world, staging);
            words("token exec -w staging -- true")
        },
        "ntcli token refresh -w staging",
        May::Make,
    ),
    case(
        "denied by the server",
        |world, staging| {
            world.plane.revoke_token(&staging.id, &staging.token.jti);
            words("token show staging --check")
        },
        "ntcli token refresh -w staging",
        May::Make,
    ),
    case(
        "the lifetime of a refresh",
        |_, _| words("token refresh staging --expires-in x"),
        "ntcli token refresh --expires-in 31536000 -w staging",
        May::Replace,
    ),
    case(
        "the lifetime of a token to hand out",
        |_, _| words("token create staging --expires-in x"),
        "ntcli token create --expires-in 31536000 -w staging",
        May::Make,
    ),
    case(
        "a lost refresh",
        |world, _| {
            lose_an_answer(world);
            words("token refresh staging")
        },
        "ntcli token refresh --revoke-orphans -w staging",
        May::Replace,
    ),
    case(
        "a lost token that was to be handed out",
        |world, _| {
            lose_an_answer(world);
            words("token create staging")
        },
        "ntcli token list -w staging",
        May::Show,
    ),
    case(
        "the new token is not accepted yet",
        |world, _| {
            world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(usize::MAX));
            words("token refresh staging")
        },
        "ntcli renew staging",
        May::Revoke,
    ),
    case(
        "the new token lacks a right",
        |world, staging| {
            let scope = format!("/workspaces/items/{}/scope", staging.key);
            world.set_config(&scope, json!(["workspace:admin"]));
            world.plane.configure(|o| o.drops_scope = true);
            words("token refresh staging")
        },
        "ntcli token refresh staging --if-expires-within 1 --accept-scope",
        May::Revoke,
    ),
    case(
        "the old token is live",
        |world, _| {
            refuse_to_revoke(world);
            words("token refresh staging")
        },
        "ntcli token revoke --pending",
        May::Revoke,
    ),
    case(
        "a revocation that cannot be proven",
        |world, _| {
            let fault = Fault::CloseBefore;
            world.plane.fault(Route::TokenRevoke, Times::Always, fault);
            words("token revoke JTI -w staging --force")
        },
        "ntcli token revoke --pending",
        May::Revoke,
    ),
    case(
        "no such token",
        |_, _| words("token revoke jti_nope -w staging --force"),
        "ntcli token list -w staging",
        May::Show,
    ),
    case(
        "a token for its id",
        |_, _| words("token revoke TOKEN -w staging --force"),
        "ntcli token revoke JTI -w staging",
        May::Revoke,
    ),
    case(
        "no way back",
        |_, _| words("token rollback staging"),
        "ntcli token list -w staging",
        May::Show,
    ),
    case(
        "not asked",
        |_, _| words("token revoke JTI -w staging"),
        "ntcli token revoke JTI -w ID --force",
        May::Revoke,
    ),
    case(
        "on the server only",
        |world, _| {
            world.plane.add_workspace("remote");
            words("token refresh remote")
        },
        "ntcli workspace select remote",
        May::Fix,
    ),
    case(
        "a slip of the name",
        |_, _| words("token refresh stagin"),
        "ntcli workspace list",
        May::Show,
    ),
    case(
        "two of a name",
        |world, _| {
            world.add_workspace("staging");
            words("token refresh staging")
        },
        "ntcli workspace list",
        May::Show,
    ),
    case(
        "a workspace that exists",
        |_, _| words("workspace create staging"),
        "ntcli workspace select staging",
        May::Show,
    ),
    case("no such target", |_, _| words("target remove 9"), "ntcli target list", May::Show),
    case(
        "a file that lost the token",
        |world, _| {
            target(world, &["--file", "token"]);
            world.ntcli(&["target", "deliver"]).run().exits(0);
            std::fs::remove_file(world.outside("token")).unwrap();
            words("target check")
        },
        "ntcli target deliver",
        May::Fix,
    ),
    Case {
        name: "not delivered",
        fails: |world, _| {
            undeliverable(world);
            words("token refresh staging")
        },
        fix: deliverable,
        hint: "ntcli renew staging",
        may: May::Revoke,
    },
    Case {
        name: "a delivery that is left to the next run",
        fails: |world, _| {
            undeliverable(world);
            world.ntcli(&["token", "refresh", "staging"]).run().exits(9);
            words("token revoke --pending")
        },
        fix: deliverable,
        hint: "ntcli renew staging",
        may: May::Revoke,
    },
    Case {
        name: "one workspace of several",
        fails: |world, _| {
            undeliverable(world);
            words("token refresh --all")
        },
        fix: deliverable,
        hint: "ntcli renew staging",
        may: May::Revoke,
    },
    case(
        "revocations that are left",
        |world, _| {
            refuse_to_revoke(world);
            world.ntcli(&["token", "refresh", "staging"]).run().exits(8);
            words("token revoke --pending")
        },
        "ntcli token revoke --pending",
        May::Revoke,
    ),
    case(
        "work of an earlier run",
        |world, _| {
            refuse_to_revoke(world);
            world.ntcli(&["token", "refresh", "staging"]).run().exits(8);
            words("token refresh staging --if-expires-within 1")
        },
        "ntcli token revoke --pending",
        May::Revoke,
    ),
    case(
        "a token that cannot be revoked before a logout",
        |world, staging| {
            let fault = Fault::Status(500, r#"{"detail":"no"}"#.to_owned(), Vec::new());
            world.plane.fault_in(&staging.id, Route::TokenRevoke, Times::Always, fault);
            words("auth logout --all --force")
        },
        "ntcli auth logout --all",
        May::Revoke,
    ),
    Case {
        name: "a full disk",
        fails: |world, _| {
            world.set_config("/padding", json!("x".repeat(200_000)));
            words("token refresh staging")
        },
        fix: |world| world.set_config("/padding", Value::Null),
        hint: "ntcli token refresh -w staging",
        may: May::Replace,
    },
    case(
        "no session here",
        |world, _| {
            world.set_config("/auth", Value::Null);
            words("token refresh staging")
        },
        "ntcli auth login",
        May::Show,
    ),
    case(
        "the server is down",
        |world, _| {
            let fault = Fault::Status(503, String::new(), Vec::new());
            world.plane.fault(Route::TokenList, Times::Always, fault);
            words("token list staging")
        },
        "ntcli health",
        May::Fix,
    ),
    case(
        "an unreadable config file",
        |world, _| {
            world.write("config.json", b"{");
            words("token refresh staging")
        },
        "mv DIR/config.json DIR/config.json.damaged",
        May::Fix,
    ),
    case("a variable", |_, _| words("token list staging"), "ntcli help environment", May::Show),
    Case {
        name: "a target that did not get the token",
        fails: |world, _| {
            undeliverable(world);
            words("target deliver 1")
        },
        fix: deliverable,
        hint: "ntcli target deliver 1",
        may: May::Fix,
    },
    case(
        "a target whose folder is missing",
        |world, _| {
            words(&format!("target add staging --file {}/new/token", world.outside("no").display()))
        },
        "mkdir -p NO/new",
        May::Fix,
    ),
    Case {
        name: "a full disk, and a token to hand out",
        fails: |world, _| {
            world.set_config("/padding", json!("x".repeat(200_000)));
            words("token create staging --save")
        },
        fix: |world| world.set_config("/padding", Value::Null),
        hint: "ntcli token create --save -w staging",
        may: May::Make,
    },
    case(
        "a workspace that is gone",
        |world, staging| {
            delete_elsewhere(world, &staging.id);
            words("renew staging")
        },
        "ntcli workspace sync",
        May::Fix,
    ),
    case(
        "a workspace to delete",
        |_, _| words("workspace delete staging"),
        "ntcli workspace delete staging --force",
        May::Revoke,
    ),
    case(
        "tokens to revoke and to forget",
        |_, _| words("auth logout --all"),
        "ntcli auth logout --all --force",
        May::Everything,
    ),
    case(
        "everything to forget",
        |_, _| words("config reset"),
        "ntcli config reset --force",
        May::Fix,
    ),
    case(
        "a target that this version cannot use",
        |world, _| {
            target(world, &["--exec", "true"]);
            let text = std::fs::read_to_string(world.path("targets.json")).unwrap();
            let useless = text.replace("exec:true", "exec:\",\"command\":\"true");
            world.write("targets.json", useless.as_bytes());
            words("token refresh staging")
        },
        "ntcli target remove 1",
        May::Fix,
    ),
];

/// The failing states that the table has: who makes it smaller says why.
const AT_LEAST: usize = 44;

/// The command in a hint, which may stand after what to fix first.
fn command(output: &Output) -> &str {
    let hint = output.stderr.lines().find_map(|line| line.strip_prefix("Hint: "));
    let hint = hint.unwrap_or_else(|| panic!("no hint: {output}"));
    hint.rsplit_once(": ").map_or(hint, |(_, command)| command)
}

/// The error without ids and times, which differ between runs.
fn message(output: &Output) -> String {
    let error = output.stderr.lines().find(|line| line.starts_with("Error: "));
    error.unwrap_or_default().to_owned()
}

#[test]
fn every_hint_does_good() {
    assert!(CASES.len() >= AT_LEAST, "{}", CASES.len());
    for_each(8, CASES, |case| {
        let (world, prod) = World::ready();
        let staging = world.add_workspace("staging");
        symlink(&world.program, world.outside("ntcli")).unwrap();
        let words = (case.fails)(&world, &staging);
        let given = |word: &String| match &**word {
            "JTI" => staging.token.jti.clone(),
            "TOKEN" => staging.token.access_token.clone(),
            _ => word.clone(),
        };
        let words: Vec<String> = words.iter().map(given).collect();
        let run = |world: &World| {
            let run = world.ntcli(&words).prints_secrets();
            let run = match case.name {
                "a variable" => run.env("NTCLI_TIMEOUT", "x"),
                name if name.starts_with("a full disk") => {
                    run.under(&["sh", "-c", "ulimit -f 100; exec \"$@\"", "sh"])
                }
                _ => run,
            };
            run.run()
        };
        let failed = run(&world);
        assert_ne!(failed.code(), Some(0), "{}: {failed}", case.name);
        let live = |workspace: &Workspace| world.plane.live_tokens(&workspace.id);
        let (others, before) = (live(&prod), live(&staging));
        let hint = case.hint.replace("JTI", &staging.token.jti);
        let hint = hint.replace("DIR", world.dir.to_str().unwrap()).replace("ID", &staging.id);
        let hint = hint.replace("NO", world.outside("no").to_str().unwrap());
        assert_eq!(command(&failed), hint, "{}: {failed}", case.name);

        world.plane.clear_faults();
        world.plane.configure(|o| o.token_auth = TokenAuth::Normal);
        (case.fix)(&world);
        if hint == "ntcli auth login" {
            return; // a person does that, in a browser
        }
        // A person is asked; here nobody answers, so what the question names is what was meant.
        let asks = ["token revoke jti_", "logout --all"].iter().any(|word| hint.contains(word));
        let agreed =
            if asks && !hint.ends_with("--force") { format!("{hint} --force") } else { hint };
        let pasted = world.ntcli(&[""; 0]).under(&["/bin/sh", "-c", &agreed]);
        let pasted = pasted.prints_secrets().run();
        pasted.exits(0);

        let scene = format!("{}: {failed}{pasted}", case.name);
        if case.may == May::Everything {
            assert_eq!((live(&prod), live(&staging)), (Vec::new(), Vec::new()), "{scene}");
            return;
        }
        assert_eq!(live(&prod), others, "the other workspace: {scene}");
        let after = live(&staging);
        let made = after.iter().filter(|jti| !before.contains(jti)).count();
        let revoked = before.iter().filter(|jti| !after.contains(jti)).count();
        match case.may {
            May::Show | May::Fix => assert_eq!((made, revoked), (0, 0), "{scene}"),
            May::Make => assert_eq!((made, revoked), (1, 0), "{scene}"),
            May::Revoke => assert_eq!((made, revoked), (0, 1), "{scene}"),
            May::Everything => unreachable!("looked at above"),
            May::Replace => assert!(made == 1 && revoked >= 1 && after.len() <= 2, "{scene}"),
        }
        // A line that was mistyped stays so.
        let slip = words.iter().any(|word| word == "x" || *word == staging.token.access_token);
        if case.may != May::Show && !slip {
            let again = run(&world);
            let better = again.code() == Some(0) || message(&again) != message(&failed);
            assert!(better, "{scene}{again}");
        }
    });
}

/// A new hint that changes something needs a state in which it is pasted.
#[test]
fn every_hint_that_acts_has_a_state() {
    for (pattern, _) in HINTS.iter().filter(|(_, does)| *does == Does::Act) {
        let bare = pattern.rsplit_once(": ").map_or(*pattern, |(_, command)| command);
        let pasted = |case: &&Case| fits(bare, &shape(case.hint));
        assert!(CASES.iter().any(|case| pasted(&case)), "{pattern}");
    }
}

#[test]
fn a_hint_that_looks_changes_nothing() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    symlink(&world.program, world.outside("ntcli")).unwrap();
    let state = || {
        let live = [&prod, &staging].map(|workspace| world.plane.live_tokens(&workspace.id));
        (live, world.files(), world.config())
    };
    let before = state();
    for (pattern, _) in HINTS.iter().filter(|(_, does)| *does == Does::Look) {
        let example = match *pattern {
            "ntcli * --help" => "token",
            "ntcli help *" => "environment",
            "ntcli token show *" => "--show-token",
            "ntcli token list *" => "staging",
            _ => ".",
        };
        let line = pattern.replace('*', example).replace(", then the same command again", "");
        let pasted = world.ntcli(&[""; 0]).under(&["/bin/sh", "-c", &line]).prints_secrets().run();
        // What doctor finds to say of this machine is another matter.
        assert!(pasted.code() == Some(0) || line == "ntcli doctor", "{pasted}");
        assert_eq!(state(), before, "{line}");
    }
}

/// Whoever runs it as another user sees where it looked, and how to say where.
#[test]
fn the_folder_is_named() {
    let world = World::new();
    for (args, said) in [
        (&["token", "refresh"][..], "Authentication required"),
        (&["token", "show"], "No workspace selected"),
        (&["token", "show", "prod"], "No workspace 'prod' is known here"),
    ] {
        let output = world.ntcli(args).run();
        let folder = format!("looked in {}, which does not exist\n", world.dir.display());
        output.says(said).says(&folder);
    }
    let missing = format!("{} does not exist\n", world.dir.display());
    world.ntcli(&["token", "history"]).run().exits(0).says(&missing);
    world.ntcli(&["target", "list"]).run().exits(0).says(&missing);
}

/// A user without a home folder, as the packaged one, is told of the variable and of nothing else.
#[test]
fn a_home_that_is_of_no_use() {
    let world = World::new();
    let hint = "Hint: export NTCLI_CONFIG_DIR=/var/lib/ntcli\n";
    for args in [&["token", "show"][..], &["token", "refresh"], &["workspace", "select", "x"]] {
        let run = world.ntcli(args).without_env("NTCLI_CONFIG_DIR");
        run.env("HOME", "/proc/version/home").run().exits(2).says(hint);
    }
}

/// An editor is for what this user can edit.
#[test]
fn an_editor_is_for_text() {
    let (world, _) = World::ready();
    let file = world.outside("app.conf");
    for (contents, hint) in
        [(&b"key = none\n"[..], "${EDITOR:-vi}"), (b"\x1f\x8b\x00\x00", "ls -ld")]
    {
        std::fs::write(&file, contents).unwrap();
        let add = world.ntcli(&["target", "add", "--replace", file.to_str().unwrap()]).run();
        add.exits(2).says(&format!("Hint: {hint} {}\n", file.display()));
    }
}

/// Where several tokens were lost, one command ends all warnings.
#[test]
fn one_way_out_of_many_lost_tokens() {
    let (world, _) = World::ready();
    for _ in 0..2 {
        world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
        world.ntcli(&["token", "create"]).run().exits(10);
    }
    let all = "ntcli token revoke --pending --forget";
    world.refresh(&[]).exits(0).says(&format!("end these warnings: {all}\n"));
    world.ntcli(&["token", "revoke", "--pending", "--forget"]).run().exits(0);
    world.refresh(&[]).exits(0).says_only("");
}
