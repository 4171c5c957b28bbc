//! Insertions into Bicep files: declarations after a declaration, parameters, pragmas, properties. All made from the
//! tree of the one file, so that comments and half-written neighbours stay what they are.

use tree_sitter::Node;

use super::names::unused;
use super::style::{Style, indent_at, line_end, line_start, slice};
use crate::rules::fix::{TextEdit, View};
use crate::rules::suppress::pragmas;
use crate::syntax::bicep::{declarations, string_value};
use crate::text::Span;
use crate::workspace::config::Plan;

/// What a plan is called in templates, and what a fix calls what it adds.
pub struct Names {
    /// The plan: name of the pricing resource.
    pub plan: &'static str,
    /// The API version it is set with. Source: design/rule.md.
    pub version: &'static str,
    /// Bicep's symbol: for `ContainerRegistry` the one of the rule's page.
    pub symbol: &'static str,
    /// File and deployment name.
    pub file: &'static str,
    /// How people call it.
    pub title: &'static str,
}

/// The names of a plan.
pub fn names(plan: Plan) -> Names {
    match plan {
        Plan::Containers => Names {
            plan: "Containers",
            version: "2024-01-01",
            symbol: "defenderForContainers",
            file: "defender-for-containers",
            title: "Defender for Containers",
        },
        Plan::ContainerRegistry => Names {
            plan: "ContainerRegistry",
            version: "2018-06-01",
            symbol: "defenderForContainerRegistry",
            file: "defender-for-container-registry",
            title: "Defender for container registries",
        },
    }
}

fn line(level: usize, text: impl Into<String>) -> (usize, String) {
    (level, text.into())
}

/// What stands around an inserted declaration.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The condition that it is deployed under.
    pub condition: Option<String>,
    /// The symbols that it waits for.
    pub after: Vec<String>,
}

impl Around {
    /// `if (…) ` or nothing.
    fn opening(&self) -> String {
        let condition = self.condition.as_ref();
        condition.map_or_else(String::new, |text| format!("if ({text}) "))
    }

    /// The `dependsOn` property, where there is something to wait for.
    fn order(&self) -> Vec<(usize, String)> {
        if self.after.is_empty() {
            return Vec::new();
        }
        let symbols = self.after.iter().map(|symbol| line(2, symbol));
        let mut lines = vec![line(1, "dependsOn: [")];
        lines.extend(symbols);
        lines.push(line(1, "]"));
        lines
    }
}

/// The pricing resource.
pub fn resource(plan: &Names, symbol: &str, around: &Around) -> Vec<(usize, String)> {
    let mut lines = vec![
        line(
            0,
            format!(
                "resource {symbol} 'Microsoft.Security/pricings@{}' = {}{{",
                plan.version,
                around.opening()
            ),
        ),
        line(1, format!("name: '{}'", plan.plan)),
        line(1, "properties: {"),
        line(2, "pricingTier: 'Standard'"),
        line(1, "}"),
    ];
    lines.extend(around.order());
    lines.push(line(0, "}"));
    lines
}

/// A file that turns the plan on for a subscription, in the style of its sibling.
pub fn subscription_file(plan: &Names, style: &Style) -> String {
    let mut lines = vec![line(0, "targetScope = 'subscription'"), line(0, "")];
    lines.extend(resource(plan, plan.symbol, &Around::default()));
    let end = if style.final_newline {
        style.newline
    } else {
        ""
    };
    style.lines("", &lines) + end
}

/// The use of such a file; `scope` is Bicep's expression.
pub fn module(
    symbol: &str,
    path: &str,
    deployment: &str,
    scope: &str,
    around: &Around,
) -> Vec<(usize, String)> {
    let mut lines = vec![
        line(
            0,
            format!("module {symbol} '{path}' = {}{{", around.opening()),
        ),
        line(1, format!("name: '{deployment}'")),
        line(1, format!("scope: {scope}")),
    ];
    lines.extend(around.order());
    lines.push(line(0, "}"));
    lines
}

