//! `deco init`: each template runs as it is in an empty folder, and nothing that is there is replaced.

use crate::sandbox::Sandbox;

#[track_caller]
fn check(template: &[&str], written: &str, answer: &str) {
    let sandbox = Sandbox::new();
    let args = ["init"].into_iter().chain(template.iter().copied()).chain(["new job"]);
    sandbox.deco(args).run().code(0).stdout_is("").stderr_has(written);
    sandbox.deco(["check", "-C", "new job"]).run().code(0).stdout_is("").stderr_lacks("warning");
    sandbox.deco(["run", "-C", "new job", "--compact"]).run().code(0).stdout_is(&format!("{answer}\n"));
}

#[test]
fn each_template_runs_as_it_is() {
    let start = "deco: wrote `new job/deco.toml`; `deco run -C 'new job'` runs it\n";
    check(&[], start, r#"{"greeting":{"ada":"hello, ada","grace":"hello, grace"},"summary":2}"#);
    check(
        &["--template", "ci"],
        start,
        r#"{"lint":"no findings","test":{"3.12":{"unit":"unit tests passed on 3.12"},"3.13":{"unit":"unit tests passed on 3.13","browser":"browser tests passed on 3.13"}},"package":11}"#,
    );
    check(
        &["--template", "map-reduce"],
        start,
        r#"{"counts":{"sea":3,"town":6,"hole":6},"total":15,"longest":"hole"}"#,
    );
    check(
        &["--template", "pipeline"],
        start,
        r#"{"raw":{"north":"3\n1\n2\n5","south":"3\n1\n2\n5","west":"3\n1\n2\n4"},"readings":{"north":["1","2","3","5"],"south":["1","2","3","5"],"west":["1","2","3","4"]},"highest":{"north":5,"south":5,"west":4},"report":5}"#,
    );
    check(
        &["--template", "python"],
        "deco: wrote `new job/deco.toml` and `new job/work.py`; ",
        r#"{"primes":{"0":367,"2500":302,"5000":281,"7500":279},"summary":{"total":1229,"most":{"from":"0","primes":367}}}"#,
    );
}

#[test]
fn nothing_that_is_there_is_replaced() {
    let sandbox = Sandbox::new().file("a/work.py", "mine").file("b/deco.toml", "mine");
    sandbox.deco(["init", "--template=python", "a"]).run().code(2).stderr_has("`a/work.py` is there already");
    assert!(sandbox.read("a/work.py") == "mine" && !sandbox.exists("a/deco.toml"));
    sandbox
        .deco(["init", "b"])
        .run()
        .code(2)
        .stderr_has("`b/deco.toml` is there already; nothing was changed");
    assert_eq!(sandbox.read("b/deco.toml"), "mine");
    sandbox.deco(["init"]).run().code(0).stderr_has("wrote `deco.toml`; `deco run` runs it");
    sandbox.deco(["init", "--template", "make"]).run().code(2).stderr_has("map-reduce");
    sandbox.deco(["init", "b/deco.toml/x"]).run().code(3).stderr_has("cannot write");
}
