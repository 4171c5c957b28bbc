//! What a keystroke asks of the allocator, from the edit to its report: times mean nothing on a busy machine, counts do.
//!
//! The bounds are what was counted when they were written, and a quarter more. A bound that must grow shows that
//! keystrokes do more than they did: the commit that raises it states why. What is held over a day of typing is counted
//! too, and does not grow. tree-sitter's own memory is C's and not counted.

mod support;

use preflight::analysis::{Analysis, Cancel};
use preflight::text::{Encoding, Position, Range, TextChange};
use support::Workspace;

#[global_allocator]
static COUNTING: dhat::Alloc = dhat::Alloc;

/// A registry among storage accounts.
fn template(accounts: usize) -> String {
    let account = |n: usize| {
        format!(
            "resource account{n} 'Microsoft.Storage/storageAccounts@2023-01-01' = {{\n  \
             name: 'account{n}'\n  location: location\n  kind: 'StorageV2'\n  sku: {{ name: 'Standard_LRS' }}\n}}\n\n"
        )
    };
    let mut text = String::from("param location string = resourceGroup().location\n\n");
    text.extend((0..accounts / 2).map(account));
    text.push_str(
        "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'images'\n  location: location\n}\n\n",
    );
    text.extend((accounts / 2..accounts).map(account));
    text.push_str("// the end\n");
    text
}

/// Types a letter behind `needle` and deletes it, again and again; blocks allocated per keystroke once all is warm.
fn blocks(analysis: &mut Analysis, workspace: &Workspace, text: &str, needle: &str) -> u64 {
    let path = workspace.path("main.bicep");
    let at = text.find(needle).expect("the needle") + needle.len();
    let start = support::position(text, at);
    let mut version = 1;
    let mut keystroke = |letter: char| {
        version += 1;
        let (end, text) = match version % 2 {
            0 => (start, letter.to_string()),
            _ => {
                let character = start.character + 1;
                (Position { character, ..start }, String::new())
            }
        };
        let change = TextChange {
            range: Some(Range { start, end }),
            text,
        };
        analysis.edit(&path, version, &[change], Encoding::Utf8);
        let reports = analysis.refresh(&Cancel::default());
        assert!(reports.iter().any(|report| *report.path == *path));
    };
    for letter in 'a'..='h' {
        keystroke(letter);
        keystroke(letter);
    }
    // Letters that no memo has seen.
    let before = dhat::HeapStats::get().total_blocks;
    for letter in 'i'..='z' {
        keystroke(letter);
        keystroke(letter);
    }
    (dhat::HeapStats::get().total_blocks - before) / 36
}

/// Gives the registry one name after the other, none of them twice; the most bytes held at once during the first third
/// of it, and during the last.
fn held(analysis: &mut Analysis, workspace: &Workspace, text: &str) -> (usize, usize) {
    const NAMES: i32 = 1_500;
    let path = workspace.path("main.bicep");
    let at = text.find("'images").expect("the name") + "'images".len();
    let start = support::position(text, at);
    let (mut first, mut last, mut typed) = (0, 0, 0);
    for number in 0..NAMES {
        let name = format!("{number:04}");
        let character = start.character + typed;
        let end = Position { character, ..start };
        typed = name.len() as u32;
        let change = TextChange {
            range: Some(Range { start, end }),
            text: name,
        };
        analysis.edit(&path, number + 2, &[change], Encoding::Utf8);
        analysis.refresh(&Cancel::default());
        let now = dhat::HeapStats::get().curr_bytes;
        if number < NAMES / 3 {
            first = now.max(first);
        } else if number >= NAMES / 3 * 2 {
            last = now.max(last);
        }
    }
    (first, last)
}

fn opened(workspace: &Workspace, text: &str) -> Analysis {
    let mut analysis = workspace.analysis();
    workspace.open(&mut analysis, "main.bicep", text);
    workspace.refresh(&mut analysis);
    analysis
}

/// One test, since the count is the whole process's.
#[test]
fn a_keystroke_allocates_little_and_leaves_nothing() {
    let _counting = dhat::Profiler::builder().testing().build();
    let rows = [
        ("in a comment", "// the end", 75),
        ("in a storage account", "'Standard_LRS", 145),
        ("in the registry's name", "'images", 180),
    ];
    let text = template(30);
    let small = Workspace::new(&[("main.bicep", &text)]);
    let others: Vec<(String, String)> = (0..300)
        .map(|n| (format!("part{n}/main.bicep"), template(1)))
        .collect();
    let mut files: Vec<(&str, &str)> = others.iter().map(|(a, b)| (&**a, &**b)).collect();
    files.push(("main.bicep", &text));
    let large = Workspace::new(&files);
    for (what, needle, most) in rows {
        let alone = blocks(&mut opened(&small, &text), &small, &text, needle);
        let among = blocks(&mut opened(&large, &text), &large, &text, needle);
        println!("{what}: {alone} blocks alone, {among} among 300 others");
        assert!(alone <= most, "{what}: {alone} blocks, at most {most}");
        assert!(
            among <= alone + alone / 4,
            "{what}: {among} blocks among 300 others, {alone} alone"
        );
    }
    let (first, last) = held(&mut opened(&small, &text), &small, &text);
    println!("{first} bytes held at first, {last} at last");
    assert!(last <= first + first / 10, "{first} bytes, then {last}");
}
