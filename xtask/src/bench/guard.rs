//! The guard against bare signature checks.

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::bench::table::{Goal, Row, Table, thousands};

/// Of the bare check of the same token.
const EACH_TIME: f64 = 0.85;
/// Of ES256's bare check, whatever the token's algorithm.
const FROM_CACHE: f64 = 50.0;

/// Checks a second, with every token verified, and with every token found in the cache of verified ones.
pub(crate) fn measure(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    table.group("Guard, checks a second on one thread, against bare checks of the signature");
    let rounds = if bench.quick { "3" } else { "15" };
    let all = bench.part(&["guard", "--rounds", rounds])?;
    let rate = |algorithm: &str, what: &str| {
        all[algorithm][what].as_f64().with_context(|| format!("no {what} of {algorithm}"))
    };
    let text = |rate: f64| format!("{}/s", thousands(rate));
    for algorithm in ["ES256", "Ed25519", "RS256"] {
        let (bare, each_time) = (rate(algorithm, "bare")?, rate(algorithm, "each_time")?);
        table.add(
            Row::new(format!("{algorithm}, verified each time"), text(each_time))
                .beside(text(bare), each_time / bare)
                .goal(Goal::Least(EACH_TIME)),
        );
    }
    let bare = rate("ES256", "bare")?;
    for algorithm in ["ES256", "Ed25519", "RS256"] {
        let from_cache = rate(algorithm, "from_cache")?;
        table.add(
            Row::new(format!("{algorithm}, from the cache"), text(from_cache))
                .beside(format!("ES256 {}", text(bare)), from_cache / bare)
                .goal(Goal::Least(FROM_CACHE)),
        );
    }
    Ok(())
}
