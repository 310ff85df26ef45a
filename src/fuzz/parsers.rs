//! Dates, durations, tokens, the journal and addresses: what parses has a meaning, and comes out as
//! it went in.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::{bytes, rounds, text};
use crate::context::BootTime;
use crate::context::Env;
use crate::rotation::{
    Origin, Orphan, Pending, PendingCreate, PendingRevocation, Purpose, Reason, Record, Rotation,
    WorkspaceRef, journal_lines,
};
use crate::secret::Secret;
use crate::time::{Expiry, Timestamp, parse_duration};
use crate::token::{Token, TokenExpiry};
use crate::{endpoints, jwt};

const NOW: i64 = 1_790_000_000;

#[test]
fn dates() {
    let seeds = [
        "2026-01-01T00:00:00.000Z",
        "2026-01-01t23:59:60.123456789+05:30",
        "9999-12-31T23:59:59-23:59",
        "0000-02-29T00:00:00Z",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
    ];
    text(&seeds, |input| {
        for time in [Timestamp::parse_rfc3339(input), Timestamp::parse_http_date(input)] {
            let Some(time) = time else { continue };
            let shown = Timestamp::from_secs(time.secs());
            assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Some(shown), "{time}");
            assert_eq!(Timestamp::parse_rfc3339(&time.to_iso_millis()), Some(time), "{time}");
        }
    });
}

#[test]
fn moments_of_any_number() {
    let odd =
        [0, 1, -1, 999, i64::MAX, i64::MIN, i64::MAX / 1000, i64::MIN / 1000, 253_402_300_800];
    rounds(5_000, |random| {
        let shift = u32::try_from(random.below(63)).unwrap();
        let number = random.pick(&odd).wrapping_shr(shift).wrapping_add(random.pick(&odd) % 1000);
        for time in [Timestamp::from_millis(number), Timestamp::from_secs(number)] {
            let later = time.plus_secs(*random.pick(&odd));
            for time in [time, later] {
                let (shown, long) = (time.to_string(), time.to_iso_millis());
                assert_eq!((shown.len(), long.len()), (20, 24), "{shown} {long}");
                assert!(Timestamp::parse_rfc3339(&shown).is_some(), "{shown}");
            }
        }
    });
}

#[test]
fn durations_and_expiries() {
    let seeds = [
        "31536000",
        "90s",
        "15m",
        "12h",
        "30d",
        "52w",
        "never",
        "1790000001",
        "2030-01-01T00:00:00Z",
    ];
    let now = Timestamp::from_secs(NOW);
    text(&seeds, |input| {
        if let Some(secs) = parse_duration(input) {
            assert!(secs > 0);
            assert_eq!(parse_duration(&secs.to_string()), Some(secs));
        }
        match Expiry::parse_in(input, now) {
            Some(Expiry::In(secs)) => {
                let end = now.plus_secs(i64::try_from(secs).unwrap());
                assert_eq!(Timestamp::parse_rfc3339(&end.to_string()), Some(end));
            }
            Some(Expiry::At(end)) => assert!(end > now),
            Some(Expiry::Never) => assert_eq!(input, "never"),
            None => {}
        }
        if let Some(Expiry::At(end)) = Expiry::parse_at(input, now) {
            assert!(end > now);
        }
    });
}

#[test]
fn payloads_of_tokens() {
    let seeds = [
        r#"{"jti":"jti_1","exp":1790000000,"iat":1780000000.5,"org_id":"org_1"}"#,
        r#"{"jti":7,"exp":"soon","iat":-1,"organization_id":"org_2"}"#,
        "[]",
    ];
    text(&seeds, |payload| {
        let token = format!("e30.{}.x", BASE64_URL_SAFE_NO_PAD.encode(payload));
        if let Some(claims) = jwt::claims(&token) {
            assert_ne!(claims.jti.as_deref(), Some(""));
            for time in [claims.expires_at, claims.issued_at].into_iter().flatten() {
                assert!(!time.to_string().is_empty());
            }
        }
    });
    text(&["e30.e30.x", "wst_0123456789", "..", "a.b.c.d"], |token| {
        let _ = jwt::claims(token);
    });
}