/// The condition of the declaration at `anchor`, as text; of a loop over an array, that the array is not empty.
pub fn condition_at(view: &View, anchor: Span) -> Option<String> {
    let mut body = declaration_at(view, anchor)?.child_by_field_name("body")?;
    let text = |node: Node<'_>| slice(&view.text, Span::of(node.byte_range())).to_owned();
    if body.kind() == "for" {
        let over = body.child_by_field_name("iterable")?;
        return (over.kind() == "identifier").then(|| format!("!empty({})", text(over)));
    }
    if body.kind() != "if_body" {
        return None;
    }
    body = body.child_by_field_name("condition")?;
    let text = text(body);
    let inner = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    Some(inner.unwrap_or(&text).trim().to_owned())
}

/// The name of a function of Azure, with its namespace where a symbol of the file has the same name.
pub fn function(view: &View, name: &str) -> String {
    match symbol(view, name) == name {
        true => name.to_owned(),
        false => format!("az.{name}"),
    }
}

/// Inserts a declaration after the one that holds `anchor`, set off as the file's others are.
pub fn insert_after(view: &View, anchor: Span, lines: &[(usize, String)]) -> TextEdit {
    let text = &*view.text;
    let all = declarations(view.tree.root_node());
    let holds = |node: &&Node<'_>| Span::of(node.byte_range()).touches(anchor.start);
    let after = all
        .iter()
        .rev()
        .find(holds)
        .map_or(anchor.end, |node| node.end_byte() as u32);
    after_line(view, after, lines, compact(text, &all))
}

/// Inserts lines below the line of `at` (a comment that begins there and goes on included).
fn after_line(view: &View, at: u32, lines: &[(usize, String)], compact: bool) -> TextEdit {
    let text = &*view.text;
    let at = end_of_lines(view, at);
    let style = Style::of(text, at);
    let gap = if compact {
        style.newline.to_owned()
    } else {
        style.newline.repeat(2)
    };
    let mut inserted = gap + &style.lines("", lines);
    let next = next_line(text, at);
    if !compact && next.is_some_and(|line| !line.trim().is_empty()) {
        inserted.push_str(style.newline);
    }
    TextEdit {
        span: Span::new(at, at),
        text: inserted,
    }
}

/// The end of the line of `at`, where no comment or string reaches beyond it.
fn end_of_lines(view: &View, at: u32) -> u32 {
    let mut end = line_end(&view.text, at);
    // Each round leaves a token that spans lines behind, of which there are fewer than lines.
    for _ in 0..view.text.len() {
        let byte = end as usize;
        let Some(node) = view.tree.root_node().descendant_for_byte_range(byte, byte) else {
            return end;
        };
        let inside = matches!(node.kind(), "comment" | "string_content")
            && node.start_byte() < byte
            && byte < node.end_byte();
        if !inside {
            return end;
        }
        end = line_end(&view.text, node.end_byte() as u32);
    }
    end
}

/// The line after the one that ends at `at`.
fn next_line(text: &str, at: u32) -> Option<&str> {
    let rest = text.get(at as usize..)?;
    let rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix(['\n', '\r']))?;
    if rest.is_empty() {
        return None;
    }
    Some(rest.split(['\n', '\r']).next().unwrap_or_default())
}

