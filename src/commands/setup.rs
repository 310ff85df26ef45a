//! `ntcli completions` and `ntcli man`

use crate::cli::{self, Completions, Man, Names};
use crate::commands::prelude::*;
use crate::targets::SavedTargets;
use crate::text::shell_word;

/// Prints the completions of a shell, or what they ask for: each word with what it is, and `/` where
/// a file may stand.
pub(super) fn completions(ctx: &Context, args: &Completions) -> Result<Report> {
    let text = match cli::script(&args.shell) {
        Some(script) => script.to_owned(),
        None => words(ctx, args)?,
    };
    let json = Json::of([("script", text.as_str().into())]);
    Ok(Report::new(text, json).asked_for())
}

fn words(ctx: &Context, args: &Completions) -> Result<String> {
    let offer = cli::offer(args.words.clone());
    let mut names = offer.names.map_or(Ok(Vec::new()), |names| known(ctx, names))?;
    // A shell would take others apart.
    names.retain(|name| shell_word(name) == *name && name.starts_with(&offer.typed));
    let names = names.into_iter().map(|name| (name, String::new()));
    let words = offer.words.into_iter().chain(names);
    let line = |(word, what): (String, String)| format!("{}{word}\t{what}\n", offer.before);
    Ok(words.map(line).collect::<String>() + if offer.files { "/\n" } else { "" })
}

/// From the local files alone.
fn known(ctx: &Context, names: Names) -> Result<Vec<String>> {
    let app = App::open(ctx)?;
    Ok(match names {
        Names::Workspaces => app.config()?.workspaces().into_iter().map(|w| w.name).collect(),
        Names::Targets => {
            let targets = SavedTargets::load(&app.paths.targets)?;
            targets.all().iter().map(|target| target.id.to_string()).collect()
        }
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