#[test]
fn journals() {
    let workspace = WorkspaceRef {
        key: "ws-prod-1".into(),
        id: "1".into(),
        name: "prod".into(),
        server: "https://api.example.com".into(),
    };
    let jti = "jti_1".to_owned();
    let token = Token::new(
        Secret::new("wst_1"),
        Some(jti.clone()),
        TokenExpiry::Never,
        "Bearer".into(),
        vec!["workspace:read".into()],
    );
    let at = Timestamp::from_millis(1_790_000_000_123);
    let until = at.plus_secs(300);
    let boot = Some(BootTime { id: "b".into(), secs: 60 });
    let creating = |at| {
        let create = PendingCreate::new(workspace.clone(), at, until, boot.clone());
        Record::Creating(PendingCreate { expiry: Some(Expiry::In(60)), ..create })
    };
    let (old, purpose) = (Some(token.clone()), Purpose::Rollback);
    let created = Rotation::new(&workspace, at, token.clone(), old, purpose);
    let records = [
        creating(at),
        Record::Searched(workspace.request(at)),
        // By a clock that was never set.
        creating(Timestamp::from_millis(0)),
        Record::CreatingWorkspace {
            name: "new".into(),
            server: workspace.server.clone(),
            at: until,
            until,
            boot,
        },
        Record::Created(Rotation { to_unknown: true, grace_s: Some(60), ..created }),
        Record::Promoted(workspace.about()),
        workspace.delivering(2, Some(crate::context::Process { id: 7, started: 8 })),
        workspace.delivered_to("env:A=/b"),
        Record::RollbackUndone(workspace.about()),
        Record::PendingRevocation(PendingRevocation {
            workspace: workspace.clone(),
            jti: jti.clone(),
            not_before: Some(until),
            grace_s: Some(60),
            successor: None,
            since: Some(at),
            boot: None,
            reason: Reason::NotNeeded,
            token: Some(token),
            own_targets: true,
        }),
        Record::Orphan(Orphan {
            workspace: workspace.clone(),
            jti: "jti_2".into(),
            created_at: None,
            origin: Origin::Match,
        }),
        Record::HandingOut { workspace, at, jti: "jti_3".into() },
    ];
    let whole = journal_lines(&records).unwrap();
    let mut seeds: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    seeds.push(&whole);
    let (pending, counted) = Pending::read(&whole).unwrap();
    assert_eq!(counted, whole.len());
    assert!(!pending.rotations.is_empty() && pending.creates.len() == 2);
    assert_eq!(pending.orphans.iter().count(), 2);
    bytes(&seeds, |input| {
        let Ok((pending, counted)) = Pending::read(input) else {
            return;
        };
        assert!(counted <= input.len());
        let lines = journal_lines(&pending.records()).unwrap();
        let (again, counted) = Pending::read(&lines).unwrap();
        assert_eq!(counted, lines.len());
        assert_eq!(again.records(), pending.records());
    });
}

#[test]
fn addresses_of_servers() {
    let seeds = [
        "https://api.example.com/",
        "http://localhost:8080",
        "http://[::1]:1",
        "clerk.example.com",
    ];
    text(&seeds, |input| {
        let env = |name: &str| Env::new([(name.into(), input.into())]);
        for found in [
            endpoints::studio(&env("NIMBLEBRAIN_API_URL")),
            endpoints::oauth(&env("CLERK_OAUTH_DOMAIN")),
        ] {
            let Ok(url) = found else { continue };
            assert!(url.starts_with("http://") || url.starts_with("https://"), "{url}");
            assert!(url.bytes().all(|b| b.is_ascii_graphic()) && !url.ends_with('/'), "{url}");
        }
        if endpoints::check_domain(input).is_ok() {
            let url = endpoints::of_domain(input, false);
            assert!(url.parse::<ureq::http::Uri>().is_ok_and(|uri| uri.host().is_some()), "{url}");
        }
    });
}
