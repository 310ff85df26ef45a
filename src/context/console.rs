//! The two output streams: results for programs and people, messages for people.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;

use crate::text::{shortened, tame};

/// The longest progress line: one that wraps could not be cleared.
const LONGEST_PROGRESS: usize = 59;

/// The two output streams. Cheap to clone; all clones write to the same place.
#[derive(Clone)]
pub struct Console(Rc<Streams>);

struct Streams {
    out: RefCell<Box<dyn Write>>,
    err: RefCell<Box<dyn Write>>,
    progress_shown: RefCell<bool>,
    out_is_terminal: fn() -> bool,
    err_is_terminal: bool,
    color: bool,
    /// Whether only changes and problems are told.
    quiet: Cell<bool>,
    /// Whether a warning told of work that is left, although the command did what it was asked.
    leaves_work: Cell<bool>,
}

impl Console {
    /// Results go to `out`, everything else to `err`; tells which of the two are terminals, and whether to
    /// colour.
    #[must_use]
    pub fn new(
        out: Box<dyn Write>,
        err: Box<dyn Write>,
        (out_is_terminal, err_is_terminal): (fn() -> bool, bool),
        color: bool,
    ) -> Self {
        Self(Rc::new(Streams {
            out: RefCell::new(out),
            err: RefCell::new(err),
            progress_shown: RefCell::new(false),
            out_is_terminal,
            err_is_terminal,
            color,
            quiet: Cell::new(false),
            leaves_work: Cell::new(false),
        }))
    }

    /// From here on only changes and problems are told.
    pub fn be_quiet(&self) {
        self.0.quiet.set(true);
    }

    /// A warning about work that is left: the exit code tells it too.
    pub(crate) fn warn_of_work(&self, line: &str) {
        self.0.leaves_work.set(true);
        self.warn(line);
    }

    pub(crate) fn leaves_work(&self) -> bool {
        self.0.leaves_work.get()
    }

    /// Whether results are read by a person.
    #[must_use]
    pub fn out_is_terminal(&self) -> bool {
        (self.0.out_is_terminal)()
    }

    /// Whether stdout may carry colour and symbols.
    #[must_use]
    pub fn color_out(&self) -> bool {
        self.0.color && self.out_is_terminal()
    }

    /// Whether messages are read by a person.
    #[must_use]
    pub fn err_is_terminal(&self) -> bool {
        self.0.err_is_terminal
    }

    /// Writes a piece of the result.
    ///
    /// # Errors
    /// If stdout cannot be written. A reader that went away is not an error.
    pub fn result(&self, text: &str) -> io::Result<()> {
        match self.deliver(text) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// As [`Console::result`], for output that must arrive: a reader that went away is an error.
    ///
    /// # Errors
    /// When stdout did not take all of it.
    pub fn deliver(&self, text: &str) -> io::Result<()> {
        self.clear_progress();
        let mut out = self.0.out.borrow_mut();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    }

    /// Writes one or more lines for people to stderr. The work does not depend on whether they
    /// arrive.
    pub fn say(&self, lines: &str) {
        self.write_err(&format!("{}\n", tame(lines)));
    }

    /// Advice, or something that nobody need know: not for those who want quiet.
    pub fn note(&self, line: &str) {
        if !self.0.quiet.get() {
            self.say(line);
        }
    }

    /// Prints a question; the answer is typed after it.
    pub fn ask(&self, question: &str) {
        self.write_err(&format!("{} ", tame(question)));
    }

    /// A warning: the work goes on.
    pub fn warn(&self, line: &str) {
        self.say_under("Warning:", "33", line);
    }

    /// An error: the work has ended.
    pub fn error(&self, line: &str) {
        self.say_under("Error:", "31", line);
    }

    fn say_under(&self, label: &str, color: &str, line: &str) {
        if self.0.color && self.0.err_is_terminal {
            self.write_err(&format!("\x1b[{color}m{label}\x1b[0m {}\n", tame(line)));
        } else {
            self.say(&format!("{label} {line}"));
        }
    }

    fn write_err(&self, text: &str) {
        self.clear_progress();
        let mut err = self.0.err.borrow_mut();
        let _ = err.write_all(text.as_bytes());
        let _ = err.flush();
    }

    /// Shows what is being waited for, on a terminal only; the next output replaces it.
    pub fn progress(&self, line: &str) {
        if !self.0.err_is_terminal {
            return;
        }
        self.write_err(&shortened(&tame(line), LONGEST_PROGRESS));
        *self.0.progress_shown.borrow_mut() = true;
    }

    /// Whether a progress line stands there.
    #[must_use]
    pub fn shows_progress(&self) -> bool {
        *self.0.progress_shown.borrow()
    }

    /// Clears the progress line.
    pub fn clear_progress(&self) {
        if self.0.progress_shown.replace(false) {
            // No escape: TERM=dumb may not know it.
            self.write_err(&format!("\r{}\r", " ".repeat(LONGEST_PROGRESS)));
        }
    }
}
