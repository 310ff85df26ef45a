//! Random and hostile config files.

use std::path::Path;

use super::*;
use crate::fuzz;
use crate::secret::Secret;
use crate::store::OwnFile;
use crate::token::{Token, TokenExpiry};

const OURS: &[u8] = include_bytes!("../../fixtures/config/ours.json");
const NAMED: &[u8] = include_bytes!("../../fixtures/config/ws-name-uuid.json");
const NULL: &[u8] = include_bytes!("../../fixtures/config/null-expiry.json");
const NONE: &[u8] = include_bytes!("../../fixtures/config/no-token.json");

fn parse(bytes: &[u8]) -> Option<Config> {
    let doc: Json = serde_json::from_slice(bytes).ok()?;
    check::check(&doc).ok()?;
    let [at] = OwnFile::in_folder(Path::new(""), ["config.json"]);
    Some(Config { at, doc, seen: None, near: std::cell::Cell::default() })
}

/// The content beside one field.
fn others(config: &Config, key: &str) -> Vec<Workspace> {
    let mut all = config.entries();
    all.retain(|workspace| workspace.key != key);
    all
}

#[test]
fn what_is_taken_can_be_used() {
    fuzz::bytes(&[OURS, NAMED, NULL, NONE], |input| {
        let Some(mut config) = parse(input) else {
            return;
        };
        let text = serde_json::to_vec_pretty(config.document()).unwrap();
        assert_eq!(parse(&text).map(|c| c.doc), Some(config.doc.clone()), "written and read");
        let _ = (config.domain().len(), config.insecure(), config.active_key());
        let session = config.session();
        for workspace in config.workspaces() {
            let found = config.workspace(&workspace.key).map(|w| w.key);
            assert_eq!(found.as_ref(), Some(&workspace.key));
            assert!(workspace.key.ends_with(&workspace.id));
            assert!(config.find(&workspace.key).is_ok_and(|w| w.key == workspace.key));

            let token = Token::new(
                Secret::new("wst_new"),
                Some("jti_new".to_owned()),
                TokenExpiry::Never,
                "Bearer".to_owned(),
                Vec::new(),
            );
            let before = others(&config, &workspace.key);
            config.set_token(&workspace.key, &workspace.name, &token);
            let now = config.workspace(&workspace.key).and_then(|w| w.token);
            assert_eq!(now, Some(token));
            config.clear_token(&workspace.key);
            assert!(config.workspace(&workspace.key).is_some_and(|w| w.token.is_none()));
            assert_eq!(others(&config, &workspace.key), before);
        }
        if let Some(session) = session {
            config.set_session(&session);
            let again = config.session().map(|s| s.bearer);
            assert_eq!(again, Some(session.bearer));
        }
        let text = serde_json::to_vec(config.document()).unwrap();
        assert!(parse(&text).is_some(), "what was changed can still be read");
    });
}
