//! The model as text, close to Bicep, so that tests can state what a file should lower to and people can see what was
//! understood of a file. It shows everything but node numbers.
//!
//! What differs from Bicep: operators and properties of the language appear as the functions they mean (`equals(a, b)`),
//! interpolation as `$("text" interpolation)`, a method call as `base->f(x)` (`ns.f(x)` is a call in a namespace), strings in
//! double quotes with escapes, what could not be understood as `!"reason"`.

use std::fmt::Write;

use crate::model::{
    Declaration, Expr, ExprKind, ForExpr, Ident, Item, ItemKind, Loop, Member, Module, Parameter,
    Resource, Target, Template, TypeExpr,
};

/// A template, one item a line, what belongs to an item indented below it.
pub(crate) fn dump(template: &Template) -> String {
    let mut out = Dump {
        text: String::new(),
        indent: 0,
    };
    out.template(template);
    out.text
}

struct Dump {
    text: String,
    indent: usize,
}

impl Dump {
    /// Writing to a `String` cannot fail.
    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(args);
    }

    fn start(&mut self) {
        for _ in 0..self.indent {
            self.text.push_str("  ");
        }
    }

    fn line(&mut self, label: &str, expr: Option<&Expr>) {
        if let Some(expr) = expr {
            self.start();
            self.put(format_args!("{label} "));
            self.expr(expr);
            self.text.push('\n');
        }
    }

    fn template(&mut self, template: &Template) {
        if let Some(scope) = template.scope {
            self.start();
            self.put(format_args!("scope {scope:?}\n"));
        }
        if template.generated {
            self.start();
            self.text.push_str("generated\n");
        }
        template.items.iter().for_each(|item| self.item(item));
    }

    fn item(&mut self, item: &Item) {
        self.start();
        if item.broken {
            self.text.push_str("broken ");
        }
        match &item.kind {
            ItemKind::Parameter(p) => self.parameter(p),
            ItemKind::Variable(v) => self.assigned("var", &v.name, &v.value),
            ItemKind::Function(f) => {
                self.text.push_str("func ");
                if let Some(namespace) = &f.namespace {
                    self.put(format_args!("{namespace}."));
                }
                self.put(format_args!("{}(", f.name));
                self.list(&f.parameters, ", ", |out, (name, ty)| {
                    out.put(format_args!("{name}: "));
                    out.ty(ty);
                });
                self.text.push_str(") = ");
                self.expr(&f.body);
                self.text.push('\n');
            }
            ItemKind::Type(t) => {
                self.put(format_args!("type {} = ", t.name));
                self.ty(&t.ty);
                self.text.push('\n');
            }
            ItemKind::Resource(r) => self.resource(r),
            ItemKind::Module(m) => self.module(m),
            ItemKind::Output(o) => self.assigned("output", &o.name, &o.value),
            ItemKind::Import(i) => {
                self.text.push_str("import ");
                if let Some(namespace) = &i.namespace {
                    self.put(format_args!("* as {namespace}"));
                } else {
                    self.text.push('{');
                    self.list(&i.names, ", ", |out, (exported, local)| {
                        out.put(format_args!("{exported} as {local}"));
                    });
                    self.text.push('}');
                }
                self.put(format_args!(" from {:?}\n", i.from.text));
            }
            ItemKind::Using(u) => match &u.target {
                Some(target) => self.put(format_args!("using {:?}\n", target.text)),
                None => self.text.push_str("using none\n"),
            },
            ItemKind::Extends(base) => self.put(format_args!("extends {:?}\n", base.text)),
            ItemKind::Assignment(a) => self.assigned("assign", &a.name, &a.value),
            ItemKind::Metadata { name, value } => self.assigned("metadata", name, value),
            ItemKind::Broken => self.text.push_str("nothing\n"),
        }
    }

    fn assigned(&mut self, keyword: &str, name: &Ident, value: &Expr) {
        self.put(format_args!("{keyword} {name} = "));
        self.expr(value);
        self.text.push('\n');
    }

    fn parameter(&mut self, p: &Parameter) {
        self.put(format_args!("param {}: ", p.name));
        self.ty(&p.ty);
        for (flag, word) in [
            (p.nullable, " nullable"),
            (p.secure, " secure"),
            (p.non_empty, " nonempty"),
        ] {
            if flag {
                self.text.push_str(word);
            }
        }
        if let Some(allowed) = &p.allowed {
            self.text.push_str(" allowed ");
            self.expr(allowed);
        }
        if let Some(default) = &p.default {
            self.text.push_str(" = ");
            self.expr(default);
        }
        self.text.push('\n');
    }

    fn resource(&mut self, r: &Resource) {
        self.text.push_str("resource");
        self.symbol(&r.declaration);
        match &r.resource_type {
            Some(name) => self.put(format_args!(" {name}")),
            None => self.text.push_str(" ?"),
        }
        if let Some(version) = &r.api_version {
            self.text.push('@');
            match version.as_str() {
                Some(text) => self.text.push_str(text),
                None => self.expr(version),
            }
        }
        if r.existing {
            self.text.push_str(" existing");
        }
        self.text.push('\n');
        self.indent += 1;
        self.declaration(&r.declaration);
        self.line("parent", r.parent.as_ref());
        self.line("body", Some(&r.body));
        for child in &r.children {
            self.start();
            self.resource(child);
        }
        self.indent -= 1;
    }

    fn module(&mut self, m: &Module) {
        self.text.push_str("module");
        self.symbol(&m.declaration);
        let mut inline = None;
        // A linked template has a scope of its own.
        let linked = matches!(
            m.target,
            Target::Relative(_) | Target::Uri(_) | Target::TemplateSpec(_)
        );
        match &m.target {
            Target::Inline(template) => {
                self.text.push_str(" inline");
                inline = Some(template);
            }
            Target::Reference(r) => self.put(format_args!(" {:?}", r.text)),
            Target::Missing => self.text.push_str(" ?"),
            Target::Relative(e) => self.target("relative", e),
            Target::Uri(e) => self.target("uri", e),
            Target::TemplateSpec(e) => self.target("spec", e),
            Target::Value(e) => self.target("value", e),
        }
        self.text
            .push_str(match m.evaluation.as_ref().map(|scope| scope.as_str()) {
                Some(Some("outer")) => " outer\n",
                None if !linked && !m.versioned => " outer\n",
                _ => " inner\n",
            });
        self.indent += 1;
        self.declaration(&m.declaration);
        self.line("arguments", m.arguments.as_ref());
        if let Some(template) = inline {
            self.template(template);
        }
        self.indent -= 1;
    }

    fn target(&mut self, label: &str, expr: &Expr) {
        self.put(format_args!(" {label} "));
        self.expr(expr);
    }

    fn symbol(&mut self, d: &Declaration) {
        if let Some(symbol) = &d.symbol {
            self.put(format_args!(" {symbol}"));
        }
    }

    fn declaration(&mut self, d: &Declaration) {
        if let Some(over) = &d.loops {
            self.start();
            self.over(over);
            self.text.push('\n');
        }
        d.conditions
            .iter()
            .for_each(|condition| self.line("if", Some(condition)));
        self.line("name", d.name.as_ref());
        self.line("scope", d.scope.as_ref());
        self.line("subscription", d.subscription.as_ref());
        self.line("group", d.resource_group.as_ref());
    }

    fn over(&mut self, over: &Loop) {
        match over {
            Loop::Items { item, index, over } => {
                self.put(format_args!("for {item}"));
                if let Some(index) = index {
                    self.put(format_args!(", {index}"));
                }
                self.text.push_str(" in ");
                self.expr(over);
            }
            Loop::Count { name, count } => {
                self.put(format_args!("for {name} to "));
                self.expr(count);
            }
        }
    }

    fn list<T>(&mut self, items: &[T], between: &str, mut each: impl FnMut(&mut Self, &T)) {
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                self.text.push_str(between);
            }
            each(self, item);
        }
    }

    fn exprs(&mut self, items: &[Expr], between: &str) {
        self.list(items, between, |out, e| out.expr(e));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Null => self.text.push_str("null"),
            ExprKind::Bool(b) => self.put(format_args!("{b}")),
            ExprKind::Int(n) => self.put(format_args!("{n}")),
            ExprKind::Float(f) => self.put(format_args!("{:?}", f.0)),
            ExprKind::Str(text) => self.put(format_args!("{text:?}")),
            ExprKind::Concat(parts) => {
                self.text.push_str("$(");
                self.exprs(parts, " ");
                self.text.push(')');
            }
            ExprKind::Array(elements) => {
                self.text.push('[');
                self.list(elements, ", ", |out, element| {
                    if element.spread {
                        out.text.push_str("...");
                    }
                    out.expr(&element.value);
                });
                self.text.push(']');
            }
            ExprKind::Object(members) => {
                self.text.push('{');
                self.list(members, ", ", |out, member| match member {
                    Member::Property { key, value } => {
                        match key.as_str().filter(|text| plain(text)) {
                            Some(text) => out.text.push_str(text),
                            None => out.expr(key),
                        }
                        out.text.push_str(": ");
                        out.expr(value);
                    }
                    Member::Spread(value) => {
                        out.text.push_str("...");
                        out.expr(value);
                    }
                });
                self.text.push('}');
            }
            ExprKind::Name(name) => self.put(format_args!("{name}")),
            ExprKind::Call {
                namespace,
                name,
                args,
            } => {
                if let Some(namespace) = namespace {
                    self.put(format_args!("{namespace}."));
                }
                self.put(format_args!("{name}("));
                self.exprs(args, ", ");
                self.text.push(')');
            }
            ExprKind::Method { base, name, args } => {
                self.expr(base);
                self.put(format_args!("->{name}("));
                self.exprs(args, ", ");
                self.text.push(')');
            }
            ExprKind::Get {
                base,
                key,
                safe,
                from_end,
            } => {
                self.expr(base);
                match key.as_str().filter(|text| plain(text) && !from_end) {
                    Some(text) => self.put(format_args!(".{}{text}", mark(*safe, "?"))),
                    None => {
                        self.put(format_args!(
                            "[{}{}",
                            mark(*safe, "?"),
                            mark(*from_end, "^")
                        ));
                        self.expr(key);
                        self.text.push(']');
                    }
                }
            }
            ExprKind::Nested { base, name } => {
                self.expr(base);
                self.put(format_args!("::{name}"));
            }
            ExprKind::Lambda { parameters, body } => {
                self.text.push('(');
                self.list(parameters, ", ", |out, name| {
                    out.put(format_args!("{name}"))
                });
                self.text.push_str(") => ");
                self.expr(body);
            }
            ExprKind::For(looped) => self.looped(looped),
            ExprKind::Invalid(reason) => self.put(format_args!("!{reason:?}")),
        }
    }

    fn looped(&mut self, looped: &ForExpr) {
        self.text.push('[');
        self.over(&looped.over);
        if let Some(condition) = &looped.condition {
            self.text.push_str(" if ");
            self.expr(condition);
        }
        self.text.push_str(": ");
        self.expr(&looped.body);
        self.text.push(']');
    }

    fn ty(&mut self, ty: &TypeExpr) {
        match ty {
            TypeExpr::Any => self.text.push_str("any"),
            TypeExpr::Primitive(name) => self.put(format_args!("{name}")),
            TypeExpr::Named(path) => {
                self.text.push('@');
                self.list(path, ".", |out, name| out.put(format_args!("{name}")));
            }
            TypeExpr::Literal(value) => self.expr(value),
            TypeExpr::Union(members) => {
                self.text.push('(');
                self.list(members, " | ", |out, member| out.ty(member));
                self.text.push(')');
            }
            TypeExpr::Array(element) => {
                self.ty(element);
                self.text.push_str("[]");
            }
            TypeExpr::Tuple(elements) => {
                self.text.push('[');
                self.list(elements, ", ", |out, element| out.ty(element));
                self.text.push(']');
            }
            TypeExpr::Object {
                properties,
                additional,
            } => {
                self.text.push('{');
                self.list(properties, ", ", |out, (name, ty)| {
                    out.put(format_args!("{name}: "));
                    out.ty(ty);
                });
                if let Some(additional) = additional {
                    self.text.push_str(if properties.is_empty() {
                        "*: "
                    } else {
                        ", *: "
                    });
                    self.ty(additional);
                }
                self.text.push('}');
            }
            TypeExpr::Nullable(inner) => {
                self.ty(inner);
                self.text.push('?');
            }
        }
    }
}

fn mark(flag: bool, text: &'static str) -> &'static str {
    if flag { text } else { "" }
}

/// Whether a property name needs no quotes.
fn plain(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
