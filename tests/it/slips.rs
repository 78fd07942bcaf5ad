//! What somebody types who knows other tools: the answer says what is written here instead.

use crate::sandbox::Sandbox;

#[test]
fn an_option_of_another_tool_gets_its_remedy() {
    let sandbox = Sandbox::new();
    for (line, remedy) in [
        ("run -f other.toml", "tip: the manifest stands without an option: `deco run FILE`"),
        ("plan --file=other.toml", "tip: the manifest stands without an option: `deco plan FILE`"),
        ("-C sub run", "tip: `-C` stands behind the command: `deco run -C DIR`"),
        ("run --json", "tip: the answer is JSON; `--compact` prints it on one line"),
        ("run --parallel 4", "tip: `--jobs N` says how many calls run at a time"),
        ("map --json x", "tip: the answer is JSON; `--result json` takes"),
        ("map -P 4 x", "tip: `--jobs N` says how many calls run at a time"),
        ("map --dry-run x", "tip: `echo` before the command shows what would run"),
        ("init -t ci", "tip: `--template NAME` chooses what to start from"),
        ("run -n --resume", "'--dry-run' cannot be used with '--resume"),
        ("run --keep-goin", "tip: a similar argument exists: '--keep-going'"),
    ] {
        let said = sandbox.deco(line.split(' ')).run().code(2).stdout_is("").stderr_has(remedy);
        said.stderr_lacks("to pass '");
    }
}

#[test]
fn a_task_in_the_place_of_the_manifest_is_told_how_to_be_chosen() {
    let sandbox = Sandbox::new().manifest("[tasks.ping]\nrun = 'true'");
    sandbox.run(["ping"]).code(2).stderr_has("there is no manifest `ping`; a task is chosen by `-t ping`");
    sandbox.run(["ping.toml"]).code(2).stderr_has("no manifest `ping.toml`").stderr_lacks("-t");
}
