//! A simple command is started without its shell: to whom it makes no difference.

use std::os::unix::fs::PermissionsExt;

use crate::sandbox::Sandbox;

/// Everything that shows of each of these commands, run by this shell.
fn shown(shell: &str, commands: &[&str], end: &str) -> String {
    let sandbox = Sandbox::new()
        .file("bin/show", "#!/bin/sh\nprintf '<%s>' \"$@\"; cat; pwd; echo $PWD; exit 3\n")
        .file("bin/bare", "echo bare $1 ${0##*/}; exit 4\n")
        .file("bin/plain", "no program")
        .file("bin/lost", "#!/nowhere/at/all\n")
        .file("folder/x", "");
    for (file, mode) in [("bin/show", 0o755), ("bin/bare", 0o755), ("bin/plain", 0o644), ("bin/lost", 0o755)]
    {
        std::fs::set_permissions(sandbox.path(file), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let codes: Vec<String> = (0..=255).map(|code| code.to_string()).collect();
    let tasks = commands.iter().enumerate().map(|(number, command)| {
        format!(
            r#"
            [tasks.c{number}]
            for = {{ k = ["a b", "$(echo no)"] }}
            if = 'k == "a b"'
            ok-exit = [{codes}]
            dir = "folder"
            stdin = "in"
            run = '''{command}{end}'''
            fills = {{ "out.c{number}[k]" = "result", "code.c{number}[k]" = "exit" }}
            "#,
            codes = codes.join(", "),
        )
    });
    let manifest = format!("[settings]\nshell = {shell}\n{}", tasks.collect::<String>());
    let sandbox = sandbox.manifest(&manifest);
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", sandbox.path("bin").display());
    let folder = sandbox.path("").display().to_string();
    let output = sandbox.deco(["run"]).env("PATH", path).run().code(0);
    output.stdout.replace(folder.trim_end_matches('/'), "")
}

#[test]
fn a_simple_command_shows_the_same_without_its_shell() {
    let commands = [
        "show",
        "show a b,c -d --e=f g:h@i+j%k",
        "show ${{ k }} z ${{ [k, '*'] | words }}",
        " ../bin/show  x ",
        "bare x",
        "../bin/bare y",
        "plain",
        "../bin/plain",
        "lost",
        "../folder",
        "nowhere-at-all",
        "./nowhere-at-all",
        "/bin/true",
        "/bin/false",
        "true",
    ];
    let same = [r#"["sh", "-eu", "-c"]"#, r#"["bash", "-euo", "pipefail", "-c"]"#];
    let has = |shell: &str| shell.contains("sh\", \"-eu\"") || std::path::Path::new("/bin/bash").exists();
    for shell in same.into_iter().filter(|shell| has(shell)) {
        assert_eq!(shown(shell, &commands, ""), shown(shell, &commands, " ;"), "{shell}");
    }
}
