//! Prints expressions as they are written, shortened, for messages such as *deployed if `deployAcr && !empty(name)`*.

use crate::model::{Element, Expr, ExprKind};

/// Characters of a printed expression; what is longer ends in an ellipsis.
const MAX_CHARS: usize = 80;

/// The expression as text: in Bicep with its operators, in ARM with its functions.
pub(crate) fn print(expr: &Expr, bicep: bool) -> String {
    let mut printer = Printer {
        out: String::new(),
        bicep,
    };
    printer.expr(expr, 0);
    let mut chars = printer.out.char_indices();
    match chars.nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &printer.out[..end]),
        None => printer.out,
    }
}

struct Printer {
    out: String,
    bicep: bool,
}

/// Bicep's binary operators by the functions they are lowered to, with how tightly they bind.
const OPERATORS: &[(&str, &str, u8)] = &[
    ("coalesce", "??", 2),
    ("or", "||", 3),
    ("and", "&&", 4),
    ("equals", "==", 5),
    ("less", "<", 6),
    ("lessOrEquals", "<=", 6),
    ("greater", ">", 6),
    ("greaterOrEquals", ">=", 6),
    ("add", "+", 7),
    ("sub", "-", 7),
    ("mul", "*", 8),
    ("div", "/", 8),
    ("mod", "%", 8),
];

const TERNARY: u8 = 1;
const UNARY: u8 = 9;

impl Printer {
    fn full(&self) -> bool {
        self.out.len() > 4 * MAX_CHARS
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn text(&mut self, text: &str) {
        let quoted = match self.bicep {
            true => text.replace('\\', "\\\\").replace('\'', "\\'"),
            false => text.replace('\'', "''"),
        };
        self.push(&format!("'{quoted}'"));
    }

    fn list(&mut self, exprs: &[Expr], separator: &str) {
        for (i, expr) in exprs.iter().enumerate() {
            if i > 0 {
                self.push(separator);
            }
            self.expr(expr, 0);
        }
    }

    /// `around` is how tightly what surrounds it binds.
    fn expr(&mut self, expr: &Expr, around: u8) {
        if self.full() {
            return;
        }
        match &expr.kind {
            ExprKind::Null => self.push("null"),
            ExprKind::Bool(value) => self.push(&value.to_string()),
            ExprKind::Int(value) => self.push(&value.to_string()),
            ExprKind::Float(value) => self.push(&value.0.to_string()),
            ExprKind::Str(text) => self.text(text),
            ExprKind::Concat(pieces) => {
                self.push("'");
                for piece in pieces {
                    match piece.as_str() {
                        Some(text) => self.push(text),
                        None => {
                            self.push("${");
                            self.expr(piece, 0);
                            self.push("}");
                        }
                    }
                }
                self.push("'");
            }
            ExprKind::Array(elements) => self.array(elements),
            ExprKind::Object(_) => self.push("{…}"),
            ExprKind::Name(name) => self.push(name.as_str()),
            ExprKind::Call {
                namespace,
                name,
                args,
            } => {
                if self.bicep && namespace.is_none() && self.operator(name.as_str(), args, around) {
                    return;
                }
                if let Some(namespace) = namespace {
                    self.push(namespace.as_str());
                    self.push(".");
                }
                self.call(name.as_str(), args);
            }
            ExprKind::Method { base, name, args } => {
                self.expr(base, UNARY);
                self.push(".");
                self.call(name.as_str(), args);
            }
            ExprKind::Get {
                base,
                key,
                safe,
                from_end,
            } => {
                self.expr(base, UNARY + 1);
                let question = if *safe { "?" } else { "" };
                let caret = if *from_end { "^" } else { "" };
                self.key(key, question, caret);
            }
            ExprKind::Nested { base, name } => {
                self.expr(base, UNARY);
                self.push("::");
                self.push(name.as_str());
            }
            ExprKind::For(_) => self.push("[for …]"),
            ExprKind::Lambda { .. } | ExprKind::Invalid(_) => self.push("…"),
        }
    }

    fn array(&mut self, elements: &[Element]) {
        self.push("[");
        for (i, element) in elements.iter().enumerate() {
            self.push(if i == 0 { "" } else { ", " });
            self.push(if element.spread { "..." } else { "" });
            self.expr(&element.value, 0);
        }
        self.push("]");
    }

    fn key(&mut self, key: &Expr, question: &str, caret: &str) {
        let name = key.as_str().filter(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        });
        match name {
            Some(name) => {
                self.push(&format!(".{question}{name}"));
            }
            None => {
                self.push(&format!("[{question}{caret}"));
                self.expr(key, 0);
                self.push("]");
            }
        }
    }

    fn call(&mut self, name: &str, args: &[Expr]) {
        self.push(name);
        self.push("(");
        self.list(args, ", ");
        self.push(")");
    }

    /// Writes a call as the operator it came from; false where it came from none.
    fn operator(&mut self, name: &str, args: &[Expr], around: u8) -> bool {
        match (name, args) {
            ("if", [when, yes, no]) => self.wrapped(around > TERNARY, |p| {
                p.expr(when, TERNARY + 1);
                p.push(" ? ");
                p.expr(yes, TERNARY);
                p.push(" : ");
                p.expr(no, TERNARY);
            }),
            ("not", [of]) => match &of.kind {
                ExprKind::Call { name, args, .. } if name.is("equals") && args.len() == 2 => {
                    self.wrapped(around > 5, |p| {
                        p.expr(&args[0], 5);
                        p.push(" != ");
                        p.expr(&args[1], 6);
                    });
                }
                _ => {
                    self.push("!");
                    self.expr(of, UNARY);
                }
            },
            (name, [left, right]) => {
                let Some((_, sign, binds)) = OPERATORS
                    .iter()
                    .find(|(function, _, _)| function.eq_ignore_ascii_case(name))
                else {
                    return false;
                };
                self.wrapped(around > *binds, |p| {
                    p.expr(left, *binds);
                    p.push(&format!(" {sign} "));
                    p.expr(right, binds + 1);
                });
            }
            _ => return false,
        }
        true
    }

    fn wrapped(&mut self, parentheses: bool, f: impl FnOnce(&mut Self)) {
        if parentheses {
            self.push("(");
        }
        f(self);
        if parentheses {
            self.push(")");
        }
    }
}
