//! Expressions in CEL (the Common Expression Language), bounded so that a token request never waits for one.
//!
//! The language comes from the crate `cel`; what stands here is what it may do. An expression is read by the crate's
//! recursive-descent parser, whose time and memory grow with the source alone (its other one takes gigabytes for
//! some texts of a hundred bytes), and then every node is looked at: no loops, no names but those of claim maps, no
//! functions but those of the list. Without loops the work is bounded by the number of nodes times the size of the
//! values, and both have limits. There is neither time nor input nor randomness, so the same names always give the
//! same claim, and it can be kept as long as the names stay what they are. (A map that is added to a list is the one
//! exception: the list gets its keys in no order.)

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::Val;
use cel::objects::{Key, Value as CelValue};
use cel::parser::PrattParser;
use cel::{Context, Env, ExecutionError};
use serde_json::{Map, Number, Value};

use crate::claim_map::{Holds, NAMES, known_names};

/// The longest source, in bytes.
pub const LONGEST_EXPRESSION: usize = 1024;
/// How many expressions one claim map may have: a token waits for all of them.
pub const MOST_EXPRESSIONS: usize = 16;
/// How many operators, names, literals and calls an expression may have.
const MOST_NODES: usize = 200;
/// How deep they may lie within one another.
const DEEPEST: usize = 24;
/// How many values (texts, numbers, elements, members) the names of one expression may hold together.
const MOST_VALUES: usize = 256;
/// How many bytes of text the names of one expression may hold together, and so may its result.
const MOST_TEXT: usize = 8192;

/// What can be called, by name.
const FUNCTIONS: [&str; 9] =
    ["size", "contains", "startsWith", "endsWith", "string", "int", "uint", "double", "bool"];
/// What is refused by its own words, with other arguments than a loop has, too.
const LOOPS: [&str; 5] = ["all", "exists", "exists_one", "filter", "map"];
/// What works on values without a name. `?:`, `&&`, `||` and `in` are among them.
const OPERATORS: [&str; 18] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
    operators::INDEX,
    operators::IN,
];

/// The operators and functions, made once.
static ENVIRONMENT: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::default().with_optional_support(false).with_stdlib()));

/// Why a text is not an expression that a claim map can hold. Written for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Longer than [`LONGEST_EXPRESSION`].
    #[error("the expression has {0} bytes; {LONGEST_EXPRESSION} are allowed")]
    TooLong(usize),
    /// No CEL.
    #[error("the expression is not CEL: line {line}, column {column}: {message}")]
    Syntax {
        /// From 1.
        line: isize,
        /// From 1.
        column: isize,
        /// What the parser says.
        message: String,
    },
    /// Nested too deep.
    #[error("the expression is nested deeper than {DEEPEST} levels; chains of + and ?: count, too")]
    TooDeep,
    /// Too many operators, names, literals and calls.
    #[error("the expression has more than {MOST_NODES} parts")]
    TooMany,
    /// A name that begins with none of the known words.
    #[error("{0:?} is not known; expressions can name {names}", names = known_names())]
    UnknownName(String),
    /// A member that the named thing never has.
    #[error("{word} has no {member:?}; {known}")]
    UnknownMember {
        /// The thing.
        word: &'static str,
        /// What was asked of it.
        member: String,
        /// What it has.
        known: String,
    },
    /// A function that is not there.
    #[error("there is no function {0:?}; there are has, {functions}", functions = FUNCTIONS.join(", "))]
    UnknownFunction(String),
    /// A loop over a list or map.
    #[error("loops (all, exists, exists_one, filter, map) are not available; to look for a value use `in`")]
    Loop,
    /// Something of CEL that yields no JSON.
    #[error("{0} are not available in claims")]
    NoJson(&'static str),
}

