use super::*;

fn about(period: Period) -> About {
    About { t: Texts::default(), of: UsageOf::Realm, period }
}

fn counted(result: UsageResult, counts: &[(&str, i64)]) -> UsageSeries {
    let counts = counts.iter().map(|(at, requests)| (Timestamp::parse(at).unwrap(), *requests)).collect();
    UsageSeries { group: UsageGroup { result: Some(result), ..UsageGroup::default() }, counts }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T10:30:00Z").unwrap()
}

#[test]
fn a_period_ends_with_the_hour_or_the_day_that_runs() {
    let span = |period: Period| {
        let (from, to) = period.span(now());
        (from.to_string(), to.to_string())
    };
    let is = |from: &str, to: &str| (format!("{from}:00:00.000Z"), format!("{to}:00:00.000Z"));
    assert_eq!(span(Period::Day), is("2026-11-21T11", "2026-11-22T11"));
    assert_eq!(span(Period::Week), is("2026-11-16T00", "2026-11-23T00"));
    assert_eq!(span(Period::Month), is("2026-10-24T00", "2026-11-23T00"));
    assert_eq!(span(Period::Quarter), is("2026-08-25T00", "2026-11-23T00"));
    assert_eq!(Period::of("nonsense"), Period::Week);
}

#[test]
fn refusals_of_all_codes_are_one_series_and_empty_days_are_there() {
    let refused = |code: &str| UsageResult::Refused(code.to_owned());
    let found = [
        counted(UsageResult::Issued, &[("2026-11-16", 5), ("2026-11-22", 1000)]),
        counted(refused("invalid_client"), &[("2026-11-22", 2)]),
        counted(refused("invalid_scope"), &[("2026-11-22", 3), ("2026-11-30", 9)]),
    ];
    let shown = over_time_of(&about(Period::Week), now(), &found);
    assert_eq!((shown.issued, shown.refused), (1005, 5), "what lies outside is not counted");
    let html = shown.chart.to_string();
    assert!(
        html.contains(
            "<th scope=\"row\">2026-11-19</th><td class=\"number\">0</td><td class=\"number\">0</td>"
        )
    );
    assert!(html.contains(
        "<th scope=\"row\">2026-11-22</th><td class=\"number\">1,000</td><td class=\"number\">5</td>"
    ));
}

#[test]
fn hours_of_days_stand_in_their_places() {
    let found = [counted(UsageResult::Issued, &[("2026-11-22T10:00:00Z", 7), ("2026-11-16T23:00:00Z", 4)])];
    let html = heat_of(&about(Period::Day), now(), &found).to_string();
    let row = |day: &str| {
        let rest = html.split_once(&format!("<th scope=\"row\">{day}</th>")).unwrap().1;
        let row = rest.split_once("</tr>").unwrap().0;
        row.split("<td class=\"number\">")
            .skip(1)
            .map(|c| c.split('<').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(row("2026-11-22")[10], "7");
    assert_eq!(row("2026-11-16")[23], "4");
    assert_eq!(row("2026-11-22").iter().filter(|cell| *cell != "0").count(), 1);
}

#[test]
fn shares_are_put_together_and_sorted() {
    let group = |client: Option<&str>, result| UsageGroup {
        client: client.map(|id| ClientId::new(id).unwrap()),
        result: Some(result),
        ..UsageGroup::default()
    };
    let series = |group, requests| UsageSeries { group, counts: vec![(now(), requests)] };
    let found = [
        series(group(Some("a"), UsageResult::Issued), 5),
        series(group(None, UsageResult::Refused("invalid_client".to_owned())), 90),
        series(group(Some("a"), UsageResult::Refused("invalid_scope".to_owned())), 2),
        series(group(Some("b"), UsageResult::Issued), 50),
    ];
    let shares = shares(&found, |group| group.client.as_ref().map(ToString::to_string));
    let shown: Vec<_> = shares.iter().map(|one| (one.name.as_deref(), one.issued, one.refused)).collect();
    assert_eq!(shown, [(None, 0, 90), (Some("b"), 50, 0), (Some("a"), 5, 2)]);
}
