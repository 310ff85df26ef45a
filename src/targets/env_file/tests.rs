use super::*;

fn changed(old: &str) -> std::result::Result<String, String> {
    set(old.as_bytes(), "T", "new").map(|new| String::from_utf8(new).unwrap())
}

#[test]
fn every_other_byte_stays() {
    for (old, new) in [
        ("", "T=new\n"),
        ("A=1", "A=1\nT=new\n"),
        ("A=1\nT=old\n# T=x\nTT=2\n", "A=1\nT=new\n# T=x\nTT=2\n"),
        ("  export T=old\r\nB=2\r\n", "  export T=new\r\nB=2\r\n"),
        ("T=a\nT=b", "T=new\nT=new"),
        ("A=1\r\n", "A=1\r\nT=new\r\n"),
        ("A=1\r\nB=2", "A=1\r\nB=2\r\nT=new\r\n"),
        ("export A=1\n", "export A=1\nexport T=new\n"),
        ("export A=1\nB=2\n", "export A=1\nB=2\nT=new\n"),
        ("HOME\nA.b=1\n", "HOME\nA.b=1\nT=new\n"),
        ("T = old\n", "T = new\n"),
        ("T =\t'old' # note\n", "T =\t'new' # note\n"),
        ("T=\"o l d\"\n", "T=\"new\"\n"),
        ("T=old  # note 'x\nA=1\n", "T=new  # note 'x\nA=1\n"),
        ("T=\nA=1\n", "T=new\nA=1\n"),
        ("T= # note\n", "T=new # note\n"),
        ("T=\"\"\n", "T=\"new\"\n"),
        ("T=$OTHER  ", "T=new  "),
        ("K='-----BEGIN\nab=\n-----END'\nT=old\n", "K='-----BEGIN\nab=\n-----END'\nT=new\n"),
        ("T=eyJ_a.b-c~d+e/f==\n", "T=new\n"),
    ] {
        assert_eq!(changed(old).as_deref(), Ok(new), "{old}");
        assert_eq!(changed(new).as_deref(), Ok(new), "once more: {new}");
        let notes = notes(old.as_bytes(), "T", "x y z");
        assert_eq!(notes.len(), usize::from(!old.contains('T')), "{old}");
    }
    assert!(set(b"", "T", "a b").is_err());
    assert!(set(b"", "T", "$(x)").is_err());
}

#[test]
fn other_lines_with_the_token_are_told() {
    let told = notes(b"A=tok\nT=tok\n# tok\nexport B='tok'\n", "T", "tok");
    let lines: Vec<&str> = told.iter().map(|note| &note[..6]).collect();
    assert_eq!(lines, ["line 1", "line 3", "line 4"]);
}

#[test]
fn what_is_no_env_file_and_what_would_be_lost() {
    for bad in [
        "{\"a\": 1}\n",
        "{\n}\n",
        "[Service]\nEnvironment=A=1\n",
        "; ini\n[a]\nb = 1\n",
        "---\n",
        "a: b\n",
        "- a\n",
        "secret-password\n",
        "eyJh.eyJq.c2ln\n",
        "<a/>\n",
        "A=1\nset -a\n",
        "if true; then\nT=old\nfi\n",
        "1A=2\n",
        "\u{feff}T=old\n",
        "T=old\rA=1\n",
        "T\0=\0o\0",
        "A=\x1b[0m\n",
        "T=old; export T\n",
        "export T=old && y\n",
        "T=old A=1\n",
        "T=old#c\n",
        "T='old'x\n",
        "T='a''b'\n",
        "T=\"a\" \"b\"\n",
        "T=$(cat /run/token)\n",
        "T=`x`\n",
        "T=(a)\n",
        "T=\"a\\\"b\"\n",
    ] {
        assert!(changed(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_line_that_nobody_would_see_is_not_written() {
    for good in [
        "A='x y'\nB=\"a b\" # it's\n",
        "A=\"a\nb\"\nB=1\n",
        "A=x\\\ny\nT=old\nB=\"c\nd\"\n",
        "# don't\nA=1\n",
        "# it's\n; \"\nT=old\n",
        "A=it's\nB=5\" x\n",
        "A=\\\"x\n",
        "A='\\'\n",
        "A='x'\\''y'\n",
        "T='old'\nA=1\n",
        "A=1\\\\\n",
        "A=1\\\nB=2\n",
        "export A=\"x\"\n",
    ] {
        assert!(find(good.as_bytes(), "T").is_ok(), "{good}");
    }
    for bad in [
        "A=1\\",
        "A=1\\\n",
        "A=1\\\r\n",
        "# x\\\n",
        "A='x",
        "A=\"x\n",
        "A= \"x\n",
        "A=\"a\" \"x\nT=old\n",
        "A=`x\nT=old\n`\n",
        "A=\"x\\\"\n",
        "A='x\nT=old\n'\n",
        "A=\"x\nT=old\n\"\n",
        "A=x\"y\nT=old\nz\"\n",
        "A=x\\\nT=old\n",
        "T=old\\\nmore\n",
        "T=\"old\nmore\"\n",
        "T='old\n",
    ] {
        assert!(find(bad.as_bytes(), "T").is_err(), "{bad}");
    }
}

#[test]
fn fuzz_env_files() {
    let seeds: [&[u8]; 5] = [
        b"# Comment\nA=1\nexport TOKEN=old\r\nTOKEN_2=x\n",
        b"TOKEN=\n TOKEN = spaced\nexport\tTOKEN=1",
        b"\xc3\xbf=\nXTOKEN=1\n\n",
        b"A='x'\nTOKEN=\"old\" # c\nB=\\\ny\n",
        b"TOKEN='old'\nB=\"c\nd\"\nHOME\n",
    ];
    crate::fuzz::bytes(&seeds, |old| {
        let Ok(new) = set(old, "TOKEN", "wst_new") else {
            return;
        };
        let (before, after) = (find(old, "TOKEN").unwrap().0, find(&new, "TOKEN"));
        let after = after.unwrap().0;
        assert!(!after.is_empty() && after.iter().all(|at| &new[at.clone()] == b"wst_new"));
        // Nothing else is touched, and a second time changes nothing.
        let rest = |text: &[u8], places: &[Range<usize>]| -> Vec<u8> {
            let outside = |n: &usize| places.iter().all(|at| !at.contains(n));
            (0..text.len()).filter(outside).map(|n| text[n]).collect()
        };
        if before.is_empty() {
            assert!(new.starts_with(old));
        } else {
            assert_eq!(rest(&new, &after), rest(old, &before));
        }
        assert_eq!(set(&new, "TOKEN", "wst_new").unwrap(), new);
    });
}
