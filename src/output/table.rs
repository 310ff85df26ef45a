//! Tables: drawn with lines for a person at a terminal, plain aligned columns for a pipe.

use crate::context::Context;
use crate::text::printable;
use crate::time::Timestamp;

/// Cells wider than this stick out of their column instead of widening it for every row: one long
/// name must not push everything off the screen.
const WIDEST: usize = 80;
/// No column becomes narrower, and before one gets below what is comfortable an expendable one is
/// dropped.
const NARROWEST: usize = 8;
const COMFORTABLE: usize = 16;
/// On a narrower terminal the lines would take too much of it.
const ROOM_FOR_LINES: usize = 60;
/// The placeholder for an empty cell, so that every row of a pipe has all its columns.
const NOTHING: &str = "-";

/// Rows under headings. One type for all widths: the program is small.
pub(crate) struct Table {
    /// The headings, then the rows.
    rows: Vec<Vec<String>>,
    /// The columns that a narrow terminal can do without, the first one first.
    expendable: &'static [usize],
    /// The columns that are never cut: what is copied from them must be all there.
    whole: &'static [usize],
}

impl Table {
    /// A table without rows. A heading is one word, or a pipe could not tell the columns apart.
    pub(crate) fn new(headings: &[&str]) -> Self {
        let mut table = Self { rows: Vec::new(), expendable: &[], whole: &[] };
        table.row(headings);
        table
    }

    /// Adds a row, with a cell for every heading. Terminal control characters are escaped; an empty cell
    /// becomes `-`.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        let cell = |cell: &&str| if cell.is_empty() { NOTHING.to_owned() } else { printable(cell) };
        self.rows.push(cells.iter().map(cell).collect());
    }

    /// Names the columns that a narrow terminal can do without, the first one first.
    pub(crate) fn expendable(mut self, columns: &'static [usize]) -> Self {
        self.expendable = columns;
        self
    }

    /// Names the columns that are never cut.
    pub(crate) fn whole(mut self, columns: &'static [usize]) -> Self {
        self.whole = columns;
        self
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// As it fits the console: on a terminal with lines around its cells, and with times also as seen
    /// from now.
    pub(crate) fn show(mut self, ctx: &Context) -> String {
        let (lines, width) = (ctx.console.color_out(), ctx.console.width());
        if let Some(width) = width {
            self.tell_from(ctx.clock.now(), lines, width);
        }
        self.render(lines, width)
    }

    /// Says how far away the times of a column are, if there is room for it; of the last column first.
    fn tell_from(&mut self, now: Timestamp, lines: bool, total: usize) {
        for column in (0..self.rows[0].len()).rev() {
            let before = self.rows.clone();
            for cell in self.rows.iter_mut().filter_map(|row| row.get_mut(column)) {
                if let Some(time) = Timestamp::parse_rfc3339(cell) {
                    *cell += &format!(" ({})", time.from_now(now));
                }
            }
            let widths = self.widths();
            if widths.iter().sum::<usize>() > room(&widths, total, lines) {
                self.rows = before;
            }
        }
    }

    /// The table with lines around its cells, or without any: then two spaces stand between
    /// columns and none at the end of a row. On a terminal of that `width` long cells are cut in the
    /// middle. Nothing at all when there are no rows.
    pub(crate) fn render(&self, lines: bool, width: Option<usize>) -> String {
        if self.is_empty() {
            return String::new();
        }
        let mut widths = self.widths();
        let lines = lines && width.is_none_or(|width| width >= ROOM_FOR_LINES);
        if let Some(width) = width {
            self.fit(&mut widths, width, lines);
        }
        // A cell that sticks out of its column is not cut in a pipe.
        let ellipsis = width.map(|_| if lines { "…" } else { "..." });
        let mut text = String::new();
        let rule = |[left, cross, right]: [&str; 3]| {
            let shown = widths.iter().filter(|width| **width > 0);
            let parts: Vec<String> = shown.map(|w| "─".repeat(w + 2)).collect();
            format!("{left}{}{right}\n", parts.join(cross))
        };
        for (n, row) in self.rows.iter().enumerate() {
            let shown = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
            let cells: Vec<String> = shown.map(|(cell, to)| padded(cell, *to, ellipsis)).collect();
            match (lines, n) {
                (false, _) => text += cells.join("  ").trim_end(),
                (true, 0) => text += &rule(["┌", "┬", "┐"]),
                (true, 1) => text += &rule(["├", "┼", "┤"]),
                (true, _) => {}
            }
            if lines {
                text += &format!("│ {} │", cells.join(" │ "));
            }
            text.push('\n');
        }
        if lines { text + &rule(["└", "┴", "┘"]) } else { text }
    }

    /// Drops columns, then narrows them, until all fit; a dropped one has no width. The first one, which
    /// says what the row is about, is not cut.
    fn fit(&self, widths: &mut [usize], total: usize, lines: bool) {
        let is_cut = |n: usize| n > 0 && !self.whole.contains(&n);
        for column in self.expendable {
            let least = |(n, width): (usize, &usize)| {
                if is_cut(n) { (*width).min(COMFORTABLE) } else { *width }
            };
            let least: usize = widths.iter().enumerate().map(least).sum();
            if least > room(widths, total, lines) {
                widths[*column] = 0;
            }
        }
        let most = room(widths, total, lines);
        while widths.iter().sum::<usize>() > most {
            let widest = (0..widths.len()).filter(|n| is_cut(*n)).max_by_key(|n| widths[*n]);
            let Some(widest) = widest.filter(|n| widths[*n] > NARROWEST) else {
                return;
            };
            widths[widest] -= 1;
        }
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |n: usize| {
            self.rows
                .iter()
                .map(move |row| row.get(n).map_or(0, |cell| width(cell).min(WIDEST)))
                .max()
        };
        (0..self.rows[0].len()).filter_map(widest).collect()
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

/// What lines and gaps leave for the cells.
fn room(widths: &[usize], total: usize, lines: bool) -> usize {
    let shown = widths.iter().filter(|width| **width > 0).count();
    total.saturating_sub(if lines { 3 * shown + 1 } else { 2 * shown.saturating_sub(1) })
}

/// The text with its middle left out: both ends of an id tell it from others.
fn cut(text: &str, to: usize, ellipsis: &str) -> String {
    if width(text) <= to {
        return text.to_owned();
    }
    let kept = to.saturating_sub(width(ellipsis));
    let begin: String = fitting(text.chars(), kept.div_ceil(2)).collect();
    let end: Vec<char> = fitting(text.chars().rev(), kept / 2).collect();
    let end: String = end.into_iter().rev().collect();
    format!("{begin}{ellipsis}{end}")
}

/// How many columns of a terminal it takes: two for a character of East Asian scripts or a picture.
fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    let wide = matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff60}' | '\u{1f300}'..='\u{3fffd}');
    1 + usize::from(wide)
}