/// Whether the file's declarations stand without blank lines between them.
fn compact(text: &str, declarations: &[Node<'_>]) -> bool {
    let unanalyzed = declarations.windows(2).map(|pair| {
        let between = Span::of(pair[0].end_byte()..pair[1].start_byte());
        slice(text, between).trim_matches([' ', '\t'])
    });
    let (mut any, mut blank) = (false, false);
    for gap in unanalyzed {
        any = true;
        let breaks = gap.replace("\r\n", "\n").replace('\r', "\n");
        let lines: Vec<&str> = breaks.split('\n').collect();
        let inner = lines
            .get(1..lines.len().saturating_sub(1))
            .unwrap_or_default();
        blank |= inner.iter().any(|line| line.trim().is_empty());
    }
    any && !blank
}

/// A symbol that no declaration of the file uses, in any case.
pub fn symbol(view: &View, name: &str) -> String {
    let mut taken: Vec<&str> = vec!["az", "sys"];
    let mut todo = vec![view.tree.root_node()];
    while let Some(node) = todo.pop() {
        for field in ["name", "namespace", "alias"] {
            if let Some(name) = node.child_by_field_name(field) {
                taken.push(slice(&view.text, Span::of(name.byte_range())));
            }
        }
        let mut cursor = node.walk();
        todo.extend(node.named_children(&mut cursor).filter(may_declare));
    }
    unused(name, "", taken.iter().copied())
}

/// Whether symbols may be declared somewhere below: expressions declare none that a file could see.
fn may_declare(node: &Node<'_>) -> bool {
    node.is_error()
        || node.kind().ends_with("_declaration")
        || matches!(
            node.kind(),
            "object" | "if_body" | "for" | "import_list" | "import_item" | "extension_config"
        )
}

/// A deployment name that no string of the file is, in any case.
pub fn deployment_name(view: &View, name: &str) -> String {
    let mut taken: Vec<String> = Vec::new();
    for declaration in declarations(view.tree.root_node()) {
        if declaration.kind() != "module_declaration" {
            continue;
        }
        let value = body(declaration).and_then(|object| module_property(view, object, "name"));
        taken.extend(value.and_then(|value| string_value(value, &*view.text)));
    }
    unused(name, "-", taken.iter().map(String::as_str))
}

/// The object of a declaration, below its loop and condition.
pub fn body(declaration: Node<'_>) -> Option<Node<'_>> {
    let mut node = declaration.child_by_field_name("body")?;
    while matches!(node.kind(), "for" | "if_body") {
        node = node.child_by_field_name("body")?;
    }
    (node.kind() == "object").then_some(node)
}

/// The value of a property of an object, by its name in any case, as Azure reads it.
pub fn property<'t>(view: &View, object: Node<'t>, name: &str) -> Option<Node<'t>> {
    valued(view, object, |key| key.eq_ignore_ascii_case(name))
}

/// The value of a property of a module's body: those are Bicep's own, which knows them in the one case alone.
pub fn module_property<'t>(view: &View, object: Node<'t>, name: &str) -> Option<Node<'t>> {
    valued(view, object, |key| key == name)
}

/// The value of the first property whose key is the one.
fn valued<'t>(view: &View, object: Node<'t>, is: impl Fn(&str) -> bool) -> Option<Node<'t>> {
    let mut cursor = object.walk();
    object.named_children(&mut cursor).find_map(|child| {
        (child.kind() == "property" && is(&key(view, child)))
            .then(|| child.child_by_field_name("value"))?
    })
}

/// The key of a property, decoded.
pub fn key(view: &View, property: Node<'_>) -> String {
    let Some(key) = property.child_by_field_name("key") else {
        return String::new();
    };
    match key.kind() {
        "string" => string_value(key, &*view.text).unwrap_or_default(),
        _ => slice(&view.text, Span::of(key.byte_range())).to_owned(),
    }
}

/// The declaration that holds a span, if it is whole.
pub fn declaration_at(view: &View, span: Span) -> Option<Node<'_>> {
    declarations(view.tree.root_node())
        .into_iter()
        .rev()
        .find(|node| Span::of(node.byte_range()).touches(span.start))
}

/// What stands last in the file.
pub fn last_declaration(view: &View) -> Option<Span> {
    let all = declarations(view.tree.root_node());
    all.last().map(|node| Span::of(node.byte_range()))
}

/// Whether the path literals of the file begin with `./`.
pub fn dotted_paths(view: &View) -> bool {
    declarations(view.tree.root_node()).into_iter().any(|node| {
        node.kind() == "module_declaration"
            && node.child_by_field_name("path").is_some_and(|path| {
                slice(&view.text, Span::of(path.byte_range())).starts_with("'./")
            })
    })
}

