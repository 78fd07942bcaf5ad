//! What is written, refused and cautioned. That values come back unchanged is in `roundtrip.rs`.

use super::{Argument, Piece, Remark, Script, ShellText, is_shell};
use crate::expr::Landing;

/// Pieces of a text in which `§` is a value, `¤` a list's words, and `¶` a pasted one.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for stretch in text.split_inclusive(['§', '¤', '¶']) {
        let landing = match stretch.chars().next_back() {
            Some('§') => Landing::Word,
            Some('¤') => Landing::Words,
            Some('¶') => Landing::Raw,
            _ => {
                pieces.push(Piece::Literal(stretch));
                continue;
            }
        };
        let literal = stretch.trim_end_matches(['§', '¤', '¶']);
        pieces.extend([Piece::Literal(literal), Piece::Value(landing)]);
    }
    pieces
}

pub(super) fn one(text: &str) -> Argument {
    Argument::One(text.to_owned())
}

fn compile(text: &str) -> ShellText {
    ShellText::compile(&pieces(text)).unwrap_or_else(|remarks| panic!("{text:?} is refused: {remarks:?}"))
}

fn refusals(text: &str) -> Vec<Remark> {
    ShellText::compile(&pieces(text)).err().unwrap_or_default()
}

/// The text with its references, without the prelude.
fn written(text: &str) -> String {
    let compiled = compile(text);
    let places = pieces(text).iter().filter(|piece| matches!(piece, Piece::Value(_))).count();
    let script = compiled.render(&vec![one("1"); places]).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let prelude = format!("; shift {places}; ");
    script.text.split_once(&prelude).map(|(_, body)| body.to_owned()).unwrap_or(script.text)
}

