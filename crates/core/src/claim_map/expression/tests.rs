//! What expressions give, what they refuse, and that none of them panics, overflows a stack or takes its time.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn names() -> Map<String, Value> {
    let names = json!({
        "realm": {"id": "default", "issuer": "https://auth.example/"},
        "organization": {"id": "org_1", "name": "Custodian Inc", "metadata": {"tier": "gold", "seats": "12"}},
        "client": {
            "id": "cli_1", "name": "importer",
            "claims": {"plan": "pro", "limit": 5, "share": 0.5, "beta": true, "none": null, "tags": ["eu", "bulk"],
                "nested": {"a": {"b": 1}}, "large": u64::MAX},
        },
        "access_key": {"id": "key_1"},
        "role": "admin",
        "scope": "read:sources write:sources",
        "scopes": ["read:sources", "write:sources"],
    });
    names.as_object().unwrap().clone()
}

#[track_caller]
fn read(source: &str) -> Expression {
    Expression::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

#[track_caller]
fn value(source: &str) -> Value {
    read(source).evaluate(&names()).unwrap().unwrap_or(Value::Null)
}

#[track_caller]
fn failure(source: &str) -> String {
    read(source).evaluate(&names()).unwrap_err().to_string()
}

#[track_caller]
fn refusal(source: &str) -> ExpressionError {
    Expression::parse(source).unwrap_err()
}

#[test]
fn values_have_the_types_of_what_they_come_from() {
    assert_eq!(value("client.claims.plan == 'pro' ? 2 : 1"), json!(2));
    assert_eq!(value("client.claims.limit * 10"), json!(50));
    assert_eq!(value("client.claims.share * 2.0"), json!(1.0));
    assert_eq!(value("client.claims.beta && role == 'admin'"), json!(true));
    assert_eq!(value("client.claims.tags"), json!(["eu", "bulk"]));
    assert_eq!(value("client.claims.nested"), json!({"a": {"b": 1}}));
    assert_eq!(value("client.claims.nested.a.b + 1"), json!(2));
    assert_eq!(value("client.claims.large"), json!(u64::MAX));
    assert_eq!(value("int(organization.metadata.seats) > 10"), json!(true));
    assert_eq!(value("organization.name + ' (' + organization.id + ')'"), json!("Custodian Inc (org_1)"));
    assert_eq!(
        value("{'tier': organization.metadata.tier, 'tags': client.claims.tags + ['x']}"),
        json!({"tier": "gold", "tags": ["eu", "bulk", "x"]})
    );
    assert_eq!(value("client['claims']['plan']"), json!("pro"));
    assert_eq!(value("client.claims.tags[0]"), json!("eu"));
}

#[test]
fn scopes_and_lists_are_looked_into_by_in() {
    assert_eq!(value("'read:sources' in scopes"), json!(true));
    assert_eq!(value("'read:source' in scopes"), json!(false));
    assert_eq!(value("'eu' in client.claims.tags"), json!(true));
    assert_eq!(value("'plan' in client.claims"), json!(true));
    assert_eq!(value("size(scopes)"), json!(2));
    assert_eq!(
        value("scope.startsWith('read:') && client.name.contains('port') && role.endsWith('min')"),
        json!(true)
    );
}

#[test]
fn what_a_caller_does_not_have_can_be_asked_for() {
    assert_eq!(value("has(licence.kind) ? licence.kind : 'none'"), json!("none"));
    assert_eq!(value("has(user.email)"), json!(false));
    assert_eq!(value("has(client.claims.other) ? 1 : 2"), json!(2));
    assert_eq!(value("has(client.claims.nested.a)"), json!(true));
    let nobody = read("role == null ? 'nobody' : role").evaluate(&Map::new()).unwrap();
    assert_eq!(nobody, Some(json!("nobody")));
}

#[test]
fn null_leaves_the_claim_out() {
    assert_eq!(read("null").evaluate(&names()), Ok(None));
    assert_eq!(read("client.claims.plan == 'free' ? 1 : null").evaluate(&names()), Ok(None));
    assert_eq!(read("client.claims.none").evaluate(&names()), Ok(None));
}

#[test]
fn what_cannot_be_computed_is_an_error_that_says_why() {
    for (source, said) in [
        ("client.claims.other", "there is no \"other\" here; has(…) asks whether there is"),
        ("licence.kind", "there is no \"kind\" here; has(…) asks whether there is"),
        ("client.claims.limit / 0", "division by zero"),
        ("client.claims.limit % 0", "division by zero"),
        ("client.claims.limit + client.name", "add does not work on int and string"),
        ("client.claims + client.claims", "add does not work on map and map"),
        ("client.claims.tags[7]", "the index is outside of the list"),
        ("9223372036854775807 + client.claims.limit", "add gives more than a number can hold"),
        ("int(client.name)", "int(…) has no value for this"),
        ("client.name < 1", "found no matching overload for '_<_' applied to '(string, int)'"),
        ("{'a': 1, 'a': 2}", "an object would have the same member twice"),
        ("'a' in client.name", "found no matching overload for '@in' applied to '(string, string)'"),
    ] {
        assert_eq!(failure(source), said, "{source}");
    }
    assert!(read("role ? 1 : 2").evaluate(&names()).is_err());
    assert_eq!(failure("0.0 / 0.0"), "the result is no finite number, which JSON cannot say");
    assert_eq!(
        failure("{1: 'a'}"),
        "the result is an object whose keys are not all texts, which JSON cannot say"
    );
}

#[test]
fn mistakes_are_found_when_the_expression_is_read() {
    assert!(matches!(refusal("client.id ="), ExpressionError::Syntax { line: 1, column: 11, .. }));
    assert!(matches!(refusal("1 +\n  * 2"), ExpressionError::Syntax { line: 2, column: 3, .. }));
    assert!(matches!(refusal(""), ExpressionError::Syntax { .. }));
    assert!(matches!(refusal("'open"), ExpressionError::Syntax { .. }));
    assert!(matches!(refusal("client.?id"), ExpressionError::Syntax { .. }));
    assert!(matches!(refusal("1 \u{20ac} 2"), ExpressionError::Syntax { .. }));
    assert_eq!(refusal("organisation.id"), ExpressionError::UnknownName("organisation".to_owned()));
    assert_eq!(refusal("type(1) == int"), ExpressionError::UnknownFunction("type".to_owned()));
    assert_eq!(refusal("role == string"), ExpressionError::UnknownName("string".to_owned()));
    assert_eq!(refusal("client.secret").to_string(), "client has no \"secret\"; it has id, name, claims");
    assert_eq!(refusal("has(client.plan)").to_string(), "client has no \"plan\"; it has id, name, claims");
    assert_eq!(refusal("scope.read").to_string(), "scope has no \"read\"; it has no members");
    for source in [
        "now()",
        "timestamp('2026-01-31T00:00:00Z')",
        "duration('1s')",
        "role.matches('a')",
        "optional.of(1)",
        "dyn(1)",
        "client.lowerAscii()",
        "bytes('a')",
        "random()",
        "role.getFullYear()",
    ] {
        assert!(matches!(refusal(source), ExpressionError::UnknownFunction(_)), "{source}");
    }
    assert_eq!(refusal("b'abc'"), ExpressionError::NoJson("bytes"));
    assert_eq!(refusal("client{id: 1}"), ExpressionError::NoJson("structures"));
}

#[test]
fn there_are_no_loops() {
    for source in [
        "scopes.map(s, s)",
        "scopes.filter(s, true)",
        "scopes.all(s, true)",
        "scopes.exists(s, true)",
        "scopes.exists_one(s, true)",
        "scopes.map(s, true, s)",
        "scopes.map(s)",
        "[1].map(a, [2].map(b, a * b))",
    ] {
        assert_eq!(refusal(source), ExpressionError::Loop, "{source}");
    }
}

#[test]
fn length_depth_and_parts_are_limited() {
    let long = format!("'{}'", "x".repeat(LONGEST_EXPRESSION - 2));
    assert_eq!(value(&long).as_str().unwrap().len(), LONGEST_EXPRESSION - 2);
    assert_eq!(refusal(&format!("{long} ")), ExpressionError::TooLong(LONGEST_EXPRESSION + 1));
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Expression::parse(&nested(DEEPEST - 1)).is_ok());
    assert_eq!(refusal(&nested(DEEPEST)), ExpressionError::TooDeep);
    let sum = |terms: usize| vec!["1"; terms].join("+");
    assert_eq!(value(&sum(DEEPEST)), json!(DEEPEST));
    assert_eq!(refusal(&sum(DEEPEST + 1)), ExpressionError::TooDeep);
    let list = |elements: usize| format!("[{}]", vec!["1"; elements].join(","));
    assert!(Expression::parse(&list(MOST_NODES - 1)).is_ok());
    assert_eq!(refusal(&list(MOST_NODES)), ExpressionError::TooMany);
}

