//! Runs the bodies of the fuzz targets without a fuzzer: on what fuzzers found before (`tests/fuzz/fixtures/TARGET/*`,
//! named after what was wrong), and on seeded variations of the seeds, so that a target that cannot run is noticed here.

#[path = "fuzz/bodies.rs"]
mod bodies;
mod support;

use std::path::Path;

/// As much as the server's own threads have.
const STACK: usize = 16 << 20;

fn run(name: String, target: bodies::Body, data: Vec<u8>) {
    let body = move || target(&data);
    let thread = std::thread::Builder::new()
        .name(name.clone())
        .stack_size(STACK)
        .spawn(body);
    let ended = thread.expect("a thread").join();
    assert!(ended.is_ok(), "{name}: see above");
}

#[test]
fn inputs_that_fuzzers_failed_on_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/fixtures");
    let mut count = 0;
    for (name, target) in bodies::TARGETS {
        let Ok(entries) = std::fs::read_dir(root.join(name)) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let data = std::fs::read(&path).expect("a fixture");
            run(path.display().to_string(), target, data);
            count += 1;
        }
    }
    assert!(count > 0, "no fixtures");
}
