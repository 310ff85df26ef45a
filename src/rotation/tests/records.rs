//! What the records of the journal add up to.

use super::sim::{token, workspace};
use crate::rotation::journal::record;
use crate::rotation::pending::{PendingCreate, Purpose};
use crate::rotation::{
    Moment, Origin, Orphan, Pending, PendingRevocation, Reason, Record, Rotation, WorkspaceRef,
    journal_lines,
};
use crate::time::Timestamp;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// Everything that may be pending about a workspace: two requests, a refresh from token 0 to 1, token
/// 2 to revoke, and token 3, an orphan.
fn everything(id: &str) -> Vec<Record> {
    let workspace = workspace(id);
    let creating = |secs| {
        let (at, until) = (at(secs), at(secs + 30));
        Record::Creating(PendingCreate::new(workspace.clone(), at, until, None))
    };
    let created = Rotation::new(&workspace, at(3000), token(1), Some(token(0)), Purpose::Refresh);
    let created = Record::Created(Rotation { to_unknown: true, ..created });
    let revocation = Record::PendingRevocation(PendingRevocation {
        workspace: workspace.clone(),
        jti: "jti_2".into(),
        not_before: None,
        grace_s: None,
        successor: None,
        since: None,
        boot: None,
        reason: Reason::Replaced,
        token: None,
        own_targets: false,
    });
    let orphan = Record::Orphan(Orphan {
        workspace: workspace.clone(),
        jti: "jti_3".into(),
        created_at: None,
        origin: Origin::Maybe,
    });
    vec![creating(1000), creating(2000), creating(3000), created, revocation, orphan]
}

fn pending(ids: &[&str]) -> Pending {
    let mut pending = Pending::default();
    pending.apply_all(ids.iter().flat_map(|id| everything(id)));
    pending
}

/// How many requests, refreshes, revocations and orphans of a workspace there are, and what they are.
fn about(pending: &Pending, id: &str) -> ([usize; 4], Vec<String>) {
    fn texts<'t, T: std::fmt::Debug + 't>(
        all: impl IntoIterator<Item = &'t T>,
        is_it: impl Fn(&T) -> bool,
    ) -> Vec<String> {
        all.into_iter().filter(|it| is_it(it)).map(|it| format!("{it:?}")).collect()
    }
    let is = |workspace: &WorkspaceRef| workspace.id == id;
    let parts = [
        texts(&pending.creates, |c| is(&c.workspace)),
        texts(&pending.rotations, |r| is(&r.workspace)),
        texts(&pending.revocations, |p| is(&p.workspace)),
        texts(pending.orphans.iter(), |o| is(&o.workspace)),
    ];
    let counts = parts.each_ref().map(Vec::len);
    let mut all = parts.concat();
    all.sort();
    (counts, all)
}

/// Two workspaces may have a request of the same moment, and a token of the same id.
#[test]
fn a_record_changes_what_it_names() {
    let w1 = workspace("w1");
    let records = [
        (Record::Searched(w1.request(at(1000))), [2, 1, 1, 1]),
        (w1.ended(at(1000), at(1010)), [2, 1, 1, 1]),
        (Record::Closed(w1.request(at(1000))), [1, 1, 1, 1]),
        (Record::Unconfirmed(w1.about()), [2, 1, 1, 1]),
        (Record::Promoted(w1.about()), [2, 1, 1, 1]),
        (Record::Named(w1.about()), [2, 1, 1, 1]),
        (Record::Done(w1.about()), [2, 0, 1, 1]),
        (Record::Gone(w1.token("jti_2")), [2, 1, 0, 1]),
        (Record::Gone(w1.token("jti_3")), [2, 1, 1, 0]),
        (Record::Withdrawn(w1.token("jti_2")), [2, 1, 0, 1]),
        (Record::Dismissed(w1.token("jti_3")), [2, 1, 1, 0]),
        (Record::Forgotten(w1.about()), [0, 0, 0, 0]),
    ];
    let spare = |pending: &Pending| pending.applied - pending.records().len();
    for (record, left) in records {
        let mut pending = pending(&["w0", "w1"]);
        let (other, before) = (about(&pending, "w0"), about(&pending, "w1"));
        assert_eq!(other.0, [2, 1, 1, 1]);
        let needless = spare(&pending);
        pending.apply(record.clone());
        assert_eq!(about(&pending, "w0"), other, "{record:?}");
        assert_ne!(about(&pending, "w1"), before, "{record:?}");
        assert_eq!(about(&pending, "w1").0, left, "{record:?}");
        let is_changed = |c: &&PendingCreate| c.searched || c.until != c.at.plus_secs(30);
        let mut changed = pending.creates.iter().filter(is_changed);
        assert!(changed.all(|c| c.at == at(1000)), "{record:?}");
        // A journal that names what is spent is known to be longer than it must be.
        let adds =
            matches!(record, Record::Searched(_) | Record::Unconfirmed(_) | Record::Promoted(_));
        assert_eq!(spare(&pending) == needless, adds, "{record:?}");
    }
}

