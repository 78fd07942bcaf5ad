//! What a call finds around it: variables and who wins among them, standard input, its folder, its shell.

use std::os::unix::fs::PermissionsExt;

use crate::sandbox::Sandbox;

#[test]
fn of_environments_the_later_wins() {
    let sandbox = Sandbox::new()
        .file(
            ".env",
            "A=settings-dotenv\nB=settings-dotenv\nC=settings-dotenv\nD=settings-dotenv\nE=settings-dotenv\n",
        )
        .file("task.env", "D=task-dotenv\nE=task-dotenv\nDECO_TASK=task-dotenv\n")
        .manifest(
            r#"
            [settings]
            dotenv = ".env"
            env = { C = "settings-env", D = "settings-env", E = "settings-env" }
            [tasks.t]
            dotenv = "task.env"
            env = { E = "task-env" }
            run = "echo $A $B $C $D $E $DECO_TASK $DECO_KEY"
            "#,
        );
    let mut deco = sandbox.deco(["run"]);
    for name in ["B", "C", "D", "E"] {
        deco = deco.env(name, "process");
    }
    deco.run().code(0).answer_is(r#"{"t":"settings-dotenv process settings-env task-dotenv task-env t []"}"#);
}

#[test]
fn a_tasks_environment_is_of_templates() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            for = { k = ["a b", "$HOME"] }
            env = { SAID = "<${{ k }}>", ASKED = "${{ env.ASKED }}!" }
            run = "echo \"$SAID $ASKED\""
            "#,
        )
        .deco(["run"])
        .env("ASKED", "yes")
        .run()
        .code(0)
        .answer_is(r#"{"t":{"a b":"<a b> yes!","$HOME":"<$HOME> yes!"}}"#);
}

#[test]
fn a_call_finds_itself_in_its_environment() {
    let asked = "CALL TASK KEY ATTEMPT CPUS VAR_LAT VAR_NAME VAR_FLAG VAR_PAIR".split(' ');
    let run: String = asked.map(|name| format!("echo \"{name}=${{DECO_{name}-unset}}\"; ")).collect();
    let sandbox = Sandbox::new().manifest(&format!(
        r#"
        [tasks.cell]
        for = {{ lat = [0], name = ["p,q"], flag = [true], pair = [[1, 2]] }}
        key = ["lat", "name", "flag"]
        run = '''{run}'''
        result = "lines"
        fills = "cell"
        "#
    ));
    sandbox.run([]).code(0).answer_is(
        r#"{"cell":["CALL=cell[0,\"p,q\",true]","TASK=cell","KEY=[0,\"p,q\",true]","ATTEMPT=1","CPUS=1","VAR_LAT=0","VAR_NAME=p,q","VAR_FLAG=true","VAR_PAIR=unset"]}"#,
    );
}

#[test]
fn the_run_has_one_id_and_calls_at_one_time_have_different_slots() {
    let output = Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            for = { k = [1, 2] }
            run = "sh meet here${{ k }} here${{ 3 - k }}; echo $DECO_RUN_ID; echo $DECO_SLOT"
            result = "lines"
            "#,
        )
        .run(["-j2"])
        .code(0);
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let at =
        |place: &str| answer.pointer(place).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    assert_eq!(at("/t/1/0"), at("/t/2/0"));
    assert!(!at("/t/1/0").is_empty());
    let mut slots = [at("/t/1/1"), at("/t/2/1")];
    slots.sort();
    assert_eq!(slots, ["1", "2"]);
}

#[test]
fn nothing_of_an_outer_call_leaks_in() {
    Sandbox::new()
        .manifest("[tasks.t]\nrun = 'echo ${DECO_VAR_X-unset} ${DECO_DOC_D-unset}'")
        .deco(["run"])
        .env("DECO_VAR_X", "outer")
        .env("DECO_DOC_D", "outer")
        .run()
        .code(0)
        .answer_is(r#"{"t":"unset unset"}"#);
}

#[test]
fn a_private_folder_is_removed_after_the_call() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.t]
        for = { k = [1, 2] }
        run = "cd \"$DECO_TMPDIR\"; [ -z \"$(ls -A)\" ]; : > mine; pwd; ls -ld . .. ../.. | cut -c 1-10 | grep drwx------ | head -n 1; cd -  > /dev/null; sh meet here${{ k }} here${{ 3 - k }}"
        result = "lines"
        [tasks.again]
        run = "ls -A \"$DECO_TMPDIR\""
        after = ["t"]
        "#,
    );
    let output = sandbox.run(["-j2"]).code(0);
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let folders = [&answer["t"]["1"], &answer["t"]["2"]];
    assert_ne!(folders[0][0], folders[1][0]);
    for folder in folders {
        assert_eq!(folder[1], "drwx------", "nobody else gets there");
        let path = folder[0].as_str().unwrap();
        assert!(path.starts_with('/') && !std::path::Path::new(path).exists(), "{path}");
    }
    assert_eq!(answer["again"], "");
}

