//! `ntcli completions` and `ntcli man`

use crate::cli::{self, Completions, Man};
use crate::commands::prelude::*;
use crate::targets::SavedTargets;
use crate::text::shell_word;

/// Prints the completions of a shell, or what they ask for: each word with what it is, and `/` where
/// a file may stand.
pub(super) fn completions(ctx: &Context, args: &Completions) -> Report {
    let text = match cli::script(&args.shell) {
        Some(script) => script.to_owned(),
        None => words(ctx, args),
    };
    let json = Json::of([("script", text.as_str().into())]);
    Report::new(text, json).asked_for()
}

fn words(ctx: &Context, args: &Completions) -> String {
    let offer = cli::offer(args.words.clone());
    let mut names = known(ctx, offer.takes).unwrap_or_default();
    // A shell would take others apart.
    names.retain(|name| shell_word(name) == *name && name.starts_with(&offer.typed));
    let names = names.into_iter().map(|name| (name, String::new()));
    let words = offer.words.into_iter().chain(names);
    let line = |(word, what): (String, String)| format!("{}{word}\t{what}\n", offer.before);
    words.map(line).collect::<String>() + if offer.files { "/\n" } else { "" }
}

/// From the local files alone.
fn known(ctx: &Context, takes: &str) -> Result<Vec<String>> {
    let app = App::open(ctx)?;
    Ok(match takes {
        "WORKSPACE" | "NAME" => app.config()?.workspaces().into_iter().map(|w| w.name).collect(),
        "ID" => {
            let targets = SavedTargets::load(&app.paths.targets)?;
            targets.all().iter().map(|target| target.id.to_string()).collect()
        }
        _ => Vec::new(),
    })
}

/// Prints a page of the manual.
pub(super) fn man(args: &Man) -> Result<Report> {
    let name = args.page.as_deref().unwrap_or("ntcli");
    let page = cli::man_page(name);
    let page = page.ok_or_else(|| Error::usage("There is no such page", "ntcli man"))?;
    let json = Json::of([("page", page.as_str().into())]);
    Ok(Report::new(page, json).asked_for())
}
