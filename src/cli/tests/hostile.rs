//! Random and hostile arguments: no panic, and no secret is repeated.

use std::os::unix::ffi::OsStringExt;

use super::*;
use crate::fuzz;

/// Every word that has a meaning, and some that do not.
fn vocabulary() -> Vec<String> {
    fn collect(node: &CommandInfoWithArgs, found: &mut Vec<String>) {
        for flag in node.flags {
            found.push(flag.long.to_owned());
            found.push(format!("{}=x", flag.long));
            found.extend(flag.short.map(|c| format!("-{c}")));
            found.extend(flag.short.map(|c| format!("-{c}x")));
        }
        for sub in &node.commands {
            found.push(sub.name.to_owned());
            collect(&sub.command, found);
        }
    }
    let odd = [
        "",
        "-",
        "--",
        "---",
        "=",
        "--=",
        "-=",
        "-=x",
        "--=x",
        "help",
        "ws",
        "ls",
        "use",
        "prod",
        "json",
        "-5",
        "é",
        "-é",
        "--é",
        "-wé",
        "-é=ü",
        "\u{0}",
        "\n",
        "-\u{1F600}x",
        "--format=json",
        "-h=",
        "0",
    ];
    let mut found: Vec<_> = odd.iter().map(|&w| w.to_owned()).collect();
    collect(&command_tree(), &mut found);
    found.sort();
    found.dedup();
    found
}

/// Every command, as a prefix: random words seldom form one.
fn beginnings() -> Vec<Vec<String>> {
    let mut found = vec![vec![]];
    for group in &command_tree().commands {
        found.push(vec![group.name.to_owned()]);
        for command in &group.command.commands {
            found.push(vec![group.name.to_owned(), command.name.to_owned()]);
        }
    }
    found
}

#[test]
fn fuzz_arguments() {
    let (words, starts) = (vocabulary(), beginnings());
    let seeds: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    let (mut ran, mut wrong) = (0, 0);
    fuzz::rounds(10_000, |random| {
        let mut line: Vec<OsString> = random.pick(&starts).iter().map(OsString::from).collect();
        for _ in 0..random.below(5) {
            // A word as it is, or a randomly changed text.
            let word = if random.below(4) > 0 {
                random.pick(&seeds).to_vec()
            } else {
                random.mutant(&seeds)
            };
            line.push(OsString::from_vec(word));
        }
        match parse(line.clone()) {
            Ok(Parsed::Run(..)) => ran += 1,
            Ok(Parsed::Show(text)) => assert!(text.ends_with('\n'), "{line:?}"),
            Err(error) => {
                wrong += 1;
                let said = error.message;
                assert_ne!(said, "The arguments are not understood", "{line:?}");
                assert!(!said.contains(char::is_control), "{line:?}: {said}");
                assert!(said.len() < 200, "{line:?}: {said}");
            }
        }
    });
    assert!(ran > 500 && wrong > 500, "{ran} {wrong}");
}

#[test]
fn a_secret_is_never_repeated() {
    let long = format!("eyJ{}", "hbGciOiJIUzI1NiJ9.Xk".repeat(10));
    let secrets = [&long[..200], "eyJhbGciOiJIUzI1NiJ9", "a8f3k2b9d1", "Xk9mQ2pLz7", "p@ss word"];
    let mut wrong = 0;
    for secret in secrets {
        let forms = [
            secret.to_owned(),
            format!("-{secret}"),
            format!("--{secret}"),
            format!("--{secret}=x"),
            format!("--format={secret}"),
            format!("--port={secret}"),
            format!("--print={secret}"),
            format!("--debug={secret}"),
            format!("--bogus={secret}"),
            format!("-w{secret}"),
            format!("-w={secret}"),
            format!("-h{secret}"),
            format!("-x={secret}"),
        ];
        for start in beginnings() {
            for form in &forms {
                for around in [&[][..], &["--format"], &["--port"], &["-w"], &["a", "b"], &["--"]] {
                    for secret_first in [true, false] {
                        let mut line: Vec<&str> = start.iter().map(String::as_str).collect();
                        let end = line.len();
                        line.extend(around);
                        line.insert(if secret_first { end } else { line.len() }, form);
                        if let Err(error) = parse(args(&line)) {
                            wrong += 1;
                            let all = format!("{error:?}");
                            assert!(!all.contains(secret), "{line:?}: {all}");
                            assert!(!all.contains(&secret[..6]), "{line:?}: {all}");
                        }
                    }
                }
            }
        }
        // before the command
        let error = parse(args(&[secret, "token", "refresh"])).unwrap_err();
        assert!(!format!("{error:?}").contains(&secret[..6]));
    }
    assert!(wrong > 1000, "{wrong}");
}

#[test]
fn what_is_no_utf8_is_an_error() {
    let broken = || OsString::from_vec(b"pr\xffod".to_vec());
    let flag = || OsString::from_vec(b"--expires-in=\xff".to_vec());
    for line in [
        vec![broken()],
        [args(&["token", "refresh"]), vec![broken()]].concat(),
        [args(&["token", "refresh"]), vec![flag()]].concat(),
        [args(&["token", "refresh", "-w"]), vec![broken()]].concat(),
        [args(&["token", "refresh", "--"]), vec![broken()]].concat(),
    ] {
        let error = parse(line.clone()).unwrap_err();
        assert_eq!(error.message, "An argument is not valid UTF-8", "{line:?}");
    }
    let asked = [args(&["token", "--format", "json", "list"]), vec![broken()]].concat();
    assert_eq!(parse(asked).unwrap_err().format, Format::Json);
}
