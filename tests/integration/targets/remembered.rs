//! Targets are used by every refresh, whoever runs it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{add, assert_all_hold_current, mcp, read, ready};
use crate::harness::world::World;

#[test]
fn every_refresh_delivers_to_them() {
    let (world, prod) = ready();
    for args in [&[][..], &["prod"], &["--all"], &["--token-file", "token"], &["--print"]] {
        let args = [&["token", "refresh"], args].concat();
        let run = world.ntcli(&args);
        let run = if args.contains(&"--print") { run.prints_secrets() } else { run };
        run.run().exits(0);
        assert_all_hold_current(&world, &prod);
        world.assert_one_live_token(&prod);
    }
    // What the flags name too was not delivered twice: the command ran once for each refresh.
    assert_eq!(read(&world, "log").lines().count(), 5);
    world.ntcli(&["target", "check"]).run().exits(0);
    world.assert_private();
    world.assert_settled();
}

/// What a refresh is given is a target from then on: said once, and delivered to although nothing is due.
#[test]
fn what_a_refresh_is_given_is_remembered() {
    let (world, prod) = World::ready();
    let command = "echo \"$NTCLI_NEW_JTI\" >> \"$HERE/log\"";
    let given = ["--token-file", "token", "--exec", command];
    let not_due = [&["--if-expires-within", "1d"], &given[..]].concat();
    let says = "Target 2 is remembered: every refresh of 'prod' delivers to it";
    world.refresh(&not_due).exits(0).says(says);
    world.assert_nothing_sent();
    let jti = |world: &World| world.item(&prod)["jti"].as_str().unwrap().to_owned();
    assert_eq!(read(&world, "log").trim(), jti(&world));
    assert_eq!(read(&world, "token").trim(), world.current(&prod));
    world.refresh(&not_due).exits(0).does_not_say("is remembered");
    assert_eq!(read(&world, "log").lines().count(), 1);
    world.refresh(&[]).exits(0);
    assert_eq!(read(&world, "log").lines().last(), Some(&*jti(&world)));
    assert_eq!(read(&world, "token").trim(), world.current(&prod));
    // What cannot be served is refused, and not remembered.
    let before = read_targets(&world);
    for bad in [["--exec", "no-such-command"], ["--exec", "syntax ("], ["--token-file", "no/such"]]
    {
        world.refresh(&bad).exits(2).does_not_say("is remembered");
    }
    assert_eq!(read_targets(&world), before);
    world.assert_one_live_token(&prod);
    world.assert_settled();
}

#[test]
fn drift_is_found_and_repaired() {
    let (world, prod) = ready();
    fs::write(world.outside("token"), "\n").unwrap();
    fs::remove_file(world.outside("app.env")).unwrap();
    let output = world.ntcli(&["target", "check", "--format", "json"]).run();
    let json = output.exits(1).json();
    let state = |n: usize| json["targets"][n]["state"].as_str().unwrap().to_owned();
    assert_eq!([0, 1, 2, 3].map(state), ["drifted", "unreadable", "current", "unknown"]);
    assert_eq!(json["error"]["code"], "drift");
    world.ntcli(&["target", "deliver", "1"]).run().exits(0);
    world.ntcli(&["target", "deliver", "2"]).run().exits(0);
    world.ntcli(&["target", "check"]).run().exits(0);
    assert_all_hold_current(&world, &prod);
    world.assert_nothing_sent();
}

#[test]
fn without_targets_every_command_names_the_one_that_adds_one() {
    let (world, _) = World::ready();
    for command in ["list", "check", "deliver"] {
        let output = world.ntcli(&["target", command]).run();
        output.exits(0).prints("").says_only("There are no targets yet: ntcli target add --help\n");
    }
}

#[test]
fn an_id_is_given_once() {
    let (world, _) = World::ready();
    add(&world, &["--file", "a"])
        .exits(0)
        .prints("Target 1: every refresh of 'prod' writes the token to a.\n");
    add(&world, &["--file", "./a"]).exits(0);
    add(&world, &["--file", "b"]).exits(0);
    world.ntcli(&["target", "remove", "2"]).run().exits(0);
    world.ntcli(&["target", "remove", "2"]).run().exits(1).says("There is no target 2");
    add(&world, &["--file", "c"]).exits(0);
    let json = world.ntcli(&["target", "list", "--format", "json"]).run().json();
    let ids: Vec<_> = json["targets"].as_array().unwrap().iter().map(|t| t["id"].clone()).collect();
    assert_eq!(ids, [1, 3]);
}