/// What overflows the stack or takes exponential memory in other parsers (cel-rust issues 212, 305 and 306 among it).
#[test]
fn hostile_sources_are_refused_on_a_small_stack() {
    let motifs = [
        "(",
        "[",
        "{",
        "{1:",
        "!",
        "-",
        "!-",
        "1+",
        "1?1:",
        "1?",
        "role[",
        "size(",
        "role.contains(",
        "has(",
        "-(",
        "!(",
        "1||1&&1==1+1*(",
        "role.",
        "a.a{",
        "[[{1:(",
        "!!(!!!!!!(!!!!(((((!!(!!(!!!!((",
        "''+",
        "\"",
        "`",
        "x.f().",
        "scopes.map(s,",
        "true&&",
        "\u{e9}",
        "\\",
        "'\\",
        "b'",
        "r'''",
        "//\n",
        "0x",
        "1e",
        ".1",
        "1u.",
    ];
    let reading = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        let began = Instant::now();
        for motif in motifs {
            for end in ["", "1", ")", "role"] {
                for times in [1, 2, 24, 100, (LONGEST_EXPRESSION - end.len()) / motif.len()] {
                    let source = format!("{}{end}", motif.repeat(times));
                    if let Ok(expression) = Expression::parse(&source) {
                        let _ = expression.evaluate(&names());
                    }
                }
            }
        }
        began.elapsed()
    });
    let took = reading.unwrap().join().unwrap();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn names_that_hold_too_much_are_refused_and_only_what_is_named_counts() {
    let mut names = names();
    names["client"]["claims"]["long"] = json!("x".repeat(MOST_TEXT));
    names["client"]["claims"]["many"] = json!(vec![1; MOST_VALUES]);
    let of = |source: &str| read(source).evaluate(&names);
    assert_eq!(of("size(client.claims.many)"), Err(EvaluationError::NamesTooLarge));
    assert_eq!(of("client.claims.long"), Err(EvaluationError::NamesTooLarge));
    assert_eq!(of("size(client.claims)"), Err(EvaluationError::NamesTooLarge));
    assert_eq!(of("client.claims.plan"), Ok(Some(json!("pro"))));
}

