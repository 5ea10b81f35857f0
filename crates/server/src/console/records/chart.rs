//! Pictures of numbers: SVG made here, that says the same with and without colours, and has a table behind it.
//!
//! Every series has a pattern beside its colour. The picture itself is one image to a screen reader, with a title and
//! a sentence; the numbers stand in the table. Shapes of a series are one path, in tenths of the picture's units, so
//! that a picture of many columns stays small. Where a picture would not fit a telephone it is drawn twice, and the
//! style sheet shows the one that fits; what goes on over time is moved through there, beginning at its end.

use std::fmt::Write as _;

use askama::Template;

use crate::console::texts::Texts;

/// So many series have a colour and a pattern of their own.
pub(super) const MOST_SERIES: usize = 5;
/// So many bars are drawn; further rows stand in the table alone.
const MOST_BARS: usize = 12;
/// The width of a picture, in its own units, which are about pixels; and that of one for telephones.
const WIDTH: u32 = 640;
const NARROW_WIDTH: u32 = 320;
/// The longest name beside a bar, in characters.
const LONGEST_TICK: usize = 24;

/// What a column or a bar stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// In the table.
    pub(crate) name: String,
    /// In the picture.
    pub(crate) tick: String,
    /// Where its name leads in the table; may be empty.
    pub(crate) to: String,
}

/// Numbers of one kind, one for each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) values: Vec<u64>,
}

/// What is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    /// Unique on the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What is counted, in a sentence.
    pub(crate) about: String,
    /// What the rows are: "Day", "Client".
    pub(crate) rows_are: String,
    pub(crate) rows: Vec<Row>,
    /// At most five; further ones stand in the table alone.
    pub(crate) series: Vec<Series>,
}

/// What is shown by days and hours.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeatData {
    /// Unique on the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What is counted, in a sentence.
    pub(crate) about: String,
    /// The days with the numbers of their hours.
    pub(crate) days: Vec<(String, [u64; 24])>,
}

struct Label {
    x: u32,
    y: u32,
    anchor: &'static str,
    text: String,
}

struct Shape {
    /// Which series it belongs to, from 1.
    series: usize,
    path: String,
}

/// What is drawn.
struct Drawing {
    width: u32,
    height: u32,
    /// How far the shapes are moved into the picture.
    origin: (u32, u32),
    grid: String,
    labels: Vec<Label>,
    shapes: Vec<Shape>,
}

/// A picture with its legend and its table; as text it is the whole element.
#[derive(Template)]
#[template(path = "records/chart.html")]
pub(crate) struct Chart {
    t: Texts,
    id: &'static str,
    title: String,
    about: String,
    drawing: Drawing,
    /// The same for telephones, unless the one is moved through there.
    narrow: Option<Drawing>,
    rows_are: String,
    rows: Vec<Row>,
    series: Vec<Series>,
    /// Where the names of the series lead in the legend; may be empty.
    links: Vec<String>,
    /// Whether the table leaves out rows in which there is nothing.
    is_sparse: bool,
    /// Whether what is newest stands at its right end, which is seen first where there is no room for all of it.
    newest_last: bool,
}

// What came from elsewhere is escaped by its template.
impl askama::filters::HtmlSafe for Chart {}

impl Chart {
    fn has_legend(&self) -> bool {
        self.drawing.shapes.len() > 1 || !self.links.is_empty()
    }

    /// What is drawn, with the beginning of its ids and its class.
    fn drawings(&self) -> impl Iterator<Item = (&Drawing, String, &'static str)> {
        let class = if self.narrow.is_some() { "chart wide" } else { "chart" };
        let narrow = self.narrow.iter().map(|one| (one, format!("{}-narrow", self.id), "chart narrow"));
        std::iter::once((&self.drawing, self.id.to_owned(), class)).chain(narrow)
    }

