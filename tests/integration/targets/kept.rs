//! No delivery destroys what a file holds besides the token.

use std::fs;
use std::path::Path;

use super::{add, read};
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
    // What could be a token is one: its owner said that the file holds nothing else.
    for (text, end) in [("eyJh.eyJq.c2ln\n", "\n"), ("wst_other", ""), ("", "\n"), ("\r\n", "\r\n")]
    {
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
    fs::write(world.outside("has-one"), "old\n").unwrap();
    add(&world, &["--file", "has-one", "--no-newline"]).exits(0);
    fs::write(world.outside("has-none"), "old").unwrap();
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
