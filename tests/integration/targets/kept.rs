//! No delivery destroys what a file holds besides the token.

use std::fs;
use std::path::Path;

use super::{add, add_now, read};
use crate::harness::world::World;

/// Files that a person could name by mistake.
const NO_TOKENS: [&str; 9] = [
    "DB_PASSWORD=secret\nAPI_TOKEN=x\n",
    "API_TOKEN=x",
    "API_TOKEN=\n",
    "{\"token\": \"x\"}\n",
    "two words\n",
    "one\ntwo\n",
    "/run/secrets/token\n",
    "\"quoted\"\n",
    "\0\u{1}\n",
];

#[test]
fn a_file_that_holds_more_than_a_token() {
    let (world, _) = World::ready();
    for text in NO_TOKENS {
        fs::write(world.outside("app"), text).unwrap();
        add(&world, &["--file", "app"]).exits(2).says("which would be lost").says("--overwrite");
        let flag = world.refresh(&["--token-file", "app"]);
        flag.exits(2).says("which would be lost");
        assert_eq!(read(&world, "app"), text);
    }
    world.assert_nothing_sent();
    let list = world.ntcli(&["target", "list", "--format", "json"]).run();
    assert_eq!(list.exits(0).json()["targets"], serde_json::json!([]));
}

/// That holds for every delivery, not only for the first.
#[test]
fn a_file_that_came_to_hold_more() {
    let (world, prod) = World::ready();
    add(&world, &["--file", "app"]).exits(0);
    world.refresh(&[]).exits(0);
    for text in NO_TOKENS {
        fs::write(world.outside("app"), text).unwrap();
        world.ntcli(&["target", "deliver"]).run().exits(9).says("which would be lost");
        assert_eq!(read(&world, "app"), text);
    }
    for text in ["eyJh.eyJq.c2ln\n", "wst_other"] {
        fs::write(world.outside("app"), text).unwrap();
        world.ntcli(&["target", "deliver"]).run().exits(9).says("--overwrite");
        assert_eq!(read(&world, "app"), text);
    }
    let current = format!("{}\r\n", world.current(&prod));
    for (text, end) in [(current.as_str(), "\r\n"), ("", "\n"), ("\r\n", "\r\n")] {
        fs::write(world.outside("app"), text).unwrap();
        world.ntcli(&["target", "deliver"]).run().exits(0);
        assert_eq!(read(&world, "app"), format!("{}{end}", world.current(&prod)));
    }
}

#[test]
fn what_may_be_overwritten_is_remembered_so() {
    let (world, prod) = World::ready();
    fs::write(world.outside("app"), "A=1\n").unwrap();
    add(&world, &["--file", "app", "--overwrite"]).exits(0);
    for _ in 0..2 {
        fs::write(world.outside("app"), "A=1\n").unwrap();
        world.refresh(&[]).exits(0);
        assert_eq!(read(&world, "app"), format!("{}\n", world.current(&prod)));
    }
    for wrong in [["--env", "A=app", "--overwrite"], ["--replace", "app", "--no-newline"]] {
        add(&world, &wrong).exits(2).says("needs --file");
    }
}

#[test]
fn the_newline_of_a_file_that_is_made() {
    let (world, prod) = World::ready();
    add(&world, &["--file", "without", "--no-newline"]).exits(0);
    let old = &prod.token.access_token;
    fs::write(world.outside("has-one"), format!("{old}\n")).unwrap();
    add(&world, &["--file", "has-one", "--no-newline"]).exits(0);
    fs::write(world.outside("has-none"), old).unwrap();
    add(&world, &["--file", "has-none"]).exits(0);
    for _ in 0..2 {
        world.refresh(&[]).exits(0);
        let token = world.current(&prod);
        assert_eq!(read(&world, "without"), token);
        assert_eq!(read(&world, "has-one"), format!("{token}\n"));
        assert_eq!(read(&world, "has-none"), token);
    }
    world.ntcli(&["target", "check"]).run().exits(0);
}