#[test]
fn a_result_that_is_too_large_is_refused() {
    let mut names = names();
    names["client"]["claims"]["long"] = json!("x".repeat(MOST_TEXT / 2 + 1));
    names["client"]["claims"]["many"] = json!(vec![1; MOST_VALUES / 2]);
    let of = |source: &str| read(source).evaluate(&names);
    assert_eq!(of("client.claims.long + client.claims.long"), Err(EvaluationError::ResultTooLarge));
    assert_eq!(of("client.claims.many + client.claims.many"), Err(EvaluationError::ResultTooLarge));
    assert_eq!(of("size(client.claims.long + client.claims.long)"), Ok(Some(json!(MOST_TEXT + 2))));
}

/// The dearest expressions within the limits. The bound is for an unoptimised build on a busy machine.
#[test]
fn the_dearest_expressions_take_milliseconds() {
    let mut names = names();
    names["client"]["claims"]["l"] = json!(vec![1; MOST_VALUES - 8]);
    names["client"]["claims"]["t"] = json!("x".repeat(MOST_TEXT - 64));
    // Balanced, so that as many parts as possible are joined; each level copies everything below it.
    let joined =
        |leaf: &str, levels| (0..levels).fold(leaf.to_owned(), |below, _| format!("({below}+{below})"));
    let member = |name: &str| format!("client.claims.{name}");
    let sources = [
        format!("size({})", joined(&member("t"), 5)),
        format!("size({})", joined(&member("l"), 5)),
        format!("size({})", vec![member("l"); DEEPEST - 2].join("+")),
        format!("size([{}])", vec![member("l"); 39].join(",")),
        vec![format!("{}=={}", member("l"), member("l")); 12].join("&&"),
        format!("1 in [{}]", vec![member("t"); 39].join(",")),
    ];
    for source in sources {
        let expression = read(&source);
        let fastest = (0..5).map(|_| {
            let began = Instant::now();
            expression.evaluate(&names).unwrap();
            began.elapsed()
        });
        let fastest = fastest.min().unwrap();
        println!("{fastest:?} {source:.60}");
        assert!(fastest < Duration::from_millis(250), "{fastest:?} {source}");
    }
}

