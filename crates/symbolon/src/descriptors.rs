//! File descriptors: each connection needs one, and the shell's usual 1,024 would end a server's day long before its
//! own limit on connections does.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Databases, sockets, certificates and standard streams need so many at most.
const RESERVED: u64 = 256;

/// Raises the limit as far as the system lets this process, and answers how many connections each of so many
/// listeners may then have: as many as were wanted, or fewer with a warning.
pub fn connections(wanted: usize, listeners: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // `None` is: no limit.
    let Some(limit) = (if raised.is_ok() { maximum } else { current }) else { return wanted };
    let fit = fitting(limit, listeners);
    if fit < wanted {
        let needed = (wanted * listeners) as u64 + RESERVED;
        tracing::warn!(
            limit,
            connections = fit,
            "fewer connections than configured: raise the limit of file descriptors (LimitNOFILE, ulimit -n) to \
             {needed}"
        );
    }
    wanted.min(fit)
}

fn fitting(limit: u64, listeners: usize) -> usize {
    let free = limit.saturating_sub(RESERVED).max(limit / 2);
    usize::try_from(free).unwrap_or(usize::MAX).div_euclid(listeners.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(fitting(1024, 1), 768);
        assert_eq!(fitting(20_256, 2), 10_000);
        assert_eq!(fitting(64, 1), 32);
        assert_eq!(fitting(1, 2), 1);
    }
}
