//! Lowers declarations. Nested resources become items of their own.

use tree_sitter::TreeCursor;

use super::symbols::{Field, Kind};
use super::{Lowering, MAX_DEPTH};
use crate::model::{
    Assignment, Declaration, Expr, ExprKind, FileKind, Function, Ident, Import, ItemKind, Loop,
    Module, NodeId, Output, Parameter, Reference, Resource, ScopeKind, Target, TypeDeclaration,
    TypeExpr, Using, Variable, is_older_form,
};
use crate::text::Span;

/// What a resource's body is read with: what its head and the resources around it state.
#[derive(Default)]
struct Head {
    resource_type: Option<Ident>,
    api_version: Option<Expr>,
    conditions: Vec<Expr>,
    loops: Option<Loop>,
}

impl Lowering<'_> {
    /// The top-level declaration at the cursor.
    pub(super) fn item(
        &mut self,
        cursor: &mut TreeCursor<'_>,
        kind: Kind,
        file: FileKind,
    ) -> ItemKind {
        self.nodes.modern = self.is_modern(cursor, kind);
        match kind {
            Kind::ResourceDeclaration => ItemKind::Resource(self.resource(cursor, None, 0)),
            Kind::ModuleDeclaration => ItemKind::Module(self.module(cursor)),
            Kind::ParamDeclaration if file == FileKind::BicepParams => {
                let (name, value) = self.named_value(cursor);
                ItemKind::Assignment(Assignment { name, value })
            }
            Kind::ParamDeclaration => ItemKind::Parameter(self.parameter(cursor)),
            Kind::VarDeclaration => {
                let (name, value) = self.named_value(cursor);
                ItemKind::Variable(Variable { name, value })
            }
            Kind::OutputDeclaration => {
                let (name, value) = self.named_value(cursor);
                ItemKind::Output(Output { name, value })
            }
            Kind::MetadataDeclaration => {
                let (name, value) = self.named_value(cursor);
                ItemKind::Metadata { name, value }
            }
            Kind::FuncDeclaration => ItemKind::Function(self.function(cursor)),
            Kind::TypeDeclaration => {
                let name = self.ident_in(cursor, Field::Name);
                let ty = self.type_field(cursor);
                ItemKind::Type(TypeDeclaration { name, ty })
            }
            Kind::ImportDeclaration => self.import(cursor),
            Kind::UsingDeclaration => self.using(cursor),
            Kind::ExtendsDeclaration => match self.reference(cursor) {
                Some(base) => ItemKind::Extends(base),
                None => self.incomplete(),
            },
            _ => ItemKind::Broken,
        }
    }

    /// Whether a declaration requests `languageVersion` 2.0 by what the model does not keep of it.
    fn is_modern(&mut self, cursor: &mut TreeCursor<'_>, kind: Kind) -> bool {
        let typed = match kind {
            Kind::ExtensionDeclaration => true,
            Kind::VarDeclaration => self.enter_field(cursor, Field::Type) && cursor.goto_parent(),
            Kind::OutputDeclaration => {
                let plain = ["string", "int", "bool", "object", "array"];
                !plain.contains(&self.text(self.span_in(cursor, Field::Type)))
            }
            _ => false,
        };
        let kind_of_item = kind;
        let mut decorated = false;
        if !typed && self.enter_field(cursor, Field::Decorators) {
            self.items(cursor, |this, cursor, kind| {
                let decorator = kind == Kind::Decorator;
                decorated |= decorator
                    && match this.text(this.decorator_name(cursor)) {
                        "onlyIfNotExists" | "retryOn" => true,
                        "secure" => kind_of_item == Kind::OutputDeclaration,
                        _ => false,
                    };
            });
            cursor.goto_parent();
        }
        typed || decorated
    }

    /// The level that `targetScope = '…'` names.
    pub(super) fn target_scope(&self, cursor: &mut TreeCursor<'_>) -> Option<ScopeKind> {
        if !self.enter_field(cursor, Field::Value) {
            return None;
        }
        let text = self.literal_text(cursor);
        cursor.goto_parent();
        match &*text? {
            "resourceGroup" => Some(ScopeKind::ResourceGroup),
            "subscription" => Some(ScopeKind::Subscription),
            "managementGroup" => Some(ScopeKind::ManagementGroup),
            "tenant" => Some(ScopeKind::Tenant),
            _ => None,
        }
    }

    fn incomplete(&mut self) -> ItemKind {
        self.incomplete = true;
        ItemKind::Broken
    }

    // ---- names with values

    fn named_value(&mut self, cursor: &mut TreeCursor<'_>) -> (Ident, Expr) {
        let name = self.ident_in(cursor, Field::Name);
        if let Some(value) = self.optional(cursor, Field::Value, 0) {
            return (name, value);
        }
        self.incomplete = true;
        (name, self.missing(cursor))
    }

    fn optional(
        &mut self,
        cursor: &mut TreeCursor<'_>,
        field: Field,
        depth: usize,
    ) -> Option<Expr> {
        if !self.enter_field(cursor, field) {
            return None;
        }
        let expr = self.expr(cursor, depth);
        cursor.goto_parent();
        Some(expr)
    }

    fn type_field(&mut self, cursor: &mut TreeCursor<'_>) -> TypeExpr {
        if !self.enter_field(cursor, Field::Type) {
            self.incomplete = true;
            return TypeExpr::Any;
        }
        let ty = self.ty(cursor, 0);
        cursor.goto_parent();
        ty
    }

    fn parameter(&mut self, cursor: &mut TreeCursor<'_>) -> Parameter {
        let mut allowed = None;
        let mut secure = false;
        let mut non_empty = false;
        let mut max_length = None;
        if self.enter_field(cursor, Field::Decorators) {
            self.items(cursor, |this, cursor, kind| {
                if kind != Kind::Decorator {
                    return;
                }
                match this.text(this.decorator_name(cursor)) {
                    "secure" => secure = true,
                    "minLength" => {
                        let length = this.first_argument(cursor).map(|length| length.kind);
                        non_empty = matches!(length, Some(ExprKind::Int(1..)));
                    }
                    "maxLength" => {
                        let length = this.first_argument(cursor).map(|length| length.kind);
                        max_length = match length {
                            Some(ExprKind::Int(length)) => Some(length),
                            _ => None,
                        };
                    }
                    "allowed" if allowed.is_none() => allowed = this.first_argument(cursor),
                    _ => {}
                }
            });
            cursor.goto_parent();
        }
        let name = self.ident_in(cursor, Field::Name);
        let name_span = self.span_in(cursor, Field::Name);
        let name_node = self.nodes.next(name_span);
        let (ty, nullable) = match self.type_field(cursor) {
            TypeExpr::Nullable(inner) => (*inner, true),
            ty => (ty, false),
        };
        Parameter {
            name,
            name_node,
            ty,
            default: self.optional(cursor, Field::Value, 0),
            allowed,
            secure,
            non_empty,
            max_length,
            nullable,
        }
    }

    /// The name of the decorator at the cursor, unless it is one of another namespace's than `sys`.
    fn decorator_name(&self, cursor: &mut TreeCursor<'_>) -> Span {
        let namespace = self.text(self.span_in(cursor, Field::Namespace));
        match namespace {
            "" | "sys" => self.span_in(cursor, Field::Name),
            _ => Span::default(),
        }
    }

    fn first_argument(&mut self, cursor: &mut TreeCursor<'_>) -> Option<Expr> {
        if !self.enter_field(cursor, Field::Arguments) {
            return None;
        }
        let mut argument = None;
        self.items(cursor, |this, cursor, _| {
            if argument.is_none() {
                argument = Some(this.expr(cursor, 0));
            }
        });
        cursor.goto_parent();
        argument
    }

    fn function(&mut self, cursor: &mut TreeCursor<'_>) -> Function {
        let name = self.ident_in(cursor, Field::Name);
        let mut parameters = Vec::new();
        if self.enter_field(cursor, Field::Parameters) {
            self.items(cursor, |this, cursor, kind| {
                if kind == Kind::FuncParameter {
                    let name = this.ident_in(cursor, Field::Name);
                    let ty = this.type_field(cursor);
                    parameters.push((name, ty));
                }
            });
            cursor.goto_parent();
        }
        Function {
            namespace: None,
            name,
            parameters: parameters.into(),
            body: self.expr_in(cursor, Field::Body, 0),
        }
    }

    // ---- references to other files

    /// The path literal of the declaration at the cursor; none if it has interpolations.
    fn reference(&mut self, cursor: &mut TreeCursor<'_>) -> Option<Reference> {
        if !self.enter_field(cursor, Field::Path) {
            return None;
        }
        let text = self.literal_text(cursor);
        let span = self.span(cursor);
        cursor.goto_parent();
        // A string that is being typed runs on to the end of its line.
        let closed = self.text(span).len() > 1 && self.text(span).ends_with('\'');
        Some(Reference {
            text: text.filter(|_| closed)?,
            node: self.nodes.next(span),
        })
    }

    fn import(&mut self, cursor: &mut TreeCursor<'_>) -> ItemKind {
        let mut namespace = None;
        let mut names = Vec::new();
        let mut symbols = false;
        self.fields(cursor, |this, cursor, field| match field {
            Field::Namespace => {
                symbols = true;
                namespace = Some(this.ident(cursor));
            }
            Field::Items => {
                symbols = true;
                this.items(cursor, |this, cursor, kind| {
                    if kind == Kind::ImportItem {
                        names.extend(this.import_item(cursor));
                    }
                });
            }
            _ => {}
        });
        if !symbols {
            return ItemKind::Broken;
        }
        match self.reference(cursor) {
            Some(from) => ItemKind::Import(Import {
                from,
                namespace,
                names: names.into(),
            }),
            None => self.incomplete(),
        }
    }

    fn import_item(&mut self, cursor: &mut TreeCursor<'_>) -> Option<(Ident, Ident)> {
        let mut exported = None;
        let mut local = None;
        self.fields(cursor, |this, cursor, field| match field {
            Field::Name if this.kind(cursor) == Kind::Identifier => {
                exported = Some(this.ident(cursor))
            }
            Field::Name => exported = this.literal_text(cursor).map(Ident::new),
            Field::Alias => local = Some(this.ident(cursor)),
            _ => {}
        });
        let exported = exported?;
        Some((exported.clone(), local.unwrap_or(exported)))
    }

    fn using(&mut self, cursor: &mut TreeCursor<'_>) -> ItemKind {
        let target = self.reference(cursor);
        if target.is_none() && self.enter_field(cursor, Field::Path) {
            cursor.goto_parent();
            return self.incomplete();
        }
        ItemKind::Using(Using { target })
    }

    // ---- resources and modules

    fn resource(
        &mut self,
        cursor: &mut TreeCursor<'_>,
        outer: Option<&Head>,
        depth: usize,
    ) -> Resource {
        let node = self.declaration_node(cursor, outer.is_some());
        let symbol = self.ident_in(cursor, Field::Name);
        let existing = !self.span_in(cursor, Field::Existing).is_empty();
        let type_span = self.span_in(cursor, Field::Type);
        let type_node = self.nodes.next(type_span);
        let mut head = self.resource_type(cursor, type_span, outer);
        if let Some(outer) = outer {
            head.conditions.extend_from_slice(&outer.conditions);
            head.loops.clone_from(&outer.loops);
        }
        let climbed = self.enter_body(cursor, &mut head, depth);
        let (body, children) = self.body(cursor, &head, depth);
        for _ in 0..climbed {
            cursor.goto_parent();
        }
        let field = |name: &str| body.member(name).cloned();
        Resource {
            declaration: Declaration {
                symbol: Some(symbol),
                conditions: head.conditions.into(),
                loops: head.loops,
                name: field("name"),
                scope: field("scope"),
                depends_on: field("dependsOn"),
                node,
                type_node,
                ..Declaration::default()
            },
            is_older_form: is_older_form(head.resource_type.as_ref()),
            resource_type: head.resource_type,
            api_version: head.api_version,
            existing,
            parent: field("parent"),
            body,
            children: children.into(),
        }
    }

    /// The whole declaration: the item itself at the top level.
    fn declaration_node(&mut self, cursor: &TreeCursor<'_>, nested: bool) -> NodeId {
        if nested {
            self.nodes.next(self.span(cursor))
        } else {
            0
        }
    }

    /// Splits `'type@version'`. A nested resource adds a segment to the type around it and inherits its version.
    fn resource_type(
        &mut self,
        cursor: &mut TreeCursor<'_>,
        span: Span,
        outer: Option<&Head>,
    ) -> Head {
        let literal = if self.enter_field(cursor, Field::Type) {
            let text = self.literal_text(cursor);
            cursor.goto_parent();
            text
        } else {
            None
        };
        // An inherited version is numbered as one of its own, since both are equal.
        let node = self.nodes.next(self.version_span(span));
        let inherited = outer.and_then(|outer| outer.api_version.as_ref());
        let mut head = Head {
            api_version: inherited.map(|version| Expr::new(node, version.kind.clone())),
            ..Head::default()
        };
        let Some(literal) = literal else {
            return head;
        };
        let (name, version) = match literal.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (&*literal, None),
        };
        if let Some(version) = version {
            head.api_version = Some(Expr::text(node, version));
        }
        head.resource_type = match outer {
            None => {
                let name = name.strip_prefix("az:").unwrap_or(name);
                Some(Ident::from(name))
            }
            Some(outer) => outer
                .resource_type
                .as_ref()
                .map(|around| Ident::new(format!("{around}/{name}"))),
        };
        head
    }

    /// The version inside a type literal: what a fix replaces.
    fn version_span(&self, literal: Span) -> Span {
        let raw = self.text(literal);
        match raw.find('@') {
            Some(at) => {
                let end = raw.trim_end_matches('\'').len();
                Span::new(literal.start + at as u32 + 1, literal.start + end as u32)
            }
            None => literal,
        }
    }

    /// Enters the body of a declaration and steps past the `for` and the `if` around its object, which go into `head`.
    /// Leaves the cursor there; how many levels down that is.
    fn enter_body(&mut self, cursor: &mut TreeCursor<'_>, head: &mut Head, depth: usize) -> usize {
        let mut climbed = 0;
        while self.enter_field(cursor, Field::Body) {
            climbed += 1;
            match self.kind(cursor) {
                Kind::For => {
                    // Bicep knows no loop in a loop here, and a resource cannot name the one it is in.
                    self.incomplete |= head.loops.is_some();
                    head.loops = Some(self.over(cursor, depth));
                }
                Kind::IfBody => {
                    let condition = self.expr_in(cursor, Field::Condition, depth);
                    head.conditions.push(condition);
                }
                _ => break,
            }
        }
        climbed
    }

    /// The object of a resource's body. The resources nested in it are numbered after its members, wherever they are
    /// among them: the model keeps the two apart, so their order must leave no trace.
    fn body(
        &mut self,
        cursor: &mut TreeCursor<'_>,
        head: &Head,
        depth: usize,
    ) -> (Expr, Vec<Resource>) {
        let mut children = Vec::new();
        if self.kind(cursor) != Kind::Object {
            return (self.missing(cursor), children);
        }
        let node = self.nodes.next(self.span(cursor));
        let mut members = Vec::new();
        let mut nested = false;
        self.items(cursor, |this, cursor, kind| {
            nested |= kind == Kind::ResourceDeclaration;
            members.extend(this.object_member(cursor, kind, depth));
        });
        if nested && depth + 1 < MAX_DEPTH {
            self.items(cursor, |this, cursor, kind| {
                if kind == Kind::ResourceDeclaration {
                    children.push(this.resource(cursor, Some(head), depth + 1));
                }
            });
        }
        self.incomplete |= nested && children.is_empty();
        let body = Expr::new(node, ExprKind::Object(members.into()));
        (body, children)
    }

    fn module(&mut self, cursor: &mut TreeCursor<'_>) -> Module {
        let symbol = self.ident_in(cursor, Field::Name);
        let (target, type_node) = match self.reference(cursor) {
            Some(reference) => {
                let node = reference.node;
                (Target::Reference(reference), node)
            }
            None => {
                let span = self.span_in(cursor, Field::Path);
                (Target::Missing, self.nodes.next(span))
            }
        };
        let mut head = Head::default();
        let climbed = self.enter_body(cursor, &mut head, 0);
        // In this order and no others: what the model does not keep takes no number.
        let [name, scope, arguments, depends_on] =
            ["name", "scope", "params", "dependsOn"].map(|key| self.member_value(cursor, key));
        for _ in 0..climbed {
            cursor.goto_parent();
        }
        Module {
            declaration: Declaration {
                symbol: Some(symbol),
                conditions: head.conditions.into(),
                loops: head.loops,
                name,
                scope,
                depends_on,
                type_node,
                ..Declaration::default()
            },
            target,
            arguments,
            evaluation: None,
            versioned: true,
        }
    }

    /// The value of a property by its name, in the object at the cursor.
    fn member_value(&mut self, cursor: &mut TreeCursor<'_>, name: &str) -> Option<Expr> {
        let mut value = None;
        self.items(cursor, |this, cursor, kind| {
            if kind != Kind::Property || value.is_some() || !this.enter_field(cursor, Field::Key) {
                return;
            }
            let found = match this.kind(cursor) {
                Kind::Identifier => this.text(this.span(cursor)) == name,
                _ => this.literal_text(cursor).is_some_and(|key| &*key == name),
            };
            cursor.goto_parent();
            if found {
                value = Some(this.expr_in(cursor, Field::Value, 0));
            }
        });
        value
    }
}
