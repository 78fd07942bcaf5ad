//! What is hidden, and that nothing else is; whole and in pieces.

use proptest::collection::vec;
use proptest::prelude::*;

use std::ffi::OsStr;

use super::*;

fn masker(secrets: &[&str]) -> Masker {
    secrets.iter().fold(Masker::new(), |masker, secret| masker.with("TOKEN", secret.as_bytes()))
}

#[track_caller]
fn check(secrets: &[&str], text: &str, expected: &str) {
    let masker = masker(secrets);
    assert_eq!(masker.mask_text(text), expected);
    assert_eq!(masker.mask_bytes(text.as_bytes()), expected.as_bytes());
    assert_eq!(masker.find_in_text(text).is_some(), text != expected);
}

#[test]
fn a_secret_is_hidden_wherever_it_stands() {
    check(&["s3cret"], "s3cret", "***");
    check(&["s3cret"], "as3cretb S3CRET s3cre", "a***b S3CRET s3cre");
    check(&["s3cret"], "s3cret s3crets3cret", "*** ***");
    check(&[], "s3cret", "s3cret");
    check(&["pässword"], "ein pässword, pass", "ein ***, pass");
}

#[test]
fn secrets_in_and_over_each_other_are_hidden_as_one() {
    check(&["abcd", "xabcdy"], "xabcdy abcd", "*** ***");
    check(&["abcdef", "efgh"], "-abcdefgh-", "-***-");
    check(&["abab"], "abababc", "***c");
    check(&["abcd", "efgh", "cdef"], "abcdefghi", "***i");
}

#[test]
fn what_cannot_be_told_from_other_text_is_left() {
    check(&["", "abc", " \n ", "x"], "abc x", "abc x");
    check(&["ünd"], "ünd", "ünd");
    check(&["token\n"], "token\n", "***\n");
    assert!(can_be_hidden("grün".as_bytes()) && !can_be_hidden(b"  abc\n"));
}

#[test]
fn a_mask_never_completes_another_secret() {
    check(&["s3cret", "a***b"], "as3cretb", "a###b");
    check(&["****"], "****", "###");
    check(&["*#~^=_-.+:"], "*#~^=_-.+:", "***");
}