/// A refresh whose new token is stored is over once its old token is gone, and not before.
#[test]
fn a_refresh_ends_with_its_old_token() {
    let [w0, w1] = ["w0", "w1"].map(workspace);
    for promoted in [false, true] {
        let mut pending = pending(&["w0", "w1"]);
        if promoted {
            pending.apply_all([Record::Promoted(w0.about()), Record::Promoted(w1.about())]);
        }
        pending.apply_all(["jti_1", "jti_2", "jti_3"].map(|jti| Record::Gone(w1.token(jti))));
        assert_eq!(pending.rotations.len(), 2);
        pending.apply(Record::Gone(w1.token("jti_0")));
        assert_eq!(pending.rotation(&w1).is_none(), promoted);
        assert!(pending.rotation(&w0).is_some());
    }
}

/// No token that the journal has is found again; one that was dismissed is not while it could be.
#[test]
fn what_is_known() {
    let [w0, w1] = ["w0", "w1"].map(workspace);
    let mut pending = pending(&["w1"]);
    assert!(pending.concerns(&w1) && !pending.concerns(&w0));
    pending.apply(Record::Dismissed(w1.token("jti_3")));
    for n in 0..5 {
        assert_eq!(pending.knows(&w1, &format!("jti_{n}")), n < 4, "{n}");
    }
    assert!(!pending.knows(&w0, "jti_3"));
    pending.apply(Record::Closed(w1.request(at(1000))));
    assert!(pending.knows(&w1, "jti_3"));
    pending.apply(Record::Closed(w1.request(at(2000))));
    assert!(!pending.knows(&w1, "jti_3"));
}

/// What was not synced may be torn; what was, or is a whole line, is damaged or of a later version.
#[test]
fn a_line_that_is_no_record() {
    let record = journal_lines(&[Record::Done(workspace("w0").about())]).unwrap();
    let whole = String::from_utf8(record).unwrap();
    let torn = whole.trim_end();
    let counts = |text: &str| Pending::read(text.as_bytes()).map(|(_, counted)| counted);
    for tail in [torn, &torn[..9], "\0\0\0\0\n"] {
        assert_eq!(counts(&format!("{whole}\n{whole}{tail}")), Ok(2 * whole.len() + 1), "{tail:?}");
    }
    for damaged in ["{\"later\":{}}\n", "\0\0\0\0\n\n"] {
        let said = counts(&format!("{whole}{damaged}{whole}")).unwrap_err();
        assert!(said.starts_with("line 2: "), "{said}");
    }
}

const PLACE: &str = r#""place":{"key":"ws-a-1","id":"1","name":"a","server":"https://a"}"#;
const OLD_PLACE: &str = r#""place":{"key":"ws-a-1","id":"1","name":"a"}"#;
const TOKEN: &str = r#"{"access_token":"wst_1","jti":"j1","expiry":{"at":7},"token_type":"Bearer","scope":["r","w"]}"#;
const OLD: &str =
    r#"{"access_token":"wst_0","jti":null,"expiry":"unknown","token_type":"Bearer","scope":[]}"#;
