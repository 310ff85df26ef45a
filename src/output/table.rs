//! Tables: columns with two blanks between them, on a terminal as in a pipe.

use crate::context::Context;
use crate::text::printable;

/// Wider cells stick out of their column: one long name must not push everything off the screen.
const WIDEST: usize = 80;

/// Headings, and rows under them.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    /// A table without rows. A heading is one word, or a pipe could not tell the columns apart.
    pub(crate) fn new(headings: &[&str]) -> Self {
        let mut table = Self(Vec::new());
        table.row(headings);
        table
    }

    /// Adds a row, with a cell for every heading. Terminal control characters are escaped; an empty cell
    /// becomes `-`, so that every row has all its columns.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        let cell = |cell: &&str| printable(if cell.is_empty() { "-" } else { cell });
        self.0.push(cells.iter().map(cell).collect());
    }

    /// Its lines, without blanks at their ends. Nothing at all when there are no rows.
    pub(crate) fn render(&self) -> String {
        let [headings, _, ..] = self.0.as_slice() else {
            return String::new();
        };
        let width = |row: &Vec<String>, n: usize| row[n].chars().count().min(WIDEST);
        let widest = |n: usize| self.0.iter().map(|row| width(row, n)).max().unwrap_or(0);
        let widths: Vec<usize> = (0..headings.len()).map(widest).collect();
        let mut text = String::new();
        for row in &self.0 {
            let padded = row.iter().zip(&widths).map(|(cell, to)| format!("{cell:to$}"));
            text += padded.collect::<Vec<_>>().join("  ").trim_end();
            text.push('\n');
        }
        text
    }
}

/// A cell that says yes, or nothing.
pub(crate) fn mark(set: bool, ctx: &Context) -> &'static str {
    match (set, ctx.console.color_out()) {
        (true, true) => "✓",
        (true, false) => "yes",
        (false, _) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(&["Name", "Id", "Current"]);
        assert_eq!(table.render(), "");
        table.row(&["naïve", "1", "✓"]);
        table.row(&["übermut", "12345", ""]);
        assert_eq!(
            table.render(),
            "Name     Id     Current\nnaïve    1      ✓\nübermut  12345  -\n"
        );
    }

    #[test]
    fn nothing_raw_reaches_the_terminal() {
        let mut table = Table::new(&["A", "B"]);
        table.row(&["\u{1b}[31mred\n", "x"]);
        assert_eq!(table.render(), "A                B\n\\u{1b}[31mred\\n  x\n");
    }

    #[test]
    fn one_long_cell_widens_no_other_row() {
        let mut table = Table::new(&["A", "B"]);
        table.row(&["x".repeat(100_000).as_str(), "1"]);
        table.row(&["y", "2"]);
        let text = table.render();
        let last = text.lines().last().unwrap_or_default();
        assert_eq!(last.len(), WIDEST + 3);
    }
}
