//! Where the time of a refresh goes, as the server sees it.

use std::time::SystemTime;

use super::measure::{Program, median};
use super::server::ControlPlane;

/// The moments that the server can see.
pub(crate) const MOMENTS: [&str; 4] = ["create", "check", "revoke", "end"];

/// The milliseconds before each of [`MOMENTS`], from the one before or from the start: medians of
/// `runs` runs of each of `programs`, in turns.
///
/// # Errors
/// If one of them fails, or makes other requests than those.
pub(crate) fn of<const N: usize>(
    server: &ControlPlane,
    runs: usize,
    programs: [&dyn Fn() -> Program; N],
) -> Result<[[Option<f64>; 4]; N], String> {
    let mut taken = [const { Vec::new() }; N];
    for _ in 0..runs {
        for (program, taken) in programs.iter().zip(&mut taken) {
            taken.push(one(server, &program())?);
        }
    }
    Ok(taken.map(|taken: Vec<[f64; 4]>| {
        [0, 1, 2, 3].map(|n| median(taken.iter().map(|spans| Some(spans[n]))))
    }))
}

fn one(server: &ControlPlane, program: &Program) -> Result<[f64; 4], String> {
    server.clear_requests();
    let cost = program.time()?;
    let requests = server.requests();
    let times: Vec<SystemTime> = requests.iter().map(|request| request.at).collect();
    let ([create, check, revoke], Some((began, ended))) = (&times[..], cost.span) else {
        return Err(format!("not the three requests of a refresh: {requests:#?}"));
    };
    let moments = [began, *create, *check, *revoke, ended];
    // A clock that was set meanwhile makes a span of nothing.
    let spans = moments.windows(2).map(|pair| pair[1].duration_since(pair[0]));
    let spans: Vec<f64> = spans.map(|span| span.unwrap_or_default().as_secs_f64() * 1e3).collect();
    Ok([spans[0], spans[1], spans[2], spans[3]])
}
