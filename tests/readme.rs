//! The README shows what its first command prints; this holds it to that.

use std::path::Path;
use std::process::Command;

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    let command = "cargo run --release -- check tests/examples";
    let (_, after) = readme
        .split_once(command)
        .expect("the README names its first command");
    let (_, block) = after
        .split_once("```text\n")
        .expect("what it prints follows");
    let (shown, _) = block.split_once("\n```").expect("to the end of the block");
    let output = Command::new(env!("CARGO_BIN_EXE_preflight"))
        .args(["check", "tests/examples"])
        .current_dir(root)
        .output()
        .expect("the binary runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.trim_end(), shown.trim_end());
    assert_eq!(output.status.code(), Some(1), "there are findings");
}
