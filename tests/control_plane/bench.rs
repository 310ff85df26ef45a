//! What `ntcli` costs, side by side with curl making the same requests to the same server.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::SESSION;
use super::certificates::certificate;
use super::measure::{Cost, Program, median};
use super::server::ControlPlane;
use super::{far, sizes, timeline, tls};

/// How often each is run, in turns with the others.
const RUNS: usize = 41;
/// How often a row is run that takes long.
const FEW: usize = 5;
/// There and back to a server that is far away.
const ROUND_TRIP: Duration = Duration::from_millis(80);
const YEAR: u64 = 31_536_000;

/// Everything a run needs.
struct Bench {
    ntcli: String,
    server: ControlPlane,
    dir: PathBuf,
    workspace: String,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// What is measured: its name, and how to make one run of it.
type Row<'a> = (&'a str, &'a dyn Fn() -> Program);

/// Prints the figures of the program at `ntcli`; `with_symbols` is the same with its names.
///
/// # Errors
/// What went wrong, in words.
pub(crate) fn run(ntcli: &Path, with_symbols: &Path, server: ControlPlane) -> Result<(), String> {
    // Beside the program, which is on a disk: in memory a durable write costs nothing.
    let dir = ntcli.with_file_name(format!("bench-{}", std::process::id()));
    fs::create_dir(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
    let bench = Bench {
        ntcli: ntcli.display().to_string(),
        workspace: server.add_workspace("w0"),
        server,
        dir,
    };
    let plain = bench.server.base_url();
    let port = plain.rsplit(':').next().and_then(|port| port.parse().ok());
    let secure_port = tls::front("valid.pem", port.unwrap_or_default())?;
    let secure = format!("https://localhost:{secure_port}");

    println!(
        "{:<36}{:>9}{:>9}{:>10}{:>8}{:>7}{:>9}{:>8}",
        "median of each", "CPU ms", "wall ms", "peak KiB", "calls", "syncs", "written", "M instr"
    );
    for base in [&plain, &secure] {
        bench.configure(&[&bench.workspace])?;
        let ours = || bench.refresh(base, &[]);
        let theirs = || bench.curl(base);
        let how = base.split(':').next().unwrap_or_default();
        let costs = measure(&[
            (&format!("token refresh, {how}"), &ours),
            (&format!("curl, the same requests, {how}"), &theirs),
        ])?;
        print("  ratio", &ratio(&costs[0], &costs[1]));
    }
    let durable = bench.durable_writes().map_err(|e| e.to_string())?;
    print("durable writes of a refresh, alone", &durable);
    let small = measure(&[
        ("/bin/true", &|| bench.program(&["/bin/true"])),
        ("--version", &|| bench.ntcli(&["--version"], &plain)),
        ("token print", &|| bench.ntcli(&["token", "print"], &plain)),
        ("token show", &|| bench.ntcli(&["token", "show"], &plain)),
        ("token needs-refresh", &|| {
            bench.ntcli(&["token", "needs-refresh", "--within", "53w"], &plain)
        }),
        ("curl --version", &|| bench.program(&["curl", "--version"])),
    ])?;
    print("  --version / true", &ratio(&small[1], &small[0]));
    print("  token print / true", &ratio(&small[2], &small[0]));
    bench.timelines(&[&plain, &secure])?;
    bench.far_away(secure_port)?;
    bench.many(&plain)?;
    sizes::print(ntcli, with_symbols);
    Ok(())
}

/// Measures in turns, so that other load on the machine affects all alike; prints a line each.
fn measure(rows: &[Row]) -> Result<Vec<Cost>, String> {
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); rows.len()];
    for _ in 0..RUNS {
        for ((_, program), costs) in rows.iter().zip(&mut costs) {
            costs.push(program().time()?);
        }
    }
    let medians = rows.iter().zip(&costs).map(|((name, program), costs)| {
        let calls = program().calls();
        let cost = Cost {
            cpu_ms: median(costs.iter().map(|c| c.cpu_ms)),
            wall_ms: median(costs.iter().map(|c| c.wall_ms)),
            written: median(costs.iter().map(|c| c.written)),
            span: None,
            peak_kib: program().peak_kib(),
            calls: calls.map(|[all, _]| all),
            syncs: calls.map(|[_, syncs]| syncs),
            instructions: program().instructions(),
        };
        print(name, &cost);
        cost
    });
    Ok(medians.collect())
}

