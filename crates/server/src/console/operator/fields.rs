//! Forms as lists of fields: a page says what it asks for, and one template shows it, with what was entered and what
//! is wrong with it. Every form of operators is made of these.

use askama::Template;

use crate::console::form::{Form, Mistakes};
use crate::console::texts::Texts;

/// Empty rows that stand below those that are filled.
const SPARE_ROWS: usize = 2;

/// One thing to choose.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    value: String,
    label: String,
}

impl Choice {
    pub(super) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }

    /// What is sent where it is chosen.
    pub(super) fn value(&self) -> &str {
        &self.value
    }
}

/// One value of each row, in a field of rows.
#[derive(Clone, Debug)]
pub(super) struct Column {
    name: &'static str,
    label: &'static str,
    choices: Vec<Choice>,
}

impl Column {
    /// A column to write in; `label` names a text.
    pub(super) const fn new(name: &'static str, label: &'static str) -> Self {
        Self { name, label, choices: Vec::new() }
    }

    /// A column to choose in. The first choice is what an empty row has.
    pub(super) const fn of(name: &'static str, label: &'static str, choices: Vec<Choice>) -> Self {
        Self { name, label, choices }
    }

    fn empty(&self) -> &str {
        self.choices.first().map(|choice| choice.value.as_str()).unwrap_or_default()
    }
}

/// What a field takes.
#[derive(Clone, Debug)]
enum Input {
    /// A line, of a type that HTML has.
    Line(&'static str),
    Lines,
    Choice(Vec<Choice>),
    Check,
    Rows(Vec<Column>),
}

/// A field of a form. Names of texts stand for what is shown.
#[derive(Clone, Debug)]
pub(super) struct Field {
    name: &'static str,
    label: &'static str,
    hint: Option<&'static str>,
    required: bool,
    input: Input,
}

impl Field {
    const fn new(name: &'static str, label: &'static str, input: Input) -> Self {
        Self { name, label, hint: None, required: false, input }
    }

    pub(super) const fn line(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Input::Line("text"))
    }

    pub(super) const fn number(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Input::Line("number"))
    }

    pub(super) const fn email(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Input::Line("email"))
    }

    /// A moment, in UTC.
    pub(super) const fn moment(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Input::Line("datetime-local"))
    }

    pub(super) const fn lines(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Input::Lines)
    }

    pub(super) const fn choice(name: &'static str, label: &'static str, choices: Vec<Choice>) -> Self {
        Self::new(name, label, Input::Choice(choices))
    }

    pub(super) const fn check(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Input::Check)
    }

    /// As many rows as are needed, each with the same columns.
    pub(super) const fn rows(name: &'static str, label: &'static str, columns: Vec<Column>) -> Self {
        Self::new(name, label, Input::Rows(columns))
    }

    #[must_use]
    pub(super) const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    #[must_use]
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// Fields that belong together; without a heading where there is but one group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    heading: &'static str,
    fields: Vec<Field>,
}

impl Group {
    pub(super) const fn new(heading: &'static str, fields: Vec<Field>) -> Self {
        Self { heading, fields }
    }
}

/// The rows that were entered, without empty ones.
pub(super) fn rows<const N: usize>(form: &Form, columns: &[Column; N]) -> Vec<[String; N]> {
    let mut values = columns.each_ref().map(|column| form.all(column.name));
    let mut rows = Vec::new();
    loop {
        let row = values.each_mut().map(Iterator::next);
        if row.iter().all(Option::is_none) {
            return rows;
        }
        let row = row.map(|value| value.unwrap_or_default().to_owned());
        if row.iter().zip(columns).any(|(value, column)| !value.is_empty() && value != column.empty()) {
            rows.push(row);
        }
    }
}

/// A choice as it is shown.
#[derive(Debug)]
pub(super) struct ShownChoice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) selected: bool,
}

/// Choices for a field that stands in a template of its own.
#[derive(Debug)]
pub(super) struct ShownChoices(pub(super) Vec<ShownChoice>);

impl ShownChoices {
    /// The choices, one of them chosen.
    pub(super) fn of(all: &[Choice], value: &str) -> Self {
        Self(chosen(all, value))
    }
}

struct Cell {
    name: &'static str,
    label: String,
    value: String,
    choices: Vec<ShownChoice>,
}

struct ShownField {
    name: &'static str,
    label: String,
    hint: String,
    mistake: String,
    /// The ids of what describes it.
    described: String,
    required: bool,
    input: &'static str,
    kind: &'static str,
    value: String,
    checked: bool,
    choices: Vec<ShownChoice>,
    rows: Vec<Vec<Cell>>,
}

struct ShownGroup {
    heading: String,
    fields: Vec<ShownField>,
}

/// Fields with what was entered in them, to stand in a form: `{{ fields|safe }}`.
#[derive(Template)]
#[template(path = "operator/fields.html")]
pub(super) struct Fields {
    groups: Vec<ShownGroup>,
}

impl Fields {
    /// Fields as they are shown, with what was entered and what is wrong with it.
    pub(super) fn filled(t: Texts, groups: &[Group], form: &Form, mistakes: &Mistakes) -> Self {
        let group = |group: &Group| ShownGroup {
            heading: if group.heading.is_empty() { String::new() } else { t.of(group.heading).into_owned() },
            fields: group.fields.iter().map(|field| shown(t, field, form, mistakes)).collect(),
        };
        Self { groups: groups.iter().map(group).collect() }
    }
}