#[test]
fn a_secret_of_several_lines_is_hidden_line_by_line_too() {
    let key = "first-line-of-it\nab\nsecond-line-of-it";
    check(&[key], &format!("<{key}>"), "<***>");
    check(&[key], "x second-line-of-it\nab\nfirst-line-of-it", "x ***\nab\n***");
    check(&[key], r#"{"key":"first-line-of-it\nab\nsecond-line-of-it"}"#, r#"{"key":"***"}"#);
}

#[test]
fn a_message_hides_the_beginning_of_a_secret_that_is_cut_off() {
    let check = |text: &str, expected: &str| {
        assert_eq!(masker(&["long-secret-value"]).mask_message(text), expected);
    };
    check("it is \"long-secr…, and \"long-secret-value\"", "it is \"***…, and \"***\"");
    check("long-secr, other…, …", "long-secr, other…, …");
    assert_eq!(Masker::new().mask_message("a…"), "a…");
}

#[test]
fn values_tell_by_name_what_they_contain() {
    let masker = Masker::new().with("A", b"alpha").with("B", b"12345").with("A", b"gamma");
    let check = |json: &str, expected: Option<&str>| {
        assert_eq!(masker.find_in(&Value::parse(json.as_bytes()).unwrap()), expected, "{json}");
    };
    check(r#"{"a":["x",{"b":"an alpha"}]}"#, Some("A"));
    check(r#"{"xgammay":null}"#, Some("A"));
    check(r#""\u0061lpha""#, Some("A"));
    check("[1, 0.123456]", Some("B"));
    check(r#"{"a":["x",{"b":"an alph"}],"c":1234,"d":true}"#, None);
}

#[test]
fn bytes_that_are_no_text_are_hidden_too() {
    let masker = Masker::new().with("RAW", b"\xff\xfe\x80\x81");
    assert_eq!(*masker.mask_bytes(b"a\xff\xfe\x80\x81b"), *b"a***b");
    assert_eq!(*masker.mask_bytes(b"a\xff\xfeb"), *b"a\xff\xfeb");
}

#[test]
fn nothing_of_a_secret_is_in_debug_output() {
    let masker = masker(&["s3cret"]);
    let mut stream = MaskStream::new(masker.clone());
    stream.push(b"s3cre");
    let secrets = Secrets::new(vec!["TOKEN".into()], [("TOKEN", &b"s3cret"[..])]);
    let shown = format!("{masker:?} {stream:?} {secrets:?}");
    assert!(shown.contains("TOKEN") && !shown.contains("s3c") && !shown.contains("115"), "{shown}");
}

#[test]
fn a_stream_holds_back_only_what_may_begin_a_secret() {
    let mut stream = MaskStream::new(masker(&["secret"]));
    let mut check = |piece: &str, expected: &str| {
        assert_eq!(String::from_utf8(stream.push(piece.as_bytes())).unwrap(), expected);
    };
    check("a line\n", "a line\n");
    check("the sec", "the ");
    check("ond ", "second ");
    check("se", "");
    check("cret sec", "*** ");
    assert_eq!(stream.finish(), b"sec");
}

#[test]
fn many_secrets_are_found_over_all_layers() {
    let values: Vec<String> = (0..300).map(|number| format!("token-{number:03}!")).collect();
    let masker = masker(&values.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(masker.layers.len() < 12, "{} layers", masker.layers.len());
    for value in &values {
        assert!(masker.knows(value.as_bytes()));
        assert_eq!(masker.mask_text(value), "***");
    }
    assert_eq!(masker.mask_text("token-300!"), "token-300!");
}

#[test]
fn secrets_are_learned_of_their_variables_alone() {
    let given = [("TOKEN", &b"first"[..]), ("OTHER", b"other"), ("TOKEN", b"second")];
    let secrets = Secrets::new(vec!["TOKEN".to_owned()], given);
    secrets.learn("TOKEN", b"third");
    secrets.learn("OTHER", b"fourth");
    assert_eq!(secrets.known().mask_text("first second third fourth other"), "*** *** *** fourth other");
    assert_eq!(secrets.given().mask_text("second third"), "*** third");
    let env =
        [("TOKEN", "own-one"), ("OTHER", "fifth")].map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
    let of_call = secrets.of_call(env.into_iter());
    assert_eq!(of_call.mask_text("first third own-one fifth"), "*** third *** fifth");
}

/// Few letters, so that secrets lie in and over each other, and those that are written in many ways.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{4,7}", "[ab/\"'*\\\\\n=ü]{4,9}", "[a-c]{8,12}\n[a-c]{2,9}", "\\PC{4,12}"]
}

/// The text with each character escaped or not, as the choices say.
fn escaped(text: &str, choices: &[u8]) -> String {
    let mut choices = choices.iter().cycle();
    let mut out = String::new();
    for c in text.chars() {
        let must = c == '"' || c == '\\' || c < ' ';
        match choices.next().unwrap_or(&0) % 5 {
            0 => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
            1 => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04X}"))),
            _ if c == '\n' => out.push_str("\\n"),
            2 if c == '/' => out.push_str("\\/"),
            _ if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ if must => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

fn percent(text: &str, choices: &[u8]) -> String {
    let mut choices = choices.iter().cycle();
    let byte = |byte: u8| match choices.next().unwrap_or(&0) % 3 {
        0 if byte.is_ascii_graphic() && byte != b'%' => char::from(byte).to_string(),
        1 => format!("%{byte:02x}"),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Text with secrets in it, in any form.
fn text(secrets: Vec<String>) -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    let forms: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| forms::of(secret.as_bytes())).collect();
    let secret = proptest::sample::select(secrets.clone());
    let choices = vec(any::<u8>(), 1..8);
    let part = prop_oneof![
        proptest::sample::select(forms),
        (secret.clone(), choices.clone()).prop_map(|(secret, by)| escaped(&secret, &by).into_bytes()),
        (secret.clone(), choices.clone())
            .prop_map(|(secret, by)| escaped(&escaped(&secret, &by), &[3]).into_bytes()),
        (secret, choices).prop_map(|(secret, by)| percent(&secret, &by).into_bytes()),
        vec(any::<u8>(), 0..4),
        "[ab*\\\\%u06]{0,6}".prop_map(String::into_bytes),
    ];
    vec(part, 0..8).prop_map(move |parts| (secrets.clone(), parts.concat()))
}

fn secrets_and_text() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    vec(secret(), 1..4)
        .prop_filter("all can be hidden", |all| all.iter().all(|one| can_be_hidden(one.as_bytes())))
        .prop_flat_map(text)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

proptest! {
    #[test]
    fn no_form_of_a_secret_is_left((secrets, text) in secrets_and_text()) {
        let masker = masker(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
        let hidden = masker.mask_bytes(&text);
        for form in secrets.iter().flat_map(|secret| forms::of(secret.as_bytes())) {
            prop_assert!(!contains(&hidden, &form), "{:?} is in {:?}", form, hidden);
        }
    }

    #[test]
    fn no_way_to_escape_a_secret_shows_it(
        secret in secret().prop_filter("can be hidden", |secret| can_be_hidden(secret.as_bytes())),
        choices in vec(any::<u8>(), 1..8),
    ) {
        let secret = secret.trim_ascii();
        let masker = masker(&[secret]);
        let json = escaped(secret, &choices);
        for form in [escaped(&json, &[3]), escaped(&json, &[0, 3]), percent(secret, &choices), json] {
            prop_assert_eq!(masker.mask_text(&form).len(), FILL_COUNT, "{}", form);
            let quoted = format!("<\"{form}\">");
            let hidden = masker.mask_text(&quoted);
            prop_assert!(!hidden.contains(&form));
            // a quote or a backslash at its end may as well belong to what stands around it
            let is_plain = |end: Option<char>| end.is_some_and(char::is_alphanumeric);
            if is_plain(secret.chars().next()) && is_plain(secret.chars().next_back()) {
                prop_assert!(hidden.starts_with("<\"") && hidden.ends_with("\">"), "{}", hidden);
            }
        }
    }

    #[test]
    fn a_stream_gives_what_the_whole_gives(
        (secrets, text) in secrets_and_text(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let masker = masker(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let mut stream = MaskStream::new(masker.clone());
        let mut out = Vec::new();
        let mut at = 0;
        for cut in cuts {
            out.extend(stream.push(&text[at..cut]));
            at = cut;
        }
        out.extend(stream.push(&text[at..]));
        out.extend(stream.finish());
        prop_assert_eq!(out, masker.mask_bytes(&text).into_owned());
    }

    #[test]
    fn other_text_passes_unchanged(secrets in vec("[ab]{4,7}", 1..4), text in "[c-z \\PC&&[^ab]]{0,40}") {
        let masker = masker(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
        // base64 and the escapes of these have other letters than the secrets
        prop_assert!(matches!(masker.mask_text(&text), Cow::Borrowed(same) if same == text));
    }
}