impl Bench {
    fn program(&self, words: &[&str]) -> Program {
        Program {
            words: words.iter().map(ToString::to_string).collect(),
            env: Vec::new(),
            scratch: self.dir.clone(),
        }
    }

    fn ntcli(&self, args: &[&str], base: &str) -> Program {
        let mut program = self.program(&[&[self.ntcli.as_str()], args].concat());
        let (roots, dir) = (certificate("ca.pem"), self.dir.display().to_string());
        program.env = vec![
            ("NTCLI_CONFIG_DIR", dir),
            ("NTCLI_API_URL", base.to_owned()),
            ("SSL_CERT_FILE", roots.display().to_string()),
        ];
        program
    }

    fn refresh(&self, base: &str, args: &[&str]) -> Program {
        self.ntcli(&[&["token", "refresh"], args].concat(), base)
    }

    /// One curl that creates a token, asks whether a token is good, and revokes that one.
    fn curl(&self, base: &str) -> Program {
        let old = self.server.issue_token(&self.workspace, Some(YEAR));
        let tokens = format!("{base}/v1/workspaces/{}/tokens", self.workspace);
        let common = |bearer: &str| {
            let roots = certificate("ca.pem").display().to_string();
            let bearer = format!("Authorization: Bearer {bearer}");
            let words = ["-sSf", "--cacert", &roots, "-H", &bearer];
            words.map(str::to_owned).to_vec()
        };
        let mut program = self.program(&["curl"]);
        let words = &mut program.words;
        words.extend(common(SESSION));
        let body = format!("{{\"expires_in\":{YEAR}}}");
        words.extend(["-H", "Content-Type: application/json", "-d", &body].map(str::to_owned));
        words.extend([tokens.clone(), "--next".to_owned()]);
        words.extend(common(&old.access_token));
        words.extend([format!("{base}/v1/token_auth"), "--next".to_owned()]);
        words.extend(common(SESSION));
        words.extend(["-X".to_owned(), "DELETE".to_owned()]);
        words.push(format!("{tokens}/{}", old.jti));
        program
    }