/// Why an expression gave no value. Nobody but the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// What the expression names is too much to compute with.
    #[error("what the expression names holds more than {MOST_VALUES} values or {MOST_TEXT} bytes of text")]
    NamesTooLarge,
    /// The computation failed.
    #[error("{0}")]
    Failed(String),
    /// The result is nothing that JSON can say.
    #[error("the result is {0}, which JSON cannot say")]
    NoJson(&'static str),
    /// The result is too large for a token.
    #[error("the result has more than {MOST_VALUES} values or {MOST_TEXT} bytes of text")]
    ResultTooLarge,
}

/// An expression, checked when it was read. Cheap to clone.
#[derive(Clone)]
pub struct Expression(Arc<Checked>);

struct Checked {
    source: String,
    program: IdedExpr,
    paths: BTreeSet<Path>,
}

/// What is named, from the known word on; more than a path's value is never given to an expression.
type Path = Vec<String>;

impl Expression {
    /// Reads an expression.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        if source.len() > LONGEST_EXPRESSION {
            return Err(ExpressionError::TooLong(source.len()));
        }
        let deepest = u16::try_from(DEEPEST).unwrap_or(u16::MAX);
        let program = PrattParser::new().max_recursion_depth(deepest).parse(source).map_err(|errors| {
            if errors.errors.iter().any(|error| error.msg.contains("recursion limit")) {
                return ExpressionError::TooDeep;
            }
            // What the parser says of limits has no position, and what it says after the first mistake follows from it.
            let first = errors.errors.into_iter().find(|error| error.pos.0 > 0);
            let (pos, message) =
                first.map_or_else(|| ((1, 1), "cannot be read".to_owned()), |e| (e.pos, e.msg));
            ExpressionError::Syntax { line: pos.0, column: pos.1, message }
        })?;
        let mut check = Check { nodes: 0, paths: BTreeSet::new() };
        check.node(&program, DEEPEST)?;
        Ok(Self(Arc::new(Checked { source: source.to_owned(), program, paths: check.paths })))
    }

    /// The text that it was read from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The words that its names begin with, each once.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        let roots: BTreeSet<&str> =
            self.0.paths.iter().filter_map(|path| Some(path.first()?.as_str())).collect();
        roots.into_iter()
    }

    /// Computes the value; `None` where it is null: then there is no claim.
    pub fn evaluate(&self, names: &Map<String, Value>) -> Result<Option<Value>, EvaluationError> {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        let mut budget = Budget::new();
        for root in self.roots() {
            let paths: Vec<&[String]> = self
                .0
                .paths
                .iter()
                .filter(|path| path.first().is_some_and(|word| word == root))
                .map(|p| &p[1..])
                .collect();
            let value: Box<dyn Val + '_> = match names.get(root) {
                Some(value) => named(value, &paths, &mut budget).ok_or(EvaluationError::NamesTooLarge)?,
                None => nothing(root),
            };
            context.add_variable_as_val(root, value);
        }
        let result = CelValue::resolve(&self.0.program, &context).map_err(|error| failed(&error))?;
        match json(&result, &mut Budget::new())? {
            Value::Null => Ok(None),
            value => Ok(Some(value)),
        }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.source).finish()
    }
}

/// A walk over everything that an expression is made of.
struct Check {
    nodes: usize,
    paths: BTreeSet<Path>,
}

