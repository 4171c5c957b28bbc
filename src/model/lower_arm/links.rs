//! Links to templates of the workspace by URI: `uri(deployment()…, 'x.json')`, or a relative path after `_artifactsLocation`,
//! means the file beside this one.

use std::hash::Hasher;

use tree_sitter::Node;

use super::reader::{Pair, Reader, span};
use crate::model::lower::{Nodes, text_hash};
use crate::model::{Expr, ExprKind, Ident, NodeId};
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

/// The maximum number of levels of variables that are followed.
const HOPS: usize = 4;

/// Calls in calls that build a URI, and the pieces it is made of, are fewer than these.
const DEPTH: usize = 8;
const PIECES: usize = 64;

impl<'t, S: Source + ?Sized> Reader<'_, 't, S> {
    /// The variables that a URI could be built from by one of the idioms.
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
            // Their nodes are of no item: of a path only its text counts.
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

/// A piece of a URI.
enum Piece {
    /// Where this template is, or where a parameter states.
    Base(Option<Ident>),
    /// An access token, concatenated to the end.
    Token,
    Other(Expr),
}

impl Links {
    /// The path that a URI means by one of the idioms, and the parameter that states where it begins: else at this file.
    pub(crate) fn relative(&self, uri: &Expr) -> Option<(Expr, Option<Ident>)> {
        let mut pieces = Vec::new();
        self.pieces(uri, DEPTH, &mut pieces)?;
        let mut pieces = pieces.into_iter();
        let Some(Piece::Base(base)) = pieces.next() else {
            return None;
        };
        let mut parts = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Base(_) => return None,
                Piece::Token => {}
                Piece::Other(expr) => parts.push(expr),
            }
        }
        Some((path_of(uri.node, parts)?, base))
    }

    /// Takes a URI apart, as far as it is concatenated. `None` where that does not resolve.
    fn pieces(&self, expr: &Expr, depth: usize, out: &mut Vec<Piece>) -> Option<()> {
        let depth = depth.checked_sub(1).filter(|_| out.len() < PIECES)?;
        let expr = self.resolve(expr, HOPS)?;
        if let Some(base) = base_of(&expr) {
            out.push(Piece::Base(base));
            return Some(());
        }
        if is_token(&expr) {
            out.push(Piece::Token);
            return Some(());
        }
        let ExprKind::Call { name, args, .. } = &expr.kind else {
            out.push(Piece::Other(expr));
            return Some(());
        };
        match args.as_ref() {
            args if name.is("concat") => {
                args.iter().try_for_each(|arg| self.pieces(arg, depth, out))
            }
            [pattern, args @ ..] if name.is("format") => {
                let pattern = pattern.as_str()?.to_owned();
                self.format_pieces(expr.node, &pattern, args, depth, out)
            }
            [base, path] if name.is("uri") => {
                let first = out.len();
                self.pieces(base, depth, out)?;
                let is_base = |piece: &Piece| matches!(piece, Piece::Base(_));
                // Of other uris the last segment is replaced, which is not known here.
                if out.get(first).is_some_and(is_base) {
                    let folder = |piece: &Piece| match piece {
                        Piece::Other(expr) => expr.as_str().is_some_and(|s| s.ends_with('/')),
                        Piece::Base(_) => true,
                        Piece::Token => false,
                    };
                    if !out.last().is_some_and(folder) {
                        return None;
                    }
                    // `uri(base, '.')` is the base.
                    if matches!(path.as_str(), Some("." | "./")) {
                        return Some(());
                    }
                    self.pieces(path, depth, out)
                } else {
                    out.truncate(first);
                    out.push(Piece::Other(expr.clone()));
                    Some(())
                }
            }
            // `replace(base, 'azuredeploy.json', 'nested.json')`.
            [base, old, new] if name.is("replace") && old.as_str().is_some() => {
                let base = self.resolve(base, HOPS)?;
                let Some(base) = base_of(&base) else {
                    out.push(Piece::Other(expr.clone()));
                    return Some(());
                };
                out.push(Piece::Base(base));
                self.pieces(new, depth, out)
            }
            _ => {
                out.push(Piece::Other(expr.clone()));
                Some(())
            }
        }
    }

    /// The pieces of `format('{0}/nested.json{1}', base, token)`.
    fn format_pieces(
        &self,
        node: NodeId,
        pattern: &str,
        args: &[Expr],
        depth: usize,
        out: &mut Vec<Piece>,
    ) -> Option<()> {
        let mut rest = pattern;
        loop {
            let (text, interpolation) = rest.split_once('{').unwrap_or((rest, ""));
            if text.contains('}') {
                return None;
            }
            if !text.is_empty() {
                out.push(Piece::Other(Expr::text(node, text)));
            }
            if interpolation.is_empty() {
                return Some(());
            }
            let (index, after) = interpolation.split_once('}')?;
            self.pieces(args.get(index.parse::<usize>().ok()?)?, depth, out)?;
            rest = after;
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
                    Some((_, value)) => self.resolve(value, hops),
                    None => Some(expr.clone()),
                }
            }
            ExprKind::Get { base, key, .. } => {
                let resolved = self.resolve(base, hops);
                let member = key.as_str().and_then(|key| resolved.as_ref()?.member(key));
                match member {
                    Some(member) => self.resolve(member, hops),
                    None => Some(expr.clone()),
                }
            }
            _ => Some(expr.clone()),
        }
    }
}

/// Where an expression states that templates are: at this one (`Some(None)`), or where a parameter states.
pub(crate) fn base_of(expr: &Expr) -> Option<Option<Ident>> {
    match &expr.kind {
        ExprKind::Call { name, args, .. } if name.is("parameters") => {
            let parameter = args.first().and_then(Expr::as_str)?;
            let plain = parameter.trim_start_matches('_');
            let location = plain.eq_ignore_ascii_case("artifactsLocation");
            location.then(|| Some(Ident::from(parameter)))
        }
        ExprKind::Get { base, key, .. } => {
            let uri = key.as_str().is_some_and(|k| k.eq_ignore_ascii_case("uri"));
            (uri && is_template_link(base)).then_some(None)
        }
        _ => None,
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
        .is_some_and(|content| test(content.trim_start_matches('_')))
}

fn is_token(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call { name, args, .. }
        if name.is("parameters") && is_argument(args, |content| content.to_ascii_lowercase().ends_with("sastoken")))
}

/// The path that its parts are concatenated to, without the slash that joined it to its base.
fn path_of(node: NodeId, mut parts: Vec<Expr>) -> Option<Expr> {
    // A slash may be a piece of its own.
    while let Some(first) = parts.first_mut() {
        let Some(content) = first.as_str() else { break };
        let rest = content.trim_start_matches('/');
        if !rest.is_empty() {
            first.kind = ExprKind::Str(rest.into());
            break;
        }
        parts.remove(0);
    }
    match parts.len() {
        0 => None,
        1 => {
            let mut path = parts.pop()?;
            if let Some(content) = path.as_str() {
                let content = content.split('?').next().unwrap_or(content);
                path.kind = ExprKind::Str(content.into());
            }
            Some(path)
        }
        _ => Some(Expr::call(node, "concat", parts)),
    }
}
