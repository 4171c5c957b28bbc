//! Lowers the types of parameters, `definitions` and function parameters, as far as they restrict values.

use tree_sitter::Node;

use super::reader::{Pair, Reader, span};
use crate::model::lower::{MAX_DEPTH, Nodes};
use crate::model::{
    ExprKind, Ident, Parameter, TYPE_OF_ITEMS, TYPE_OF_OTHERS, TypeDeclaration, TypeExpr,
};
use crate::text::Source;

impl<'t, S: Source + ?Sized> Reader<'_, 't, S> {
    /// An entry of `parameters`.
    pub(super) fn parameter(&mut self, nodes: &mut Nodes, pair: Pair<'t>) -> Parameter {
        let name = self.name(pair.key);
        let name_node = nodes.next(span(pair.key));
        let mut parameter = Parameter {
            name,
            name_node,
            ty: TypeExpr::Any,
            default: None,
            allowed: None,
            secure: false,
            non_empty: false,
            max_length: None,
            nullable: false,
        };
        let Some(body) = pair.value.filter(|&value| self.is_object(value)) else {
            return parameter;
        };
        let (pairs, _) = self.pairs(body);
        parameter.ty = self.type_of(nodes, &pairs, false, 0);
        for pair in &pairs {
            let Some(value) = pair.value else { continue };
            let name = self.content(pair.key);
            if name.eq_ignore_ascii_case("defaultValue") {
                parameter.default = Some(self.value(nodes, value, 0));
            } else if name.eq_ignore_ascii_case("allowedValues") && self.is_array(value) {
                parameter.allowed = Some(self.value(nodes, value, 0));
            } else if name.eq_ignore_ascii_case("minLength") {
                let length = self.value(nodes, value, 0).kind;
                parameter.non_empty = matches!(length, ExprKind::Int(1..));
            } else if name.eq_ignore_ascii_case("maxLength") {
                parameter.max_length = match self.value(nodes, value, 0).kind {
                    ExprKind::Int(length) => Some(length),
                    _ => None,
                };
            } else if name.eq_ignore_ascii_case("nullable") {
                parameter.nullable = value.kind_id() == self.kinds.true_;
            } else if name.eq_ignore_ascii_case("type") && self.is_string(value) {
                let content = self.content(value);
                parameter.secure = ["secureString", "secureObject"]
                    .iter()
                    .any(|secure| content.eq_ignore_ascii_case(secure));
            }
        }
        parameter
    }

    /// An entry of `definitions`.
    pub(super) fn definition(&mut self, nodes: &mut Nodes, pair: Pair<'t>) -> TypeDeclaration {
        let name = self.name(pair.key);
        let ty = match pair.value {
            Some(body) => self.ty(nodes, body, 0),
            None => TypeExpr::Any,
        };
        TypeDeclaration { name, ty }
    }

    /// The value of a string token, as a name.
    pub(crate) fn name(&mut self, string: Node<'t>) -> Ident {
        let content = self.content(string);
        Ident::new(self.intern(&content))
    }

    /// The type that a schema object states.
    pub(super) fn ty(&mut self, nodes: &mut Nodes, schema: Node<'t>, depth: usize) -> TypeExpr {
        if !self.is_object(schema) || depth >= MAX_DEPTH {
            return TypeExpr::Any;
        }
        let (pairs, _) = self.pairs(schema);
        let ty = self.type_of(nodes, &pairs, true, depth);
        match self.member(&pairs, "nullable") {
            Some(value) if value.kind_id() == self.kinds.true_ => TypeExpr::Nullable(Box::new(ty)),
            _ => ty,
        }
    }

    /// The type without its nullability; of a parameter also without its allowed values, which it keeps apart.
    fn type_of(
        &mut self,
        nodes: &mut Nodes,
        pairs: &[Pair<'t>],
        allowed: bool,
        depth: usize,
    ) -> TypeExpr {
        if let Some(path) = self.string_member(pairs, "$ref") {
            return self.referred(&path);
        }
        let content = self.string_member(pairs, "type").unwrap_or_default();
        let name = content.to_ascii_lowercase();
        let union = self
            .member(pairs, "allowedValues")
            .filter(|&values| allowed && self.is_array(values))
            .map(|values| self.union(nodes, values));
        match name.as_str() {
            "array" => match union {
                Some(union) => TypeExpr::Array(Box::new(union)),
                None => self.array_type(nodes, pairs, depth),
            },
            _ if union.is_some() => union.unwrap_or(TypeExpr::Any),
            "object" | "secureobject" => self.object_type(nodes, pairs, depth),
            "securestring" => self.primitive("string"),
            "string" | "int" | "bool" => self.primitive(&name),
            _ => TypeExpr::Any,
        }
    }

    /// `#/definitions/t`, and parts of it: `#/definitions/t/properties/p`, `…/items`, `…/prefixItems/0`.
    fn referred(&mut self, path: &str) -> TypeExpr {
        let mut steps = path.trim_start_matches('#').split('/').skip(2);
        let mut names = Vec::new();
        if let Some(name) = steps.next() {
            names.push(Ident::new(self.intern(name)));
        }
        while let Some(step) = steps.next() {
            let next = match step {
                "properties" => steps.next().map(|name| self.intern(name)),
                "prefixItems" => steps.next().map(|index| format!("[{index}]").into()),
                "items" => Some(TYPE_OF_ITEMS.into()),
                "additionalProperties" => Some(TYPE_OF_OTHERS.into()),
                _ => None,
            };
            match next {
                Some(name) => names.push(Ident::new(name)),
                None => return TypeExpr::Any,
            }
        }
        match names.is_empty() {
            true => TypeExpr::Any,
            false => TypeExpr::Named(names.into()),
        }
    }

    fn primitive(&mut self, name: &str) -> TypeExpr {
        TypeExpr::Primitive(Ident::new(self.intern(name)))
    }

    fn union(&mut self, nodes: &mut Nodes, values: Node<'t>) -> TypeExpr {
        let (values, _) = self.elements(values);
        let members = values
            .into_iter()
            .map(|value| TypeExpr::Literal(self.value(nodes, value, 0)))
            .collect();
        TypeExpr::Union(members)
    }

    fn array_type(&mut self, nodes: &mut Nodes, pairs: &[Pair<'t>], depth: usize) -> TypeExpr {
        let items = self.member(pairs, "items");
        let prefix = self.array_member(pairs, "prefixItems");
        match (prefix, items) {
            (Some(prefix), _) => {
                let (elements, _) = self.elements(prefix);
                let types = elements
                    .into_iter()
                    .map(|element| self.ty(nodes, element, depth + 1))
                    .collect();
                TypeExpr::Tuple(types)
            }
            (None, Some(items)) if self.is_object(items) => {
                TypeExpr::Array(Box::new(self.ty(nodes, items, depth + 1)))
            }
            _ => self.primitive("array"),
        }
    }

    fn object_type(&mut self, nodes: &mut Nodes, pairs: &[Pair<'t>], depth: usize) -> TypeExpr {
        if let Some(choice) = self.object_member(pairs, "discriminator") {
            return self.choice(nodes, choice, depth);
        }
        let properties = self.object_member(pairs, "properties");
        let additional = self.member(pairs, "additionalProperties");
        if properties.is_none() && additional.is_none_or(|a| !self.is_object(a)) {
            return self.primitive("object");
        }
        let mut named = Vec::new();
        if let Some(properties) = properties {
            for pair in self.pairs(properties).0 {
                let Some(value) = pair.value else { continue };
                let name = self.name(pair.key);
                named.push((name, self.ty(nodes, value, depth + 1)));
            }
        }
        let additional = match additional {
            // JSON schema's default: what is not named may occur.
            None => Some(Box::new(TypeExpr::Any)),
            Some(value) if value.kind_id() == self.kinds.false_ => None,
            Some(value) => Some(Box::new(self.ty(nodes, value, depth + 1))),
        };
        TypeExpr::Object {
            properties: named.into(),
            additional,
        }
    }

    /// A `discriminator`: one of the objects that it maps to.
    fn choice(&mut self, nodes: &mut Nodes, choice: Node<'t>, depth: usize) -> TypeExpr {
        let (pairs, _) = self.pairs(choice);
        let Some(mapping) = self.object_member(&pairs, "mapping") else {
            return self.primitive("object");
        };
        let (choices, _) = self.pairs(mapping);
        let types = choices
            .into_iter()
            .filter_map(|choice| choice.value)
            .map(|value| self.ty(nodes, value, depth + 1))
            .collect();
        TypeExpr::Union(types)
    }
}