impl Check {
    fn node(&mut self, node: &IdedExpr, depth: usize) -> Result<(), ExpressionError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(ExpressionError::TooMany);
        }
        let Some(depth) = depth.checked_sub(1) else { return Err(ExpressionError::TooDeep) };
        match &node.expr {
            Expr::Ident(word) => self.path(word, Vec::new()),
            Expr::Select(select) => match path(node) {
                Some((word, members)) => {
                    self.nodes += members.len();
                    self.path(word, members)
                }
                None => self.node(&select.operand, depth),
            },
            Expr::Literal(LiteralValue::Bytes(_)) => Err(ExpressionError::NoJson("bytes")),
            Expr::Literal(_) => Ok(()),
            Expr::Call(call) => {
                let name = call.func_name.as_str();
                if LOOPS.contains(&name) {
                    return Err(ExpressionError::Loop);
                }
                if !FUNCTIONS.contains(&name) && !OPERATORS.contains(&name) {
                    return Err(ExpressionError::UnknownFunction(name.to_owned()));
                }
                call.target.iter().try_for_each(|target| self.node(target, depth))?;
                call.args.iter().try_for_each(|argument| self.node(argument, depth))
            }
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.node(element, depth)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.node(&entry.key, depth)?;
                    self.node(&entry.value, depth)
                }
                EntryExpr::StructField(_) => Err(ExpressionError::NoJson("structures")),
            }),
            Expr::Comprehension(_) => Err(ExpressionError::Loop),
            Expr::Struct(_) | Expr::Unspecified => Err(ExpressionError::NoJson("structures")),
        }
    }

    fn path(&mut self, word: &str, members: Vec<&str>) -> Result<(), ExpressionError> {
        let name = NAMES.iter().find(|name| name.word == word);
        let name = name.ok_or_else(|| ExpressionError::UnknownName(word.to_owned()))?;
        let known = match name.holds {
            Holds::Anything => None,
            Holds::Members(known) => Some(known),
            Holds::Plain => Some(&[][..]),
        };
        if let (Some(known), Some(member)) = (known, members.first())
            && !known.contains(member)
        {
            let known = match known {
                [] => "it has no members".to_owned(),
                known => format!("it has {}", known.join(", ")),
            };
            return Err(ExpressionError::UnknownMember {
                word: name.word,
                member: (*member).to_owned(),
                known,
            });
        }
        self.paths.insert([word].into_iter().chain(members).map(str::to_owned).collect());
        Ok(())
    }
}

/// The name that a chain of selections spells, `has(…)` included: its first word, and the members from there.
fn path(node: &IdedExpr) -> Option<(&str, Vec<&str>)> {
    let (mut node, mut members) = (node, Vec::new());
    loop {
        match &node.expr {
            Expr::Select(select) => {
                members.push(select.field.as_str());
                node = &select.operand;
            }
            Expr::Ident(word) => {
                members.reverse();
                return Some((word, members));
            }
            _ => return None,
        }
    }
}

/// How much there may still be of something.
struct Budget {
    values: usize,
    text: usize,
}

impl Budget {
    const fn new() -> Self {
        Self { values: MOST_VALUES, text: MOST_TEXT }
    }

    /// Takes one value with that much text off it; `None` if there is not enough left.
    fn take(&mut self, text: usize) -> Option<()> {
        self.values = self.values.checked_sub(1)?;
        self.text = self.text.checked_sub(text)?;
        Some(())
    }
}

/// A name that this caller has nothing for: an object without members, so that `has(licence.kind)` can ask, or null.
fn nothing<'v>(word: &str) -> Box<dyn Val + 'v> {
    let is_object = NAMES.iter().any(|name| name.word == word && matches!(name.holds, Holds::Members(_)));
    if is_object { Box::new(CelMap::from(HashMap::new())) } else { Box::new(CelNull) }
}

/// The parts of a value that the paths lead to.
fn named<'v>(value: &'v Value, paths: &[&[String]], budget: &mut Budget) -> Option<Box<dyn Val + 'v>> {
    let Value::Object(members) = value else { return whole(value, budget) };
    if paths.iter().any(|path| path.is_empty()) {
        return whole(value, budget);
    }
    budget.take(0)?;
    let mut object: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    for path in paths {
        let Some((first, _)) = path.split_first() else { continue };
        let Some((member, value)) = members.get_key_value(first) else { continue };
        if object.contains_key(&CelMapKey::from(member.as_str())) {
            continue;
        }
        let rest: Vec<&[String]> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter(|(other, _)| *other == first)
            .map(|(_, rest)| rest)
            .collect();
        budget.take(member.len())?;
        object.insert(CelMapKey::from(member.as_str()), named(value, &rest, budget)?);
    }
    Some(Box::new(CelMap::from(object)))
}

