//! An error with its causes as one line for people.
//!
//! Some errors tell their cause in their own text and name it as their source as well, in this project and in
//! libraries; written one after the other the system's words would stand there twice.

use std::error::Error;

/// The texts of an error and its causes, but for those which the text before has said already.
pub fn told(error: &anyhow::Error) -> String {
    let mut causes = error.chain().map(<dyn Error>::to_string);
    let mut text = causes.next().unwrap_or_default();
    for cause in causes {
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot make it: {source}")]
    struct Twice {
        source: std::io::Error,
    }

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let twice = Twice { source: std::io::Error::other("denied") };
        let error = anyhow::Error::new(twice).context("the database");
        assert_eq!(format!("{error:#}"), "the database: cannot make it: denied: denied");
        assert_eq!(told(&error), "the database: cannot make it: denied");
        let usual = anyhow::anyhow!("denied").context("the file").context("the start");
        assert_eq!(told(&usual), "the start: the file: denied");
    }
}