    /// The same in the colour and the pattern of another series, for pictures of one: what is refused looks the same
    /// in all of them.
    pub(crate) fn in_style(mut self, series: usize) -> Self {
        for drawing in std::iter::once(&mut self.drawing).chain(&mut self.narrow) {
            for shape in drawing.shapes.iter_mut().take(1) {
                shape.series = series.clamp(1, MOST_SERIES);
            }
        }
        self
    }

    /// The same with a link for each series, which makes a legend necessary even for one.
    pub(crate) fn leading_to(mut self, links: Vec<String>) -> Self {
        self.links = links;
        self
    }

    /// The same without rows of the table in which there is nothing.
    pub(crate) const fn sparsely(mut self) -> Self {
        self.is_sparse = true;
        self
    }

    /// Where the name of a series leads; empty if nowhere.
    fn link(&self, shape: &Shape) -> &str {
        self.links.get(shape.series - 1).map_or("", String::as_str)
    }

    fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.values.iter().all(|value| *value == 0))
    }

    /// The rows of the table with their numbers.
    fn lines(&self) -> impl Iterator<Item = (&Row, Vec<String>)> {
        let rows = self.rows.iter().enumerate().map(|(index, row)| {
            let values = self.series.iter().map(|one| one.values.get(index).copied().unwrap_or_default());
            (row, values.collect::<Vec<_>>())
        });
        rows.filter(|(_, values)| !self.is_sparse || values.iter().any(|value| *value > 0))
            .map(|(row, values)| (row, values.into_iter().map(grouped).collect()))
    }

    fn total(series: &Series) -> String {
        grouped(series.values.iter().sum())
    }

    fn of(t: Texts, data: Data, (drawing, narrow): (Drawing, Option<Drawing>)) -> Self {
        let Data { id, title, about, rows_are, rows, series } = data;
        let (links, is_sparse, newest_last) = (Vec::new(), false, false);
        Self { t, id, title, about, drawing, narrow, rows_are, rows, series, links, is_sparse, newest_last }
    }
}

/// A number as people read it: `12,345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long `value` is on a scale on which `top` is `length`, rounded.
fn scaled(value: u64, top: u64, length: u32) -> u32 {
    let top = u128::from(top.max(1));
    let exact = (u128::from(value) * u128::from(length) + top / 2) / top;
    u32::try_from(exact).unwrap_or(length).min(length)
}

/// Where something stands in a row of `count`, of which `length` is the whole.
fn place(index: usize, count: usize, length: u32) -> u32 {
    scaled(index as u64, count as u64, length)
}

/// Up to four even steps, in numbers that people like, that reach to `most`: the step and how many.
fn even_steps(most: u64) -> (u64, u64) {
    let mut power = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            let step = power.saturating_mul(digit);
            let count = most.div_ceil(step).max(1);
            if count <= 4 {
                return (step, count);
            }
        }
        power = power.saturating_mul(10);
    }
}

