//! Lowers type expressions, as far as they restrict the values of parameters.

use tree_sitter::TreeCursor;

use super::symbols::{Field, Kind, operator};
use super::{Lowering, MAX_DEPTH};
use crate::model::{Expr, ExprKind, Ident, TYPE_OF_ITEMS, TYPE_OF_OTHERS, TypeExpr};

impl Lowering<'_> {
    /// The type at the cursor.
    pub(super) fn ty(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> TypeExpr {
        let mut climbed = 0;
        while matches!(
            self.kind(cursor),
            Kind::ParenthesizedType | Kind::NonNullType
        ) && self.enter_field(cursor, Field::Type)
        {
            climbed += 1;
        }
        let ty = if depth < MAX_DEPTH {
            self.bare_type(cursor, depth)
        } else {
            TypeExpr::Any
        };
        for _ in 0..climbed {
            cursor.goto_parent();
        }
        ty
    }

    fn bare_type(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> TypeExpr {
        match self.kind(cursor) {
            Kind::TypeName => named(vec![self.ident(cursor)]),
            Kind::MemberType | Kind::ItemsType | Kind::IndexType | Kind::AdditionalType => {
                self.path(cursor).map_or(TypeExpr::Any, named)
            }
            Kind::NullableType => {
                let inner = self.type_in(cursor, Field::Type, depth);
                TypeExpr::Nullable(inner.into())
            }
            Kind::ArrayType => {
                let element = self.type_in(cursor, Field::Element, depth);
                TypeExpr::Array(element.into())
            }
            Kind::UnionType => {
                let mut members = Vec::new();
                self.fields(cursor, |this, cursor, field| {
                    if field == Field::Member {
                        match this.ty(cursor, depth + 1) {
                            TypeExpr::Union(more) => members.extend(more),
                            one => members.push(one),
                        }
                    }
                });
                TypeExpr::Union(members.into())
            }
            Kind::TupleType => {
                let mut elements = Vec::new();
                self.items(cursor, |this, cursor, kind| {
                    if kind == Kind::TupleItem {
                        elements.push(this.type_in(cursor, Field::Type, depth));
                    }
                });
                TypeExpr::Tuple(elements.into())
            }
            Kind::ObjectType => self.object_type(cursor, depth),
            Kind::NegatedType => self.negated_type(cursor),
            // Bicep allows no interpolation in a type, so one bounds nothing but its kind.
            Kind::String | Kind::MultilineString => match self.literal_text(cursor) {
                Some(_) => TypeExpr::Literal(self.expr(cursor, depth)),
                None => TypeExpr::Primitive(Ident::from("string")),
            },
            Kind::Integer | Kind::Boolean | Kind::Null => {
                TypeExpr::Literal(self.expr(cursor, depth))
            }
            // Resource types, `resourceInput<…>`: derived from what no file of ours contains.
            _ => TypeExpr::Any,
        }
    }

    fn type_in(&mut self, cursor: &mut TreeCursor<'_>, field: Field, depth: usize) -> TypeExpr {
        if !self.enter_field(cursor, field) {
            return TypeExpr::Any;
        }
        let ty = self.ty(cursor, depth + 1);
        cursor.goto_parent();
        ty
    }

    fn object_type(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> TypeExpr {
        let mut properties = Vec::new();
        let mut additional = None;
        self.items(cursor, |this, cursor, kind| {
            if kind != Kind::TypeProperty {
                return;
            }
            let mut key = None;
            let mut others = false;
            let mut ty = TypeExpr::Any;
            this.fields(cursor, |this, cursor, field| match field {
                Field::Key => match this.kind(cursor) {
                    Kind::Times => others = true,
                    Kind::Identifier => key = Some(this.ident(cursor)),
                    _ => key = this.literal_text(cursor).map(Ident::new),
                },
                Field::Type => ty = this.ty(cursor, depth + 1),
                _ => {}
            });
            match key {
                Some(key) => properties.push((key, ty)),
                None if others => additional = Some(Box::new(ty)),
                None => {}
            }
        });
        TypeExpr::Object {
            properties: properties.into(),
            additional,
        }
    }

    /// `-1`, `!true`: literals. Other uses of these operators are errors of the compiler's.
    fn negated_type(&mut self, cursor: &mut TreeCursor<'_>) -> TypeExpr {
        let operator = operator(cursor.node());
        let operand = self.text(self.span_in(cursor, Field::Operand));
        let kind = match (operator, operand) {
            (Kind::Not, "true") => ExprKind::Bool(false),
            (Kind::Not, "false") => ExprKind::Bool(true),
            (Kind::Minus, digits) => match format!("-{digits}").parse() {
                Ok(n) => ExprKind::Int(n),
                Err(_) => return TypeExpr::Any,
            },
            _ => return TypeExpr::Any,
        };
        TypeExpr::Literal(Expr::new(self.nodes.next(self.span(cursor)), kind))
    }

    /// `a.b[*].c` as a path; a generic (`sys.resourceInput<…>`) or a part of anything but a name is none.
    fn path(&mut self, cursor: &mut TreeCursor<'_>) -> Option<Vec<Ident>> {
        let mut path = Vec::new();
        let mut climbed = 0;
        let mut whole = true;
        loop {
            match self.kind(cursor) {
                Kind::TypeName => path.push(self.ident(cursor)),
                kind @ (Kind::MemberType
                | Kind::ItemsType
                | Kind::IndexType
                | Kind::AdditionalType)
                    if path.len() < MAX_DEPTH =>
                {
                    match kind {
                        Kind::ItemsType => path.push(Ident::from(TYPE_OF_ITEMS)),
                        Kind::AdditionalType => path.push(Ident::from(TYPE_OF_OTHERS)),
                        Kind::IndexType => {
                            let index = self.text(self.span_in(cursor, Field::Index)).trim();
                            path.push(Ident::new(format!("[{index}]")));
                        }
                        _ => self.fields(cursor, |this, cursor, field| match field {
                            Field::Property => path.push(this.ident(cursor)),
                            Field::Arguments => whole = false,
                            _ => {}
                        }),
                    }
                    if self.enter_field(cursor, Field::Object) {
                        climbed += 1;
                        continue;
                    }
                    whole = false;
                }
                _ => whole = false,
            }
            break;
        }
        for _ in 0..climbed {
            cursor.goto_parent();
        }
        path.reverse();
        whole.then_some(path)
    }
}

/// A type by its name: `sys.` in front of a built-in one adds nothing. Bicep's own names are in lower case.
fn named(mut path: Vec<Ident>) -> TypeExpr {
    if path.len() == 2 && path[0].as_str() == "sys" {
        path.remove(0);
    }
    if let [name] = path.as_slice() {
        match name.as_str() {
            "string" | "int" | "bool" | "object" | "array" => {
                return TypeExpr::Primitive(name.clone());
            }
            "any" => return TypeExpr::Any,
            _ => {}
        }
    }
    TypeExpr::Named(path.into())
}
