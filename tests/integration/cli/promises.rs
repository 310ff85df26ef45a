//! What `SECURITY.md` promises, and the tests that hold it to that.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::owners::{OTHER, USER, as_user, give, others_can_run_it, set_mode};
use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::World;

/// How a promise begins, and its tests: `folder::file::function`, or a step of a script.
const PROMISES: [(&str, &[&str]); 16] = [
    ("A secret (session,", &["cli::secrets::commands_that_do_not_ask_for_it"]),
    (
        "A secret is never in an error",
        &[
            "cli::secrets::a_server_that_echoes",
            "cli::secrets::the_trace",
            "cli::secrets::the_history",
            "targets::commands::the_tokens_are_masked_in_what_it_prints",
            "targets::commands::a_token_in_another_form_is_masked",
        ],
    ),
    ("A secret is in no argument", &["unattended::hooks::the_token_is_in_no_arguments"]),
    (
        "Another user reads and changes no file",
        &[
            "cli::promises::another_user_reads_and_changes_nothing",
            "cli::folders::everything_new_is_private",
            "unattended::token_files::a_new_file_is_private",
        ],
    ),
    (
        "A config folder that others can write",
        &[
            "cli::owners::a_folder_that_somebody_elses_tool_opened",
            "cli::owners::an_open_folder_in_which_not_all_is_ours",
        ],
    ),
    (
        "A link counts only",
        &[
            "cli::owners::a_link_does_not_lead_root_elsewhere",
            "cli::exchanged::a_link_of_another_user_on_the_way_to_a_target",
        ],
    ),
    ("Who exchanges folders", &["cli::exchanged::nothing_of_roots_goes_to_who_exchanges_files"]),
    (
        "A file that another user has put",
        &[
            "cli::exchanged::a_planted_file_in_a_folder_of_all",
            "cli::exchanged::a_hard_link_to_a_file_of_roots",
            "targets::bounds::a_file_that_another_user_put_into_an_open_folder",
        ],
    ),
    (
        "Root in another user's config folder",
        &["cli::owners::root_may_look_into_a_users_folder_and_no_more"],
    ),
    (
        "Nobody gets a right",
        &[
            "unattended::token_files::owner_and_mode_stay",
            "unattended::shared_files::an_access_control_list_stays",
        ],
    ),
    (
        "Of what user `ntcli` delivers",
        &[".ci/systemd-test.sh: what the user ntcli writes beside the token, or leads to"],
    ),
    (
        "The session is sent only",
        &[
            "auth::servers::a_session_stays_with_its_server",
            "cli::secrets::a_redirect_with_a_secret_in_it",
        ],
    ),
    (
        "TLS is verified",
        &[
            "network::tls::a_certificate_that_is_not_good",
            "network::tls::a_private_issuer_in_a_bundle_of_several",
            "network::tls::a_folder_of_certificates",
        ],
    ),
    (
        "What a server says",
        &["cli::secrets::a_server_that_echoes", "cli::forged_lines::what_the_server_sends"],
    ),
    (
        "A token is called revoked",
        &[
            "faults::proof::of_the_old_token",
            "network::answers::a_gateways_answer_to_a_revoke_is_no_proof",
            "tokens::paged::a_page_proves_no_absence",
        ],
    ),
    (
        "Commands of `targets.json`",
        &["unattended::hooks::it_sees_no_session", "auth::variables::the_browser_gets_neither"],
    ),
];

/// Whom the table does not trust with everything, and the tests of what it says.
const TRUSTED: [(&str, &[&str]); 6] = [
    (
        "user `ntcli`",
        &[
            ".ci/systemd-test.sh: what the user ntcli writes beside the token, or leads to",
            ".ci/systemd-test.sh: install the package: a user, a folder, and nothing enabled",
        ],
    ),
    (
        "a service,",
        &[
            "cli::exchanged::nothing_of_roots_goes_to_who_exchanges_files",
            "cli::exchanged::a_link_of_another_user_on_the_way_to_a_target",
            "targets::put_back::no_run_revokes_what_a_file_holds",
        ],
    ),
    ("the group,", &["cli::promises::another_user_reads_and_changes_nothing"]),
    ("who writes the state", &[]),
    (
        "the server",
        &[
            "cli::forged_lines::what_the_server_sends",
            "network::answers::headers_of_64_kib",
            "network::answers::all_waiting_of_a_run_is_bounded",
        ],
    ),
    (
        "a proxy",
        &[
            "network::proxies::plain_http_goes_through_no_proxy",
            "network::proxies::https_goes_through_a_tunnel",
            "network::proxies::a_proxy_that_drips",
        ],
    ),
];

