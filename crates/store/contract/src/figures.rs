//! How long answers take where there is a lot: statements that fill an empty store, and questions with a watch beside
//! them. They prove nothing and fail for no figure; each backend runs them on demand.

use std::time::{Duration, Instant};

use symbolon_core::clock::Timestamp;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, Page, PageRequest, Sort, Store};
use symbolon_core::usage::{Busiest, GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResults};

use crate::world::{NOW, client, id, populate};

const CLIENTS: i64 = 10_000;
const ORGANIZATIONS: i64 = 100;
const LISTED: i64 = 100_000;
/// Of usage.
const DAYS: i64 = 90;
/// Hours of a day in which every client asks.
const BUSY: std::ops::Range<i64> = 8..18;
const DAY: i64 = 86_400_000;

/// The day after the last one with usage that is in blocks.
const fn today() -> i64 {
    NOW.millis() / DAY
}

fn numbers(name: &str, from: i64, to: i64) -> String {
    format!("{name} (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM {name} WHERE n < {})", to - 1)
}

/// Inserts the blocks of a unit, of which each slot has this many tokens.
fn blocks(unit: &str, blocks: (i64, i64), busy: impl Fn(i64) -> bool, of_slot: i64) -> String {
    let columns: Vec<_> = (0..64).map(|slot| format!("s{slot:02}")).collect();
    let mut sum = 0;
    let counts = (0..64).map(|slot| {
        sum += if busy(slot) { of_slot } else { 0 };
        format!("(1 + c.n % 7) * {sum}")
    });
    let counts: Vec<_> = counts.collect();
    format!(
        "WITH RECURSIVE {}, {}
         INSERT INTO usage_blocks
             (realm, unit, level, organization, client, access_key, audience, result, reason, block, {})
         SELECT 'r', '{unit}', 2, 'org_01JXQ5GK00000000000000' || (1000 + c.n % {ORGANIZATIONS}),
             'cli_01JXQ5GK00000000000' || (1000000 + c.n), 'key_01JXQ5GK00000000000' || (1000000 + c.n),
             'https://api.example.com', 'issued', '', b.n, {}
         FROM c CROSS JOIN b",
        numbers("c", 0, CLIENTS),
        numbers("b", blocks.0, blocks.1),
        columns.join(", "),
        counts.join(", "),
    )
}

/// Adds up the clients' blocks for organizations (1) or the realm (0).
fn sums(level: i64) -> String {
    let columns: Vec<_> = (0..64).map(|slot| format!("s{slot:02}")).collect();
    let sums: Vec<_> = columns.iter().map(|column| format!("SUM({column})")).collect();
    let organization = if level == 1 { "organization" } else { "''" };
    format!(
        "INSERT INTO usage_blocks
             (realm, unit, level, organization, client, access_key, audience, result, reason, block, {})
         SELECT realm, unit, {level}, {organization}, '', '', audience, result, reason, block, {}
         FROM usage_blocks WHERE level = 2 GROUP BY realm, unit, 4, audience, result, reason, block",
        columns.join(", "),
        sums.join(", "),
    )
}

/// Statements that fill usage: 10,000 clients of 100 organizations that got tokens in ten hours of each of ninety days,
/// and in the hour that is not over.
pub fn usage() -> Vec<String> {
    let (first, last) = (today() - DAYS, today());
    let mut all = Vec::new();
    for block in first * 24 / 64..=(last * 24 - 1) / 64 {
        let busy = |slot| {
            let hour = block * 64 + slot;
            (first * 24..last * 24).contains(&hour) && BUSY.contains(&(hour % 24))
        };
        all.push(blocks("hour", (block, block + 1), busy, 1));
    }
    for block in first / 64..=(last - 1) / 64 {
        let busy = |slot| (first..last).contains(&(block * 64 + slot));
        all.push(blocks("day", (block, block + 1), busy, BUSY.end - BUSY.start));
    }
    all.extend([sums(1), sums(0)]);
    all.push(format!(
        "WITH RECURSIVE {}
         INSERT INTO usage_open
             (realm, organization, client, access_key, audience, result, reason, hour, tokens, last_at, last_from)
         SELECT 'r', 'org_01JXQ5GK00000000000000' || (1000 + c.n % {ORGANIZATIONS}),
             'cli_01JXQ5GK00000000000' || (1000000 + c.n), 'key_01JXQ5GK00000000000' || (1000000 + c.n),
             'https://api.example.com', 'issued', '', {}, 1, {}, '192.0.2.1' FROM c",
        numbers("c", 0, CLIENTS),
        last * DAY,
        last * DAY,
    ));
    all
}

