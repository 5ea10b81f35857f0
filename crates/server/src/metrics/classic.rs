//! The classic text form, made from OpenMetrics, which is what the library writes. They differ in what is said about
//! a family: in the classic form its name is that of its samples, there are no units, and no end is marked.

/// The same page in the classic form.
pub(super) fn from_open_metrics(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            // The library writes a family's type right after its help.
            let kind = lines.peek().and_then(|next| next.rsplit(' ').next()).unwrap_or_default();
            describe(&mut classic, "HELP", help, kind);
        } else if let Some(described) = line.strip_prefix("# TYPE ") {
            let kind = described.rsplit(' ').next().unwrap_or_default();
            describe(&mut classic, "TYPE", described, kind);
        } else if !line.starts_with('#') {
            classic.push_str(line);
            classic.push('\n');
        }
    }
    classic
}

fn describe(classic: &mut String, what: &str, line: &str, kind: &str) {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (suffix, rest) = match (kind, rest) {
        ("counter", _) => ("_total", rest),
        ("info", "info") => ("_info", "gauge"),
        ("info", _) => ("_info", rest),
        _ => ("", rest),
    };
    for part in ["# ", what, " ", name, suffix, " ", rest, "\n"] {
        classic.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_named_as_its_samples_are() {
        let open = "# HELP a Counted\n# TYPE a counter\na_total{x=\"y\"} 1\n# HELP b_seconds Measured\n\
                    # TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds 0.5\n# HELP c Which\n\
                    # TYPE c info\nc_info{v=\"1\"} 1\n# EOF\n";
        let classic = "# HELP a_total Counted\n# TYPE a_total counter\na_total{x=\"y\"} 1\n\
                       # HELP b_seconds Measured\n# TYPE b_seconds gauge\nb_seconds 0.5\n# HELP c_info Which\n\
                       # TYPE c_info gauge\nc_info{v=\"1\"} 1\n";
        assert_eq!(from_open_metrics(open), classic);
    }
}
