//! The names that a declaration refers to: what it waits for, and what waits for it.

use super::{Declaration, Expr, ExprKind, Ident, Item, ItemKind, Loop, Resource};

impl Item {
    /// The names of values that a declaration uses and does not bind itself, in the order of the text.
    pub fn uses(&self) -> Vec<&Ident> {
        let mut names = Names::default();
        match &self.kind {
            ItemKind::Parameter(parameter) => {
                names.all(parameter.default.iter().chain(&parameter.allowed));
            }
            ItemKind::Variable(variable) => names.expression(&variable.value),
            ItemKind::Function(function) => {
                names
                    .bound
                    .extend(function.parameters.iter().map(|(name, _)| name));
                names.expression(&function.body);
            }
            ItemKind::Output(output) => names.expression(&output.value),
            ItemKind::Resource(resource) => names.resource(resource),
            ItemKind::Module(module) => names.declaration(&module.declaration, &|names| {
                names.all(module.arguments.iter());
            }),
            _ => {}
        }
        names.found
    }

    /// The names of it that reports may show.
    pub(crate) fn for_each_shown(&self, f: &mut dyn FnMut(&Ident)) {
        match &self.kind {
            ItemKind::Parameter(parameter) => f(&parameter.name),
            ItemKind::Variable(variable) => f(&variable.name),
            ItemKind::Resource(resource) => resource.for_each_type(f),
            _ => {}
        }
        self.uses().into_iter().for_each(f);
    }
}

#[derive(Default)]
struct Names<'e> {
    found: Vec<&'e Ident>,
    bound: Vec<&'e Ident>,
}

impl<'e> Names<'e> {
    fn resource(&mut self, resource: &'e Resource) {
        self.declaration(&resource.declaration, &|names| {
            names.all(&resource.parent);
            names.expression(&resource.body);
            resource.children.iter().for_each(|it| names.resource(it));
        });
    }

    fn declaration(&mut self, declaration: &'e Declaration, inside: &dyn Fn(&mut Self)) {
        let before = self.bound.len();
        declaration.loops.iter().for_each(|over| self.enter(over));
        self.all(&declaration.conditions);
        let (name, scope) = (&declaration.name, &declaration.scope);
        self.all(name.iter().chain(scope).chain(&declaration.depends_on));
        inside(self);
        self.bound.truncate(before);
    }

    fn enter(&mut self, over: &'e Loop) {
        self.expression(over.expression());
        if let Loop::Items { item, index, .. } = over {
            self.bound.push(item);
            self.bound.extend(index);
        }
    }

    fn all(&mut self, expressions: impl IntoIterator<Item = &'e Expr>) {
        expressions.into_iter().for_each(|it| self.expression(it));
    }

    fn expression(&mut self, expr: &'e Expr) {
        let before = self.bound.len();
        match &expr.kind {
            ExprKind::Name(name) if !self.bound.contains(&name) => self.found.push(name),
            ExprKind::Lambda { parameters, .. } => self.bound.extend(parameters),
            ExprKind::For(each) => self.enter(&each.over),
            _ => {}
        }
        expr.children(&mut |child| self.expression(child));
        self.bound.truncate(before);
    }
}