/// A parameter for the subscription: the name of one that is there, or the edit that adds one.
pub fn subscription_parameter(view: &View) -> (String, Option<TextEdit>) {
    let all = declarations(view.tree.root_node());
    let name_of = |node: &Node<'_>| {
        let name = node.child_by_field_name("name")?;
        Some(slice(&view.text, Span::of(name.byte_range())).to_owned())
    };
    let parameters = || all.iter().filter(|node| node.kind() == "param_declaration");
    let known = parameters()
        .filter_map(name_of)
        .find(|name| name.eq_ignore_ascii_case("subscriptionId"));
    if let Some(name) = known {
        return (name, None);
    }
    let name = symbol(view, "subscriptionId");
    let lines = [line(0, format!("param {name} string"))];
    let after = parameters()
        .next_back()
        .or_else(|| all.iter().rev().find(|node| node.kind() == "target_scope"));
    let edit = match after {
        Some(node) => {
            let compact = node.kind() == "param_declaration" && one_line_parameters(view, &all);
            after_line(view, node.end_byte() as u32, &lines, compact)
        }
        None => TextEdit {
            span: Span::new(0, 0),
            text: {
                let style = Style::of(&view.text, 0);
                style.lines("", &lines) + &style.newline.repeat(2)
            },
        },
    };
    (name, Some(edit))
}

/// Whether the file's parameters stand line below line.
fn one_line_parameters(view: &View, all: &[Node<'_>]) -> bool {
    let parameters: Vec<Node<'_>> = all
        .iter()
        .filter(|node| node.kind() == "param_declaration")
        .copied()
        .collect();
    compact(&view.text, &parameters)
}

/// Silences the rule on the line of `at`: a pragma above it, or one code more in the pragma that is there. `None` where
/// that line begins inside a comment.
pub fn suppress(view: &View, at: u32, code: &str) -> Option<TextEdit> {
    let text = &*view.text;
    let start = line_start(text, at);
    let before = view
        .tree
        .root_node()
        .descendant_for_byte_range(start as usize, start as usize)?;
    if before.kind() == "comment" && before.start_byte() < start as usize {
        return None;
    }
    let above = pragmas(&view.tree, text)
        .into_iter()
        .rev()
        .find(|(from, body)| {
            body.starts_with("#disable-next-line") && {
                let end = line_end(text, (*from + body.len()) as u32);
                let rest = text.get(end as usize..start as usize).unwrap_or_default();
                matches!(rest, "\n" | "\r\n" | "\r")
            }
        });
    if let Some((from, body)) = above {
        let end = (from + body.trim_end().len()) as u32;
        return Some(TextEdit {
            span: Span::new(end, end),
            text: format!(" {code}"),
        });
    }
    let style = Style::of(text, at);
    Some(TextEdit {
        span: Span::new(start, start),
        text: format!(
            "{}#disable-next-line {code}{}",
            indent_at(text, at),
            style.newline
        ),
    })
}

/// Adds a property to an object, after the ones that are there.
pub fn add_property(view: &View, object: Node<'_>, lines: &[(usize, String)]) -> TextEdit {
    let text = &*view.text;
    let mut cursor = object.walk();
    let last = object
        .named_children(&mut cursor)
        .filter(|child| !matches!(child.kind(), "comment" | "pragma"))
        .last();
    let style = Style::of(text, object.start_byte() as u32);
    let outer = indent_at(text, object.start_byte() as u32);
    let Some(last) = last else {
        let inner = format!("{outer}{}", style.indent);
        let body = format!(
            "{{{nl}{inner}{}{nl}{outer}}}",
            style.lines(&inner, lines),
            nl = style.newline
        );
        return TextEdit {
            span: Span::of(object.byte_range()),
            text: body,
        };
    };
    let end = last.end_byte() as u32;
    if super::style::on_one_line(text, Span::of(object.byte_range())) {
        return TextEdit {
            span: Span::new(end, end),
            text: format!(", {}", style.lines(outer, lines)),
        };
    }
    let base = indent_at(text, last.start_byte() as u32);
    // A comment behind the last property stays with it.
    let rest = Span::new(end, line_end(text, end));
    let at = if slice(text, rest).contains('}') {
        end
    } else {
        end_of_lines(view, end)
    };
    TextEdit {
        span: Span::new(at, at),
        text: format!("{}{base}{}", style.newline, style.lines(base, lines)),
    }
}
