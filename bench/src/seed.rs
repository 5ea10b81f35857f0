//! The realm that is measured: three APIs, one for each algorithm, and numbered clients that may use all of them.
//!
//! The naive endpoint knows the same clients, and the generator makes the same requests of both.

use std::fmt::Write as _;

use symbolon_protocol::algorithm::Algorithm;

/// Every client's secret. What is compared is a keyed hash of it, which costs the same whoever it belongs to.
pub(crate) const SECRET: &str = "bench-Q2hlYXAgdG8gaGFzaCwgYW5kIG5vdCBhIHNlY3JldA";

/// The issuer, as it stands in tokens.
pub(crate) const ISSUER: &str = "https://auth.bench.example";

/// The organization of all clients.
pub(crate) const ORGANIZATION: &str = "org_bench000000000000000000000";

/// What every token carries.
pub(crate) const SCOPE: &str = "read:sources write:sources";

/// The life of every token, in seconds.
pub(crate) const LIFETIME: i64 = 3600;

/// The algorithms that are measured.
pub(crate) const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256];

/// The options of `describe`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many clients
    #[arg(long, default_value_t = 100)]
    clients: u32,
}

/// The options of `copies`.
#[derive(clap::Args)]
pub(crate) struct CopyOptions {
    /// The number of the first copy; that of the original is 0
    #[arg(long)]
    first: u32,
    /// The number of the last copy
    #[arg(long)]
    last: u32,
}

/// The id of a client, as long as one that Symbolon makes.
pub(crate) fn client_id(number: u32) -> String {
    format!("cli_bench{number:021}")
}

/// The id of its access key.
pub(crate) fn key_id(number: u32) -> String {
    format!("key_bench{number:021}")
}

/// The identifier of the API whose tokens are signed so.
pub(crate) fn audience(algorithm: Algorithm) -> String {
    format!("https://{}.bench.example", algorithm.name().to_lowercase())
}

/// Prints the description of the realm.
pub(crate) fn describe(options: &Options) {
    print!("{}", description(options.clients));
}

fn description(clients: u32) -> String {
    let mut text = format!(
        "realms:\n  - id: default\n    settings: {{ issuer: \"{ISSUER}\", signing_algorithm: ES256 }}\n    \
         resource_servers:\n"
    );
    let scopes = SCOPE.split(' ').map(|scope| format!("\"{scope}\"")).collect::<Vec<_>>().join(", ");
    let mut grants = Vec::new();
    for algorithm in ALGORITHMS {
        let (name, identifier) = (algorithm.name(), audience(algorithm));
        let _ = writeln!(
            text,
            "      - identifier: {identifier}\n        settings: {{ name: {name}, lifetime: {LIFETIME}, \
             signing_algorithm: {name}, scopes: [{scopes}] }}"
        );
        grants.push(format!("{{ audience: \"{identifier}\", scopes: [{scopes}] }}"));
    }
    let grants = grants.join(", ");
    let _ = writeln!(text, "    organizations:\n      - id: {ORGANIZATION}\n        clients:");
    for number in 0..clients {
        let (client, key) = (client_id(number), key_id(number));
        let _ = writeln!(
            text,
            "          - id: {client}\n            settings: {{ grants: [{grants}] }}\n            \
             access_keys: [{{ id: {key}, secret: \"{SECRET}\" }}]"
        );
    }
    text
}

/// Prints SQL that copies the first client, with its key, under further numbers.
///
/// A million clients by way of the store's own methods are two million transactions, each with its sync and its
/// audit row: most of an hour for something that is not what is measured. The copies have what a token needs, and
/// neither audit rows nor revocations. Both databases understand it.
pub(crate) fn copies(options: &CopyOptions) {
    print!("{}", copying(options.first, options.last));
}

fn copying(first: u32, last: u32) -> String {
    let numbers = format!(
        "WITH RECURSIVE numbers(number) AS (SELECT {first} UNION ALL \
         SELECT number + 1 FROM numbers WHERE number < {last}), \
         digits(digits) AS (SELECT '000' || substr(CAST(1000000000000000000 + number AS TEXT), 2) FROM numbers)"
    );
    let (client, key) = (client_id(0), key_id(0));
    let new = |original: &str| {
        let start = original.trim_end_matches(|character: char| character.is_ascii_digit());
        format!("'{start}' || digits")
    };
    let (new_client, new_key) = (new(&client), new(&key));
    let of = |id: &str| format!("WHERE realm = 'default' AND id = '{id}'");
    format!(
        "BEGIN;\n\
         INSERT INTO identifiers (realm, id, kind, organization, retired) {numbers} \
         SELECT realm, {new_client}, kind, organization, retired FROM digits, identifiers {of_client};\n\
         INSERT INTO identifiers (realm, id, kind, organization, retired) {numbers} \
         SELECT realm, {new_key}, kind, organization, retired FROM digits, identifiers {of_key};\n\
         INSERT INTO clients (realm, id, organization, version, document) {numbers} \
         SELECT realm, {new_client}, organization, version, replace(document, '{client}', {new_client}) \
         FROM digits, clients {of_client};\n\
         INSERT INTO access_keys (realm, id, organization, client, status, version, document) {numbers} \
         SELECT realm, {new_key}, organization, {new_client}, status, version, \
         replace(replace(document, '{client}', {new_client}), '{key}', {new_key}) \
         FROM digits, access_keys {of_key};\n\
         COMMIT;\n",
        of_client = of(&client),
        of_key = of(&key),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_long_as_those_that_symbolon_makes() {
        assert_eq!(client_id(0).len(), "cli_01ARZ3NDEKTSV4RRFFQ69G5FAV".len());
        assert_eq!(key_id(1_000_000).len(), client_id(7).len());
    }

    #[test]
    fn the_description_names_every_client_and_every_algorithm() {
        let text = description(3);
        for number in 0..3 {
            assert!(text.contains(&client_id(number)) && text.contains(&key_id(number)));
        }
        assert!(!text.contains(&client_id(3)));
        for algorithm in ALGORITHMS {
            assert!(text.contains(&audience(algorithm)));
        }
    }

    #[test]
    fn copies_are_made_of_the_first_client() {
        let sql = copying(100, 999);
        assert!(sql.contains("SELECT 100 UNION ALL") && sql.contains("number < 999"));
        assert!(sql.contains("'cli_bench' || digits") && sql.contains(&client_id(0)));
    }
}
