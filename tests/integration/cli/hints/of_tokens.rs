//! States about a token, and the hints that are said in them.

use serde_json::json;

use super::*;
use crate::control_plane::{Fault, Route, Times, TokenAuth};

/// JTI, ID and TOKEN stand for those of the workspace that is meant.
pub(super) const OF_TOKENS: &[Case] = &[
    case(
        "nothing to refresh",
        |world, staging| {
            without_token(world, staging);
            words("token refresh staging")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "targets without a token",
        |world, staging| {
            target(world, &["--file", "token"]);
            without_token(world, staging);
            words("renew")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "nothing to show",
        |world, staging| {
            without_token(world, staging);
            words("token show staging")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "nothing to print",
        |world, staging| {
            without_token(world, staging);
            words("token print staging")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "nothing to use",
        |world, staging| {
            without_token(world, staging);
            words("token exec -w staging -- true")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "nothing to judge",
        |world, staging| {
            without_token(world, staging);
            words("token needs-refresh -w staging")
        },
        "ntcli token create -w staging",
        May::Make,
    ),
    case(
        "expired, printed",
        |world, staging| {
            expired(world, staging);
            words("token print staging")
        },
        "ntcli token refresh -w staging",
        May::Make,
    ),
    case(
        "expired, used",
        |world, staging| {
            expired(world, staging);
            words("token exec -w staging -- true")
        },
        "ntcli token refresh -w staging",
        May::Make,
    ),
    case(
        "denied by the server",
        |world, staging| {
            world.plane.revoke_token(&staging.id, &staging.token.jti);
            words("token show staging --check")
        },
        "ntcli token refresh -w staging",
        May::Make,
    ),
    case(
        "the lifetime of a refresh",
        |_, _| words("token refresh staging --expires-in x"),
        "ntcli token refresh --expires-in 31536000 -w staging",
        May::Replace,
    ),
    case(
        "the lifetime of a token to hand out",
        |_, _| words("token create staging --expires-in x"),
        "ntcli token create --expires-in 31536000 -w staging",
        May::Make,
    ),
    case(
        "a lost refresh",
        |world, _| {
            lose_an_answer(world);
            words("token refresh staging")
        },
        "ntcli token refresh --revoke-orphans -w staging",
        May::Replace,
    ),
    case(
        "tokens that nothing here holds",
        |world, _| {
            world.plane.configure(|o| o.list_has_expiry = false);
            lose_an_answer(world);
            world.ntcli(&["token", "refresh", "staging"]).run().exits(10);
            words("renew staging")
        },
        "ntcli token revoke --pending --forget",
        May::Fix,
    ),
    case(
        "a lost token that was to be handed out",
        |world, _| {
            lose_an_answer(world);
            words("token create staging")
        },
        "ntcli token list -w staging",
        May::Show,
    ),
    case(
        "the new token is not accepted yet",
        |world, _| {
            world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(usize::MAX));
            words("token refresh staging")
        },
        "ntcli renew staging",
        May::Revoke,
    ),
    case(
        "the new token lacks a right",
        |world, staging| {
            let scope = format!("/workspaces/items/{}/scope", staging.key);
            world.set_config(&scope, json!(["workspace:admin"]));
            world.plane.configure(|o| o.drops_scope = true);
            words("token refresh staging")
        },
        "ntcli token refresh staging --if-expires-within 1 --accept-scope",
        May::Revoke,
    ),
    case(
        "the old token is live",
        |world, _| {
            refuse_to_revoke(world);
            words("token refresh staging")
        },
        "ntcli token revoke --pending",
        May::Revoke,
    ),
    case(
        "a revocation that cannot be proven",
        |world, _| {
            let fault = Fault::CloseBefore;
            world.plane.fault(Route::TokenRevoke, Times::Always, fault);
            words("token revoke JTI -w staging --force")
        },
        "ntcli token revoke --pending",
        May::Revoke,
    ),
    case(
        "no such token",
        |_, _| words("token revoke jti_nope -w staging --force"),
        "ntcli token list -w staging",
        May::Show,
    ),
    case(
        "a token for its id",
        |_, _| words("token revoke TOKEN -w staging --force"),
        "ntcli token revoke JTI -w staging",
        May::Revoke,
    ),
    case(
        "no token to roll back to",
        |_, _| words("token rollback staging"),
        "ntcli token list -w staging",
        May::Show,
    ),
    case(
        "not asked",
        |_, _| words("token revoke JTI -w staging"),
        "ntcli token revoke JTI -w ID --force",
        May::Revoke,
    ),
];
