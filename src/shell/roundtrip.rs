//! Property: whatever a value holds, every place gets it back unchanged from the real shells of this machine.
//! One script holds all the places, so that a case costs one process a shell.

use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::tests::{one, pieces};
use super::{Argument, Piece, Script, ShellText};

/// A place, and what the shell must print for a value there, before a NUL. `§`: the value.
/// `p` prints its arguments, each with a NUL after it. `.` keeps newlines at the end from `$( )`.
const PLACES: &[(&str, &str)] = &[
    ("p §", "§"),
    ("p a§b§", "a§b§"),
    ("p a~§ -§ --x=§", "a~§\0-§\0--x=§"),
    ("p \"§\" \"<§>\"", "§\0<§>"),
    ("p '§' '<§>'", "§\0<§>"),
    ("p '\"'§\"'\"§'\"'", "\"§'§\""),
    ("p $§ \"$§\"", "$§\0$§"),
    ("x=§; p \"$x\"", "§"),
    ("x=a§'§'\"§\" y=§ ; p \"$x$y\"", "a§§§§"),
    ("# it's \" § '§\np 1", "1"),
    ("p \"$(printf '%s.' §)\"", "§."),
    ("p \"$(printf %s \"$(printf '%s.' '§' \"§\" §)\" # )§\n)\"", "§.§.§."),
    ("p \"$(case § in a) ;; (§) printf '%s.' '§' ;; esac)\"", "§."),
    ("p \"`printf '%s.' § '§' \"§\"`\"", "§.§.§."),
    ("p \"`x=\\`printf '%s.' § \"§\"\\`; printf '%s.' \"\\$x\"`\"", "§.§.."),
    ("case § in §) p 1;; *) p 2;; esac", "1"),
    ("case x§y in *§\"y\") p 1;; *) p 2;; esac", "1"),
    // not alone: ksh drops a bare `${x:-""}`
    ("p x${nope:-§} ${nope:-a'§'} x${nope-\"§\"}", "x§\0a§\0x§"),
    ("p \"${nope:-§}\" \"${nope:-\"§\"}\" \"${nope:-'§'}\"", "§\0§\0'§'"),
    ("x=§z; p \"${x#§}\" \"${x#'§'}\" \"${x#\"§\"}\" ${x#§}", "z\0z\0z\0z"),
    ("cat <<A\n<§>\nA\nprintf '\\000'", "<§>\n"),
    (
        "cat <<A\n'§' \"§\" $(printf '%s.' '§') `printf '%s.' §` ${nope:-§} ${nope:-\"§\"} $§\nA\nprintf '\\000'",
        "'§' \"§\" §. §. § § $§\n",
    ),
    ("{ cat; cat <&3; } <<-A 3<<B; printf '\\000'\n\t<§>\n\tA\n§\nB", "<§>\n§\n"),
    ("cat <<-A; printf '\\000'\n\t\t<§>\n\tA", "<§>\n"),
    ("f() { p § \"$#\"; }; f", "§\x000"),
    ("(p §) && { p §; }", "§\0§"),
    ("for x in § '§'; do p \"$x\"; done", "§\0§"),
    ("set -- §; p \"$1\" \"$#\"; shift; p \"$#\"", "§\x001\x000"),
    ("if [ x§ = x§ ]; then p 1; fi", "1"),
];

