//! What the documentation and the examples of the existing client have people type.

use crate::harness::parallel::for_each;
use crate::harness::world::World;

/// Each line, and how it ends: with 0, or with another code and this hint.
const LINES: &[(&str, i32, &str)] = &[
    ("auth login", 0, ""),
    ("auth login --verbose", 0, ""),
    ("auth login -v", 0, ""),
    ("auth login -p 8080", 0, ""),
    ("auth login --port 8080", 0, ""),
    ("auth login -t 60000", 0, ""),
    ("auth login --timeout 60000 --verbose", 0, ""),
    ("auth login --force -t 1", 4, "ntcli auth login"),
    ("auth login -f --timeout 1", 4, "ntcli auth login"),
    ("auth signup -p 41300 -t 60000 -v", 0, ""),
    ("auth status", 0, ""),
    ("auth logout", 0, ""),
    ("workspace list", 0, ""),
    ("workspace ls", 0, ""),
    ("workspace list --verbose", 0, ""),
    ("workspace list --json", 0, ""),
    ("ws list -v", 0, ""),
    ("workspace create my-project", 0, ""),
    ("workspace create my-project --description Testing", 0, ""),
    ("ws create my-project -d Testing --verbose", 0, ""),
    ("workspace switch test-workspace", 0, ""),
    ("ws switch test-workspace", 0, ""),
    ("workspace use test-workspace -v", 0, ""),
    ("workspace select", 2, "ntcli workspace select <name>, and ntcli workspace list"),
    ("workspace clear", 0, ""),
    ("workspace unset --verbose", 0, ""),
    ("workspace sync", 0, ""),
    ("ws sync -v", 0, ""),
    ("workspace delete test-workspace --force", 2, "ntcli workspace list"),
    ("ws delete prod -f", 0, ""),
    ("ws rm prod -f -v", 0, ""),
    ("ws delete prod", 2, "ntcli workspace delete prod --force"),
    ("workspace debug", 2, "ntcli workspace --help"),
    ("ws debug --verbose", 2, "ntcli workspace --help"),
    ("token refresh", 0, ""),
    ("token refresh prod", 0, ""),
    ("token refresh test-workspace", 1, "ntcli workspace select test-workspace"),
    ("token refresh --workspace prod", 0, ""),
    ("token refresh -w prod --print", 0, ""),
    ("token refresh --verbose", 0, ""),
    ("token refresh --expires-in 86400", 0, ""),
    ("token refresh --expires-in 3600 --verbose", 0, ""),
    ("token refresh --no-expiry", 0, ""),
    ("token refresh --no-expiry --verbose", 0, ""),
    ("token create", 0, ""),
    ("token create prod --no-save", 0, ""),
    ("token create test-workspace", 1, "ntcli workspace select test-workspace"),
    ("token create --no-expiry -w prod", 0, ""),
    ("token list", 0, ""),
    ("token ls prod -v", 0, ""),
    ("token show", 0, ""),
    ("token show prod --verbose", 0, ""),
    ("token revoke jti_1", 2, "ntcli token revoke jti_1 -w ID --force"),
    ("token revoke jti_1 prod", 2, "ntcli token revoke --help"),
    ("config show", 0, ""),
    ("config show -v", 0, ""),
    ("config reset -f", 0, ""),
    ("config reset --force --verbose", 0, ""),
    ("config clear -f", 0, ""),
    ("config clear", 2, "ntcli config reset --force"),
    ("domain show", 0, ""),
    ("domain show --verbose", 0, ""),
    ("domain set nimbletools.ai", 0, ""),
    ("domain set https://nimbletools.ai/", 0, ""),
    ("domain set localhost:3000", 0, ""),
    ("domain set nt.ent:8081 --insecure", 0, ""),
    ("domain set internal.api.com --insecure -v", 0, ""),
    ("health", 0, ""),
    ("health --debug", 0, ""),
    ("--version", 0, ""),
    // The other client's own.
    ("server deploy my-server --verbose --debug", 2, "npx @nimbletools/ntcli server"),
    ("srv logs my-server -f", 2, "npx @nimbletools/ntcli srv"),
    ("secrets set NPS_API_KEY=x", 2, "npx @nimbletools/ntcli secrets"),
    ("mcp call echo echo_message --arg message=x", 2, "npx @nimbletools/ntcli mcp"),
    ("reg list --limit 3", 2, "npx @nimbletools/ntcli reg"),
    ("registry list", 2, "npx @nimbletools/ntcli registry"),
    ("info --discord", 2, "npx @nimbletools/ntcli info"),
];

