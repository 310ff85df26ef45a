//! Arguments that nobody would type on purpose: no panic, no secret repeated.

use super::*;

/// Every word that means something, and some that do not.
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

struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }
}

/// Every command, to begin lines with: random words seldom reach one.
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
fn no_arguments_panic() {
    let (words, starts) = (vocabulary(), beginnings());
    let mut random = Xorshift(0x9E37_79B9_7F4A_7C15);
    let (mut ran, mut wrong) = (0, 0);
    for _ in 0..10_000 {
        let mut line = starts[random.below(starts.len())].clone();
        for _ in 0..random.below(5) {
            line.push(words[random.below(words.len())].clone());
        }
        match parse(line.iter().map(OsString::from).collect()) {
            Ok(Parsed::Run(_)) => ran += 1,
            Ok(Parsed::Show(text)) => assert!(text.ends_with('\n'), "{line:?}"),
            Err(error) => {
                wrong += 1;
                assert_ne!(
                    error.message, "The arguments are not understood",
                    "{line:?}"
                );
                assert!(!error.message.contains('\n'), "{line:?}: {}", error.message);
            }
        }
    }
    assert!(ran > 500 && wrong > 500, "{ran} {wrong}");
}

#[test]
fn a_secret_is_never_repeated() {
    let long = format!("eyJ{}", "hbGciOiJIUzI1NiJ9.Xk".repeat(10));
    let secrets = [
        &long[..200],
        "eyJhbGciOiJIUzI1NiJ9",
        "a8f3k2b9d1",
        "Xk9mQ2pLz7",
        "p@ss word",
    ];
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
                for around in [
                    &[][..],
                    &["--format"],
                    &["--port"],
                    &["-w"],
                    &["a", "b"],
                    &["--"],
                ] {
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

#[cfg(unix)]
#[test]
fn what_is_no_utf8_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
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
