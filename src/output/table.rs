//! Tables: drawn with lines for a person at a terminal, plain aligned columns for a pipe.

use crate::context::Console;
use crate::text::printable;

/// Cells wider than this stick out of their column instead of widening it for every row: one long
/// name must not push everything off the screen.
const WIDEST: usize = 80;
/// No column becomes narrower, and before one does a column is dropped that is expendable.
const NARROWEST: usize = 8;
const COMFORTABLE: usize = 20;
/// The placeholder for an empty cell, so that every row of a pipe has all its columns.
const NOTHING: &str = "-";

/// Rows under headings.
pub(crate) struct Table<const N: usize> {
    headings: [&'static str; N],
    rows: Vec<[String; N]>,
    /// The columns that a narrow terminal can do without, the first one first.
    expendable: &'static [usize],
}

impl<const N: usize> Table<N> {
    /// A table without rows. A heading is one word, or a pipe could not tell the columns apart.
    pub(crate) fn new(headings: [&'static str; N]) -> Self {
        Self { headings, rows: Vec::new(), expendable: &[] }
    }

    /// Adds a row. Terminal control characters are escaped; an empty cell becomes `-`.
    pub(crate) fn row(&mut self, cells: [impl AsRef<str>; N]) {
        self.rows.push(cells.map(|cell| {
            let cell = printable(cell.as_ref());
            if cell.is_empty() { NOTHING.to_owned() } else { cell }
        }));
    }

    /// Names the columns that a narrow terminal can do without, the first one first.
    pub(crate) fn expendable(mut self, columns: &'static [usize]) -> Self {
        self.expendable = columns;
        self
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As it fits the console: with lines around its cells on a terminal.
    pub(crate) fn show(&self, console: &Console) -> String {
        self.render(console.color_out(), console.width())
    }

    /// The table with lines around its cells, or without any: then two spaces stand between
    /// columns and none at the end of a row. On a terminal of that `width` long cells are cut in the
    /// middle. Nothing at all when there are no rows.
    pub(crate) fn render(&self, lines: bool, width: Option<usize>) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut widths = self.widths();
        if let Some(width) = width {
            self.fit(&mut widths, width, lines);
            let ellipsis = if lines { "…" } else { "..." };
            let fits = |row: &[String; N]| {
                let mut cells =
                    row.iter().zip(widths).map(|(cell, width)| cut(cell, width, ellipsis));
                std::array::from_fn(|_| cells.next().unwrap_or_default())
            };
            let rows = self.rows.iter().map(fits).collect();
            return Self { rows, ..*self }.drawn_with(lines, widths);
        }
        self.drawn_with(lines, widths)
    }

    fn drawn_with(&self, lines: bool, widths: [usize; N]) -> String {
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

    /// Drops columns, then narrows them, until all fit; a dropped one has no width.
    fn fit(&self, widths: &mut [usize; N], total: usize, lines: bool) {
        let room = |widths: &[usize; N]| {
            let shown = widths.iter().filter(|width| **width > 0).count();
            total.saturating_sub(if lines { 3 * shown + 1 } else { 2 * shown.saturating_sub(1) })
        };
        for column in self.expendable {
            let least: usize = widths.iter().map(|width| (*width).min(COMFORTABLE)).sum();
            if least > room(widths) {
                widths[*column] = 0;
            }
        }
        let most = room(widths);
        shrink(widths, most);
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

/// Takes from the widest columns until all fit, but leaves something of each; the first one, which says
/// what the row is about, stays.
fn shrink<const N: usize>(widths: &mut [usize; N], most: usize) {
    while widths.iter().sum::<usize>() > most {
        let widest = widths.iter_mut().skip(1).max();
        let Some(widest) = widest.filter(|widest| **widest > NARROWEST) else {
            return;
        };
        *widest -= 1;
    }
}

/// The text with its middle left out: both ends of an id tell it from others.
fn cut(text: &str, to: usize, ellipsis: &str) -> String {
    let length = width(text);
    if length <= to {
        return text.to_owned();
    }
    let kept = to.saturating_sub(width(ellipsis));
    let (begin, end) = (kept.div_ceil(2), kept / 2);
    let begin: String = text.chars().take(begin).collect();
    let end: String = text.chars().skip(length - end).collect();
    format!("{begin}{ellipsis}{end}")
}

fn rule<const N: usize>(widths: &[usize; N], [left, cross, right]: [&str; 3]) -> String {
    let shown = widths.iter().filter(|width| **width > 0);
    let parts: Vec<String> = shown.map(|w| "─".repeat(w + 2)).collect();
    format!("{left}{}{right}\n", parts.join(cross))
}

fn drawn<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let shown = cells.iter().zip(widths).filter(|(_, width)| **width > 0);
    let parts: Vec<String> = shown.map(|(c, w)| padded(c, *w)).collect();
    format!("│ {} │\n", parts.join(" │ "))
}

fn plain<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let shown = cells.iter().zip(widths).filter(|(_, width)| **width > 0);
    let parts: Vec<String> = shown.map(|(c, w)| padded(c, *w)).collect();
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
            table().render(true, None),
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
            table().render(false, None),
            "Name   Id     Current\nnaïve  1      ✓\nété    12345  -\n"
        );
    }

    #[test]
    fn nothing_of_nothing() {
        assert_eq!(Table::new(["A"]).render(true, None), "");
    }

    #[test]
    fn nothing_raw_reaches_the_terminal() {
        let mut table = Table::new(["A", "B"]);
        table.row(["\u{1b}[31mred\n", "x"]);
        assert_eq!(table.render(false, None), "A                B\n\\u{1b}[31mred\\n  x\n");
    }

    #[test]
    fn one_long_cell_widens_no_other_row() {
        let mut table = Table::new(["A", "B"]);
        table.row(["x".repeat(100_000).as_str(), "1"]);
        table.row(["y", "2"]);
        let text = table.render(false, None);
        let last = text.lines().last().unwrap_or_default();
        assert_eq!(last.len(), WIDEST + 3);
    }

    #[test]
    fn long_cells_are_cut_on_a_terminal() {
        let mut table = Table::new(["When", "JTI", "Reason"]);
        table.row(["2026-11-26T05:48:42Z", "jti_0042d2d84d17e150", "because of something long"]);
        for width in [60, 48, 46] {
            for lines in [true, false] {
                let text = table.render(lines, Some(width));
                assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
                assert!(text.contains(if lines { "…" } else { "..." }), "{text}");
            }
        }
        assert_eq!(table.render(true, Some(200)), table.render(true, None));
        let narrow = Table { expendable: &[1], ..table };
        assert!(!narrow.render(true, Some(46)).contains("JTI"));
        assert!(narrow.render(true, Some(200)).contains("JTI"));
        let table = narrow;
        // There is no room for anything.
        assert!(!table.render(true, Some(3)).is_empty());
    }
}