const BOOT: &str = r#""boot":{"id":"b","secs":60}"#;
const ABOUT: &str = r#""workspace":"1","server":"https://a""#;

/// Every record, with everything it may have and with the least.
fn lines() -> Vec<String> {
    let mut lines = vec![
        format!(
            r#"{{"creating":{{{PLACE},"at":1,"until":2,{BOOT},"expiry":{{"in":60}},"to_hand_out":true,"unique":true}}}}"#
        ),
        format!(r#"{{"creating":{{{OLD_PLACE},"at":-1,"until":2,"expiry":"never"}}}}"#),
        format!(r#"{{"creating":{{{OLD_PLACE},"at":-1,"until":2,"expiry":{{"at":9}}}}}}"#),
        format!(r#"{{"ended":{{{ABOUT},"at":1,"until":2}}}}"#),
        r#"{"unanswered":{"workspace":"1","at":1}}"#.to_owned(),
        format!(
            r#"{{"created":{{{PLACE},"at":1,"token":{TOKEN},"old":{OLD},"hand_over":true,"grace_s":60,"keep_old":true}}}}"#
        ),
        format!(
            r#"{{"created":{{{PLACE},"at":1,"token":{TOKEN},"old":{OLD},"hand_over":true,"grace_s":60,"rollback":true}}}}"#
        ),
        format!(
            r#"{{"created":{{{OLD_PLACE},"at":1,"token":{TOKEN},"old":null,"hand_over":false,"grace_s":null}}}}"#
        ),
        format!(r#"{{"delivering":{{{ABOUT},"attempt":2}}}}"#),
        format!(r#"{{"delivering":{{{ABOUT},"attempt":2,"process":{{"pid":7,"started":8}}}}}}"#),
        format!(r#"{{"delivered_to":{{{ABOUT},"target":"env:A=/é\n"}}}}"#),
        format!(
            r#"{{"owed":{{{PLACE},"jti":"j","not_before":3,"grace_s":18446744073709551615,"successor":"k","since":4,{BOOT},"is_new":true,"by_hand":true,"token":{TOKEN},"own_targets":true}}}}"#
        ),
        format!(r#"{{"owed":{{{OLD_PLACE},"jti":"j","not_before":null}}}}"#),
        format!(r#"{{"handing_out":{{{PLACE},"at":1,"jti":"j"}}}}"#),
        format!(r#"{{"creating_workspace":{{"name":"n","server":"s","at":1,"until":2,{BOOT}}}}}"#),
        r#"{"creating_workspace":{"name":"n","at":1,"until":2}}"#.to_owned(),
    ];
    for origin in ["maybe", "match", "handed_out", "superseded"] {
        lines.push(format!(r#"{{"orphan":{{{PLACE},"jti":"j","born":5,"origin":"{origin}"}}}}"#));
    }
    let of_workspace =
        ["unconfirmed", "promoted", "handed_over", "turned_back", "done", "forgotten"];
    for (kinds, rest) in [
        (&of_workspace[..], ""),
        (&["searched", "closed"], r#","at":1"#),
        (&["gone", "withdrawn", "dismissed"], r#","jti":"j""#),
    ] {
        for kind in kinds {
            lines.push(format!(r#"{{"{kind}":{{{ABOUT}{rest}}}}}"#));
            lines.push(format!(r#"{{"{kind}":{{"workspace":"1"{rest}}}}}"#));
        }
    }
    lines
}

fn counts(line: &str) -> bool {
    Pending::read(format!("{line}\n").as_bytes()).is_ok()
}

/// Journals are read by later versions and by earlier ones.
#[test]
fn records_keep_their_form() {
    for line in lines() {
        let record = record(line.as_bytes());
        let written = record.map(|record| journal_lines(&[record]).unwrap());
        assert_eq!(written, Some(format!("{line}\n").into_bytes()), "{line}");
    }
}

/// What is absent in older journals has a meaning; nothing else may be absent, or added, or twice.
#[test]
fn a_record_that_is_not_of_this_version_is_refused() {
    for line in lines() {
        assert!(counts(&line), "{line}");
        let kind = line.split('"').nth(1).unwrap();
        let more = line.replacen(":{", r#":{"later":[{}],"#, 1);
        assert_eq!(counts(&more), ["owed", "orphan"].contains(&kind), "{more}");
        assert!(!counts(&line.replacen(kind, "later", 1)), "{line}");
        assert!(!counts(&line.replacen("{\"", "{\"done\":{\"workspace\":\"1\"},\"", 1)), "{line}");
        for other in ["1.5", "null", "[]", "{}", "\"x\""] {
            assert!(!counts(&format!(r#"{{"{kind}":{other}}}"#)), "{kind} {other}");
        }
    }
    let orphan = format!(r#"{{"orphan":{{{OLD_PLACE},"jti":"j","born":null,"later":1}}}}"#);
    assert!(counts(&orphan));
    for refused in [
        r#"{"done":{"workspace":"1","workspace":"2"}}"#,
        r#"{"done":{"workspace":"1"},"done":{"workspace":"1"}}"#,
        r#"{"done":{"workspace":1}}"#,
        r#"{"done":{"workspace":null}}"#,
        r#"{"done":{"server":"s"}}"#,
        r#"{"gone":{"workspace":"1"}}"#,
        r#"{"closed":{"workspace":"1","at":1.0}}"#,
        r#"{"closed":{"workspace":"1","at":9223372036854775808}}"#,
        r#"{"delivering":{"workspace":"1","attempt":-1}}"#,
        r#"{"delivering":{"workspace":"1","attempt":4294967296}}"#,
        "{}",
        "\"done\"",
    ] {
        assert!(!counts(refused), "{refused}");
    }
    let created = lines().remove(5);
    for (what, other) in [
        ("\"hand_over\":true", "\"hand_over\":1"),
        ("\"hand_over\":true,", ""),
        ("{\"at\":7}", "\"later\""),
        ("{\"at\":7}", "{\"at\":7,\"in\":7}"),
        ("\"scope\":[\"r\",", "\"scope\":[1,"),
        ("\"grace_s\":60", "\"grace_s\":-60"),
        ("\"key\":\"ws-a-1\",", ""),
    ] {
        assert!(created.contains(what) && !counts(&created.replacen(what, other, 1)), "{other}");
    }
}

/// What is due now: a request that was not searched for since, a revocation whose time has come; never what
/// waits for the user.
#[test]
fn what_is_due() {
    let now = |secs| Moment { ours: at(secs), boot: None, skew_s: Some(0) };
    let mut some = pending(&["w1"]);
    let due = some.due(&now(2010));
    let counts = [due.creates.len(), due.rotations.len(), due.revocations.len()];
    assert_eq!((counts, due.orphans.iter().count()), ([2, 1, 1], 0));
    some.apply(Record::Searched(workspace("w1").request(at(2000))));
    some.revocations[0].not_before = Some(at(5000));
    let open = some.due(&now(2010));
    assert_eq!(
        (open.creates.len(), open.revocations.len()),
        (1, 0),
        "one request was not searched for"
    );
    let later = some.due(&now(5001));
    assert_eq!((later.creates.len(), later.revocations.len()), (2, 1), "its time is over");
}

/// What belongs to a server that is not asked, and which token is certainly that of a lost request.
#[test]
fn whose_pending_work_it_is() {
    let mut some = pending(&["w1"]);
    let (here, w1) = (workspace("w1").server, workspace("w1"));
    assert_eq!(some.other_server(&here), None);
    assert_eq!(some.other_server("http://elsewhere"), Some(here.as_str()));
    assert!(!some.is_certain_orphan(&w1, "jti_3"), "it may be somebody else's");
    some.apply(Record::Orphan(Orphan {
        workspace: w1.clone(),
        jti: "jti_4".into(),
        created_at: None,
        origin: Origin::Match,
    }));
    assert!(some.is_certain_orphan(&w1, "jti_4"));
    assert!(!some.is_certain_orphan(&workspace("w2"), "jti_4"));
}
