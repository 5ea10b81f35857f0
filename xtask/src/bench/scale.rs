//! What a token costs when there are many clients, against few.

use anyhow::Result;

use crate::bench::Bench;
use crate::bench::load::{Job, ask, take_turns, usage, verify};
use crate::bench::servers::{Backend, Installation, Server};
use crate::bench::table::{Goal, Row, Table, thousands};
use crate::bench::tokens::cell;

const COST: f64 = 1.10;
const MANY: u32 = 1_000_000;
const MANY_QUICKLY: u32 = 100_000;
/// How many of them ask.
const WORKING_SET: u32 = 50_000;

/// Processor time a token, put-off work included: what is put off grows with the number of clients, too.
pub(crate) fn measure(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let many = if bench.quick { MANY_QUICKLY } else { MANY };
    table.group(format!(
        "Cost of an ES256 token with {} clients, 50,000 of them asking, against 100",
        thousands(many.into())
    ));
    for backend in Backend::ALL {
        let name = backend.name().to_lowercase();
        let few = Installation::make(&bench.programs, backend, &format!("few-{name}"))?;
        let few = Server::with_metrics(&bench.programs, &few)?;
        let crowd = Installation::make(&bench.programs, backend, &format!("many-{name}"))?;
        crowd.fill(&bench.programs, many)?;
        let many = Server::with_metrics(&bench.programs, &crowd)?;
        for server in [&few, &many] {
            verify(&bench.programs, server, "ES256")?;
            usage(&bench.programs, server)?;
        }
        let few = Job::new(&few, "ES256", 64);
        let many = Job { clients: WORKING_SET, ..Job::new(&many, "ES256", 64) };
        ask(&bench.programs, &few, 5000)?;
        ask(&bench.programs, &many, WORKING_SET)?;
        let seen = take_turns(&bench.programs, bench.plan, &[few, many])?;
        let whole = |index: usize| format!("{:.1} µs", seen[index].median(|round| round.whole_cpu_us));
        table.add(
            Row::new(format!("{}, under load", backend.name()), cell(&seen[1]))
                .beside(cell(&seen[0]), seen[1].ratio(&seen[0], |round| round.cpu_us)),
        );
        table.add(
            Row::new(format!("{}, put-off work too", backend.name()), whole(1))
                .beside(whole(0), seen[1].ratio(&seen[0], |round| round.whole_cpu_us))
                .goal(Goal::Most(COST))
                .judged_if(backend.is_judged()),
        );
        std::fs::remove_dir_all(&crowd.data)?;
    }
    Ok(())
}