static SHELLS: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| {
    let known: [&[&str]; 7] =
        [&["sh"], &["dash"], &["bash"], &["zsh"], &["ksh"], &["mksh"], &["busybox", "sh"]];
    let runs = |shell: &&[&str]| {
        let tried = Command::new(shell[0]).args(&shell[1..]).args(["-c", ":"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    known.into_iter().filter(runs).map(<[&str]>::to_vec).collect()
});

/// Values that make the file `run` if any part of them is run.
const HOSTILE: &[&str] = &[
    "a[$(: >run)]",
    "x[$(: >run)0]=1",
    "$(: >run)",
    "`: >run`",
    "'; : >run; '",
    "\"; : >run; \"",
    "\nA\n: >run\n",
    "; : >run; esac; : >run; #",
    ")}]]; : >run",
];

/// What odd texts are made of: `@` is the text so far. Nothing here makes a file named `run`, waits, or parses a
/// text again.
const WRAPPERS: &[&str] = &[
    "a@b",
    "@ §",
    "\"@\"",
    "\"@\"",
    "'@'",
    "'@'",
    "$(echo @)",
    "$(echo @)",
    "`echo @`",
    "${x:-@}",
    "${x%@}",
    "${x:@}",
    "${x/@/@}",
    "${a[@]}",
    "$x[@]",
    "$((@))",
    "$((1 + @))",
    "$((a[@]))",
    "$(((@) + 1))",
    "$((echo @) )",
    "$( ((@)) )",
    "$[@]",
    "$'@'",
    "$\"@\"",
    "\\@",
    "$@",
    "~@",
    "{@,§}",
    "#@",
    "=@",
    "[@]",
    "(@)",
    "{ @",
    "@;;",
    "\n@\n",
    ";echo @",
    "$(case x in x) echo @;; esac)",
    "$(case @ in x) ;; esac)",
    "$(case x in @) ;; (x) esac)",
    "$(cat <<A\n@\nA\n)",
    "$(cat <<-A\n\t@\n\tA\n)",
    "$(cat <<A; echo @\n§\nA\n)",
    "$(cat <<'A'\n$x\nA\necho @)",
    "$([[ @ -eq 1 ]])",
    "$([[ x == @ ]])",
    "$([[ x =~ (@) ]])",
    "$([ @ -lt 2 ])",
    "$(# @\necho §)",
    "$(a[@]=1)",
    "$(a=(@))",
    "$(a=([@]=1))",
    "$(declare -A a && a[@]=1 && echo ${a[@]})",
    "$(declare a[@]=1)",
    "$(f() { echo @; }; f)",
    "$(for x in @; do echo @; done)",
    "$(for ((i = @; i < 1; i++)); do break; done)",
    "'@",
    "\"@",
    "`@",
    "@)",
    "(@",
    "@}",
    "${x:-@",
    "$((@",
    "[[ @",
    "@ ]]",
    "<<A @",
    "<<< @",
    "case x in @",
    "@\nA\n",
];

/// What a command prints may hold the value, and arithmetic evaluates what is printed into it: that is the text's
/// own doing, so no command is put into arithmetic.
fn wrap(text: &str, wrapper: &str) -> String {
    let evaluates =
        ["((", "[@]", "${x:@}", " -eq", " -lt", "[[", "]]"].iter().any(|part| wrapper.contains(part));
    let prints = ["$(", "`", "<<"].iter().any(|part| text.contains(part));
    if evaluates && prints { text.to_owned() } else { wrapper.replace('@', text) }
}

fn run(shell: &[&str], script: &Script) -> Vec<u8> {
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-eu", "-c", &script.text, "sh"])
        .args(&script.arguments)
        .output()
        .expect("the shell starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shell:?}: {errors}\n{}", script.text);
    output.stdout
}

/// All the places in one script.
static COMPILED: LazyLock<(ShellText, usize)> = LazyLock::new(|| {
    let mut text = "p() { printf '%s\\000' \"$@\"; }\n".to_owned();
    for (place, _) in PLACES {
        text.push_str(place);
        text.push('\n');
    }
    let pieces = pieces(&text);
    let count = pieces.iter().filter(|piece| matches!(piece, Piece::Value(_))).count();
    (ShellText::compile(&pieces).expect("every place takes a value"), count)
});

/// Every shell prints the value for each place.
fn check(value: &str) {
    let (compiled, count) = &*COMPILED;
    let script = compiled.render(&vec![one(value); *count]).expect("a value without NUL");
    let expected: Vec<(String, &str)> = PLACES
        .iter()
        .flat_map(|(place, printed)| printed.split('\0').map(|part| (part.replace('§', value), *place)))
        .collect();
    for shell in SHELLS.iter() {
        let printed = run(shell, &script);
        let printed = String::from_utf8(printed).expect("what is printed is the value");
        let mut printed = printed.split_terminator('\0');
        for (wanted, place) in &expected {
            assert_eq!(printed.next(), Some(wanted.as_str()), "{shell:?}, {place:?}, value {value:?}");
        }
        assert_eq!(printed.next(), None, "{shell:?}");
    }
}

#[test]
fn there_is_a_shell_to_ask() {
    assert!(!SHELLS.is_empty());
}

#[test]
fn chosen_values_come_back_unchanged() {
    let long = "long '\"$x` ".repeat(500);
    let chosen = [
        "",
        " ",
        "\n",
        "a\n\n",
        "-n",
        "--",
        "$(exit 3)",
        "`exit 3`",
        "${x}",
        "$x",
        "'",
        "\"",
        "\\",
        "\\\\",
        "a\\",
        "*",
        "?[a]",
        "~",
        "!",
        "#",
        "}",
        ")",
        ");exit 3",
        "a  b",
        "&",
        "\t",
        "A",
        "\r",
        "é",
        "\u{81}\u{88}",
        "日本",
        "\u{fffd}",
        "%s\\000",
        "a=b",
        "{a,b}",
        "1",
        &long,
    ];
    for value in chosen {
        check(value);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_value_comes_back_unchanged(
        parts in prop::collection::vec(
            prop_oneof![
                "[ \\n\\t'\"`$(){}\\[\\]*?!#&;|<>~=\\\\-]{1,4}",
                "[^\u{0}]{0,3}",
                Just("$(exit 3)".to_owned()),
                Just("A\n".to_owned()),
                Just("\n".to_owned()),
                Just("é日".to_owned()),
            ],
            0..6,
        )
    ) {
        check(&parts.concat());
    }

    #[test]
    fn words_come_back_each_as_one(items in prop::collection::vec("[^\u{0}]{0,5}|[ '\"$`*\\n\\\\-]{0,3}", 0..5)) {
        let compiled = ShellText::compile(&pieces("printf '%s\\000' 1 ¤ \"$#\"")).expect("words may stand there");
        let script = compiled.render(&[Argument::Many(items.clone())]).expect("no NUL");
        let expected: String = std::iter::once("1").chain(items.iter().map(String::as_str)).chain(["0"])
            .map(|item| format!("{item}\0")).collect();
        for shell in SHELLS.iter() {
            let printed = run(shell, &script);
            prop_assert_eq!(String::from_utf8_lossy(&printed), expected.as_str());
        }
    }

    /// However odd the text and however wrongly its places were judged: nothing of a value is run.
    #[test]
    fn no_value_is_ever_run(
        wrappers in prop::collection::vec(prop::sample::select(WRAPPERS), 0..7),
        value in prop::sample::select(HOSTILE),
    ) {
        let text = format!("echo {}", wrappers.iter().fold("§".to_owned(), |text, wrapper| wrap(&text, wrapper)));
        let pieces = pieces(&text);
        let count = pieces.iter().filter(|piece| matches!(piece, Piece::Value(_))).count();
        let Ok(compiled) = ShellText::compile(&pieces) else { return Ok(()) };
        let Ok(script) = compiled.render(&vec![one(value); count]) else { return Ok(()) };
        if !compiled.cautions().is_empty() {
            return Ok(());
        }
        // ksh's parser goes round for ever on some broken text
        for shell in SHELLS.iter().filter(|shell| shell[0] != "ksh") {
            let folder = tempfile::tempdir().expect("a folder");
            let started = Command::new(shell[0])
                .args(&shell[1..])
                .args(["-c", &script.text, "sh"])
                .args(&script.arguments)
                .current_dir(folder.path())
                .stdin(std::process::Stdio::null())
                .output();
            prop_assert!(started.is_ok());
            prop_assert!(!folder.path().join("run").exists(), "{:?} ran {:?} in {:?}", shell, value, text);
        }
    }

    /// Text of any kind, with values anywhere, is compiled or refused, and rendered or refused.
    #[test]
    fn no_text_makes_it_panic(text in "([ \\n\\t'\"`$(){}\\[\\]*?!#&;|<>~=\\\\a-]|§|¤|¶|<<A\\n|\\$\\(\\(|case |esac|in |\\[\\[ |\\]\\] ){0,40}") {
        let pieces = pieces(&text);
        let count = pieces.iter().filter(|piece| matches!(piece, Piece::Value(_))).count();
        if let Ok(compiled) = ShellText::compile(&pieces) {
            let script = compiled.render(&vec![one("1"); count]).expect("an integer may stand anywhere");
            prop_assert!(script.arguments.len() <= count);
        }
    }
}
