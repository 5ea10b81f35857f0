use super::*;

fn series(name: &str, values: &[u64]) -> Series {
    Series { name: name.to_owned(), values: values.to_vec() }
}

fn data(series: Vec<Series>) -> Data {
    let count = series.first().map_or(0, |one| one.values.len());
    let row = |n: usize| Row { name: format!("row {n}"), tick: format!("t{n}"), to: String::new() };
    Data {
        id: "x",
        title: "T".to_owned(),
        about: "A.".to_owned(),
        rows_are: "Row".to_owned(),
        rows: (0..count).map(row).collect(),
        series,
    }
}

/// The rectangles of a path: x, y, width, height.
fn rectangles(path: &str) -> Vec<[u32; 4]> {
    let numbers = |text: &str| -> Vec<u32> {
        text.split(|c: char| !c.is_ascii_digit())
            .filter(|text| !text.is_empty())
            .map(|text| text.parse().unwrap())
            .collect()
    };
    path.split('M').skip(1).map(|part| numbers(part)[..4].try_into().unwrap()).collect()
}

/// The numbers of the table's body, by rows.
fn table(html: &str) -> Vec<Vec<u64>> {
    let body = html.split_once("<tbody>").unwrap().1.split_once("</tbody>").unwrap().0;
    let cells = |row: &str| {
        let cells = row.split("<td class=\"number\">").skip(1);
        cells.map(|cell| cell.split('<').next().unwrap().replace(',', "").parse().unwrap()).collect()
    };
    body.split("<tr>").skip(1).map(cells).collect()
}

#[test]
fn columns_are_as_high_as_the_numbers_of_the_table() {
    let (issued, refused) = ([10, 0, 200, 70], [0, 0, 50, 1]);
    let chart = columns(Texts::default(), data(vec![series("A", &issued), series("B", &refused)]));
    let html = chart.to_string();
    assert_eq!(table(&html), [[10, 0], [0, 0], [200, 50], [70, 1]]);
    // The highest pile, 250, fits a scale of three steps of 100 that is 1,700 high.
    let high = |value: u64| u32::try_from((value * 1700 + 150) / 300).unwrap();
    let first = rectangles(&chart.drawing.shapes[0].path);
    let heights: Vec<u32> = first.iter().map(|[.., height]| *height).collect();
    assert_eq!(heights, [high(10), high(200), high(70)], "what is nothing has no column");
    let second = rectangles(&chart.drawing.shapes[1].path);
    assert_eq!(second.len(), 2);
    for ([x, y, width, height], [above, top, wide, _]) in [(first[1], second[0]), (first[2], second[1])] {
        assert_eq!((x, width), (above, wide));
        assert!(y > top && y + height == 1700, "one stands on the other");
    }
    assert_eq!(second[0][1] + second[0][3], first[1][1]);
    let ticks: Vec<&str> = chart.drawing.labels.iter().map(|label| label.text.as_str()).collect();
    assert_eq!(ticks, ["0", "100", "200", "300", "t0", "t1", "t2", "t3"]);
}

#[test]
fn bars_are_as_long_as_the_numbers_of_the_table() {
    let chart = bars(Texts::default(), data(vec![series("A", &[400, 100]), series("B", &[0, 300])]));
    let html = chart.to_string();
    assert_eq!(table(&html), [[400, 0], [100, 300]]);
    let lengths =
        |n: usize| rectangles(&chart.drawing.shapes[n].path).iter().map(|r| r[2]).collect::<Vec<_>>();
    assert_eq!((lengths(0), lengths(1)), (vec![3800, 950], vec![2850]));
    assert!(html.contains(">t0</text>") && html.contains(">400</text>"));
}

#[test]
fn a_picture_of_refusals_looks_like_refusals_in_other_pictures() {
    let html = bars(Texts::default(), data(vec![series("A", &[1])])).in_style(2).to_string();
    assert!(html.contains("<pattern id=\"x-2\"") && html.contains("fill=\"url(#x-2)\""), "{html}");
    assert!(html.contains("class=\"s2\"") && !html.contains("class=\"s1\""), "{html}");
}

#[test]
fn squares_have_the_area_of_the_numbers_of_the_table() {
    let mut hours = [0; 24];
    (hours[0], hours[12], hours[23]) = (100, 25, 1);
    let days = vec![("Mon".to_owned(), [0; 24]), ("Tue".to_owned(), hours)];
    let chart = heat(Texts::default(), HeatData { id: "h", title: "T".into(), about: "A".into(), days });
    let rows = table(&chart.to_string());
    assert_eq!((rows.len(), rows[1][0], rows[1][12], rows[1][23]), (2, 100, 25, 1));
    let squares = rectangles(&chart.drawing.shapes[0].path);
    let sides: Vec<u32> = squares
        .iter()
        .map(|[_, _, width, height]| {
            assert_eq!(width, height);
            *width
        })
        .collect();
    assert_eq!(sides, [200, 100, 40], "a quarter has half the side, and one of a hundred can still be seen");
    assert!(squares.iter().all(|[_, y, ..]| (220..440).contains(y)), "in the second day");
    assert_eq!(squares[1][0], 12 * 220 + 60);
}