fn whole<'v>(value: &'v Value, budget: &mut Budget) -> Option<Box<dyn Val + 'v>> {
    budget.take(value.as_str().map_or(0, str::len))?;
    Some(match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => number_of(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(elements) => {
            let elements = elements.iter().map(|element| whole(element, budget)).collect::<Option<Vec<_>>>();
            Box::new(CelList::from(elements?))
        }
        Value::Object(members) => {
            let mut object = HashMap::with_capacity(members.len().min(MOST_VALUES));
            for (member, value) in members {
                budget.take(member.len())?;
                object.insert(CelMapKey::from(member.as_str()), whole(value, budget)?);
            }
            Box::new(CelMap::from(object))
        }
    })
}

fn number_of<'v>(number: &Number) -> Box<dyn Val + 'v> {
    if let Some(whole) = number.as_i64() {
        Box::new(CelInt::from(whole))
    } else if let Some(large) = number.as_u64() {
        Box::new(CelUInt::from(large))
    } else {
        Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN)))
    }
}

fn json(value: &CelValue, budget: &mut Budget) -> Result<Value, EvaluationError> {
    let text = if let CelValue::String(text) = value { text.len() } else { 0 };
    budget.take(text).ok_or(EvaluationError::ResultTooLarge)?;
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(value) => Value::Bool(*value),
        CelValue::Int(value) => Value::from(*value),
        CelValue::UInt(value) => Value::from(*value),
        CelValue::Float(value) => {
            Value::Number(Number::from_f64(*value).ok_or(EvaluationError::NoJson("no finite number"))?)
        }
        CelValue::String(text) => Value::String(text.as_str().to_owned()),
        CelValue::List(elements) => {
            let elements = elements.iter().map(|element| json(element, budget));
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        CelValue::Map(map) => {
            let mut object = Map::new();
            for (key, value) in map.map.iter() {
                let Key::String(key) = key else {
                    return Err(EvaluationError::NoJson("an object whose keys are not all texts"));
                };
                budget.take(key.len()).ok_or(EvaluationError::ResultTooLarge)?;
                object.insert(key.as_str().to_owned(), json(value, budget)?);
            }
            Value::Object(object)
        }
        _ => return Err(EvaluationError::NoJson("neither text, number, truth value, list nor object")),
    })
}

/// Why the computation failed, by names and types: the values are the customer's, and have no place in a record.
fn failed(error: &ExecutionError) -> EvaluationError {
    use ExecutionError as E;
    let kind = CelValue::type_of;
    EvaluationError::Failed(match error {
        E::NoSuchKey(key) => format!("there is no {key:?} here; has(…) asks whether there is"),
        E::NoSuchOverload(overload) => overload.to_string(),
        E::UnsupportedBinaryOperator(operator, left, right) => {
            format!("{operator} does not work on {} and {}", kind(left), kind(right))
        }
        E::ValuesNotComparable(left, right) => {
            format!("{} and {} cannot be compared", kind(left), kind(right))
        }
        E::UnsupportedIndex(index, list) => format!("{} is no index of {}", kind(index), kind(list)),
        E::UnsupportedKeyType(key) => format!("{} is no name of a member", kind(key)),
        E::UnexpectedType { got, want } => format!("{got} where {want} is needed"),
        E::InvalidArgumentCount { expected, actual } => {
            format!("{actual} arguments where {expected} are needed")
        }
        E::DivisionByZero(_) | E::RemainderByZero(_) => "division by zero".to_owned(),
        E::Overflow(operator, ..) => format!("{operator} gives more than a number can hold"),
        E::IndexOutOfBounds(_) => "the index is outside of the list".to_owned(),
        E::DuplicateKey(_) => "an object would have the same member twice".to_owned(),
        E::FunctionError { function, .. } => format!("{function}(…) has no value for this"),
        _ => "it cannot be computed".to_owned(),
    })
}

#[cfg(test)]
mod tests;