#[test]
fn scripts_for_the_existing_client_go_on() {
    for_each(4, LINES, |(line, code, hint)| {
        let (world, prod) = World::ready();
        world.plane.add_workspace("test-workspace");
        let words: Vec<&str> = line.split(' ').collect();
        let output = world.ntcli(&words).prints_secrets().run();
        output.exits(*code);
        if *code == 0 {
            output.does_not_say("Error: ");
        } else {
            output.says(&format!("Hint: {}\n", hint.replace("ID", &prod.id)));
        }
    });
}

/// Nothing is sent, and no word of it is taken for one of ours.
#[test]
fn what_only_the_other_client_has_is_one_line() {
    let (world, _) = World::ready();
    let output = world.ntcli(&["server", "list", "--json"]).run();
    let error = output.exits(2).json()["error"].clone();
    let message = "'server' stays with the other client, which shares this config";
    assert_eq!(error["message"], message);
    world.ntcli(&["registry", "--help"]).run().exits(2).prints("");
    world.assert_nothing_sent();
}

#[test]
fn no_expiry_is_never() {
    let (world, prod) = World::ready();
    world.refresh(&["--no-expiry"]).exits(0);
    assert_eq!(world.item(&prod)["never_expires"], true);
    let both = world.refresh(&["--no-expiry", "--expires-in", "1d"]);
    both.exits(2).says("--expires-in is given more than once");
    world.ntcli(&["token", "show", "--no-expiry"]).run().exits(2).says("'--no-expiry'");
}

/// An address from the browser is taken for its host; without --insecure the link stays encrypted.
#[test]
fn a_domain_may_be_pasted_as_an_address() {
    let (world, _) = World::ready();
    for (given, domain, api) in [
        ("https://nt.example/", "nt.example", "https://api.nt.example"),
        ("http://nt.example:81", "nt.example:81", "https://api.nt.example:81"),
        ("http://localhost:3000/", "localhost:3000", "http://localhost:3000"),
        ("my.localhost:81", "my.localhost:81", "http://my.localhost:81"),
    ] {
        let set = world.ntcli(&["domain", "set", given]).without_env("NTCLI_API_URL").run();
        set.exits(0).prints(&format!("Domain: {domain}\nAPI:    {api}\n"));
        assert_eq!(world.config()["domain"], domain);
    }
    world.ntcli(&["domain", "set", "https://nt.example/v1"]).run().exits(2);
}

#[test]
fn more_words_about_the_servers() {
    let (world, _) = World::ready();
    let api = world.plane.base_url();
    let text = format!("Domain: nimbletools.ai\nAPI:    {api} (NTCLI_API_URL)\n");
    let show = |args: &[&str]| world.ntcli(&[&["domain", "show"], args].concat()).run();
    show(&[]).exits(0).prints(&text);
    show(&["-v"]).exits(0).prints(&text);
    assert_eq!(show(&["--json"]).json()["variable"], "NTCLI_API_URL");
    let own = world.ntcli(&["domain", "show", "--json"]).without_env("NTCLI_API_URL").run();
    assert_eq!(own.json()["variable"], serde_json::Value::Null);
}

/// Its older versions kept tokens in a file of their own, which a reset here leaves.
#[test]
fn the_old_file_of_tokens_is_named() {
    let (world, _) = World::ready();
    world.write("workspaces.json", b"{}");
    let path = world.path("workspaces.json").display().to_string();
    let reset = world.ntcli(&["config", "reset", "--force"]).run();
    reset.exits(0).says(&format!("of an older client is left: rm {path}\n"));
    assert!(world.path("workspaces.json").exists());
    world.ntcli(&["config", "reset", "-f", "-q"]).run().exits(0).says("rm ");
}
