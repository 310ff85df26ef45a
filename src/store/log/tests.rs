use std::fs;

use super::*;

/// More than a line takes.
const END: u64 = 1024;

fn temporary(name: &str) -> OwnFile {
    let name = format!("ntcli-{name}-{}", std::process::id());
    let [file] = OwnFile::in_folder(&std::env::temp_dir(), [&name]);
    file
}

#[test]
fn an_empty_line_follows_what_is_durable() {
    let path = temporary("log-marks");
    let text = || fs::read_to_string(&*path).unwrap();
    let mut log = Log::open(&path).unwrap().0;
    log.append(b"a\n", true).unwrap();
    assert_eq!(text(), "a\n");
    log.append(b"b\n", false).unwrap();
    assert_eq!(text(), "a\n\nb\n");
    log.append(b"c\n", true).unwrap();
    assert_eq!(text(), "a\n\nb\nc\n");
    log.append(b"d\n", true).unwrap();
    assert_eq!(text(), "a\n\nb\nc\n\nd\n");
    // What was taken back takes its mark along, and the next append writes it again.
    log.retract().unwrap();
    assert_eq!(text(), "a\n\nb\nc\n");
    log.append(b"e\n", false).unwrap();
    assert_eq!(text(), "a\n\nb\nc\n\ne\n");
    // It is unknown what an earlier run has synced.
    let mut log = Log::open(&path).unwrap().0;
    log.append(b"f\n", false).unwrap();
    assert!(text().ends_with("\n\ne\nf\n"));
    log.rewrite(b"g\n").unwrap();
    log.append(b"h\n", true).unwrap();
    assert_eq!(text(), "g\n\nh\n");
    // Only the end of a history is read, and it has none.
    let mut end = Log::open_end(&path, END).unwrap().0;
    end.append(b"x\n", true).unwrap();
    end.append(b"y\n", true).unwrap();
    assert_eq!(text(), "g\n\nh\nx\ny\n");
    log.remove().unwrap();
    log.append(b"i\n", true).unwrap();
    log.retract().unwrap();
    log.append(b"j\n", true).unwrap();
    assert_eq!(text(), "j\n");
    fs::remove_file(&*path).unwrap();
}

/// As where a file system has no locks.
#[test]
fn nothing_is_taken_from_another_process() {
    let path = temporary("log-shared");
    let open = || Log::open(&path).unwrap().0;
    let (mut one, mut other, mut third) = (open(), open(), open());
    one.append(b"a\n", true).unwrap();
    one.check_alone().unwrap();
    // Read when there was nothing: what came since would be cut off as a torn end.
    let failed = other.append(b"b\n", true).unwrap_err();
    assert!(failed.is_unchanged && failed.error.in_one_line().contains("does not lock"));
    assert_eq!(fs::read(&*path).unwrap(), b"a\n");
    // Both found the file while it was empty.
    third.found = 2;
    third.len = Some(2);
    third.append(b"c\n", true).unwrap();
    third.check_alone().unwrap();
    assert!(one.check_alone().is_err());
    for log in [&mut one, &mut other] {
        assert!(log.retract().is_err());
        log.rewrite(b"d\n").unwrap();
        log.remove().unwrap();
    }
    assert_eq!(fs::read(&*path).unwrap(), b"a\nc\n");
    fs::remove_file(&*path).unwrap();
}

#[test]
fn what_was_cut_is_gone_with_the_next_append() {
    let path = temporary("log-cut");
    fs::write(&*path, "a\n\0\0\nb\n").unwrap();
    let (mut log, bytes) = Log::open(&path).unwrap();
    assert_eq!(bytes, b"a\n\0\0\nb\n");
    log.cut_to(2);
    assert_eq!(log.len(), 2);
    assert_eq!(fs::read(&*path).unwrap(), bytes);
    log.append(b"c\n", true).unwrap();
    assert_eq!(fs::read(&*path).unwrap(), b"a\nc\n");
    log.append(b"d\n", true).unwrap();
    log.cut_to(4);
    log.cut_to(9);
    log.append(b"e\n", false).unwrap();
    assert_eq!(fs::read(&*path).unwrap(), b"a\nc\ne\n");
    log.cut_to(0);
    log.append(b"f\n", false).unwrap();
    assert_eq!(fs::read(&*path).unwrap(), b"f\n");
    fs::remove_file(&*path).unwrap();
}

#[test]
fn the_end_alone_tells_where_the_whole_lines_end() {
    let path = temporary("log-end");
    assert_eq!(Log::open_end(&path, END).unwrap().0.len, None);
    let line = [&[b'x'; 99][..], b"\n"].concat();
    let torn = vec![b'x'; 3 * 4096];
    for (lines, tail, expected) in [
        (0, &b""[..], 0),
        (0, b"torn", 0),
        (1, b"", 100),
        (1, b"torn", 100),
        (100, b"", 10_000),
        (100, b"torn", 10_000),
        (100, &torn, 10_000),
        (0, &torn, 0),
    ] {
        fs::write(&*path, [&line.repeat(lines), tail].concat()).unwrap();
        let log = Log::open_end(&path, END).unwrap().0;
        assert_eq!(log.len, Some(expected));
        assert_eq!(Log::open(&path).unwrap().0.len, log.len);
    }
    fs::remove_file(&*path).unwrap();
}
