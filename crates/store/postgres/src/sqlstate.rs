//! What a person is told of an error of PostgreSQL: its SQLSTATE in this project's words, since its messages and
//! details may quote rows.

/// Says what a SQLSTATE means for whoever runs Symbolon.
pub(crate) fn describe(code: Option<&str>) -> String {
    let Some(code) = code else { return "PostgreSQL failed and did not say how".to_owned() };
    format!("{} (SQLSTATE {code})", meaning(code))
}

fn meaning(code: &str) -> &'static str {
    match code {
        "22021" | "22P05" => "PostgreSQL cannot keep a character: the database must be encoded as UTF8",
        "25006" => "the PostgreSQL server is read-only: connect to the primary server, not to a standby",
        "25P03" | "25P04" => "PostgreSQL ended a transaction that took too long",
        "28000" | "28P01" => "PostgreSQL refuses the role or its password: check the database URL",
        "3D000" => "the PostgreSQL database does not exist: create it, or check the database URL",
        "3F000" => "there is no schema to keep the tables in: check the role's search_path",
        "40001" | "40P01" => "PostgreSQL gave this transaction up in favour of another one: try again",
        "42501" => "the PostgreSQL role lacks a right: let it own the database and its tables",
        "42P01" | "42703" => "a table or column is missing: the schema is not this version's",
        "53100" => "the disk of the PostgreSQL server is full",
        "53200" => "the PostgreSQL server is out of memory",
        "53300" => "PostgreSQL has no connection left: raise max_connections, or lower database_connections",
        "55P03" => "a lock in PostgreSQL was not given up in time: another session holds it",
        "57014" => "a statement took too long and was ended by PostgreSQL",
        "57P01" | "57P02" => "the PostgreSQL server is stopping, or ended this connection",
        "57P03" => "the PostgreSQL server is starting or stopping, and takes no connections yet",
        "57P04" => "the PostgreSQL database was dropped",
        "57P05" => "PostgreSQL ended a connection that was not in use",
        other => class(other),
    }
}

/// The first two characters.
fn class(code: &str) -> &'static str {
    match code.get(..2) {
        Some("08") => "the connection to PostgreSQL broke",
        Some("22") => "PostgreSQL refuses a value",
        Some("23") => "a constraint of the schema forbids it",
        Some("25") => "a transaction in PostgreSQL is in the wrong state",
        Some("42") => "PostgreSQL refuses a statement: is the schema this version's, and the role its owner?",
        Some("53") => "the PostgreSQL server is short of a resource",
        Some("54") => "a limit of PostgreSQL is exceeded",
        Some("55") => "something in PostgreSQL is in use",
        Some("57") => "an operator stepped in at the PostgreSQL server",
        Some("58") => "the system below the PostgreSQL server failed",
        Some("XX") => "PostgreSQL reports damage or a mistake of its own: look into its log",
        _ => "PostgreSQL refuses",
    }
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn every_error_is_told_with_its_code() {
        for (code, said) in [
            ("25006", "read-only"),
            ("53100", "disk"),
            ("53300", "database_connections"),
            ("57P01", "stopping"),
            ("57P03", "starting"),
            ("53999", "short of a resource"),
            ("é", "refuses"),
        ] {
            let text = describe(Some(code));
            assert!(text.contains(said) && text.contains(code), "{text}");
        }
    }
}
