//! The server's behaviour: everything that a test may want to change.

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, not a state machine")]
pub(crate) struct Options {
    /// Ahead of this machine's clock; negative: behind it.
    pub(crate) clock_offset_s: i64,
    /// The `Date` header's, ahead of the clock that `created_at` is from.
    pub(crate) date_offset_s: i64,
    pub(crate) error_style: ErrorStyle,
    /// `false` is the open-source core edition: it requires no bearer, and `token_auth` answers 200
    /// to anything.
    pub(crate) accounts: bool,
    /// `false`: there are no `/tokens` routes.
    pub(crate) token_routes: bool,
    pub(crate) token_auth: TokenAuth,
    pub(crate) token_shape: TokenShape,
    /// Whether an answer that carries a new token names its jti beside it.
    pub(crate) jti_in_answer: bool,
    /// `expires_in` as `3600.0`.
    pub(crate) fractional_expires_in: bool,
    /// A create creates nothing, and answers with the workspace's newest live token.
    pub(crate) create_repeats_token: bool,
    pub(crate) list_has_expiry: bool,
    /// How the list of tokens writes `created_at` and `expires_at`.
    pub(crate) list_dates: Dates,
    /// Whether the list names revoked tokens too, and every token's `status`.
    pub(crate) list_has_revoked: bool,
    /// A token made through the API is missing from this many lists.
    pub(crate) list_lag: usize,
    /// How many tokens or workspaces a list shows at once, newest first; 0: all.
    pub(crate) page_size: usize,
    /// How a list that is cut tells of the rest.
    pub(crate) paging: Paging,
    /// A token lives no longer than this.
    pub(crate) longest_lifetime: Option<u64>,
    /// Every new token has the default scope, whatever is asked.
    pub(crate) drops_scope: bool,
    pub(crate) revoke_answer: RevokeAnswer,
    /// The status that answers a successful create.
    pub(crate) created_status: u16,
    pub(crate) workspace_create_includes_token: bool,
    /// `created_at`, or `created` on some deployments.
    pub(crate) workspace_created_field: &'static str,
    pub(crate) identity: Identity,
    /// `false`: the token exchange answers 403.
    pub(crate) cli_access: bool,
    pub(crate) oauth_client_id: String,
    pub(crate) offer_refresh_tokens: bool,
    /// A used refresh token stops working, and the answer contains another.
    pub(crate) rotate_refresh_tokens: bool,
    /// Seconds that an OAuth access token and the session made from it live.
    pub(crate) session_lifetime: u64,
    pub(crate) userinfo: Userinfo,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock_offset_s: 0,
            date_offset_s: 0,
            error_style: ErrorStyle::Detail,
            accounts: true,
            token_routes: true,
            token_auth: TokenAuth::Normal,
            token_shape: TokenShape::Jwt,
            jti_in_answer: false,
            fractional_expires_in: false,
            create_repeats_token: false,
            list_has_expiry: true,
            list_dates: Dates::Seconds,
            list_has_revoked: false,
            list_lag: 0,
            page_size: 0,
            paging: Paging::Link,
            longest_lifetime: None,
            drops_scope: false,
            revoke_answer: RevokeAnswer::Full,
            created_status: 201,
            workspace_create_includes_token: false,
            workspace_created_field: "created_at",
            identity: Identity::default(),
            cli_access: true,
            oauth_client_id: "96WRYcxabFktp9wn".to_owned(),
            offer_refresh_tokens: true,
            rotate_refresh_tokens: true,
            session_lifetime: 86_400,
            userinfo: Userinfo::Oidc,
        }
    }
}

impl Options {
    /// The `Date` header's clock, ahead of this machine's.
    pub(crate) fn date_offset(&self) -> i64 {
        self.clock_offset_s.saturating_add(self.date_offset_s)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorStyle {
    /// `{"detail": "text"}`, or a list of what is wrong for a 422.
    Detail,
    /// `{"error": {"code", "message", "details"}}`.
    Coded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenShape {
    Jwt,
    /// `wst_…`: jti and expiry are only what the answer says.
    Opaque,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenAuth {
    Normal,
    /// A token made through the API is unknown for its first checks;
    /// `usize::MAX` makes every new token a broken one.
    Lagging(usize),
    /// 401 for every token, old or new.
    Rejects401All,
    /// 200 and `{"authenticated": false}` for every token.
    Denies,
    /// 200 and a page for every token, as a gateway's sign-in.
    Html,
}

/// The same moment, as different deployments write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dates {
    Seconds,
    Millis,
    /// `2026-01-01T00:00:00.000000Z`.
    Zoned,
    /// The same in a zone two hours ahead: `2026-01-01T02:00:00.000000+02:00`.
    Ahead,
    /// In UTC, without saying so: `2026-01-01T00:00:00.000000`.
    Unzoned,
    /// `Thu, 01 Jan 2026 00:00:00 GMT`.
    Rfc1123,
    Missing,
    Garbage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// `Link: <…>; rel="next"`.
    Link,
    /// `next` is the path of the next page.
    NextPath,
    HasMore,
    Cursor,
    /// `count` is the number of all.
    Count,
    /// `X-Total-Count`.
    TotalHeader,
    /// `pagination`, of a form that is not known.
    Pagination,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RevokeAnswer {
    Full,
    MessageOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Userinfo {
    /// `sub`, `email`, `given_name`, `family_name`.
    Oidc,
    /// `id`, `email_addresses`, `first_name`, `last_name`.
    Clerk,
}

/// The one person who has an account here.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) user_id: String,
    pub(crate) email: String,
    pub(crate) given_name: String,
    pub(crate) family_name: String,
    pub(crate) org_id: String,
}

impl Default for Identity {
    fn default() -> Self {
        Identity {
            user_id: "user_1".to_owned(),
            email: "ada@example.com".to_owned(),
            given_name: "Ada".to_owned(),
            family_name: "Lovelace".to_owned(),
            org_id: "org_1".to_owned(),
        }
    }
}
