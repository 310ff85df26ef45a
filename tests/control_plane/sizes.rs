//! The sizes of the program's parts, by binutils if available.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Smaller parts are not printed.
const SMALLEST: u64 = 4096;

/// Prints the size of the program, of its sections, and of the crates in `with_symbols`: the same
/// program with the names of its functions.
pub(crate) fn print(ntcli: &Path, with_symbols: &Path) {
    let size = fs::metadata(ntcli).map_or(0, |found| found.len());
    println!("\nthe program: {size} bytes");
    if let Some(listed) = output("size", &["-A"], ntcli) {
        let fields = listed.lines().map(|line| line.split_whitespace());
        let sections = fields.filter_map(|mut f| Some((f.next()?, f.next()?.parse().ok()?)));
        print_largest("by section", sections.filter(|(name, _)| name.starts_with('.')));
    }
    if let Some(listed) = output("nm", &["--demangle", "--print-size"], with_symbols) {
        let mut crates = BTreeMap::new();
        for (name, size) in listed.lines().filter_map(symbol) {
            *crates.entry(crate_of(name)).or_default() += size;
        }
        print_largest("by crate, without constants that bear no name", crates);
    }
}

fn output(tool: &str, options: &[&str], program: &Path) -> Option<String> {
    let output = Command::new(tool).args(options).arg(program).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn print_largest<'a>(title: &str, sizes: impl IntoIterator<Item = (&'a str, u64)>) {
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_unstable_by_key(|(_, size)| std::cmp::Reverse(*size));
    println!("{title}");
    for (name, size) in sizes.iter().take_while(|(_, size)| *size >= SMALLEST) {
        println!("  {name:<24}{size:>9}");
    }
}

/// Name and size of what is in the file: address, size, kind, name. `b` is zeroes.
fn symbol(line: &str) -> Option<(&str, u64)> {
    let (_, rest) = line.split_once(' ')?;
    let (size, rest) = rest.split_once(' ')?;
    let (kind, name) = rest.split_once(' ')?;
    let size = u64::from_str_radix(size, 16).ok()?;
    (!kind.eq_ignore_ascii_case("b")).then_some((name, size))
}

/// The crate it belongs to. Generic code counts for the crate that wrote it.
fn crate_of(name: &str) -> &str {
    let Some((path, _)) = name.split_once("::") else {
        return match name {
            _ if name.starts_with("_Unwind") => "libgcc",
            _ => "ring (C, assembly)",
        };
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let krate = path.rsplit(|c| !is_name(c)).next().unwrap_or_default();
    match krate {
        "addr2line" | "alloc" | "core" | "gimli" | "hashbrown" | "miniz_oxide" | "object"
        | "rustc_demangle" => "std",
        other => other,
    }
}