#[test]
fn each_promise_has_its_tests() {
    let text = include_str!("../../../.github/SECURITY.md");
    let promised = text.split("## What is promised").nth(1).unwrap();
    let promised = promised.split("\n## ").next().unwrap();
    assert_tested(&promised.split("\n- ").skip(1).collect::<Vec<_>>(), &PROMISES);
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    let trusts_all = |row: &&str| row.starts_with("the user who runs") || row.starts_with("root");
    assert_tested(&rows.filter(|row| !trusts_all(row)).collect::<Vec<_>>(), &TRUSTED);
}

fn assert_tested(all: &[&str], tested: &[(&str, &[&str])]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(all.len(), tested.len(), "a promise without a test, or a test without one");
    for (promise, (begins, tests)) in all.iter().zip(tested) {
        assert!(promise.starts_with(begins), "{promise:?} is not {begins:?}");
        for test in *tests {
            let (file, wanted) = if let Some((script, step)) = test.split_once(": ") {
                (script.to_owned(), format!("step '{step}"))
            } else {
                let (module, function) = test.rsplit_once("::").unwrap();
                let file = format!("tests/integration/{}.rs", module.replace("::", "/"));
                (file, format!("#[test]\nfn {function}"))
            };
            let there = fs::read_to_string(root.join(&file)).unwrap_or_default();
            assert!(there.contains(&wanted), "{begins:?}: {test} is gone");
        }
    }
}

/// What this user can read, or write, beneath a folder.
fn open_to(uid: u32, dir: &Path, how: &str) -> BTreeSet<String> {
    let id = format!("--reuid={uid}");
    let mut find = Command::new("setpriv");
    find.args([&id, "--regid=12342", "--clear-groups", "--", "find"]).arg(dir);
    let output = find.args(["-type", "f", how]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.rsplit('/').next().unwrap().to_owned()).collect()
}

/// In folders that all may enter, and with a umask that forbids nothing.
#[test]
fn another_user_reads_and_changes_nothing() {
    if !others_can_run_it() {
        return;
    }
    let (world, _) = World::ready();
    let consumer = world.outside("consumer");
    fs::create_dir(&consumer).unwrap();
    let (file, env) = (consumer.join("token"), consumer.join("app.env"));
    give(&world.dir, USER);
    give(&consumer, USER);
    for (folder, mode) in [(&world.dir, 0o755), (&consumer, 0o755)] {
        set_mode(folder, mode);
    }
    let loose = |args: &[&str]| {
        let run = world.ntcli(args).under(&["sh", "-c", "umask 0; exec \"$@\"", "sh"]);
        as_user(run, USER, USER)
    };
    loose(&["target", "add", "--file", file.to_str().unwrap()]).run().exits(0);
    let assignment = format!("TOKEN={}", env.display());
    loose(&["target", "add", "--env", &assignment]).run().exits(0);
    loose(&["policy", "--expires-in", "90d"]).run().exits(0);
    loose(&["token", "refresh"]).run().exits(0);
    // And with something pending: the journal.
    let fault = Fault::Status(502, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, fault);
    loose(&["token", "refresh"]).run().exits(8);
    assert!(world.has_journal());
    let all = open_to(USER, &world.dir, "-readable");
    for name in ["config.json", "rotation.journal", "history.jsonl", "targets.json"] {
        assert!(all.contains(name), "{all:?}");
    }
    assert_eq!(open_to(USER, &consumer, "-readable").len(), 2);
    for folder in [&world.dir, &consumer] {
        for how in ["-readable", "-writable"] {
            assert_eq!(open_to(OTHER, folder, how), BTreeSet::new(), "{how}");
        }
        let mode = fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o022, 0);
    }
}