/// Files of MCP clients and of others: the token is replaced where it stands, or nothing is changed.
#[test]
fn files_of_other_programs() {
    const FILES: [(&str, &str); 30] = [
        ("claude.json", "{\"mcpServers\": {\"a\": {\"args\": [\"--token\", \"@\"]}}}"),
        ("vscode.json", "{ // servers\n  \"servers\": {\"a\": {\"env\": {\"T\": \"@\",},},},\n}\n"),
        (
            "zed.json",
            "/* zed */ {\"context_servers\": {\"a\": {\"settings\": {\"t\": \"@\"}}}}\r\n",
        ),
        ("continue.yaml", "mcpServers:\n  - name: a\n    env:\n      T: @ # ours\n"),
        ("codex.toml", "model = \"o3\"\n[mcp_servers.a]\nenv = { \"T\" = \"@\" }\n"),
        ("goose.yaml", "extensions:\n  a:\n    envs: {T: '@'}\n"),
        ("npmrc", "//registry.example/:_authToken=@\nsave=true\n"),
        ("netrc", "machine a login b password @\nmachine c login d password e\n"),
        ("pip.conf", "[global]\nindex-url = https://u:@@host/simple\n"),
        ("curlrc", "header = \"Authorization: Bearer @\"\n"),
        ("wgetrc", "header = Authorization: Bearer @\n"),
        ("app.service", "[Service]\nEnvironment=\"T=@\"\nExecStart=/bin/a\n"),
        ("compose.yaml", "services:\n  a:\n    environment:\n      - T=@\n"),
        ("app.ini", "; a\n[a]\ntoken = @\n"),
        ("app.properties", "a.token: @\n"),
        ("app.xml", "<a t=\"@\"><b>@</b></a>\n"),
        ("script.sh", "#!/bin/sh\nexport T='@'\nexec curl -H \"Authorization: Bearer $T\"\n"),
        ("script.py", "T = '''@'''\n"),
        ("nginx.conf", "proxy_set_header Authorization \"Bearer @\";\n"),
        ("haproxy.cfg", "http-request set-header Authorization 'Bearer @'\n"),
        ("prometheus.yml", "authorization:\n  credentials: \"@\"\n"),
        ("hosts.toml", "[host.\"https://a\".header]\nauthorization = [\"Bearer @\"]\n"),
        ("git-credentials", "https://u:@@host\n"),
        ("crontab", "T=@\n17 3 * * * a\n"),
        ("fish", "set -gx T @\n"),
        ("escaped.json", "{\"env\": \"A=1\\nT=@\\n\"}"),
        ("bom.json", "\u{feff}{\"t\": \"@\"}"),
        ("latin", "é @\n"),
        ("twice", "@ @\n@"),
        ("long", "x @\n"),
    ];
    let (world, prod) = World::ready();
    let first = &prod.token.access_token;
    for (name, text) in FILES {
        fs::write(
            world.outside(name),
            text.replace('@', first).replace(&format!("{first}{first}"), &format!("{first}@")),
        )
        .unwrap();
        add(&world, &["--replace", name]).exits(0);
        // None of them is taken for a file of the bare token.
        add(&world, &["--file", name]).exits(2);
    }
    let before: Vec<Vec<u8>> = FILES.iter().map(|(name, _)| bytes(&world.outside(name))).collect();
    for _ in 0..2 {
        world.refresh(&[]).exits(0);
        let token = world.current(&prod);
        for ((name, _), before) in FILES.iter().zip(&before) {
            let wanted = String::from_utf8(before.clone()).unwrap().replace(first, &token);
            assert_eq!(read(&world, name), wanted, "{name}");
        }
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn a_target_is_served_when_it_is_added() {
    let (world, prod) = World::ready();
    let token = &prod.token.access_token;
    add_now(&world, &["--file", "token"]).exits(0).says_only("").prints(
        "Target 1: every refresh of 'prod' writes the token to token.\n\
         Now in it, for root:root 0600: the token and a newline\n"
            .replace("root:root", &owner(&world.outside("token")))
            .as_str(),
    );
    assert_eq!(read(&world, "token"), format!("{token}\n"));
    fs::write(world.outside("app.env"), format!("B={token}\nexport A='x' # a\nC=secret\n"))
        .unwrap();
    let output = add_now(&world, &["--env", "A=app.env"]);
    output.exits(0).says("app.env: line 1 holds the token too, and no refresh changes it");
    assert!(output.stdout.contains(": line 2: export A='(the token)' # a\n"), "{}", output.stdout);
    assert!(!output.stdout.contains("secret"));
    let output = add_now(&world, &["--env", "NEW=app.env"]);
    output.exits(0).says("app.env: NEW is not there yet: it is added at the end");
    fs::write(world.outside("mcp.json"), super::mcp(token)).unwrap();
    let output = add_now(&world, &["--replace", "mcp.json"]);
    assert!(output.exits(0).stdout.contains(": the token in line 2, 3\n"), "{}", output.stdout);
    let log = format!("echo \"$NTCLI_NEW_JTI\" >> {}", world.outside("log").display());
    add_now(&world, &["--exec", &log]).exits(0);
    assert_eq!(read(&world, "log"), format!("{}\n", prod.token.jti));
    world.ntcli(&["target", "check"]).run().exits(0);
    world.assert_nothing_sent();
}

#[test]
fn what_cannot_be_served_is_not_remembered() {
    let (world, _) = World::ready();
    add_now(&world, &["--exec", "false"]).exits(2).says("The target was not added");
    add_now(&world, &["--file", "missing/token"]).exits(2).says("The target was not added");
    let list = world.ntcli(&["target", "list", "--format", "json"]).run();
    assert_eq!(list.exits(0).json()["targets"], serde_json::json!([]));
    add(&world, &["--exec", "false"]).exits(0).says("Nothing is delivered yet");
}

#[test]
fn several_ids() {
    let (world, prod) = World::ready();
    for name in ["a", "b", "c"] {
        add(&world, &["--file", name]).exits(0);
    }
    world.ntcli(&["target", "deliver", "3", "1"]).run().exits(0);
    assert_eq!(
        [read(&world, "a"), read(&world, "b"), read(&world, "c")].map(|t| t.len() > 1),
        [true, false, true]
    );
    world.ntcli(&["target", "check", "1", "3"]).run().exits(0);
    world.ntcli(&["target", "check", "1", "2"]).run().exits(1).says("from 1 of 2 targets");
    for command in ["deliver", "check"] {
        world.ntcli(&["target", command, "1", "4"]).run().exits(1).says("There is no target 4");
    }
    assert_eq!(read(&world, "a"), format!("{}\n", world.current(&prod)));
}

fn owner(path: &Path) -> String {
    let stat = std::process::Command::new("stat").args(["-c", "%U:%G"]).arg(path).output().unwrap();
    String::from_utf8(stat.stdout).unwrap().trim().to_owned()
}
