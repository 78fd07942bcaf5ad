//! Random programs over what deco's Python worker gives for a document, against plain dicts and lists; see the script.

use std::process::Command;

#[test]
fn documents_in_python_behave_as_dicts_and_lists_and_record_what_is_done() {
    let script = ["-B", "tests/python/differential.py", "src/exec/python", "6000", "1"];
    let output = Command::new("python3").args(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
