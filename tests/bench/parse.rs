//! How fast text becomes a tree, beside the published grammars on the same files, and what one keystroke costs.
//!
//! `cargo bench --bench parse`. Without the corpus there is nothing to measure.

#[path = "../grammar/files.rs"]
mod files;

use std::hint::black_box;
use std::time::{Duration, Instant};

use preflight::syntax::{bicep, edit, json, parse};
use preflight::text::{Edit, Span};
use tree_sitter::{Language, Parser};

/// Each figure is the best of this many rounds: the others are the machine's.
const ROUNDS: usize = 5;

fn main() {
    let Some(corpus) = files::corpus() else {
        return;
    };
    let texts = |extensions: &[&str]| -> Vec<String> {
        let files = files::below(&corpus, extensions);
        files.into_iter().map(|(_, text)| text).collect()
    };
    let bicep_texts = texts(&["bicep", "bicepparam"]);
    let json_texts = texts(&["json"]);
    let published_bicep = Language::new(tree_sitter_bicep::LANGUAGE);
    let published_json = Language::new(tree_sitter_json::LANGUAGE);

    println!("full parse                                   files      MB    MB/s  with errors");
    compare("Bicep, all", &bicep_texts, bicep(), &published_bicep);
    let sanitized = |texts: &[String], languages: [&Language; 2]| -> Vec<String> {
        let parses = |text: &&String| languages.iter().all(|language| !has_error(language, text));
        texts.iter().filter(parses).cloned().collect()
    };
    let both = sanitized(&bicep_texts, [bicep(), &published_bicep]);
    compare("Bicep, sound for both", &both, bicep(), &published_bicep);
    compare("JSON, all", &json_texts, json(), &published_json);

    println!("\none keystroke, µs             bytes      mean    median       p99     worst");
    let largest = |texts: &[String], language: &Language| {
        let parsing = texts.iter().filter(|text| !has_error(language, text));
        parsing
            .max_by_key(|text| text.len())
            .cloned()
            .unwrap_or_default()
    };
    keystrokes(
        "largest Bicep file",
        bicep(),
        &largest(&bicep_texts, bicep()),
    );
    keystrokes("largest JSON file", json(), &largest(&json_texts, json()));
    keystrokes(
        "JSON template of 3 MB",
        json(),
        &three_megabytes(&json_texts),
    );
}

fn has_error(language: &Language, text: &str) -> bool {
    parser(language)
        .parse(text, None)
        .is_none_or(|tree| tree.root_node().has_error())
}

fn parser(language: &Language) -> Parser {
    let mut parser = Parser::new();
    parser
        .set_language(language)
        .expect("a language the runtime reads");
    parser
}

/// The time this thread has been running, where the system reports it (Linux, to a few milliseconds), so that a busy machine
/// does not count; else the time of day.
fn busy() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let reported = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = reported.and_then(|line| line.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn compare(what: &str, texts: &[String], ours: &Language, published: &Language) {
    let bytes: usize = texts.iter().map(String::len).sum();
    let megabytes = bytes as f64 / 1e6;
    let mut speeds = Vec::new();
    for (whose, language) in [("ours", ours), ("published", published)] {
        let mut parser = parser(language);
        let best = (0..ROUNDS)
            .map(|_| {
                let start = busy();
                for text in texts {
                    black_box(parser.parse(text, None));
                }
                busy().saturating_sub(start)
            })
            .min()
            .unwrap_or_default();
        let broken = texts
            .iter()
            .filter(|text| has_error(language, text))
            .count();
        let speed = megabytes / best.as_secs_f64();
        println!(
            "{what:<28} {whose:<12} {:>8} {megabytes:>7.1} {speed:>7.1} {broken:>12}",
            texts.len()
        );
        speeds.push(speed);
    }
    println!("{:<41} {:.2} times", "", speeds[0] / speeds[1]);
}

/// Types a letter and takes it back at places all over the text, and times the parse after each.
fn keystrokes(what: &str, language: &Language, text: &str) {
    let mut rope = ropey::Rope::from_str(text);
    let mut tree = parse(language, &rope, None);
    let mut random = files::Random(0x5EED);
    let mut times = Vec::new();
    for _ in 0..500 {
        let place = random.below(rope.len_chars());
        let byte = rope.char_to_byte(place) as u32;
        for (old, new) in [("", "x"), ("x", "")] {
            rope.remove(place..place + old.len());
            rope.insert(place, new);
            let change = Edit {
                old: Span::new(byte, byte + old.len() as u32),
                new_len: new.len() as u32,
            };
            let start = Instant::now();
            edit(&mut tree, &change);
            tree = parse(language, &rope, Some(&tree));
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let mean = micros(times.iter().sum()) / times.len() as f64;
    let at = |part: usize| {
        times
            .get(times.len() * part / 100)
            .map_or(0.0, |time| micros(*time))
    };
    let worst = times.last().map_or(0.0, |time| micros(*time));
    println!(
        "{what:<24} {:>9} {mean:>9.1} {:>9.1} {:>9.1} {worst:>9.1}",
        text.len(),
        at(50),
        at(99)
    );
}

/// A template of the size that a large solution compiles to: real templates as nested deployments of one.
fn three_megabytes(texts: &[String]) -> String {
    let mut template = String::from(
        "{\n  \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",\n  \"contentVersion\": \"1.0.0.0\",\n  \"resources\": [\n",
    );
    let large = texts
        .iter()
        .filter(|text| text.contains("\"resources\"") && text.len() > 20_000);
    for (count, text) in large.enumerate() {
        if template.len() > 3_000_000 {
            break;
        }
        let comma = if count == 0 { "" } else { ",\n" };
        template.push_str(&format!("{comma}    {{\"type\": \"Microsoft.Resources/deployments\", \"apiVersion\": \"2025-04-01\", \"name\": \"nested{count}\", \"properties\": {{\"mode\": \"Incremental\", \"template\": {}}}}}", text.trim_start_matches('\u{feff}').trim()));
    }
    template.push_str("\n  ]\n}\n");
    template
}