/// Statements that fill a realm with 100,000 clients, after [`prepare_lists`].
pub fn lists() -> Vec<String> {
    let clients = numbers("c", 0, LISTED);
    let id = "'cli_' || (1000000 + c.n)";
    let document = serde_json::to_string(&client("o1", "@ID@")).unwrap().replace('\'', "''");
    let document = document.replace("@ID@", &format!("' || {id} || '"));
    let status = "CASE WHEN c.n % 1000 = 0 THEN 'disabled' ELSE 'active' END";
    let listed = |term: &str, other: &str, is_id: &str| {
        format!(
            "WITH RECURSIVE {clients} INSERT INTO listed (realm, kind, status, term, id, organization, other, is_id)
             SELECT 'r', 'client', {status}, {term}, {id}, 'o1', {other}, {is_id} FROM c"
        )
    };
    let sorted = |key: &str, term: &str, name: &str| {
        format!(
            "WITH RECURSIVE {clients}
             INSERT INTO sorted (realm, kind, id, sort_key, organization, status, term, name)
             SELECT 'r', 'client', {id}, '{key}', 'o1', {status}, {term}, {name} FROM c"
        )
    };
    let name = format!("'client number ' || (1000000 + (c.n * 7919) % {LISTED})");
    vec![
        format!(
            "WITH RECURSIVE {clients} INSERT INTO identifiers (realm, id, kind, organization, retired)
             SELECT 'r', {id}, 'client', 'o1', FALSE FROM c"
        ),
        format!(
            "WITH RECURSIVE {clients} INSERT INTO clients (realm, id, organization, version, document)
             SELECT 'r', {id}, 'o1', 1, '{document}' FROM c"
        ),
        listed(id, &name, "TRUE"),
        listed(&name, "''", "FALSE"),
        sorted("name", &name, &name),
        sorted("created", "'0000000000000' || (1000000 + c.n)", &name),
    ]
}

/// What has to be there before [`lists`].
pub async fn prepare_lists(store: &dyn Store) {
    populate(store).await;
}