#[test]
fn declared_documents_are_files() {
    Sandbox::new()
        .manifest(
            r#"
            [data]
            my_table = { "a b" = [1, 2.50] }
            [tasks.a]
            for = { k = ["x", "y"] }
            run = "echo '{\"n\": 1.10}'"
            result = "json"
            [tasks.b]
            reads = ["a", "my_table"]
            run = "cat \"$DECO_DOC_A\"; echo; cat \"$DECO_DOC_MY_TABLE\""
            result = "ndjson"
            "#,
        )
        .run(["--select", "b"])
        .code(0)
        .answer_is(r#"{"b":[{"x":{"n":1.10},"y":{"n":1.10}},{"a b":[1,2.50]}]}"#);
}

#[test]
fn standard_input_is_what_the_template_gives_else_empty() {
    Sandbox::new()
        .manifest(
            r#"
            [data]
            doc = { text = "two\nlines\n", list = [1, 2] }
            [tasks.given]
            run = "cat"
            stdin = "${{ doc.text }}|${{ doc.list }}|${{ doc.list | length }}"
            [tasks.empty]
            run = "cat; echo end"
            [tasks.unread]
            run = "echo unread"
            stdin = "${{ range(100000) }}"
            "#,
        )
        .deco(["run"])
        .stdin("not for calls")
        .run()
        .code(0)
        .answer_is(r#"{"given":"two\nlines\n|[1,2]|2","empty":"end","unread":"unread"}"#);
}

#[test]
fn calls_run_in_the_manifests_folder_or_in_dir() {
    let sandbox = Sandbox::new()
        .file("sub/tool", "#!/bin/sh\necho tool in \"${PWD##*/}\"\n")
        .file("sub/a.txt", "")
        .manifest(
            r#"
        [tasks.here]
        run = "ls deco.toml"
        [tasks.there]
        for = { d = ["sub"] }
        dir = "${{ d }}"
        run = "ls"
        result = "lines"
        [tasks.program]
        dir = "sub"
        run = ["./tool"]
        "#,
        );
    std::fs::set_permissions(sandbox.path("sub/tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let answer = r#"{"here":"deco.toml","there":{"sub":["a.txt","tool"]},"program":"tool in sub"}"#;
    sandbox.run([]).code(0).answer_is(answer);
    // also from elsewhere: by a path, and by -C
    let manifest = sandbox.path("deco.toml");
    sandbox
        .deco(["run", manifest.to_str().unwrap()])
        .dir(std::path::Path::new("/"))
        .run()
        .code(0)
        .answer_is(answer);
    let folder = sandbox.path("");
    sandbox
        .deco(["run", "-C", folder.to_str().unwrap()])
        .dir(std::path::Path::new("/"))
        .run()
        .code(0)
        .answer_is(answer);
    sandbox.deco(["run"]).dir(&sandbox.path("sub")).run().code(0).answer_is(answer);
}

#[test]
fn a_program_is_found_by_the_calls_own_path() {
    let sandbox = Sandbox::new().file("bin/only-here", "#!/bin/sh\necho found\n");
    std::fs::set_permissions(sandbox.path("bin/only-here"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let sandbox = sandbox.manifest(
        r#"
        [tasks.t]
        env = { PATH = "${{ env.HOME }}/bin:${{ env.PATH }}" }
        run = ["only-here"]
        "#,
    );
    sandbox.run([]).code(0).answer_is(r#"{"t":"found"}"#);
}

#[test]
fn shells_programs_and_scripts() {
    Sandbox::new()
        .manifest(
            r##"
            [tasks.strict]
            run = "false; echo on"
            allow-failure = true
            default = "stopped"
            [tasks.lax]
            shell = ["sh", "-c"]
            run = "false; echo on"
            [tasks.program]
            run = ["printf", "%s|", "${{ [1, 'a b'] }}", "$HOME", "x ${{ [1] }}"]
            [tasks.script]
            for = { k = ["it's \"k\""] }
            run = """#!/bin/sh
            set -eu
            echo "got ${{ k }}"
            """
            [tasks.other]
            run = """#!/usr/bin/env -S awk -f
            BEGIN { print "awk " ${{ 'a"b' | tojson }} }
            """
            "##,
        )
        .run([])
        .code(0)
        .answer_is(
            r#"{"strict":"stopped","lax":"on","program":"1|a b|$HOME|x [1]|","script":{"it's \"k\"":"got it's \"k\""},"other":"awk a\"b"}"#,
        );
}

#[test]
fn a_program_that_a_call_puts_in_front_is_found_by_the_calls_after_it() {
    let sandbox = Sandbox::new().file("bin/tool", "#!/bin/sh\necho old\n").file("front/.keep", "").manifest(
        r#"
        [settings]
        jobs = 1
        [tasks.a]
        run = ["tool"]
        [tasks.b]
        stdin = "${{ a }}"
        run = ["sh", "-c", "echo '#!/bin/sh\necho new' > front/tool; chmod +x front/tool"]
        [tasks.c]
        stdin = "${{ b }}"
        run = ["tool"]
        "#,
    );
    std::fs::set_permissions(sandbox.path("bin/tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let [front, bin] = ["front", "bin"].map(|folder| sandbox.path(folder).display().to_string());
    let path = format!("{front}:{bin}:{}", std::env::var("PATH").unwrap());
    sandbox.deco(["run"]).env("PATH", path).run().code(0).answer_is(r#"{"a":"old","b":"","c":"new"}"#);
}

#[test]
fn files_with_marks_and_line_ends_of_another_system_mean_the_same() {
    let sandbox = Sandbox::new().file(".env", "\u{feff}A=1\r\nB=2\r\n").manifest(
        "\u{feff}[settings]\r\ndotenv = '.env'\r\n[tasks.t]\r\nrun = \"\"\"\r\necho $A\r\nprintf '%s\\\\r\\n' $B\r\n\"\"\"\r\n",
    );
    sandbox.run([]).code(0).answer_is(r#"{"t":"1\n2\r"}"#);
}