fn source() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec![
        "1",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615u",
        "1.5",
        "1e308",
        "0.0",
        "'a'",
        "''",
        "true",
        "null",
        "[]",
        "{}",
        "client",
        "client.claims",
        "client.claims.limit",
        "client.claims.large",
        "client.claims.tags",
        "client.claims.nested",
        "organization.metadata",
        "role",
        "scopes",
        "scope",
        "user",
        "licence.kind",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let operator = proptest::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in",
        ]);
        let function = proptest::sample::select(FUNCTIONS.to_vec());
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (function.clone(), inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            (inner.clone(), function, inner.clone()).prop_map(|(a, f, b)| format!("({a}).{f}({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a}: {b}, 'k': {a}}}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.prop_map(|a| format!("has(({a}).id)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_expression_panics_and_each_gives_the_same_twice(source in source()) {
        if let Ok(expression) = Expression::parse(&source) {
            let names = names();
            let (one, other) = (expression.evaluate(&names), expression.evaluate(&names));
            // The library lets a map be added to a list, which gets its keys in no order. Nothing else may differ.
            prop_assert!(one == other || source.contains('+'), "{one:?}, {other:?}");
            let mut bare = Map::new();
            bare.insert("role".to_owned(), json!([[], {}]));
            let _ = expression.evaluate(&bare);
        }
    }

    #[test]
    fn no_text_panics(source in ".{0,200}") {
        let _ = Expression::parse(&source).map(|expression| expression.evaluate(&names()));
    }

    #[test]
    fn no_run_of_tokens_panics(tokens in proptest::collection::vec(proptest::sample::select(vec![
        "1", "'a'", "\"", "'", "role", "client", ".", "claims", "?", ":", "(", ")", "[", "]", "{", "}", ",", "+", "-", "!",
        "*", "/", "%", "==", "<", "&&", "||", " in ", "has(", ".map(", "x", "b", "r'", "'''", "\\", "0x", "1e", "u", "\u{20ac}",
        "\n", "//", "`", "null", "@in", "if", "as",
    ]), 0..40)) {
        let _ = Expression::parse(&tokens.concat()).map(|expression| expression.evaluate(&names()));
    }
}
