use symbolon_core::refusal::Reason;
use symbolon_core::usage::{UsageGroup, UsageOf};

use super::*;
use crate::console::records::figures::Period;

const NOW: &str = "2026-11-22T10:30:00Z";

fn counted(reason: Option<&str>, counts: &[(&str, i64)]) -> UsageSeries {
    let counts = counts.iter().map(|(at, requests)| (Timestamp::parse(at).unwrap(), *requests)).collect();
    UsageSeries { group: UsageGroup { reason: reason.map(str::to_owned), ..UsageGroup::default() }, counts }
}

fn shown(at: &At, found: &[UsageSeries]) -> (String, Option<String>) {
    let about = About { t: Texts::default(), of: UsageOf::Realm, period: Period::Week };
    let both = Reasons::from(at, &about, Timestamp::parse(NOW).unwrap(), found);
    (both.over_time.to_string(), both.in_all.map(|chart| chart.to_string()))
}

fn realm() -> At {
    At { realm: "default".to_owned(), ..At::default() }
}

/// The names in the legend, with where they lead.
fn legend(html: &str) -> Vec<(String, String)> {
    let list = html.split_once("<ul class=\"legend\">").unwrap().1.split_once("</ul>").unwrap().0;
    let entries = list.split("</svg>").skip(1).map(|entry| entry.split("</li>").next().unwrap());
    let entries = entries.map(|entry| match entry.strip_prefix("<a href=\"") {
        None => (entry.to_owned(), String::new()),
        Some(link) => {
            let (to, name) = link.strip_suffix("</a>").unwrap().split_once("\">").unwrap();
            (name.to_owned(), to.replace("&#38;", "&"))
        }
    });
    entries.collect()
}

#[test]
fn there_are_words_for_every_reason_and_for_no_other() {
    let texts = include_str!("../texts/en/records.ftl");
    let named: Vec<_> = texts
        .lines()
        .filter_map(|line| line.strip_prefix("reason-")?.split(" =").next())
        .map(|name| name.replace('-', "_"))
        .collect();
    assert_eq!(named, Reason::NAMES);
}

#[test]
fn each_reason_is_a_series_that_leads_to_its_refusals() {
    let found = [
        counted(None, &[("2026-11-17", 1)]),
        counted(Some("licence"), &[("2026-11-22", 2)]),
        counted(Some("wrong_secret"), &[("2026-11-16", 5), ("2026-11-22", 1000), ("2026-11-30", 9)]),
    ];
    let (over_time, in_all) = shown(&realm(), &found);
    let to = |reason| format!("/console/realms/default/audit/refusals?reason={reason}&from=2026-11-16");
    let expected = [
        ("Wrong secret".to_owned(), to("wrong_secret")),
        ("No licence".to_owned(), to("licence")),
        ("Reason not counted".to_owned(), String::new()),
    ];
    assert_eq!(legend(&over_time), expected, "{over_time}");
    let row = "<th scope=\"row\">2026-11-22</th><td class=\"number\">1,000</td><td class=\"number\">2</td>\
               <td class=\"number\">0</td>";
    assert!(over_time.contains(row), "{over_time}");
    assert!(!over_time.contains("<th scope=\"row\">2026-11-18"), "a day without refusals: {over_time}");
    let in_all = in_all.unwrap().replace("&#38;", "&");
    let row = format!(
        "<a href=\"{}\">Wrong secret (wrong_secret)</a></th><td class=\"number\">1,005</td>",
        to("wrong_secret")
    );
    assert!(in_all.contains(&row), "what lies outside of the time is not counted: {in_all}");
}

#[test]
fn one_reason_alone_is_named() {
    let (over_time, _) = shown(&realm(), &[counted(Some("claim"), &[("2026-11-22", 1)])]);
    assert_eq!(legend(&over_time).len(), 1);
}

#[test]
fn those_that_have_no_pattern_are_one_series_and_each_a_row() {
    let all: Vec<_> = (1..)
        .zip(Reason::NAMES)
        .map(|(times, reason)| counted(Some(reason), &[("2026-11-22", times)]))
        .collect();
    let (over_time, in_all) = shown(&realm(), &all);
    let legend = legend(&over_time);
    assert_eq!(legend.len(), MOST_SERIES);
    assert_eq!(legend[0].0, "Wrong secret");
    assert_eq!(legend[4], ("All other reasons".to_owned(), String::new()));
    // 1 + … + 48, less the four of which each is a series.
    let others = 48 * 49 / 2 - (48 + 47 + 46 + 45);
    assert!(over_time.contains(&format!("<td class=\"number\">{others}</td></tr>")), "{over_time}");
    let in_all = in_all.unwrap();
    for reason in Reason::NAMES {
        assert!(in_all.contains(&format!("({reason})</a>")), "{reason}");
    }
    // With five there is no need to put any together.
    let (over_time, _) = shown(&realm(), &all[..5]);
    assert!(!over_time.contains("All other reasons"), "{over_time}");
}

#[test]
fn even_every_reason_on_each_of_ninety_days_stays_small() {
    let now = Timestamp::parse(NOW).unwrap();
    let day = |back: i64| (Timestamp::from_millis(now.millis() - back * 86_400_000), 1_000 + back);
    let series = |reason: &str| UsageSeries {
        group: UsageGroup { reason: Some(reason.to_owned()), ..UsageGroup::default() },
        counts: (0..90).rev().map(day).collect(),
    };
    let found: Vec<_> = Reason::NAMES.into_iter().map(series).collect();
    let about = About { t: Texts::default(), of: UsageOf::Realm, period: Period::Quarter };
    let both = Reasons::from(&realm(), &about, now, &found);
    let (over_time, in_all) = (both.over_time.to_string().len(), both.in_all.unwrap().to_string().len());
    assert!(over_time < 36 * 1024 && in_all < 16 * 1024, "{over_time} and {in_all} bytes");
}

#[test]
fn a_clients_reasons_lead_to_what_named_it() {
    let at = At { organization: Some("o".to_owned()), client: Some("a b&c".to_owned()), ..realm() };
    let (over_time, _) = shown(&at, &[counted(Some("scopes"), &[("2026-11-22", 1)])]);
    let to = "/console/realms/default/organizations/o/audit/refusals?reason=scopes&from=2026-11-16&client=a%20b%26c";
    assert_eq!(legend(&over_time)[0].1, to);
}

#[test]
fn where_nothing_was_refused_one_picture_says_so() {
    let (over_time, in_all) = shown(&realm(), &[]);
    assert!(over_time.contains("class=\"empty\"") && in_all.is_none(), "{over_time}");
}