fn as_units(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn cut(name: &str) -> String {
    if name.chars().count() <= LONGEST_TICK {
        return name.to_owned();
    }
    name.chars().take(LONGEST_TICK - 1).chain(['…']).collect()
}

/// The heights at which the series of a row begin and end, one on another.
fn stacked(series: &[Series], row: usize, (top, length): (u64, u32)) -> Vec<(u32, u32)> {
    let mut sum = 0_u64;
    let piled = series.iter().take(MOST_SERIES).map(|one| {
        let begin = sum;
        sum = sum.saturating_add(one.values.get(row).copied().unwrap_or_default());
        (scaled(begin, top, length), scaled(sum, top, length))
    });
    piled.collect()
}

/// The highest sum of a row.
fn highest(data: &Data) -> u64 {
    let sum = |row: usize| {
        let values = data.series.iter().take(MOST_SERIES).map(|one| one.values.get(row).copied());
        values.map(Option::unwrap_or_default).fold(0, u64::saturating_add)
    };
    (0..data.rows.len()).map(sum).max().unwrap_or_default()
}

fn shapes_of(data: &Data) -> Vec<Shape> {
    let count = data.series.len().min(MOST_SERIES);
    (1..=count).map(|series| Shape { series, path: String::new() }).collect()
}

fn rectangle(path: &mut String, (x, y): (u32, u32), (width, height): (u32, u32)) {
    // Writing to a text cannot fail.
    let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
}

/// Columns over time, the series one on another.
pub(crate) fn columns(t: Texts, data: Data) -> Chart {
    const LEFT: u32 = 52;
    const TOP: u32 = 10;
    const LONG: u32 = (WIDTH - LEFT - 8) * 10;
    const HIGH: u32 = 1700;
    /// A column that is narrower than its name.
    const NARROW: u32 = 300;
    let (step, steps) = even_steps(highest(&data));
    let top = step.saturating_mul(steps);
    let mut shapes = shapes_of(&data);
    let (mut grid, mut labels) = (String::new(), Vec::new());
    for number in 0..=steps {
        let y = HIGH - scaled(number, steps, HIGH);
        let _ = write!(grid, "M0 {y}h{LONG}");
        let text = grouped(step.saturating_mul(number));
        labels.push(Label { x: LEFT - 6, y: TOP + y / 10 + 4, anchor: "end", text });
    }
    let count = data.rows.len();
    let every = count.div_ceil(8).max(1);
    for (index, row) in data.rows.iter().enumerate() {
        let (from, to) = (place(index, count, LONG), place(index + 1, count, LONG));
        let gap = (to - from) / 6;
        let width = (to - from - 2 * gap).max(1);
        for (shape, (low, high)) in shapes.iter_mut().zip(stacked(&data.series, index, (top, HIGH))) {
            if high > low {
                rectangle(&mut shape.path, (from + gap, HIGH - high), (width, high - low));
            }
        }
        // Counted from the last one, which is the one that runs now.
        if (count - 1 - index).is_multiple_of(every) {
            let is_at_the_edge = index + 1 == count && to - from < NARROW;
            let (x, anchor) =
                if is_at_the_edge { (to + 80, "end") } else { (u32::midpoint(from, to), "middle") };
            let text = row.tick.clone();
            labels.push(Label { x: LEFT + x / 10, y: TOP + HIGH / 10 + 18, anchor, text });
        }
    }
    let height = TOP + HIGH / 10 + 26;
    let drawing = Drawing { width: WIDTH, height, origin: (LEFT, TOP), grid, labels, shapes };
    Chart { newest_last: true, ..Chart::of(t, data, (drawing, None)) }
}

/// A bar for each row, at most twelve, the series one after another, with their sum at the end.
pub(crate) fn bars(t: Texts, data: Data) -> Chart {
    let beside = Bars { width: WIDTH, left: 190, long: 3800, high: 26, above: 0 };
    let below = Bars { width: NARROW_WIDTH, left: 0, long: 2500, high: 38, above: 14 };
    let drawings = (beside.of(&data), Some(below.of(&data)));
    Chart::of(t, data, drawings)
}

/// How bars lie: beside their names, or below them.
struct Bars {
    width: u32,
    /// Where they begin.
    left: u32,
    /// The longest, in tenths.
    long: u32,
    /// The height of a row, of which so much is for the name above the bar.
    high: u32,
    above: u32,
}

impl Bars {
    fn of(&self, data: &Data) -> Drawing {
        let &Self { width, left, long, high, above } = self;
        let top = highest(data).max(1);
        let mut shapes = shapes_of(data);
        let mut labels = Vec::new();
        for (index, row) in data.rows.iter().take(MOST_BARS).enumerate() {
            let y = as_units(index) * high;
            let piled = stacked(&data.series, index, (top, long));
            let end = piled.last().map_or(0, |(_, end)| *end);
            for (shape, (from, to)) in shapes.iter_mut().zip(piled) {
                if to > from {
                    let thick = (high - above) * 10 - 80;
                    rectangle(&mut shape.path, (from, (y + above) * 10 + 40), (to - from, thick));
                }
            }
            let sum = data.series.iter().take(MOST_SERIES).filter_map(|one| one.values.get(index)).sum();
            let middle = y + above + (high - above) / 2 + 4;
            let (x, at, anchor) =
                if above > 0 { (left, y + above, "start") } else { (left - 8, middle, "end") };
            labels.push(Label { x, y: at, anchor, text: cut(&row.tick) });
            labels.push(Label { x: left + end / 10 + 6, y: middle, anchor: "start", text: grouped(sum) });
        }
        let height = as_units(data.rows.len().clamp(1, MOST_BARS)) * high;
        let grid = format!("M0 0v{}", height * 10);
        Drawing { width, height, origin: (left, 0), grid, labels, shapes }
    }
}

/// Days by hours: the larger a square, the more there was.
pub(crate) fn heat(t: Texts, data: HeatData) -> Chart {
    let by_hour = Squares { width: WIDTH, left: 90, side: 220, hours: 1 };
    let by_three = Squares { width: NARROW_WIDTH, left: 78, side: 280, hours: 3 };
    let HeatData { id, title, about, days } = data;
    let drawings = (by_hour.of(&days), Some(by_three.of(&days)));
    // In the table the hours are the columns.
    let series = (0..24).map(|hour| Series {
        name: format!("{hour:02}"),
        values: days.iter().map(|(_, hours)| hours[hour]).collect(),
    });
    let series = series.collect();
    let row = |day: String| Row { tick: day.clone(), name: day, to: String::new() };
    let rows = days.into_iter().map(|(day, _)| row(day)).collect();
    let rows_are = t.of("chart-day-utc").into_owned();
    let table = Data { id, title, about, rows_are, rows, series };
    Chart::of(t, table, drawings)
}

/// A square for so many hours of a day.
struct Squares {
    width: u32,
    /// Where they begin.
    left: u32,
    /// The side of the largest with what is around it, in tenths.
    side: u32,
    /// How many hours a square stands for; divides six.
    hours: usize,
}

impl Squares {
    fn of(&self, days: &[(String, [u64; 24])]) -> Drawing {
        let &Self { width, left, side, hours } = self;
        let sums = |day: &[u64; 24]| -> Vec<u64> {
            day.chunks(hours).map(|some| some.iter().copied().fold(0, u64::saturating_add)).collect()
        };
        let days: Vec<_> = days.iter().map(|(day, values)| (day, sums(values))).collect();
        let most = days.iter().flat_map(|(_, values)| values).copied().max().unwrap_or_default();
        let (mut path, mut grid, mut labels) = (String::new(), String::new(), Vec::new());
        for (index, (day, values)) in days.iter().enumerate() {
            let y = as_units(index) * side;
            let middle = (y + side / 2) / 10 + 4;
            labels.push(Label { x: left - 8, y: middle, anchor: "end", text: (*day).clone() });
            for (place, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
                let long = square(*value, most, side - 20);
                let inset = (side - long) / 2;
                rectangle(&mut path, (as_units(place) * side + inset, y + inset), (long, long));
            }
        }
        let (long, high) = (as_units(24 / hours) * side, as_units(days.len()) * side);
        for line in 0..=days.len() {
            let _ = write!(grid, "M0 {}h{long}", as_units(line) * side);
        }
        for hour in (0..=24).step_by(6) {
            let x = hour * long / 24;
            let _ = write!(grid, "M{x} 0v{high}");
            let (x, y) = (left + x / 10, high / 10 + 16);
            labels.push(Label { x, y, anchor: "middle", text: format!("{hour}:00") });
        }
        let (height, shapes) = (high / 10 + 24, vec![Shape { series: 1, path }]);
        Drawing { width, height, origin: (left, 0), grid, labels, shapes }
    }
}

/// The side of a square whose area stands for a value; anything at all can be seen.
fn square(value: u64, most: u64, longest: u32) -> u32 {
    let area = u128::from(value) * u128::from(longest).pow(2) / u128::from(most.max(1));
    u32::try_from(area.isqrt()).unwrap_or(longest).clamp(40, longest)
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
