//! What a process costs, as Linux counts it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The cost of one run. `None` if this machine cannot tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// User and system time, in milliseconds.
    pub(crate) cpu_ms: Option<f64>,
    pub(crate) wall_ms: Option<f64>,
    /// The most memory that was ever resident, in KiB.
    pub(crate) peak_kib: Option<f64>,
    pub(crate) calls: Option<f64>,
    /// Those of them that wait for the disk.
    pub(crate) syncs: Option<f64>,
    /// In millions.
    pub(crate) instructions: Option<f64>,
    /// By `write` and its like, standard output and error apart; what a socket gets is not in it.
    pub(crate) written: Option<f64>,
    /// From its start to the end of its output.
    pub(crate) span: Option<(SystemTime, SystemTime)>,
}

impl Cost {
    /// The average over this many.
    pub(crate) fn divided(&self, by: f64) -> Self {
        let share = |value: Option<f64>| value.map(|value| value / by);
        Self {
            cpu_ms: share(self.cpu_ms),
            wall_ms: share(self.wall_ms),
            peak_kib: share(self.peak_kib),
            calls: share(self.calls),
            syncs: share(self.syncs),
            instructions: share(self.instructions),
            written: share(self.written),
            span: None,
        }
    }
}

/// A command line with its environment.
pub(crate) struct Program {
    pub(crate) words: Vec<String>,
    pub(crate) env: Vec<(&'static str, String)>,
    /// Where files may be made.
    pub(crate) scratch: PathBuf,
}

impl Program {
    /// Runs it once to measure time and bytes.
    ///
    /// # Errors
    /// If it does not succeed.
    pub(crate) fn time(&self) -> Result<Cost, String> {
        let mut command = self.command(&[]);
        // To a file: a second pipe would fill while the first is read.
        let (said, to) = self.messages().map_err(|e| self.failed(&e))?;
        command.stderr(to);
        let (began, started) = (SystemTime::now(), Instant::now());
        let mut child = command.spawn().map_err(|e| self.failed(&e))?;
        let mut output = Vec::new();
        let read = child.stdout.take().map(|mut pipe| pipe.read_to_end(&mut output));
        read.transpose().map_err(|e| self.failed(&e))?;
        let (ended, took) = (SystemTime::now(), started.elapsed());
        // Its end has closed the pipe; the kernel keeps its accounts until it is waited for.
        let id = child.id();
        wait_for_end(id).map_err(|e| self.failed(&e))?;
        let cpu_ns = fs::read_to_string(format!("/proc/{id}/schedstat")).ok();
        let io = fs::read_to_string(format!("/proc/{id}/io")).ok();
        output.append(&mut fs::read(said).map_err(|e| self.failed(&e))?);
        let status = child.wait().map_err(|e| self.failed(&e))?;
        if !status.success() {
            let said = String::from_utf8_lossy(&output);
            return Err(format!("{:?} ended with {status}\n{said}", self.words));
        }
        let said = u32::try_from(output.len()).map_or(0.0, f64::from);
        let written = io.and_then(|io| number(io.split("wchar:").nth(1)?));
        Ok(Cost {
            cpu_ms: cpu_ns.and_then(|text| Some(number(&text)? / 1e6)),
            wall_ms: Some(took.as_secs_f64() * 1e3),
            written: written.map(|bytes| bytes - said),
            span: Some((began, ended)),
            ..Cost::default()
        })
    }

    /// Runs it once under GNU time, if available.
    pub(crate) fn peak_kib(&self) -> Option<f64> {
        let report = self.scratch.join("peak");
        let words = ["/usr/bin/time", "-f", "%M", "-o", report.to_str()?];
        self.quietly(&words)
            .then(|| fs::read_to_string(&report).ok())?
            .and_then(|text| number(&text))
    }

    /// Runs it once under strace, if available: all calls, and those that wait for the disk.
    pub(crate) fn calls(&self) -> Option<[f64; 2]> {
        let log = self.scratch.join("calls");
        if !self.quietly(&["strace", "-f", "-o", log.to_str()?]) {
            return None;
        }
        let log = fs::read_to_string(&log).ok()?;
        let count = |what| u32::try_from(log.lines().filter(|line| line.contains(what)).count());
        Some([f64::from(count("(").ok()?), f64::from(count("sync(").ok()?)])
    }

    /// Runs it once under valgrind, if available.
    pub(crate) fn instructions(&self) -> Option<f64> {
        let log = self.scratch.join("instructions");
        let to = format!("--log-file={}", log.display());
        let tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", &to];
        let log = self.quietly(&tool).then(|| fs::read_to_string(&log).ok())??;
        Some(number(log.split("Collected :").nth(1)?)? / 1e6)
    }

    fn messages(&self) -> io::Result<(PathBuf, File)> {
        let path = self.scratch.join("messages");
        File::create(&path).map(|file| (path, file))
    }

    fn quietly(&self, under: &[&str]) -> bool {
        let output = self.command(under).output();
        output.is_ok_and(|output| output.status.success())
    }

    fn command(&self, under: &[&str]) -> Command {
        let words = under.iter().copied();
        let mut words = words.chain(self.words.iter().map(String::as_str));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.envs(self.env.iter().cloned());
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn failed(&self, error: &io::Error) -> String {
        format!("cannot run {:?}: {error}", self.words)
    }
}

/// Waits until the process has ended, without taking its accounts from the kernel.
fn wait_for_end(id: u32) -> io::Result<()> {
    loop {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
        if state == Some("Z") {
            return Ok(());
        }
        thread::sleep(Duration::from_micros(50));
    }
}

fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// The median of the known values.
pub(crate) fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut known: Vec<f64> = values.flatten().collect();
    known.sort_by(f64::total_cmp);
    known.get(known.len() / 2).copied()
}
