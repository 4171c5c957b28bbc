//! What people ship must parse, and what does not parse must be known by name: a grammar that accepts everything would
//! pass the first half alone.

use preflight::syntax::{bicep, json, parse, syntax_errors};

use crate::files;

/// The files that are wrong on purpose: baselines for the compiler's own errors, and skeletons with `<placeholders>`.
/// The compiler's baselines report a syntax error in each of these, and in no other baseline of the corpus.
const BROKEN: &[&str] = &[
    "bicep-samples/baselines/InvalidCycles_CRLF/main.bicep",
    "bicep-samples/baselines/InvalidDisableNextLineDiagnosticsDirective_CRLF/main.bicep",
    "bicep-samples/baselines/InvalidExpressions_LF/main.bicep",
    "bicep-samples/baselines/InvalidExtensions_CRLF/main.bicep",
    "bicep-samples/baselines/InvalidFunctions_LF/main.bicep",
    "bicep-samples/baselines/InvalidLambdas_LF/main.bicep",
    "bicep-samples/baselines/InvalidMetadata_CRLF/main.bicep",
    "bicep-samples/baselines/InvalidModules_LF/ChildModules/modulea.bicep",
    "bicep-samples/baselines/InvalidModules_LF/cycle.bicep",
    "bicep-samples/baselines/InvalidModules_LF/main.bicep",
    "bicep-samples/baselines/InvalidMultilineString_CRLF/main.bicep",
    "bicep-samples/baselines/InvalidNewlineSensitivity_LF/main.bicep",
    "bicep-samples/baselines/InvalidOutputs_CRLF/main.bicep",
    "bicep-samples/baselines/InvalidParameters_LF/main.bicep",
    "bicep-samples/baselines/InvalidResourceDerivedTypes_LF/main.bicep",
    "bicep-samples/baselines/InvalidResources_CRLF/main.bicep",
    "bicep-samples/baselines/InvalidTargetScopes_LF/main.bicep",
    "bicep-samples/baselines/InvalidTestFramework_CRLF/main.bicep",
    "bicep-samples/baselines/InvalidTestFramework_CRLF/samples/broken.bicep",
    "bicep-samples/baselines/InvalidTypeDeclarations_LF/main.bicep",
    "bicep-samples/baselines/InvalidVariables_LF/main.bicep",
    "bicep-samples/baselines_bicepparam/Invalid_Extensions/parameters.bicepparam",
    "bicep-samples/baselines_bicepparam/Invalid_ExternalInputs/parameters.bicepparam",
    "bicep-samples/baselines_bicepparam/Invalid_Imports/foo.bicep",
    "bicep-samples/baselines_bicepparam/Invalid_Parameters/parameters.bicepparam",
    "bicep-samples/baselines_bicepparam/Invalid_Variables/parameters.bicepparam",
    "docs-samples/syntax-samples/modules/conditional-definition.bicep",
    "docs-samples/syntax-samples/modules/dependsOn-definition.bicep",
    "docs-samples/syntax-samples/modules/iterative-definition.bicep",
    "docs-samples/syntax-samples/modules/scope-definition.bicep",
];

/// Annotated copies of sound files that the annotation breaks: a token's text that spans lines, a comment between a type
/// and the bar of the next line.
const BROKEN_COPIES: &[&str] = &[
    "bicep-samples/baselines/TypeDeclarations_LF/main.diagnostics.bicep",
    "bicep-samples/baselines_bicepparam/Expressions/parameters.syntax.bicepparam",
    "bicep-samples/baselines_bicepparam/Expressions/parameters.tokens.bicepparam",
];

/// The file that one of the compiler's annotated copies was made from.
fn original(name: &str) -> String {
    ["diagnostics", "formatted", "symbols", "syntax", "tokens"]
        .iter()
        .fold(name.to_owned(), |name, copy| {
            name.replace(&format!(".{copy}."), ".")
        })
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_valid_bicep_files_parse_and_invalid_ones_do_not() {
    let corpus = files::corpus().expect("the corpus");
    let mut wrong = Vec::new();
    for (name, text) in files::below(&corpus, &["bicep", "bicepparam"]) {
        let tree = parse(bicep(), text.as_str(), None);
        let errors = syntax_errors(&tree, text.as_str());
        let broken = BROKEN.contains(&name.as_str()) || BROKEN_COPIES.contains(&name.as_str());
        let copy_of_broken = !broken && BROKEN.contains(&original(&name).as_str());
        if !copy_of_broken && broken == errors.is_empty() {
            wrong.push(format!("{name}: {:?}", errors.first()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_templates_parse() {
    let corpus = files::corpus().expect("the corpus");
    for (name, text) in files::below(&corpus, &["json", "jsonc"]) {
        let tree = parse(json(), text.as_str(), None);
        assert_eq!(syntax_errors(&tree, text.as_str()), [], "{name}");
    }
}
