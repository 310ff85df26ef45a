//! The lists of tokens and workspaces, which come in pages. A list is whole only if nothing that the
//! server says of it speaks of more.

use std::collections::BTreeSet;

use super::answer;
use super::{Answer, Api, tokens_path};
use crate::http::{Response, unusable};
use crate::json::Json;
use crate::rotation::ListedToken;
use crate::time::Timestamp;

/// No account has more; a server that goes on and on is not followed.
const MOST_PAGES: usize = 20;

/// A token as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteToken {
    pub token: ListedToken,
    /// Whether the list marks it as revoked.
    pub revoked: bool,
}

/// A workspace as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteWorkspace {
    /// Its UUID, or `ws-NAME-UUID` in some deployments.
    pub id: String,
    pub name: String,
    pub created_at: Option<Timestamp>,
    /// `active`, …
    pub status: Option<String>,
}

/// One page of a list, and what it says of others.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Where the next one is.
    next: Option<String>,
    /// Whether something says that there is another.
    more: bool,
    /// How many entries all pages have together, as far as it says.
    total: u64,
}

/// The page in an answer; `read` reads one entry of the list with this name.
pub(super) fn page<T>(
    response: &Response,
    name: &str,
    read: impl Fn(&Json, &Response) -> Answer<T>,
) -> Answer<Page<T>> {
    let body = response.object()?;
    let Json::Array(items) = &body[name] else {
        return Err(response.unusable(&format!("it holds no list of {name}")));
    };
    let items = items.iter().map(|item| read(item, response)).collect::<Answer<Vec<T>>>()?;
    let paging = &body["pagination"];
    let both = [&body, paging];
    let place = |name: &str| both.iter().find_map(|part| part[name].as_str());
    let next = response.next.clone().or_else(|| {
        let place = place("next").or_else(|| place("next_page"));
        place.filter(|place| !place.is_empty()).map(str::to_owned)
    });
    let says_more = |part: &&Json| {
        let cursors = ["next", "next_cursor", "next_page"].into_iter();
        part["has_more"] == Json::Bool(true) || cursors.map(|name| &part[name]).any(is_set)
    };
    let counts = both.iter().flat_map(|part| [&part["count"], &part["total"]]);
    let counts = counts.filter_map(|count| count.as_whole().and_then(|n| u64::try_from(n).ok()));
    // A form of paging that is not known may have more pages.
    let unclear = !paging.is_null()
        && paging["has_more"] != Json::Bool(false)
        && paging["total"].as_whole().is_none();
    Ok(Page {
        more: response.status != 200 || next.is_some() || both.iter().any(says_more) || unclear,
        total: counts.chain(response.total).max().unwrap_or_default(),
        items,
        next,
    })
}

fn is_set(cursor: &Json) -> bool {
    !matches!(cursor, Json::Null | Json::Bool(false)) && cursor.as_str() != Some("")
}

impl Api<'_> {
    /// The tokens of a workspace, including those that the list marks as revoked, and whether that
    /// is the whole list.
    pub(crate) fn tokens(&self, workspace: &str) -> Answer<(Vec<RemoteToken>, bool)> {
        let path = tokens_path(workspace)?;
        self.pages(&path, "tokens", answer::remote_token, |remote| &remote.token.jti)
    }

    /// All workspaces of the account.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure); also if the server lists only some of them.
    pub(crate) fn workspaces(&self) -> Answer<Vec<RemoteWorkspace>> {
        let read = answer::remote_workspace;
        match self.pages("/v1/workspaces", "workspaces", read, |workspace| &workspace.id)? {
            (workspaces, true) => Ok(workspaces),
            (_, false) => Err(unusable("the server", 200, "it is not the whole list")),
        }
    }

    /// All entries of a list, each `id` once, and whether that is the whole list. The next page is
    /// asked for where the answer gives its place, and that is this list on this server.
    fn pages<T>(
        &self,
        path: &str,
        name: &str,
        read: impl Fn(&Json, &Response) -> Answer<T>,
        id: impl Fn(&T) -> &String,
    ) -> Answer<(Vec<T>, bool)> {
        let (mut all, mut seen, mut listed) = (Vec::new(), BTreeSet::new(), 0);
        let mut at = path.to_owned();
        for _ in 0..MOST_PAGES {
            let page = page(&self.get(&at)?, name, &read)?;
            listed += page.items.len() as u64;
            let before = all.len();
            all.extend(page.items.into_iter().filter(|item| seen.insert(id(item).clone())));
            match page.next.and_then(|next| self.page_of(path, &next)) {
                Some(next) if all.len() > before => at = next,
                _ => return Ok((all, !page.more && page.total <= listed)),
            }
        }
        Ok((all, false))
    }

    /// The path of a page of the list at `path`, if the place is one.
    fn page_of(&self, path: &str, place: &str) -> Option<String> {
        if place.starts_with('?') {
            return Some(format!("{path}{place}"));
        }
        let origin = self.base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let whole = if place.starts_with('/') { origin + place } else { place.to_owned() };
        let found = whole.strip_prefix(&self.base)?;
        (found.split_once('?')?.0 == path).then(|| found.to_owned())
    }
}