    /// A config file with these workspaces, each with a new token, of which no history tells who made it.
    fn configure(&self, ids: &[&str]) -> Result<(), String> {
        let items = ids.iter().map(|id| {
            let token = self.server.issue_token(id, Some(YEAR));
            let ends = token.expires_at.unwrap_or_default() * 1000;
            format!(
                r#""{id}": {{"workspace_id": "{id}", "workspace_name": "{id}",
                "access_token": "{}", "token_type": "Bearer", "expires_at": {ends},
                "scope": ["workspace:read"], "jti": "{}"}}"#,
                token.access_token, token.jti
            )
        });
        let items: Vec<String> = items.collect();
        let config = format!(
            r#"{{"version": "1.0.0", "auth": {{"bearerToken": "{SESSION}", "expiresAt": 4000000000000}},
            "workspaces": {{"activeWorkspaceId": "{}", "items": {{{}}}}}}}"#,
            ids[0],
            items.join(",")
        );
        fs::remove_file(self.dir.join("history.jsonl")).ok();
        let path = self.dir.join("config.json");
        fs::write(&path, config)
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o600)))
            .map_err(|e| e.to_string())
    }

    /// The disk time for the files of a refresh, independent of the program.
    fn durable_writes(&self) -> io::Result<Cost> {
        let (journal, config) = (self.dir.join("journal"), self.dir.join("config"));
        let temporary = self.dir.join("config-tmp");
        let mut took = Vec::new();
        for _ in 0..RUNS {
            let started = Instant::now();
            let dir = File::open(&self.dir)?;
            let mut file = File::create(&journal)?;
            dir.sync_all()?;
            for length in [170, 1060] {
                file.write_all(&vec![b' '; length])?;
                file.sync_data()?;
            }
            let mut file = File::create(&temporary)?;
            file.write_all(&[b' '; 920])?;
            file.sync_all()?;
            fs::rename(&temporary, &config)?;
            dir.sync_all()?;
            fs::remove_file(&journal)?;
            took.push(Some(started.elapsed().as_secs_f64() * 1e3));
        }
        Ok(Cost { wall_ms: median(took.into_iter()), ..Cost::default() })
    }

    /// Where the time of a refresh goes.
    fn timelines(&self, bases: &[&str]) -> Result<(), String> {
        let [create, check, revoke, end] = timeline::MOMENTS;
        println!("\n{:<36}{create:>9}{check:>9}{revoke:>10}{end:>8}", "ms until");
        for base in bases {
            self.configure(&[&self.workspace])?;
            let how = base.split(':').next().unwrap_or_default();
            let programs: [&dyn Fn() -> Program; 2] =
                [&|| self.refresh(base, &[]), &|| self.curl(base)];
            let [ours, theirs] = timeline::of(&self.server, RUNS, programs)?;
            for (name, spans) in [("token refresh", ours), ("curl, the same requests", theirs)] {
                let [create, check, revoke, end] = spans.map(Option::unwrap_or_default);
                let name = format!("{name}, {how}");
                println!("{name:<36}{create:>9.2}{check:>9.2}{revoke:>10.2}{end:>8.2}");
            }
        }
        Ok(())
    }

    /// What a workspace costs among many.
    fn many(&self, base: &str) -> Result<(), String> {
        println!("\nrefresh --all, for each workspace");
        let mut ids = vec![self.workspace.clone()];
        for count in [1, 300, 3000, 10_000] {
            while ids.len() < count {
                ids.push(self.server.add_workspace(&format!("w{}", ids.len())));
            }
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            self.configure(&ids)?;
            let all = self.refresh(base, &["--all"]);
            let cost = all.time()?;
            let each = u32::try_from(count).map_or(1.0, f64::from);
            // The memory is that of the whole run.
            print(
                &format!("  of {count}"),
                &Cost { peak_kib: all.peak_kib(), ..cost.divided(each) },
            );
            let idle = self.refresh(base, &["--all", "--if-expires-within", "1d"]);
            print(&format!("  of {count}, none due: all"), &idle.time()?);
        }
        Ok(())
    }

    /// A refresh with a server that is far away: what it costs is the number of round trips.
    fn far_away(&self, port: u16) -> Result<(), String> {
        let port = far::lead(port, ROUND_TRIP).map_err(|e| e.to_string())?;
        let base = format!("https://localhost:{port}");
        println!("\nhttps, {} ms there and back", ROUND_TRIP.as_millis());
        let mut ids = vec![self.workspace.clone()];
        ids.extend((1..20).map(|n| self.server.add_workspace(&format!("far{n}"))));
        for (name, ids, args) in
            [("  token refresh", &ids[..1], &[][..]), ("  refresh --all of 20", &ids, &["--all"])]
        {
            self.configure(&ids.iter().map(String::as_str).collect::<Vec<_>>())?;
            let costs: Result<Vec<Cost>, String> =
                (0..FEW).map(|_| self.refresh(&base, args).time()).collect();
            let costs = costs?;
            let cost = Cost {
                cpu_ms: median(costs.iter().map(|c| c.cpu_ms)),
                wall_ms: median(costs.iter().map(|c| c.wall_ms)),
                written: median(costs.iter().map(|c| c.written)),
                ..Cost::default()
            };
            print(name, &cost);
        }
        Ok(())
    }
}

fn ratio(a: &Cost, b: &Cost) -> Cost {
    let of = |a: Option<f64>, b: Option<f64>| Some(a? / b?).filter(|ratio| ratio.is_finite());
    Cost {
        cpu_ms: of(a.cpu_ms, b.cpu_ms),
        wall_ms: of(a.wall_ms, b.wall_ms),
        peak_kib: of(a.peak_kib, b.peak_kib),
        calls: of(a.calls, b.calls),
        instructions: of(a.instructions, b.instructions),
        ..Cost::default()
    }
}

fn print(name: &str, cost: &Cost) {
    let field = |value: Option<f64>, digits: usize| {
        value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
    };
    // What is counted is whole, unless it is a ratio or a share.
    let digits = |value: Option<f64>| {
        if value.is_some_and(|v| v.fract() > 0.0) { 2 } else { 0 }
    };
    println!(
        "{name:<36}{:>9}{:>9}{:>10}{:>8}{:>7}{:>9}{:>8}",
        field(cost.cpu_ms, 2),
        field(cost.wall_ms, 2),
        field(cost.peak_kib, digits(cost.peak_kib)),
        field(cost.calls, digits(cost.calls)),
        field(cost.syncs, digits(cost.syncs)),
        field(cost.written, digits(cost.written)),
        field(cost.instructions, 2),
    );
}