async fn watch<T>(what: &str, mut work: impl AsyncFnMut() -> (T, usize)) -> T {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..9 {
        let began = Instant::now();
        last = Some(work().await);
        times.push(began.elapsed());
    }
    let first: Duration = times[0];
    times.sort();
    let (found, items) = last.unwrap();
    let [best, median, first] = [times[0], times[4], first].map(millis);
    println!("{what:<58} best {best:>6.1} ms, median {median:>6.1} ms, first {first:>6.1} ms, {items} items");
    found
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Asks about usage, and prints how long it took: the best and the median of nine, and the first.
pub async fn ask_usage(store: &dyn Store) {
    let organization = id("org_01JXQ5GK000000000000001007");
    let one = UsageOf::Client(organization.clone(), id("cli_01JXQ5GK000000000001000007"));
    let of = UsageOf::Organization(organization);
    let by_client = GroupBy { client: true, ..GroupBy::default() };
    let all = GroupBy::default();
    for (what, of, group_by, step) in [
        ("one client, 90 days by the hour", one.clone(), all, Step::Hour),
        ("one client, 90 days by the day", one, all, Step::Day),
        ("one organization, 90 days by the hour", of.clone(), all, Step::Hour),
        ("one organization, 90 days by the day", of.clone(), all, Step::Day),
        ("one organization of 100 clients, by client and day", of, by_client, Step::Day),
        ("the realm, 90 days by the hour", UsageOf::Realm, all, Step::Hour),
        ("the realm, 90 days by the day", UsageOf::Realm, all, Step::Day),
        ("the realm, in all", UsageOf::Realm, all, Step::Total),
        ("the realm by client and day, a page of 100 clients", UsageOf::Realm, by_client, Step::Day),
        ("the realm by client, in all, a page of 1,000 clients", UsageOf::Realm, by_client, Step::Total),
    ] {
        let question = UsageQuery { filter: filter(of), group_by, step };
        let limit = if step == Step::Day { 100 } else { 1000 };
        watch(what, async || {
            let page =
                store.list_usage(&id("r"), &question, &PageRequest { after: None, limit }).await.unwrap();
            let counts = page.items.iter().map(|series| series.counts.len()).sum();
            (page, counts)
        })
        .await;
    }
    for (what, who) in [
        ("the 20 busiest clients of the realm in 90 days", Busiest::Clients),
        ("the 20 busiest organizations of the realm in 90 days", Busiest::Organizations),
    ] {
        watch(what, async || {
            let found = store.list_busiest(&id("r"), &filter(UsageOf::Realm), who, 20).await.unwrap();
            let items = found.len();
            (found, items)
        })
        .await;
    }
}

/// The last ninety days, the present one among them.
fn filter(of: UsageOf) -> UsageFilter {
    let (from, to) = ((today() - DAYS + 1) * DAY, (today() + 1) * DAY);
    let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
    UsageFilter { of, audience: None, results: UsageResults::All, from, to }
}

/// Asks for the first and the last page of lists, and prints how long it took.
pub async fn ask_lists(store: &dyn Store) {
    let o1 = id("o1");
    let named = |prefix: &str, status| ListFilter { status, prefix: Some(prefix.to_owned()), sort: None };
    let status = |status| ListFilter { status: Some(status), ..ListFilter::default() };
    let sorted = |sort: &str, filter| ListFilter { sort: Sort::named(sort), ..filter };
    for (what, of, filter, last) in [
        ("every client of the realm", None, ListFilter::default(), "cli_1099899 cli_1099899"),
        ("every client of the organization", Some(&o1), ListFilter::default(), "cli_1099899 cli_1099899"),
        ("active clients", None, status(Status::Active), "cli_1099899 cli_1099899"),
        ("disabled clients", None, status(Status::Disabled), "cli_1090000 cli_1090000"),
        (
            "disabled clients of the organization",
            Some(&o1),
            status(Status::Disabled),
            "cli_1090000 cli_1090000",
        ),
        ("clients by name", None, named("Client Number", None), "client number 1099899 ~"),
        ("clients by id", Some(&o1), named("CLI_1", None), "cli_1099899 cli_1099899"),
        (
            "disabled clients by name",
            None,
            named("client", Some(Status::Disabled)),
            "client number 1090000 ~",
        ),
        (
            "clients by name, in order",
            None,
            sorted("name", ListFilter::default()),
            "\u{1}name\u{1}0\u{1}client number 1099899\u{1}~",
        ),
        (
            "clients, newest first",
            Some(&o1),
            sorted("-created", ListFilter::default()),
            "\u{1}-created\u{1}0\u{1}00000000000001000100\u{1}~",
        ),
        (
            "clients by status",
            Some(&o1),
            sorted("status", ListFilter::default()),
            "\u{1}status\u{1}1\u{1}client number 1090000\u{1}~",
        ),
        (
            "110 that begin so, newest first",
            Some(&o1),
            sorted("-created", named("client number 10998", None)),
            "\u{1}-created\u{1}0\u{1}00000000000001000100\u{1}~",
        ),
        (
            "10,000 that begin so, newest first",
            Some(&o1),
            sorted("-created", named("client number 109", None)),
            "\u{1}-created\u{1}0\u{1}00000000000001000100\u{1}~",
        ),
        (
            "10,000 that begin so by id, by name backwards",
            Some(&o1),
            sorted("-name", named("cli_100", None)),
            "\u{1}-name\u{1}0\u{1}client number 1000100\u{1}~",
        ),
    ] {
        for (place, after) in [("first", None), ("last", Some(last.to_owned()))] {
            let request = PageRequest { after, limit: 100 };
            watch(&format!("{what}, {place} page of 100"), async || {
                let page = store.search_clients(&id("r"), of, &filter, &request).await.unwrap();
                let items = page.items.len();
                (page, items)
            })
            .await;
        }
    }
    let plain: Page<_> = watch("clients by id, without a filter, first page of 100", async || {
        let request = PageRequest { after: None, limit: 100 };
        let page = store.list_clients(&id("r"), &o1, &request).await.unwrap();
        let items = page.items.len();
        (page, items)
    })
    .await;
    assert!(plain.next.is_some());
}
