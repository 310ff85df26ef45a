//! The fenced blocks of a text in Markdown, and what the comments before them say.

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The line of its fence, from 1.
    pub(super) line: usize,
    /// The heading that it stands under.
    pub(super) chapter: &'a str,
    pub(super) given: Vec<&'a str>,
    /// Whether a comment says why it cannot run.
    pub(super) not_run: bool,
    language: &'a str,
    lines: Vec<&'a str>,
}

pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block> = Vec::new();
    let (mut chapter, mut is_open) = ("", false);
    let (mut given, mut not_run) = (Vec::new(), false);
    for (n, line) in text.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            is_open = !is_open;
            if is_open {
                let (given, lines) = (std::mem::take(&mut given), Vec::new());
                found.push(Block { line: n + 1, chapter, given, not_run, language, lines });
                not_run = false;
            }
        } else if is_open {
            found.last_mut().unwrap().lines.push(line);
        } else if let Some(heading) = line.strip_prefix("##") {
            chapter = heading;
        } else if let Some(comment) = line.strip_prefix("<!-- ") {
            let comment = comment.strip_suffix(" -->").expect("a comment of one line");
            match comment.split_once(": ") {
                Some(("given", what)) => given.push(what),
                Some(("not run", _)) => not_run = true,
                _ => panic!("README.md:{}: {comment:?} means nothing", n + 1),
            }
        } else if !line.is_empty() {
            assert!(given.is_empty() && !not_run, "README.md:{}: a comment without a block", n + 1);
        }
    }
    found
}

impl Block<'_> {
    /// Its commands, with what they print where that is shown.
    pub(super) fn commands(&self) -> Vec<(String, Option<String>)> {
        let whole = self.lines.join("\n");
        match self.language {
            "console" => {
                let whole = format!("\n{whole}\n");
                let (before, commands) = whole.split_once("\n$ ").expect("a command");
                assert!(before.is_empty(), "README.md:{}: {before:?} has no command", self.line);
                let commands = commands.split("\n$ ").map(|command| {
                    let (command, output) = command.split_once('\n').unwrap_or((command, ""));
                    let output = output.trim_end_matches('\n');
                    let end = if output.is_empty() { "" } else { "\n" };
                    (command.to_owned(), Some(format!("{output}{end}")))
                });
                commands.collect()
            }
            "sh" => vec![(format!("set -e\n{whole}"), None)],
            "cron" => {
                let command =
                    |line: &&str| line.splitn(6, ' ').nth(5).unwrap_or_default().to_owned();
                self.lines.iter().map(|line| (command(line), None)).collect()
            }
            other => {
                panic!("README.md:{}: {other:?} does not run; say why it is not run", self.line)
            }
        }
    }
}

#[test]
fn blocks_and_their_comments() {
    let text = "# T\n\n```sh\na\nb\n```\n\n## C\n<!-- given: x y -->\n```console\n$ c\n1\n\n2\n$ d\n```\n\
                \n<!-- not run: no y -->\n\n```ini\n[e]\n```\n```cron\n1 * * * * f g\n```\n";
    let found = blocks(text);
    let shape: Vec<_> =
        found.iter().map(|b| (b.line, b.chapter, b.given.len(), b.not_run)).collect();
    assert_eq!(
        shape,
        [(3, "", 0, false), (10, " C", 1, false), (20, " C", 0, true), (23, " C", 0, false)]
    );
    assert_eq!(found[0].commands(), [("set -e\na\nb".to_owned(), None)]);
    let (one, other) =
        (("c".to_owned(), Some("1\n\n2\n".to_owned())), ("d".to_owned(), Some(String::new())));
    assert_eq!(found[1].commands(), [one, other]);
    assert_eq!(found[3].commands(), [("f g".to_owned(), None)]);
    let refused = |text: &str| {
        let text = text.to_owned();
        std::panic::catch_unwind(move || blocks(&text).iter().map(Block::commands).count()).is_err()
    };
    for text in ["```ini\n```", "```\n```", "<!-- x -->\n", "<!-- not run: y -->\ntext\n"] {
        assert!(refused(text), "{text}");
    }
}