#[test]
fn a_reference_is_quoted_for_where_it_stands() {
    for (text, expected) in [
        ("echo §", r#"echo "${_deco1}""#),
        ("echo a§b", r#"echo a"${_deco1}"b"#),
        ("x=~/§", r#"x=~/"${_deco1}""#),
        ("echo \"<§>\"", r#"echo "<${_deco1}>""#),
        ("echo '<§>'", r#"echo '<'"${_deco1}"'>'"#),
        ("echo \"$(f § \"$(g '§')\")\"", r#"echo "$(f "${_deco1}" "$(g ''"${_deco2}"'')")""#),
        ("echo \"`f § \\`g '§'\\``\"", r#"echo "`f "${_deco1}" \`g ''"${_deco2}"''\``""#),
        ("# it's §\necho '§'", "# it's \"${_deco1}\"\necho ''\"${_deco2}\"''"),
        (
            "cat <<A <<-B\n§'\nA\n\t§\n\tB\nf §",
            "cat <<A <<-B\n${_deco1}'\nA\n\t${_deco2}\n\tB\nf \"${_deco3}\"",
        ),
        ("cat <<A \\\n b\n§\nA", "cat <<A \\\n b\n${_deco1}\nA"),
        ("cat <<A\nx\\\nA\n§\nA", "cat <<A\nx\\\nA\n${_deco1}\nA"),
        ("x=$(cat <<A\n§)\nA\n) §", "x=$(cat <<A\n${_deco1})\nA\n) \"${_deco2}\""),
        ("(cat <<A; f §)\n§\nA", "(cat <<A; f \"${_deco1}\")\n${_deco2}\nA"),
        (
            "echo $(case a in (a) f;; b|c) g §;; esac; h '§') '§'",
            r#"echo $(case a in (a) f;; b|c) g "${_deco1}";; esac; h ''"${_deco2}"'') ''"${_deco3}"''"#,
        ),
        (
            "echo $(for i do case a in a) f;; esac; done) \"§\"",
            r#"echo $(for i do case a in a) f;; esac; done) "${_deco1}""#,
        ),
        ("case § in §) ;; esac", r#"case "${_deco1}" in "${_deco2}") ;; esac"#),
        ("case x in @(a|§)) ;; esac", r#"case x in @(a|"${_deco1}")) ;; esac"#),
        ("f ${x:-§} \"${x:-§}\"", r#"f ${x:-"${_deco1}"} "${x:-${_deco2}}""#),
        ("f \"${x:-\"§\"}\"", r#"f "${x:-""${_deco1}""}""#),
        ("f ${x:-'§'} \"${x:-'§'}\"", r#"f ${x:-''"${_deco1}"''} "${x:-'${_deco2}'}""#),
        ("f \"${x%§}\" \"${x%'§'}\"", r#"f "${x%"${_deco1}"}" "${x%''"${_deco2}"''}""#),
        (
            "f $((1 + §)) $((§ + (2) * $(f §)))",
            r#"f $((1 + ${_deco1})) $((${_deco2} + (2) * $(f "${_deco3}")))"#,
        ),
        ("f ${#x} ${x#a#§} a#§", r##"f ${#x} ${x#a#"${_deco1}"} a#"${_deco2}""##),
        ("f \"$§\" $§ $$§", r#"f "\$${_deco1}" \$"${_deco2}" $$"${_deco3}""#),
        ("[[ a =~ (b|§) ]] && (f §)", r#"[[ a =~ (b|"${_deco1}") ]] && (f "${_deco2}")"#),
        ("a=(§ x§) f §", r#"a=("${_deco1}" x"${_deco2}") f "${_deco3}""#),
        ("f() { echo §; }; f", r#"f() { echo "${_deco1}"; }; f"#),
        ("f <(g '§') <<< §", r#"f <(g ''"${_deco1}"'') <<< "${_deco2}""#),
        ("f > § 2>&1", r#"f > "${_deco1}" 2>&1"#),
        ("f ¤ a¤", r#"f "${_deco1}" a"${_deco2}""#),
        ("for x in ¤; do f \"$x\"; done", r#"for x in "${_deco1}"; do f "$x"; done"#),
        ("declare -A m; m[§]=§ f ${m[§]}", r#"declare -A m; m[${_deco1}]="${_deco2}" f ${m[${_deco3}]}"#),
    ] {
        assert_eq!(written(text), expected, "{text}");
    }
}

#[test]
fn text_without_values_stays() {
    for text in ["", "f '", "{{.State}} ${x%y} ${#x} {% %}", "$(((", "#!/bin/sh\nf"] {
        let script = compile(text).render(&[]);
        assert_eq!(script, Ok(Script { text: text.to_owned(), arguments: Vec::new() }));
    }
}

#[test]
fn the_prelude_keeps_the_lines() {
    let script = |text: &str, values: &[&str]| {
        let values: Vec<Argument> = values.iter().map(|value| one(value)).collect();
        compile(text).render(&values).map(|script| script.text)
    };
    for (text, values, expected) in [
        ("f\ng §", &["a"][..], "_deco1=${1}; shift 1; f\ng \"${_deco1}\""),
        ("#!/bin/sh\nf §", &["a"], "#!/bin/sh\n_deco1=${1}; shift 1; f \"${_deco1}\""),
        (
            "_deco=§ §",
            &["a", "b"],
            "_deco2_1=${1} _deco2_2=${2}; shift 2; _deco=\"${_deco2_1}\" \"${_deco2_2}\"",
        ),
        ("¶ §", &["_deco1", "b"], "_deco2_1=${1}; shift 1; _deco1 \"${_deco2_1}\""),
        ("¶", &["a b"], "a b"),
    ] {
        assert_eq!(script(text, values).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn the_shell_names_the_line_of_the_text() {
    let script = compile("f=§\ng=§\nno_such_command_here §")
        .render(&[one("a"), one("b\n"), one("c")])
        .expect("renders");
    let output = std::process::Command::new("sh")
        .args(["-c", &script.text, "sh"])
        .args(&script.arguments)
        .output()
        .expect("sh starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains('3') && message.contains("no_such_command_here"), "{message}");
}

#[test]
fn a_list_lands_as_its_words() {
    let compiled = compile("f ¤ a¤b");
    let many = |items: &[&str]| Argument::Many(items.iter().map(|&item| item.to_owned()).collect());
    let script = compiled.render(&[many(&["x", "y z"]), many(&[])]).expect("renders");
    assert_eq!(script.text, "_deco1=${1} _deco2=${2}; shift 2; f \"${_deco1}\" \"${_deco2}\" ab");
    assert_eq!(script.arguments, ["x", "y z"]);
    assert!(compile("f §").render(&[many(&[])]).is_err());
}

#[test]
fn arithmetic_takes_integers_only() {
    for (text, value, expected) in [
        ("$((§))", "7", Some("7")),
        ("$((§))", "-7", Some("(-7)")),
        ("$((§))", "007", Some("7")),
        ("$((§))", "-9223372036854775808", Some("(-9223372036854775807-1)")),
        ("$((§))", "9223372036854775808", None),
        ("$((§))", "1.0", None),
        ("$((§))", "a[$(f)]", None),
        ("$((§))", "", None),
        ("\"$(( (1) + ${x:-§} ))\"", "x", None),
        ("f $(( $(g §) ))", "x", Some("x")),
        ("((§))", "x", None),
        ("for ((i = 0; i < §; i++)); do :; done", "x", None),
        ("echo ${x:§}", "x", None),
        ("echo ${a[§]}", "x", None),
        ("a[§]=1", "x", None),
        ("a[\"§\"]+=1", "x", None),
        ("a=([§]=1)", "x", None),
        ("a[ 1 | § ]=1", "x", None),
        ("a=(b [b[§] + §]+=1)", "x", None),
        ("f a[ § ]", "x", Some("x")),
        ("declare -A a=([§]=1)", "x", Some("x")),
        ("declare -A a; a[§]=1", "x", Some("x")),
        ("typeset -A a; f ${a[§]}", "x", Some("x")),
        ("f a[§]", "x", Some("x")),
        ("[[ § -eq 1 ]]", "x", None),
        ("[[ 1 -lt \"§\" ]]", "x", None),
        ("[[ § == 1 ]]", "x", Some("x")),
        ("[ 1 -gt '§' ]", "-3", Some("-3")),
        ("test § -le 1", "x", None),
        ("f § -le 1", "x", Some("x")),
        ("cat <<A\n$((§))\nA", "x", None),
        ("echo $[§]", "x", None),
    ] {
        let places = text.matches('§').count();
        let rendered =
            compile(text).render(&vec![one(value); places]).map(|script| script.arguments.concat()).ok();
        assert_eq!(rendered.as_deref(), expected, "{text} {value}");
    }
}

#[test]
fn no_value_may_hold_nul() {
    for text in ["§", "¶", "# §", "'§'"] {
        assert!(compile(text).render(&[one("a\0")]).is_err(), "{text}");
    }
}

#[test]
fn the_count_of_values_must_fit() {
    assert!(compile("§").render(&[]).is_err());
    assert!(compile("§").render(&[one("a"), one("b")]).is_err());
}

#[test]
fn refused_places() {
    for (text, expected) in [
        ("cat <<'A'\n§\nA", &[(0, "delimiter is quoted")][..]),
        ("cat <<-\\A <<B\n§\n\tA\n§\nB", &[(0, "delimiter is quoted")]),
        ("cat <<\"A\"\n§ §\nA\nf $'§'", &[(0, "quoted"), (1, "quoted"), (2, "expands nothing")]),
        ("cat <<§\nx\n", &[(0, "delimiter")]),
        ("f $'a\\'§'", &[(0, "$'…'")]),
        ("f \\§", &[(0, "backslash")]),
        ("f \"\\§\" '\\§'", &[(0, "backslash")]),
        ("f *(§) @(a|b§) (§)", &[(0, "zsh"), (1, "zsh"), (2, "zsh")]),
        ("a=((§)) b=(§ (\"§\"))", &[(0, "parentheses"), (2, "parentheses")]),
        ("f ~§ ~/§ a~§", &[(0, "`~`")]),
        ("x=a:~b§ f =§ a=§", &[(0, "`~`"), (1, "`=`")]),
        ("f ${§}", &[(0, "name of a variable")]),
        ("f ${a§:-b} ${#§}", &[(0, "name of a variable"), (1, "name of a variable")]),
        ("f $((g §) | h)", &[(0, "`((`")]),
        ("((f §); g)", &[(0, "`((`")]),
        ("f `g $§`", &[(0, "`$`")]),
        ("f $((1$§))", &[(0, "`$`")]),
        ("f $x[§]", &[(0, "zsh")]),
        ("#!/bin/§\nf §", &[(0, "`#!`")]),
        ("f \"¤\"", &[(0, "words")]),
        ("f '¤' ${x:-¤}", &[(0, "words"), (1, "words")]),
        ("x=¤ f", &[(0, "assignment")]),
        ("export x=¤", &[(0, "assignment")]),
        ("f > ¤", &[(0, "redirection")]),
        ("case ¤ in ¤) ;; esac", &[(0, "`case`"), (1, "pattern")]),
        ("[[ ¤ ]]", &[(0, "`[[ ]]`")]),
        ("cat <<'A'\n¶\nA\nf $'¶' \\¶ $¶ ${¶}", &[]),
        ("#!¶\n¶", &[]),
    ] {
        let found = refusals(text);
        assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
        for (remark, (value, message)) in found.iter().zip(expected) {
            assert_eq!(remark.value, *value, "{text}");
            assert!(remark.message.contains(message), "{text}: {remark:?}");
            assert!(!remark.help.is_empty(), "{text}");
        }
    }
}

#[test]
fn a_quoted_document_names_the_ways_out() {
    let found = refusals("cat <<'A'\n§\nA");
    let help = &found.first().expect("it is refused").help;
    assert!(help.contains("`stdin`") && help.contains("`$DECO_VAR_<NAME>`"), "{help}");
}

#[test]
fn too_deep_is_refused() {
    let deep = format!("{}§{}", "$(".repeat(100_000), ")".repeat(100_000));
    assert!(refusals(&deep).first().is_some_and(|remark| remark.message.contains("too deep")));
    for open in ["(", "$((", "${x:-", "\"${x:-", "a=(", "$(case x in x) ", "`"] {
        let _ = ShellText::compile(&pieces(&format!("{}§", open.repeat(50_000))));
    }
}

#[test]
fn text_that_is_parsed_again_is_cautioned() {
    for (text, expected) in [
        ("sh -c \"f §\"", &[(0, "sh")][..]),
        ("sh -c 'f \"$1\"' sh §", &[]),
        ("x=1 sudo /bin/bash -euo pipefail -c 'f §' §", &[(0, "bash")]),
        ("bash f.sh -c §", &[]),
        ("busybox sh -c §", &[(0, "sh")]),
        ("busybox sh <<A\n§\nA", &[(0, "sh")]),
        ("find . -exec sh -c 'f §' ';'", &[(0, "sh")]),
        ("eval f § \"§\"", &[(0, "eval"), (1, "eval")]),
        ("echo eval §", &[]),
        ("ssh -p § § f §", &[(2, "ssh")]),
        ("ssh host <<A\n§\nA", &[(0, "ssh")]),
        ("ssh host f <<A\n§\nA", &[]),
        ("su - user -c \"f §\"", &[(0, "su")]),
        ("x=$(sh -c §); f §", &[(0, "sh")]),
        ("sh -c \"$(f §)\"", &[]),
        ("if sh <<A\n§\nA\nthen f §; fi", &[(0, "sh")]),
        ("bash -s § <<A\n§\nA", &[(1, "bash")]),
        ("bash <<< \"f §\"", &[(0, "bash")]),
        ("cat <<< \"f §\"", &[]),
        ("python3 -c \"print('§')\"", &[(0, "python3")]),
        ("python3 f.py §", &[]),
        ("perl -ne 'print \"§\"' §", &[(0, "perl")]),
        ("awk -v x=§ '{ print \"§\" }' §", &[(1, "awk")]),
        ("trap 'rm §' EXIT", &[(0, "trap")]),
        ("export x=§ §=1", &[(1, "name of a variable")]),
        ("unset §", &[(0, "name of a variable")]),
        ("case x in x) eval §;; esac", &[(0, "eval")]),
        ("eval ¶", &[]),
    ] {
        let compiled = compile(text);
        let found = compiled.cautions();
        assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
        for (remark, (value, message)) in found.iter().zip(expected) {
            assert_eq!(remark.value, *value, "{text}");
            assert!(remark.message.contains(message), "{text}: {remark:?}");
        }
    }
}

#[test]
fn a_shell_is_known_by_its_file_name() {
    for (program, expected) in [
        ("sh", true),
        ("/bin/bash", true),
        ("/opt/x/busybox", true),
        ("zsh", true),
        ("python3", false),
        ("fish", false),
        ("/bin/sh/", false),
        ("", false),
    ] {
        assert_eq!(is_shell(program), expected, "{program}");
    }
}
