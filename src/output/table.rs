//! Tables: drawn with lines for a person at a terminal, plain aligned columns for a pipe.

use crate::text::printable;

/// Cells wider than this stick out of their column instead of widening it for every row: one long
/// name must not push everything off the screen.
const WIDEST: usize = 80;
/// The placeholder for an empty cell, so that every row of a pipe has all its columns.
const NOTHING: &str = "-";

/// Rows under headings.
pub(crate) struct Table<const N: usize> {
    headings: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table without rows. A heading is one word, or a pipe could not tell the columns apart.
    pub(crate) fn new(headings: [&'static str; N]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row. Terminal control characters are escaped; an empty cell becomes `-`.
    pub(crate) fn row(&mut self, cells: [impl AsRef<str>; N]) {
        self.rows.push(cells.map(|cell| {
            let cell = printable(cell.as_ref());
            if cell.is_empty() { NOTHING.to_owned() } else { cell }
        }));
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table with lines around its cells, or without any: then two spaces stand between
    /// columns and none at the end of a row. Nothing at all when there are no rows.
    pub(crate) fn render(&self, lines: bool) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let widths = self.widths();
        let headings = self.headings.map(str::to_owned);
        if lines {
            let mut text = rule(&widths, ["┌", "┬", "┐"]);
            text += &drawn(&headings, &widths);
            text += &rule(&widths, ["├", "┼", "┤"]);
            for row in &self.rows {
                text += &drawn(row, &widths);
            }
            text + &rule(&widths, ["└", "┴", "┘"])
        } else {
            let rows = std::iter::once(&headings).chain(&self.rows);
            rows.map(|row| plain(row, &widths)).collect()
        }
    }

    fn widths(&self) -> [usize; N] {
        let mut widths = self.headings.map(width);
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell).min(WIDEST));
            }
        }
        widths
    }
}

fn rule<const N: usize>(widths: &[usize; N], [left, cross, right]: [&str; 3]) -> String {
    let parts: Vec<String> = widths.iter().map(|w| "─".repeat(w + 2)).collect();
    format!("{left}{}{right}\n", parts.join(cross))
}

fn drawn<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let parts: Vec<String> = cells.iter().zip(widths).map(|(c, w)| padded(c, *w)).collect();
    format!("│ {} │\n", parts.join(" │ "))
}

fn plain<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let parts: Vec<String> = cells.iter().zip(widths).map(|(c, w)| padded(c, *w)).collect();
    format!("{}\n", parts.join("  ").trim_end())
}

/// One column per character: the server's names are ASCII.
fn width(text: &str) -> usize {
    text.chars().count()
}

fn padded(cell: &str, to: usize) -> String {
    format!("{cell}{}", " ".repeat(to.saturating_sub(width(cell))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<3> {
        let mut table = Table::new(["Name", "Id", "Current"]);
        table.row(["naïve", "1", "✓"]);
        table.row(["été", "12345", ""]);
        table
    }

    #[test]
    fn lines_on_a_terminal() {
        assert_eq!(
            table().render(true),
            "\
┌───────┬───────┬─────────┐
│ Name  │ Id    │ Current │
├───────┼───────┼─────────┤
│ naïve │ 1     │ ✓       │
│ été   │ 12345 │ -       │
└───────┴───────┴─────────┘
"
        );
    }

    #[test]
    fn columns_in_a_pipe() {
        assert_eq!(
            table().render(false),
            "Name   Id     Current\nnaïve  1      ✓\nété    12345  -\n"
        );
    }

    #[test]
    fn nothing_of_nothing() {
        assert_eq!(Table::new(["A"]).render(true), "");
    }

    #[test]
    fn nothing_raw_reaches_the_terminal() {
        let mut table = Table::new(["A", "B"]);
        table.row(["\u{1b}[31mred\n", "x"]);
        assert_eq!(table.render(false), "A                B\n\\u{1b}[31mred\\n  x\n");
    }

    #[test]
    fn one_long_cell_widens_no_other_row() {
        let mut table = Table::new(["A", "B"]);
        table.row(["x".repeat(100_000).as_str(), "1"]);
        table.row(["y", "2"]);
        let text = table.render(false);
        let last = text.lines().last().unwrap_or_default();
        assert_eq!(last.len(), WIDEST + 3);
    }
}
