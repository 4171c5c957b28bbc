//! Linked templates that are files of the workspace though an uri names them: people write `uri(deployment()…, 'x.json')`
//! or glue `_artifactsLocation` before a relative path, and mean the file beside this one.

use std::hash::Hasher;

use tree_sitter::Node;

use super::reader::{Pair, Reader, span};
use crate::model::lower::{Nodes, text_hash};
use crate::model::{Element, Expr, ExprKind, Ident, Member, NodeId};
use crate::text::{Source, Span};

/// The variables of a template that linked uris are built from.
#[derive(Debug, Default)]
pub(super) struct Links {
    variables: Vec<(Ident, Expr)>,
    /// Hash of their text: what is lowered with them depends on it.
    pub hash: u64,
}

/// Uris are short; the text of a script or a workbook in a variable is not searched.
const LONGEST: u32 = 16 * 1024;

/// More levels of variables than this are nobody's idiom.
const HOPS: usize = 4;

impl<'t, S: Source + ?Sized> Reader<'_, 't, S> {
    /// The variables that an uri could be built from by one of the idioms.
    pub(super) fn links(&mut self, variables: &[Pair<'t>]) -> Links {
        let mut links = Links::default();
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        let mut names: Vec<Ident> = Vec::new();
        for pair in variables {
            let place = span(pair.node);
            let Some(value) = pair.value.filter(|_| place.len() <= LONGEST) else {
                continue;
            };
            if !self.builds_uri(value, &names) {
                continue;
            }
            let name = self.name(pair.key);
            hasher.write_u64(text_hash(self.text, place, 0));
            // Their nodes belong to another item, and are replaced where the variable is used.
            let value = self.value(&mut Nodes::new(Span::default()), value, 0);
            names.push(name.clone());
            links.variables.push((name, value));
        }
        if !names.is_empty() {
            links.hash = hasher.finish();
        }
        links
    }

    fn builds_uri(&self, value: Node<'t>, names: &[Ident]) -> bool {
        let text = self.text.slice(span(value));
        let holds = |part: &str| memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some();
        holds("templateLink")
            || holds("rtifactsLocation")
            || names.iter().any(|name| holds(name.as_str()))
    }
}

impl Links {
    /// The path relative to this file that an uri means by one of the idioms.
    pub fn relative(&self, uri: &Expr) -> Option<Expr> {
        let uri = self.resolve(uri, HOPS)?;
        let ExprKind::Call { name, args, .. } = &uri.kind else {
            return None;
        };
        let parts = match args.as_ref() {
            [base, path] if name.is("uri") => self.is_base(base, HOPS).then_some(path)?.clone(),
            [base, rest @ ..] if name.is("concat") && self.is_base(base, HOPS) => Expr {
                node: uri.node,
                kind: ExprKind::Call {
                    namespace: None,
                    name: name.clone(),
                    args: rest.into(),
                },
            },
            _ => return None,
        };
        let path = self.resolve(&parts, HOPS)?;
        without_token(path)
    }

    /// Whether an expression says where this template lies.
    fn is_base(&self, expr: &Expr, hops: usize) -> bool {
        let Some(expr) = self.resolve(expr, hops) else {
            return false;
        };
        match &expr.kind {
            ExprKind::Call { name, args, .. } if name.is("parameters") => {
                is_argument(args, |said| said.eq_ignore_ascii_case("artifactsLocation"))
            }
            // `uri(base, '.')`, `concat(base, '/')`: still the base.
            ExprKind::Call { name, args, .. } if name.is("uri") || name.is("concat") => {
                match args.as_ref() {
                    [base, rest] if hops > 0 => {
                        rest.as_str()
                            .is_some_and(|s| matches!(s, "." | "./" | "/" | ""))
                            && self.is_base(base, hops - 1)
                    }
                    _ => false,
                }
            }
            ExprKind::Get { base, key, .. } => {
                key.as_str().is_some_and(|k| k.eq_ignore_ascii_case("uri"))
                    && is_template_link(base)
            }
            _ => false,
        }
    }