fn read_targets(world: &World) -> String {
    fs::read_to_string(world.path("targets.json")).unwrap()
}

#[test]
fn what_cannot_be_read_stops_everything() {
    let (world, _) = ready();
    let twice = read_targets(&world).replace("\"id\": 2", "\"id\": 1");
    for text in [
        "",
        "{}",
        "{\"version\": 0, \"targets\": []}",
        "{\"version\": 2, \"targets\": []}",
        "{\"version\": 1}",
        "{\"version\": 1, \"targets\": {}}",
        "{\"version\": 1, \"targets\": [{}]}",
        &twice,
    ] {
        world.write("targets.json", text.as_bytes());
        world.refresh(&[]).exits(2).says("targets.json");
        world.ntcli(&["target", "list"]).run().exits(2);
        add(&world, &["--file", "x"]).exits(2);
    }
    world.assert_nothing_sent();
}

#[test]
fn what_cannot_be_a_target() {
    let (world, prod) = World::ready();
    world.add_workspace("staging");
    let token = &prod.token.access_token;
    fs::write(world.outside("neither"), "{}").unwrap();
    fs::write(world.outside("binary"), format!("\0{token}")).unwrap();
    fs::write(world.outside("large"), format!("{token}\n{}", "x".repeat(16 << 20))).unwrap();
    fs::write(world.outside("longer"), format!("{token}x")).unwrap();
    fs::write(world.outside("beside"), format!("{token} -p{token}")).unwrap();
    fs::write(world.outside("first link"), token).unwrap();
    fs::hard_link(world.outside("first link"), world.outside("link")).unwrap();
    for name in ["neither", "binary", "large", "longer", "beside", "missing", "link"] {
        add(&world, &["--replace", name]).exits(2).says("The target was not added");
        let flag = format!("replace:{name}");
        world.refresh(&["--token-file", &flag]).exits(2);
    }
    fs::write(world.outside("first env"), "A=1\n").unwrap();
    fs::hard_link(world.outside("first env"), world.outside("env.link")).unwrap();
    for form in [["--file", "link"], ["--env", "A=env.link"]] {
        let path = world.outside(form[1].trim_start_matches("A="));
        let hint = format!("Hint: ls -l {}\n", path.display());
        add(&world, &form).exits(2).says("hard links").says(&hint);
    }
    add(&world, &["--exec", "no-such-command x"]).exits(2).says("no-such-command");
    add(&world, &["--exec", "syntax ("]).exits(2);
    add(&world, &["--file", "config/config.json"]).exits(2);
    add(&world, &["--file", "one"]).exits(0);
    add(&world, &["staging", "--file", "one"]).exits(2).says("two targets");
    add(&world, &["staging", "--env", "A=env"]).exits(0);
    add(&world, &["--env", "B=env"]).exits(0);
    world.assert_nothing_sent();
    // One workspace's broken target leaves the others alone.
    fs::remove_file(world.outside("env")).ok();
    fs::create_dir(world.outside("env")).unwrap();
    add(&world, &["staging", "--file", "two"]).exits(0);
    world.refresh(&[]).exits(9).says("target 3").says("ntcli target remove 3");
    assert_eq!(read(&world, "one").trim(), world.current(&prod));
    assert!(world.plane.is_live(&prod.token.access_token));
}

/// What one workspace remembers, no run for another one overwrites.
#[test]
fn a_file_of_another_workspace() {
    let (world, prod) = ready();
    let staging = world.add_workspace("staging");
    for flag in ["token", "env:A=token", "env:TOKEN=app.env"] {
        let output = world.refresh(&["-w", "staging", "--token-file", flag]);
        output.exits(2).says("two targets would write to this file");
    }
    assert_all_hold_current(&world, &prod);
    world.assert_nothing_sent();
    world.refresh(&["-w", "staging", "--token-file", "env:OTHER=app.env"]).exits(0);
    world.assert_one_live_token(&staging);
}