#[test]
fn on_a_telephone_three_hours_are_one_square_and_nothing_is_wider_than_it() {
    let mut hours = [0; 24];
    (hours[0], hours[1], hours[2], hours[12], hours[23]) = (50, 20, 30, 25, 1);
    let days = vec![("2026-11-22".to_owned(), hours)];
    let chart = heat(Texts::default(), HeatData { id: "h", title: "T".into(), about: "A".into(), days });
    let narrow = chart.narrow.as_ref().unwrap();
    let squares = rectangles(&narrow.shapes[0].path);
    let sides: Vec<u32> = squares.iter().map(|[.., side]| *side).collect();
    assert_eq!(sides, [260, 130, 40], "a hundred, a quarter of it, and one");
    assert_eq!(squares.iter().map(|[x, ..]| x / 280).collect::<Vec<_>>(), [0, 4, 7]);
    let hours: Vec<_> = narrow.labels.iter().skip(1).map(|label| (label.x, label.text.as_str())).collect();
    assert_eq!(hours, [(78, "0:00"), (134, "6:00"), (190, "12:00"), (246, "18:00"), (302, "24:00")]);
    // A name, a bar and its number fit, too, and the bars have the lengths of the numbers.
    let long = Row { name: "n".into(), tick: "n".repeat(40), to: String::new() };
    let many = Data { rows: vec![long.clone(), long], ..data(vec![series("A", &[1_234_567, 617_284])]) };
    let chart = bars(Texts::default(), many).in_style(2);
    let narrow = chart.narrow.as_ref().unwrap();
    let lengths: Vec<u32> = rectangles(&narrow.shapes[0].path).iter().map(|[_, _, long, _]| *long).collect();
    assert_eq!((lengths, narrow.shapes[0].series), (vec![2500, 1250], 2));
    for label in &narrow.labels {
        // Few characters are wider than seven.
        let width = u32::try_from(label.text.chars().count()).unwrap() * 7;
        assert!(label.x + width <= narrow.width, "{}", label.text);
    }
    let html = chart.to_string();
    for part in [
        "class=\"chart wide\"",
        "class=\"chart narrow\"",
        "aria-labelledby=\"x-narrow-title x-narrow-about\"",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert_eq!(
        html.matches("<pattern ").count(),
        1,
        "patterns of what is not shown would not be shown either"
    );
}

#[test]
fn a_picture_says_what_it_is_without_colours_and_without_being_seen() {
    let html = columns(Texts::default(), data(vec![series("A", &[1]), series("B", &[2])])).to_string();
    for part in [
        "role=\"img\"",
        "aria-labelledby=\"x-title x-about\"",
        "<title id=\"x-title\">T</title>",
        "<desc id=\"x-about\">A. ",
        "<pattern id=\"x-2\"",
        "class=\"cut\"",
        "<table>",
        "<th scope=\"row\">row 0</th>",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(!html.contains("style"), "the policy of the console forbids it");
}

#[test]
fn what_comes_from_elsewhere_is_escaped_everywhere() {
    let bad = "<script>\"'&";
    let mut shown = data(vec![series(bad, &[1]), series(bad, &[1])]);
    (shown.title, shown.about, shown.rows_are) = (bad.into(), bad.into(), bad.into());
    shown.rows = vec![Row { name: bad.into(), tick: bad.into(), to: format!("/console/\"{bad}") }];
    for chart in [columns(Texts::default(), shown.clone()), bars(Texts::default(), shown)] {
        let html = chart.to_string();
        assert!(!html.contains("<script") && !html.contains("\"'"), "{html}");
    }
}

#[test]
fn nothing_is_said_to_be_nothing() {
    let html = columns(Texts::default(), data(vec![series("A", &[0, 0])])).to_string();
    assert!(html.contains(&*Texts::default().of("chart-empty")) && !html.contains("<svg"));
    assert!(!bars(Texts::default(), data(Vec::new())).to_string().contains("<svg"));
}

#[test]
fn scales_are_even_and_reach_to_the_highest() {
    for (most, expected) in [
        (0, (1, 1)),
        (1, (1, 1)),
        (4, (1, 4)),
        (5, (2, 3)),
        (250, (100, 3)),
        (999, (500, 2)),
        (4001, (2000, 3)),
    ] {
        assert_eq!(even_steps(most), expected, "{most}");
    }
    let (step, count) = even_steps(u64::MAX);
    assert!(step.saturating_mul(count) >= u64::MAX / 2);
    assert_eq!(scaled(u64::MAX, u64::MAX, 1700), 1700);
}

#[test]
fn numbers_are_grouped() {
    assert_eq!([0, 999, 1000, 12_345, 1_234_567].map(grouped), ["0", "999", "1,000", "12,345", "1,234,567"]);
}

#[test]
fn a_picture_of_ninety_days_stays_small() {
    let values: Vec<u64> = (0..90).map(|n| n * 12_345).collect();
    let html = columns(Texts::default(), data(vec![series("A", &values), series("B", &values)])).to_string();
    assert!(html.len() < 16 * 1024, "{} bytes", html.len());
}