    /// The expression with a variable it consists of replaced by that variable's value, as far as it is kept here.
    fn resolve(&self, expr: &Expr, hops: usize) -> Option<Expr> {
        let hops = hops.checked_sub(1)?;
        match &expr.kind {
            ExprKind::Call { name, args, .. } if name.is("variables") => {
                let wanted = args.first().and_then(Expr::as_str)?;
                let found = self
                    .variables
                    .iter()
                    .rev()
                    .find(|(name, _)| name.is(wanted));
                match found {
                    Some((_, value)) => self.resolve(&moved(value, expr.node), hops),
                    None => Some(expr.clone()),
                }
            }
            ExprKind::Get { base, key, .. } => {
                let resolved = self.resolve(base, hops);
                let member = key.as_str().and_then(|key| resolved.as_ref()?.member(key));
                match member {
                    Some(member) => self.resolve(&moved(member, expr.node), hops),
                    None => Some(expr.clone()),
                }
            }
            _ => Some(expr.clone()),
        }
    }
}

/// `deployment().properties.templateLink`.
fn is_template_link(expr: &Expr) -> bool {
    let step = |expr: &'_ Expr, name: &str| match &expr.kind {
        ExprKind::Get { base, key, .. } => key
            .as_str()
            .is_some_and(|key| key.eq_ignore_ascii_case(name))
            .then(|| (**base).clone()),
        _ => None,
    };
    let root = step(expr, "templateLink").and_then(|base| step(&base, "properties"));
    matches!(root, Some(Expr { kind: ExprKind::Call { name, .. }, .. }) if name.is("deployment"))
}

fn is_argument(args: &[Expr], test: impl Fn(&str) -> bool) -> bool {
    args.first()
        .and_then(Expr::as_str)
        .is_some_and(|said| test(said.trim_start_matches('_')))
}

fn is_token(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call { name, args, .. }
        if name.is("parameters") && is_argument(args, |said| said.to_ascii_lowercase().ends_with("sastoken")))
}

/// A path without the access token that is glued to its end, and without the slash that joined it to its base.
fn without_token(path: Expr) -> Option<Expr> {
    let node = path.node;
    let kind = match path.kind {
        ExprKind::Str(said) => {
            let path = said.trim_start_matches('/');
            ExprKind::Str(path.split('?').next().unwrap_or(path).into())
        }
        ExprKind::Call {
            namespace,
            name,
            args,
        } if name.is("concat") => {
            let mut parts: Vec<Expr> = args.into_iter().filter(|part| !is_token(part)).collect();
            // A slash may be a piece of its own.
            while let Some(first) = parts.first_mut() {
                let Some(said) = first.as_str() else { break };
                let rest = said.trim_start_matches('/');
                if !rest.is_empty() {
                    first.kind = ExprKind::Str(rest.into());
                    break;
                }
                parts.remove(0);
            }
            match parts.len() {
                0 => return None,
                1 => return parts.pop(),
                _ => ExprKind::Call {
                    namespace,
                    name,
                    args: parts.into(),
                },
            }
        }
        other => other,
    };
    Some(Expr { node, kind })
}

/// The expression with every node replaced: it stands in another item than the one it was read from.
fn moved(expr: &Expr, node: NodeId) -> Expr {
    let kind = match &expr.kind {
        ExprKind::Call {
            namespace,
            name,
            args,
        } => ExprKind::Call {
            namespace: namespace.clone(),
            name: name.clone(),
            args: args.iter().map(|arg| moved(arg, node)).collect(),
        },
        ExprKind::Get {
            base,
            key,
            safe,
            from_end,
        } => ExprKind::Get {
            base: Box::new(moved(base, node)),
            key: Box::new(moved(key, node)),
            safe: *safe,
            from_end: *from_end,
        },
        ExprKind::Array(elements) => ExprKind::Array(
            elements
                .iter()
                .map(|element| Element {
                    spread: element.spread,
                    value: moved(&element.value, node),
                })
                .collect(),
        ),
        ExprKind::Object(members) => ExprKind::Object(
            members
                .iter()
                .map(|member| match member {
                    Member::Property { key, value } => Member::Property {
                        key: moved(key, node),
                        value: moved(value, node),
                    },
                    Member::Spread(value) => Member::Spread(moved(value, node)),
                })
                .collect(),
        ),
        ExprKind::Lambda { .. } | ExprKind::For(_) => {
            ExprKind::Invalid("a loop in the uri of a linked template".into())
        }
        other => other.clone(),
    };
    Expr { node, kind }
}