#[test]
fn what_all_users_can_read() {
    let (world, _) = World::ready();
    fs::write(world.outside("app.env"), "").unwrap();
    fs::set_permissions(world.outside("app.env"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = add(&world, &["--env", "A=app.env"]);
    output.exits(0).says("Every user of this machine can read the file: chmod o= app.env");
    add(&world, &["--file", "new"]).exits(0).does_not_say("can read");
}

#[test]
fn what_is_no_target() {
    let (world, _) = ready();
    for (args, said) in [
        (["--file", ""], "--file is empty"),
        (["--env", "X"], "--env takes NAME=PATH"),
        (["--env", "X Y=/p"], "--env takes NAME=PATH; NAME is made of"),
        (["--replace", "/dev/null"], "--replace takes a PATH, not a device"),
        (["--exec", " "], "--exec takes a command"),
    ] {
        add(&world, &args).exits(2).says(said);
    }
    let text = read_targets(&world).replace("exec:", "exec:\",\"command\":\"");
    world.write("targets.json", text.as_bytes());
    world.refresh(&[]).exits(2).says("target 4: ").says("ntcli target remove 4");
    world.ntcli(&["target", "list"]).run().exits(0);
    world.ntcli(&["target", "check"]).run().exits(1);
    world.ntcli(&["target", "remove", "4"]).run().exits(0);
    world.refresh(&[]).exits(0);
}

#[test]
fn a_reset_forgets_them() {
    let (world, _) = ready();
    world.ntcli(&["config", "reset", "--force"]).run().exits(0);
    world.ntcli(&["target", "list"]).run().exits(0).says("There are no targets");
}

#[test]
fn a_broken_target_concerns_its_own_workspace_only() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    fs::create_dir(world.outside("dir")).unwrap();
    add(&world, &["staging", "--file", "dir/token"]).exits(0);
    fs::remove_dir(world.outside("dir")).unwrap();
    let output = world.refresh(&["--all"]);
    output.exits(9).says("target 1");
    assert!(output.stdout.contains("prod: refreshed"), "{output}");
    world.assert_one_live_token(&prod);
    assert_ne!(world.current(&staging), staging.token.access_token);
    assert!(world.plane.is_live(&staging.token.access_token));
}

#[test]
fn the_token_alone_is_replaced() {
    let (world, prod) = World::ready();
    let token = &prod.token.access_token;
    let texts = [mcp("T"), "a: T\r\nb: 'T'".into(), "machine x login y password T\n".into()];
    for (n, text) in texts.iter().enumerate() {
        let name = format!("file{n}");
        fs::write(world.outside(&name), text.replace('T', token)).unwrap();
        add(&world, &["--replace", &name]).exits(0);
    }
    world.refresh(&[]).exits(0);
    for (n, text) in texts.iter().enumerate() {
        assert_eq!(read(&world, &format!("file{n}")), text.replace('T', &world.current(&prod)));
    }
}

#[test]
fn a_workspace_that_is_gone_keeps_no_other_from_its_delivery() {
    let (world, prod) = ready();
    world.add_workspace("staging");
    add(&world, &["staging", "--file", "other"]).exits(0);
    add(&world, &["prod", "--file", "last"]).exits(0);
    let mut config = world.config();
    let items = config["workspaces"]["items"].as_object_mut().unwrap();
    items.retain(|key, _| *key == prod.key);
    world.write_config(&config);
    world.ntcli(&["target", "deliver"]).run().exits(9).says("target 5: the workspace has no token");
    assert_eq!(read(&world, "last").trim(), world.current(&prod));
    world.ntcli(&["target", "check"]).run().exits(1);
    world.ntcli(&["target", "remove", "5"]).run().exits(0);
    world.ntcli(&["target", "check"]).run().exits(0);
}

#[test]
fn they_go_with_their_workspace() {
    let (world, _) = ready();
    world.ntcli(&["workspace", "delete", "prod", "--force"]).run().exits(0);
    let json = world.ntcli(&["target", "list", "--format", "json"]).run().json();
    assert_eq!(json["targets"].as_array().unwrap().len(), 0);
}
