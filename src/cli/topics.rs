//! Help on what concerns every command: `ntcli help TOPIC`, and sections of the manual page.

use std::fmt::Write;

use super::help;

/// Something to read about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) name: &'static str,
    /// What is kept as text; the others come from the definitions.
    text: &'static str,
}

pub(super) const TOPICS: [Topic; 4] = [
    Topic { name: "environment", text: "" },
    Topic { name: "exit-codes", text: "" },
    Topic { name: "json", text: include_str!("topics/json.txt") },
    Topic { name: "recovery", text: include_str!("topics/recovery.txt") },
];

pub(super) fn find(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

impl Topic {
    /// As it is printed.
    pub(super) fn page(&self) -> String {
        let mut out = self.text.to_owned();
        match self.name {
            "environment" => {
                out.push_str("ENVIRONMENT\n\n");
                for (name, meaning) in help::environment() {
                    let _ = writeln!(out, "  {name:24}  {meaning}");
                }
            }
            "exit-codes" => {
                out.push_str("EXIT CODES\n\n");
                help::exit_codes(&mut out);
                out.push('\n');
                out.push_str(help::OWN_EXIT_CODES);
            }
            _ => {}
        }
        out
    }

    /// Its heading and its paragraphs, if it is kept as text.
    pub(super) fn prose(&self) -> Option<(&'static str, &'static str)> {
        self.text.split_once("\n\n")
    }
}
