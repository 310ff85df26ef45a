//! Every hint does good when it is pasted: it is about the workspace that was meant, which is not the
//! active one here, and makes or revokes nothing that was not asked for.

mod of_tokens;
mod others;

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times, TokenAuth};
use crate::harness::hints::{Does, HINTS, fits, shape};
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, Workspace, World};

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

fn cases() -> Vec<&'static Case> {
    of_tokens::OF_TOKENS.iter().chain(others::OTHERS).collect()
}

/// The failing states that the table has: who makes it smaller says why.
const AT_LEAST: usize = 45;

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
    let cases = cases();
    assert!(cases.len() >= AT_LEAST, "{}", cases.len());
    for_each(8, &cases, |case| {
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
        assert!(cases().iter().any(|case| fits(bare, &shape(case.hint))), "{pattern}");
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
    world.refresh(&[]).exits(0).says(&format!("or keep them: {all}\n"));
    world.ntcli(&["token", "revoke", "--pending", "--forget"]).run().exits(0);
    world.refresh(&[]).exits(0).says_only("");
}