/// The first of them that have room.
fn fitting(chars: impl Iterator<Item = char>, room: usize) -> impl Iterator<Item = char> {
    let mut used = 0;
    chars.take_while(move |c| {
        used += columns(*c);
        used <= room
    })
}

fn padded(cell: &str, to: usize, ellipsis: Option<&str>) -> String {
    let cell = ellipsis.map_or_else(|| cell.to_owned(), |ellipsis| cut(cell, to, ellipsis));
    let blanks = to.saturating_sub(width(&cell));
    format!("{cell}{:blanks$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["Name", "Id", "Current"]);
        table.row(&["naïve", "1", "✓"]);
        table.row(&["été", "12345", ""]);
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
    fn characters_of_two_columns() {
        let mut table = Table::new(&["Name", "Id"]);
        table.row(&["日本語", "1"]);
        table.row(&["한국 x", "2"]);
        assert_eq!(table.render(false, None), "Name    Id\n日本語  1\n한국 x  2\n");
        assert_eq!(cut("日本語日本語", 7, "…"), "日…語");
        assert_eq!(cut("日本語日本語", 9, "…"), "日本…本語");
    }

    /// What is to be copied is all there or not at all, and lines go before columns.
    #[test]
    fn an_id_is_not_cut() {
        let mut table = Table::new(&["Name", "JTI", "Expires"]).whole(&[1]).expendable(&[2]);
        table.row(&["production", "jti_0042d2d84d17e150", "2026-11-26T05:48:42Z"]);
        for width in [80, 57, 50, 40, 34] {
            let text = table.render(true, Some(width));
            assert!(text.contains("jti_0042d2d84d17e150"), "{width}: {text}");
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
            assert_eq!(text.contains('│'), width >= ROOM_FOR_LINES, "{width}: {text}");
            assert_eq!(text.contains("Expires"), width >= 50, "{width}: {text}");
        }
    }

    /// Never at the cost of something else.
    #[test]
    fn times_are_relative_too_where_there_is_room() {
        let now = Timestamp::parse_rfc3339("2026-11-26T05:48:42Z").unwrap();
        let shown = |width| {
            let mut table = Table::new(&["JTI", "Created", "Expires"]);
            table.row(&["jti_1", "2026-11-25T05:48:42Z", "2026-12-26T05:48:42Z"]);
            table.row(&["jti_2", "", "Never"]);
            table.tell_from(now, true, width);
            table.render(true, Some(width))
        };
        for (width, created, expires) in
            [(80, true, true), (79, false, true), (68, false, true), (66, false, false)]
        {
            let text = shown(width);
            assert_eq!(text.contains("2026-11-25T05:48:42Z (1 day ago)"), created, "{text}");
            assert_eq!(text.contains("2026-12-26T05:48:42Z (in 30 days)"), expires, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        }
    }

    #[test]
    fn nothing_of_nothing() {
        assert_eq!(Table::new(&["A"]).render(true, None), "");
    }

    #[test]
    fn nothing_raw_reaches_the_terminal() {
        let mut table = Table::new(&["A", "B"]);
        table.row(&["\u{1b}[31mred\n", "x"]);
        assert_eq!(table.render(false, None), "A                B\n\\u{1b}[31mred\\n  x\n");
    }

    #[test]
    fn one_long_cell_widens_no_other_row() {
        let mut table = Table::new(&["A", "B"]);
        table.row(&["x".repeat(100_000).as_str(), "1"]);
        table.row(&["y", "2"]);
        let text = table.render(false, None);
        let last = text.lines().last().unwrap_or_default();
        assert_eq!(last.len(), WIDEST + 3);
    }

    #[test]
    fn long_cells_are_cut_on_a_terminal() {
        let mut table = Table::new(&["When", "JTI", "Reason"]);
        table.row(&["2026-11-26T05:48:42Z", "jti_0042d2d84d17e150", "because of something long"]);
        for width in [60, 52, 46] {
            for lines in [true, false] {
                let text = table.render(lines, Some(width));
                assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
                assert!(
                    text.contains(if lines && width >= ROOM_FOR_LINES { "…" } else { "..." }),
                    "{text}"
                );
            }
        }
        assert_eq!(table.render(true, Some(200)), table.render(true, None));
        let narrow = table.expendable(&[1]);
        assert!(!narrow.render(true, Some(46)).contains("JTI"));
        assert!(narrow.render(true, Some(200)).contains("JTI"));
        let table = narrow;
        // There is no room for anything.
        assert!(!table.render(true, Some(3)).is_empty());
    }
}
