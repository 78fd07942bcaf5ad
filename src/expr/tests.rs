//! What templates and expressions give over a scope.

use std::collections::HashMap;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;

struct Names {
    values: HashMap<&'static str, Value>,
    views: HashMap<&'static str, View>,
    files: Files,
    written: Mutex<Vec<String>>,
}

impl Scope for Names {
    fn lookup(&self, name: &str) -> Option<Binding> {
        let value = self.values.get(name).cloned().map(Binding::Value);
        value.or_else(|| self.views.get(name).cloned().map(Binding::View))
    }

    fn files(&self) -> &Files {
        &self.files
    }

    fn private_file(&self, content: &[u8]) -> Result<String, String> {
        let mut written = self.written.lock().unwrap();
        written.push(String::from_utf8(content.to_vec()).unwrap());
        Ok(format!("/tmp/file{}", written.len()))
    }
}

fn json(text: &str) -> Value {
    Value::parse(text.as_bytes()).unwrap()
}

fn scope() -> Names {
    let texts = ["a", "b"].map(Text::from);
    let [a, b] = texts;
    let places = vec![
        (vec![a.clone(), "x".into()], Some(json(r#"{"deep":[1.10]}"#))),
        (vec![a, "y".into()], None),
        (vec![b], Some(json("7"))),
    ];
    Names {
        values: HashMap::from([
            ("k", json(r#""north""#)),
            ("n", json("2")),
            ("price", json("1.10")),
            ("big", json(&"9".repeat(40))),
            ("sci", json("1e+05")),
            ("yes", json("true")),
            ("nil", json("null")),
            ("list", json("[1,2.50,3]")),
            ("obj", json(r#"{"2":"two","true":"yes","a b":{"c":null},"z":1,"y":[1e+05]}"#)),
            ("env", json(r#"{"HOME":"/home/u"}"#)),
            ("html", json(r#""<a & 'b'>""#)),
        ]),
        views: HashMap::from([("doc", View { places })]),
        files: Files::new("."),
        written: Mutex::default(),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let value = Expression::parse(text).unwrap().eval(&scope());
    assert_eq!(value.map(|value| value.to_json()), Ok(expected.to_owned()), "{text}");
}

#[track_caller]
fn renders(text: &str, expected: &str) {
    let rendered = Template::parse(text).unwrap().render(&scope());
    assert_eq!(rendered, Ok(expected.to_owned()), "{text}");
}

#[track_caller]
fn fails(text: &str, message: &str) -> EvalError {
    let error = Expression::parse(text).unwrap().eval(&scope()).unwrap_err();
    assert_eq!(error.message, message, "{text}");
    error
}

#[track_caller]
fn refused(text: &str, found: &str, message: &str, help: Option<&str>) {
    let error = Expression::parse(text).unwrap_err();
    assert_eq!((error.message.as_str(), error.help.as_deref()), (message, help), "{text}");
    assert_eq!(&text[error.span], found, "{text}");
}

#[test]
fn values_land_as_texts_or_compact_json() {
    renders("a ${{ k }} ${{ n }} ${{ yes }} ${{ nil }} ${{ list }}", "a north 2 true null [1,2.50,3]");
    renders("${{ {'a': 1, 'b': [true, none]} }}", r#"{"a":1,"b":[true,null]}"#);
    renders("${{ True }} ${{ None }} ${{ 'x' ~ true ~ none }}", "true null xtruenull");
    renders("{{.State}} {% if %} ${x%y} ${#x} $${{ n }}", "{{.State}} {% if %} ${x%y} ${#x} $2");
    renders("${{ '${{ }}' }}", "${{ }}");
    renders("${{ (1, 'é') }}", r#"[1,"é"]"#);
    renders("${{ list | words }}|${{ k | raw }}", "1 2.50 3|north");
    renders("no slot", "no slot");
}

#[test]
fn stored_digits_stay() {
    renders("${{ price }} ${{ big }} ${{ sci }} ${{ 1.10 }}", &format!("1.10 {} 1e+05 1.10", "9".repeat(40)));
    check("[price, {'k': sci}]", r#"[1.10,{"k":1e+05}]"#);
    check("price if yes else n", "1.10");
    check("obj.y | tojson", r#""[1e+05]""#);
    check("nil or price", "1.10");
    check("gone | default(price)", "1.10");
    check("list[1:]", "[2.50,3]");
    check("list[-2]", "2.50");
    check("list | last", "3");
    check("zip(list, [price])", "[[1,1.10]]");
    check("price ~ ''", r#""1.10""#);
    check("-price", "-1.10");
    check("big == big and big > n", "true");
}

#[test]
fn json_is_not_escaped_for_html() {
    renders("${{ html | tojson }}", r#""<a & 'b'>""#);
    renders("${{ html }}", "<a & 'b'>");
}

#[test]
fn a_number_or_boolean_index_is_its_text_in_an_object() {
    check("obj[2]", r#""two""#);
    check("obj[n]", r#""two""#);
    check("obj[1 + 1]", r#""two""#);
    check("obj[true] ~ obj[yes]", r#""yesyes""#);
    check("obj['a b'].c", "null");
    check("obj['a' ~ ' b']['c']", "null");
    check("list[0]", "1");
    check("2 in obj", "true");
    check("'abc'[1]", r#""b""#);
    fails("obj[nil]", "`nil` is null: an index is a text, a number or a boolean");
}

#[test]
fn ranges_have_any_length() {
    check("range(3)", "[0,1,2]");
    check("range(0, 200000) | length", "200000");
    check("range(200000) | sum", "19999900000");
    check("range(10 ** 30)[10 ** 20]", "100000000000000000000");
    check("5 in range(10 ** 30)", "true");
    check("5 not in range(0, 10, 2)", "true");
    check("range(*[1, 3])", "[1,2]");
    fails(
        "range(10 ** 30)",
        &format!("`range(10 ** 30)`: a range of 1{} numbers is too long to go over", "0".repeat(30)),
    );
    fails("range(3)[5]", "`range(3)[5]`: nothing stands there");
    fails("range(k)", "`range(k)`: `range` takes whole numbers, not a text");
}

#[test]
fn what_is_missing_is_named() {
    let place = |text: &str, message: &str| fails(text, message).missing.unwrap();
    assert_eq!(place("obj.q", "`obj.q`: nothing stands there"), ("obj".into(), vec!["q".into()]));
    assert_eq!(place("obj.q.r[1]", "`obj.q`: nothing stands there"), ("obj".into(), vec!["q".into()]));
    let (_, keys) = place("obj['a b'][k] + 1", r#"`obj["a b"].north`: nothing stands there"#);
    assert_eq!(keys, ["a b".into(), "north".into()] as [Text; 2]);
    assert_eq!(place("list[3]", "`list[3]`: nothing stands there").1, ["3".into()] as [Text; 1]);
    place("gone", "`gone` is not known here");
    place("env.PWD", "the environment variable `PWD` is not set");
    place("n.real", "`n.real`: nothing stands there");
    assert_eq!(fails("{'a': 1}.b", "`{'a': 1}.b`: nothing stands there").missing, None);
    assert_eq!(fails("[] | first", "`[] | first`: nothing is found").missing, None);
}

#[test]
fn default_and_defined_take_what_is_missing() {
    check("obj.q | default(1)", "1");
    check("obj.q.r[n].s | default('x') | upper", r#""X""#);
    check("obj.z | d(5)", "1");
    check("obj.q | default", r#""""#);
    check("nil | default(1)", "null");
    check("nil | default(1, true)", "1");
    check("nil | default(1, boolean=true)", "1");
    check("(obj.q if yes else n) | default(3)", "3");
    check("obj.p | default(obj.q) | default(4)", "4");
    check("([] | first) | default(0)", "0");
    check("obj.q.r is defined", "false");
    check("obj.z is defined and obj.q is undefined and obj.q is not defined", "true");
    check("obj.q is defined and obj.q.r", "false");
    fails("(obj.q + 1) | default(1)", "`obj.q`: nothing stands there");
    fails("obj[gone] | default(1)", "`gone` is not known here");
    check("'x' if false", r#""""#);
    check("('x' if false) | default('y')", r#""y""#);
}

#[test]
fn a_view_knows_its_places_and_nothing_else() {
    check("doc.a.x.deep[0]", "1.10");
    check("doc.a.x", r#"{"deep":[1.10]}"#);
    check("doc['b'] + 1", "8");
    check("doc.a.y | default(1)", "1");
    check("doc.a.y.z is defined", "false");
    let error = fails("doc.a.y.z", "`doc.a.y`: nothing stands there");
    assert_eq!(error.missing, Some(("doc".into(), vec!["a".into(), "y".into()])));
    fails("doc.a.x.q", "`doc.a.x.q`: nothing stands there");
    for whole in ["doc", "doc.a", "doc.q", "doc.q is defined", "doc.q | default(1)"] {
        let error = Expression::parse(whole).unwrap().eval(&scope()).unwrap_err();
        assert!(
            error.message.contains("is not known here: what is known of it is doc.a.x, doc.a.y, doc.b"),
            "{}",
            error.message
        );
        assert_eq!(error.missing, None);
    }
}

#[test]
fn operators_are_those_of_jinja() {
    check("1 + 2 * 3 ** 2 - 7 // 2", "16");
    check("7 / 2", "3.5");
    check("-7 % 3", "2");
    check("not nil and 1 < n <= 2 != 3", "true");
    check("'a' in 'abc' and 4 not in list", "true");
    check("[1] + [n] == [1, 2.0]", "true");
    check("'-' * 3", r#""---""#);
    check("0 or 'x'", r#""x""#);
    fails("1 / 0", "`1 / 0`: 1 / 0 cannot be calculated");
    fails("1e308 * 10", "`1e308 * 10`: the result is not a finite number: inf");
    fails("k < n", "`k < n`: a text and a number have no order");
    fails(
        "k + n",
        "`k + n`: `+` does not go with a text and a number; `~` joins values of any kind to a text",
    );
    fails(
        "big + 1",
        &format!("`big + 1`: {} is too large to calculate with: integers have 128 bits", "9".repeat(40)),
    );
    fails("-k", "`-k`: `-` needs a number, not a text");
    fails("list[::0]", "`list[::0]`: a slice's step cannot be 0");
}

#[test]
fn filters_and_tests_come_from_minijinja() {
    check("list | map('string') | join('-')", r#""1-2.5-3""#);
    check("[{'n': 1}, {'n': 2}] | selectattr('n', '>', 1) | list", r#"[{"n":2}]"#);
    check("[{'n': 1}, {'n': 2}] | sum(attribute='n')", "3");
    check("[3, 1] | sort(reverse=true)", "[3,1]");
    check("{'b': 1, 'a': 2} | dictsort", r#"[["a",2],["b",1]]"#);
    check("k | upper | replace('NOR', 'x')", r#""xTH""#);
    check("n is number and k is string and list is sequence and obj is mapping", "true");
    check("big is integer and price is float and 3 is odd", "true");
    check("k is startingwith('no') and 2 is in list", "false");
    check("k is startingwith 'no'", "true");
    fails("k | round", "`k | round`: cannot round value (string)");
    fails("n | upper(1)", "`n | upper(1)`: too many arguments");
}

#[test]
fn file_writes_what_lands() {
    let scope = scope();
    let template = Template::parse("${{ obj.y | file }} ${{ 'x' ~ (k | file) }}").unwrap();
    assert_eq!(template.render(&scope).unwrap(), "/tmp/file1 x/tmp/file2");
    assert_eq!(*scope.written.lock().unwrap(), ["[1e+05]", "north"]);
}

#[test]
fn one_slot_alone_is_a_native_value() {
    let native = |text: &str| Template::parse(text).unwrap().native(&scope()).unwrap();
    assert_eq!(native("${{ list }}"), json("[1,2.50,3]"));
    assert_eq!(native("${{ list }} "), json(r#""[1,2.50,3] ""#));
    assert_eq!(native("${{ none }}"), Value::Null);
    assert_eq!(native("plain"), json(r#""plain""#));
}

#[test]
fn slots_know_their_place_and_landing() {
    let text = "é${{ list | words }}${{ results[k].x | raw }}${{ k }}";
    let template = Template::parse(text).unwrap();
    let landings: Vec<_> = template.slots().map(|slot| (slot.landing, &text[slot.span.clone()])).collect();
    assert_eq!(
        landings,
        [
            (Landing::Words, "${{ list | words }}"),
            (Landing::Raw, "${{ results[k].x | raw }}"),
            (Landing::Word, "${{ k }}")
        ]
    );
    let slot = template.slots().nth(1).unwrap();
    assert_eq!(slot.expression.source(), "results[k].x");
    let spans = slot.expression.references().iter().map(|one| &text[one.span.clone()]);
    assert_eq!(spans.collect::<Vec<_>>(), ["results[k].x", "k"]);
    assert_eq!(
        template.slots().next().unwrap().words(&Value::Null).unwrap_err().message,
        "`list`: `words` needs a list, not null"
    );
    assert!(template.sole().is_none() && Template::parse("${{ k }}").unwrap().sole().is_some());
}

#[test]
fn names_are_asked_once_each() {
    let expression = Expression::parse("a.b[c] + a + c").unwrap();
    assert_eq!(expression.names().map(|name| &**name).collect::<Vec<_>>(), ["a", "c"]);
    assert!(!expression.is_constant() && Expression::parse("range(3) | sum").unwrap().is_constant());
}

#[test]
fn what_nothing_defines_is_refused_with_the_nearest() {
    refused("x | uper", "uper", "no filter is called `uper`", Some("did you mean `upper`?"));
    refused("x | qqqqqq", "qqqqqq", "no filter is called `qqqqqq`", None);
    refused("x | glob", "glob", "no filter is called `glob`", Some("`glob` is a function: write `glob(…)`"));
    refused("x is defind", "defind", "no test is called `defind`", Some("did you mean `defined`?"));
    refused("rnage(3)", "rnage", "no function is called `rnage`", Some("did you mean `range`?"));
    refused(
        "upper(x)",
        "upper",
        "no function is called `upper`",
        Some("`upper` is a filter: write `value | upper`"),
    );
    refused("debug()", "debug", "no function is called `debug`", None);
    refused(
        "a.b.items()",
        "a.b.items()",
        "values have no methods: `.items()` cannot be called",
        Some("write `| items`"),
    );
    refused(
        "a.get('x')",
        "a.get('x')",
        "values have no methods: `.get()` cannot be called",
        Some("write `value[key] | default(…)`"),
    );
    refused("1 + range", "range", "`range` is a function", Some("call it: `range(…)`"));
    refused("range()", "range()", "`range` takes 1 to 3 arguments, not 0", None);
    refused("json(file='x')", "'x'", "`json` takes no argument named `file`", None);
    refused("x[none]", "none", "null is no index", Some("an index is a text, a number or a boolean"));
    refused("x | map('uper')", "'uper'", "no filter is called `uper`", Some("did you mean `upper`?"));
    refused("x | selectattr('a', 'eqq')", "'eqq'", "no test is called `eqq`", Some("did you mean `eq`?"));
    let last = "`raw` says how a value lands: it can only be the last filter of a `${{ }}`";
    refused("x | raw", "raw", last, None);
    let error = Template::parse("ab ${{ x | raw | upper }}").unwrap_err();
    assert_eq!((error.message.as_str(), error.span), (last, 11..14));
    let error = Template::parse("é ${{ a b }}").unwrap_err();
    assert_eq!((error.message.as_str(), error.span), ("the expression has ended before `b`", 9..10));
    let error = Template::parse("${{ }}").unwrap_err();
    assert_eq!(error.message, "an expression is missing here");
}

#[test]
fn naming_a_large_document_copies_nothing() {
    let large = Arc::new((0..1000).map(Value::from).collect::<Vec<_>>());
    let mut scope = scope();
    scope.values.insert("large", Value::object([("rows", Value::Array(large.clone()))]));
    let rows = Expression::parse("large.rows if large.rows | length > 3").unwrap().eval(&scope).unwrap();
    let Value::Array(same) = rows else { panic!() };
    assert!(Arc::ptr_eq(&same, &large));
}

fn is_shareable<T: Send + Sync + Clone + 'static>() {}

#[test]
fn compiled_texts_can_be_shared_between_threads() {
    is_shareable::<Template>();
    is_shareable::<Expression>();
    is_shareable::<Reference>();
}

/// Words of the language in any order, so that many texts parse.
fn nearly_an_expression() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "k",
        "n",
        "list",
        "obj",
        "doc",
        "gone",
        ".z",
        "[n]",
        "[-1]",
        "['2']",
        "[1:]",
        "[::-2]",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "{'a': 1}",
        "[1, 2]",
        "1",
        "2.5",
        "-",
        "+",
        "*",
        "**",
        "/",
        "//",
        "%",
        "~",
        "==",
        "<",
        "in",
        "not",
        "and",
        "or",
        "if",
        "else",
        "is",
        "defined",
        "odd",
        "|",
        "| first",
        "| default(1)",
        "| upper",
        "| sort",
        "| tojson",
        "| map('string')",
        "| batch(2)",
        "| round(2)",
        "| float",
        "| int",
        "| join(',')",
        "| slice(3)",
        "range(",
        "zip(",
        "basename(",
        ",",
        "'é'",
        "\"x\"",
        "none",
        "true",
        "9223372036854775808",
        "1e300",
        "170141183460469231731687303715884105727",
        "=",
        "*list",
        "| format(1, 'x')",
        "'%5.3d%s'",
        "| words",
        "}}",
    ];
    proptest::collection::vec(proptest::sample::select(WORDS), 1..12).prop_map(|words| words.join(" "))
}

fn survives(text: &str) {
    if let Ok(expression) = Expression::parse(text) {
        let _ = expression.eval(&scope());
        let places = expression.references().iter();
        assert!(places.map(|one| &text[one.span.clone()]).all(|place| !place.is_empty()), "{text}");
        assert!(text.contains(expression.source()));
    }
    if let Ok(template) = Template::parse(&format!("é${{{{ {text} }}}}ü")) {
        let _ = template.render(&scope());
    }
    let _ = Reference::parse(text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn no_near_expression_panics(text in nearly_an_expression()) {
        survives(&text);
    }
}

#[test]
fn no_depth_overflows_the_stack() {
    for (unit, middle, close) in [
        ("not ", "n", ""),
        ("-", "n", ""),
        ("n + ", "n", ""),
        ("(", "n", ")"),
        ("[", "n", "]"),
        ("obj[", "2", "]"),
        ("n if ", "yes", ""),
        ("n if yes else ", "n", ""),
        ("{'a': ", "n", "}"),
        ("", "n", " | abs"),
        ("", "n", ".a"),
        ("range(", "1", ")[0]"),
        ("", "gone", " | default(n)"),
        ("", "n", " is defined"),
        ("n == ", "n", ""),
    ] {
        for count in [30, 60, 83, 120, 240] {
            survives(&format!("{}{middle}{}", unit.repeat(count), close.repeat(count)));
        }
    }
}

#[test]
fn filters_and_tests_take_no_integer_that_they_would_round() {
    for text in ["big | int", "big is even", "[1, big] | unique"] {
        let error = Expression::parse(text).unwrap().eval(&scope()).unwrap_err();
        assert!(error.message.contains("does not fit into 128 bits"), "{text}: {}", error.message);
    }
}
