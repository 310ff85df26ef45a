//! Maps a request to a call.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Health,
    WorkspaceList,
    WorkspaceCreate,
    WorkspaceGet,
    WorkspaceDelete,
    TokenCreate,
    TokenList,
    TokenRevoke,
    TokenAuth,
    OauthAuthorize,
    OauthToken,
    OauthUserinfo,
    TokenExchange,
}

impl Route {
    /// Whether success is the status of something created.
    pub(crate) fn creates(self) -> bool {
        matches!(self, Route::WorkspaceCreate | Route::TokenCreate)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Route(Route),
    /// The path is known, the method is not.
    WrongMethod,
    Nothing,
}

impl Found {
    pub(crate) fn route(self) -> Option<Route> {
        match self {
            Found::Route(route) => Some(route),
            Found::WrongMethod | Found::Nothing => None,
        }
    }
}

/// `segments` are the path's, decoded.
pub(crate) fn find(method: &str, segments: &[String]) -> Found {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let routes: &[(&str, Route)] = match segments[..] {
        ["health"] => &[("GET", Route::Health)],
        ["v1", "workspaces"] => &[("GET", Route::WorkspaceList), ("POST", Route::WorkspaceCreate)],
        ["v1", "workspaces", _] => {
            &[("GET", Route::WorkspaceGet), ("DELETE", Route::WorkspaceDelete)]
        }
        ["v1", "workspaces", _, "tokens"] => {
            &[("GET", Route::TokenList), ("POST", Route::TokenCreate)]
        }
        ["v1", "workspaces", _, "tokens", _] => &[("DELETE", Route::TokenRevoke)],
        ["v1", "token_auth"] => &[("GET", Route::TokenAuth)],
        ["oauth", "authorize"] => &[("GET", Route::OauthAuthorize)],
        ["oauth", "token"] => &[("POST", Route::OauthToken)],
        ["oauth", "userinfo"] => &[("GET", Route::OauthUserinfo)],
        ["api", "v1", "auth", "token-exchange"] => &[("POST", Route::TokenExchange)],
        _ => return Found::Nothing,
    };
    let wanted = routes.iter().find(|(allowed, _)| *allowed == method);
    wanted.map_or(Found::WrongMethod, |(_, route)| Found::Route(*route))
}