fn shown(t: Texts, field: &Field, form: &Form, mistakes: &Mistakes) -> ShownField {
    let name = field.name;
    let value = form.text(name).to_owned();
    let hint = field.hint.map(|hint| t.of(hint).into_owned()).unwrap_or_default();
    let mistake = mistakes.of(name).unwrap_or_default().to_owned();
    let described = [(&hint, "hint"), (&mistake, "mistake")]
        .into_iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(_, end)| format!("{name}-{end}"))
        .collect::<Vec<_>>()
        .join(" ");
    let (input, kind) = match &field.input {
        Input::Line(kind) => ("line", *kind),
        Input::Lines => ("lines", ""),
        Input::Choice(_) => ("choice", ""),
        Input::Check => ("check", ""),
        Input::Rows(_) => ("rows", ""),
    };
    let choices = match &field.input {
        Input::Choice(all) => chosen(all, &value),
        _ => Vec::new(),
    };
    let rows = match &field.input {
        Input::Rows(columns) => cells(t, columns, form),
        _ => Vec::new(),
    };
    let value = if input == "lines" { form.raw(name).to_owned() } else { value };
    let label = t.of(field.label).into_owned();
    let (required, checked) = (field.required, form.has(name));
    ShownField { name, label, hint, mistake, described, required, input, kind, value, checked, choices, rows }
}

/// The choices, one of them chosen. A value that is no choice any more is one all the same: nothing changes by being
/// looked at.
fn chosen(all: &[Choice], value: &str) -> Vec<ShownChoice> {
    let mut choices: Vec<ShownChoice> = all
        .iter()
        .map(|Choice { value: own, label }| ShownChoice {
            value: own.clone(),
            label: label.clone(),
            selected: own == value,
        })
        .collect();
    if !value.is_empty() && !choices.iter().any(|choice| choice.selected) {
        let (value, label) = (value.to_owned(), value.to_owned());
        choices.push(ShownChoice { value, label, selected: true });
    }
    choices
}

/// The rows that were entered, without empty ones, and some to enter more in.
fn cells(t: Texts, columns: &[Column], form: &Form) -> Vec<Vec<Cell>> {
    let mut values: Vec<_> = columns.iter().map(|column| form.all(column.name)).collect();
    let mut rows: Vec<Vec<Option<&str>>> = Vec::new();
    loop {
        let row: Vec<Option<&str>> = values.iter_mut().map(Iterator::next).collect();
        if row.iter().all(Option::is_none) {
            break;
        }
        let filled = |value: &str, column: &Column| !value.is_empty() && value != column.empty();
        if row.iter().zip(columns).any(|(value, column)| value.is_some_and(|value| filled(value, column))) {
            rows.push(row);
        }
    }
    rows.extend(std::iter::repeat_n(vec![None; columns.len()], SPARE_ROWS));
    let cell = |number: usize, value: Option<&str>, column: &Column| Cell {
        name: column.name,
        label: format!("{} {}", t.of(column.label), number + 1),
        value: value.unwrap_or_default().to_owned(),
        // A column without choices is written in: what stands there is no choice.
        choices: match column.choices.as_slice() {
            [] => Vec::new(),
            all => chosen(all, value.unwrap_or_else(|| column.empty())),
        },
    };
    let row = |(number, row): (usize, Vec<Option<&str>>)| {
        row.into_iter().zip(columns).map(|(value, column)| cell(number, value, column)).collect()
    };
    rows.into_iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> [Column; 2] {
        let kinds = vec![Choice::new("a", "A"), Choice::new("b", "B")];
        [Column::of("kind", "copy", kinds), Column::new("rule", "close")]
    }

    #[test]
    fn rows_are_read_without_the_empty_ones_and_shown_with_some() {
        let form = Form::parse(b"kind=b&rule=x&kind=a&rule=&kind=a&rule=y").unwrap();
        assert_eq!(rows(&form, &columns()), [["b", "x"], ["a", "y"]]);
        let group = Group::new("", vec![Field::rows("rules", "copy", columns().into())]);
        let shown = Fields::filled(Texts::default(), &[group], &form, &Mistakes::default()).render().unwrap();
        assert_eq!(shown.matches("name=\"rule\"").count(), 4, "{shown}");
        assert!(shown.contains("<option value=\"b\" selected>B</option>"), "{shown}");
        assert!(shown.contains("<input name=\"rule\" value=\"x\""), "{shown}");
        assert!(!shown.contains("<select name=\"rule\""), "{shown}");
    }

    #[test]
    fn what_was_entered_is_shown_as_text_and_beside_it_what_is_wrong() {
        let form = Form::parse(b"name=%22%3E%3Cscript%3E&kind=gone&on=on").unwrap();
        let fields = vec![
            Field::line("name", "copy").hint("close").required(),
            Field::choice("kind", "copy", vec![Choice::new("a", "A")]),
            Field::check("on", "copy"),
        ];
        let mut mistakes = Mistakes::default();
        mistakes.add("name", "Not <so>");
        let shown = Fields::filled(Texts::default(), &[Group::new("", fields)], &form, &mistakes).render();
        let shown = shown.unwrap();
        assert!(!shown.contains("<script>") && !shown.contains("<so>"), "{shown}");
        assert!(
            shown.contains("aria-describedby=\"name-hint name-mistake\" aria-invalid=\"true\""),
            "{shown}"
        );
        assert!(shown.contains("<option value=\"gone\" selected>gone</option>"), "{shown}");
        assert!(shown.contains(" checked"), "{shown}");
    }
}
