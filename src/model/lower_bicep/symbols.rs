//! Node and field names of the grammar as enums, resolved once, since lowering runs on every keystroke.

use std::num::NonZeroU16;
use std::sync::LazyLock;

use crate::syntax;

/// Declares an enum whose variants represent names of the grammar, and the way from a name to its variant.
macro_rules! names {
    ($(#[$meta:meta])* $enum:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $enum {
            $($variant,)*
            /// Not needed for lowering.
            Other,
        }

        impl $enum {
            #[cfg(test)]
            pub(super) const NAMES: &[&str] = &[$($name),*];

            fn of(name: &str) -> Self {
                match name {
                    $($name => $enum::$variant,)*
                    _ => $enum::Other,
                }
            }
        }
    };
}

names! {
    /// Kinds of node; those of declarations come first.
    Kind {
        TargetScope = "target_scope",
        MetadataDeclaration = "metadata_declaration",
        TypeDeclaration = "type_declaration",
        ParamDeclaration = "param_declaration",
        VarDeclaration = "var_declaration",
        FuncDeclaration = "func_declaration",
        ResourceDeclaration = "resource_declaration",
        ModuleDeclaration = "module_declaration",
        OutputDeclaration = "output_declaration",
        TestDeclaration = "test_declaration",
        AssertDeclaration = "assert_declaration",
        ImportDeclaration = "import_declaration",
        ExtensionDeclaration = "extension_declaration",
        ExtensionConfig = "extension_config",
        UsingDeclaration = "using_declaration",
        ExtendsDeclaration = "extends_declaration",
        Decorator = "decorator",
        IfBody = "if_body",
        ImportItem = "import_item",
        FuncParameter = "func_parameter",
        Ternary = "ternary",
        Binary = "binary",
        Unary = "unary",
        Member = "member",
        Index = "index",
        MethodCall = "method_call",
        ResourceAccess = "resource_access",
        NonNull = "non_null",
        Call = "call",
        Lambda = "lambda",
        Variable = "variable",
        Integer = "integer",
        Boolean = "boolean",
        Null = "null",
        String = "string",
        MultilineString = "multiline_string",
        Interpolation = "interpolation",
        Object = "object",
        Array = "array",
        For = "for",
        Parenthesized = "parenthesized",
        Property = "property",
        Spread = "spread",
        Identifier = "identifier",
        UnionType = "union_type",
        NullableType = "nullable_type",
        NonNullType = "non_null_type",
        NegatedType = "negated_type",
        ArrayType = "array_type",
        MemberType = "member_type",
        ItemsType = "items_type",
        IndexType = "index_type",
        AdditionalType = "additional_type",
        TypeName = "type_name",
        ParenthesizedType = "parenthesized_type",
        ObjectType = "object_type",
        TypeProperty = "type_property",
        TupleType = "tuple_type",
        TupleItem = "tuple_item",
        Comment = "comment",
        Pragma = "pragma",
        Coalesce = "??",
        Or = "||",
        And = "&&",
        Equal = "==",
        NotEqual = "!=",
        EqualFolded = "=~",
        NotEqualFolded = "!~",
        Less = "<",
        LessOrEqual = "<=",
        Greater = ">",
        GreaterOrEqual = ">=",
        Plus = "+",
        Minus = "-",
        Times = "*",
        Divide = "/",
        Modulo = "%",
        Not = "!",
    }
}

names! {
    /// Fields: what a child is to its parent.
    Field {
        Alias = "alias",
        Arguments = "arguments",
        Body = "body",
        Condition = "condition",
        Decorators = "decorators",
        Element = "element",
        Else = "else",
        Existing = "existing",
        Expression = "expression",
        FromEnd = "from_end",
        Function = "function",
        Index = "index",
        Item = "item",
        Items = "items",
        Iterable = "iterable",
        Key = "key",
        Left = "left",
        Member = "member",
        Method = "method",
        Name = "name",
        Namespace = "namespace",
        Object = "object",
        Operand = "operand",
        Operator = "operator",
        Parameters = "parameters",
        Path = "path",
        Property = "property",
        Resource = "resource",
        Right = "right",
        Safe = "safe",
        Then = "then",
        Type = "type",
        Value = "value",
    }
}

struct Symbols {
    kinds: Box<[Kind]>,
    fields: Box<[Field]>,
    operator: u16,
}

static SYMBOLS: LazyLock<Symbols> = LazyLock::new(|| {
    let language = syntax::bicep();
    let kinds = (0..language.node_kind_count()).map(|id| {
        language
            .node_kind_for_id(id as u16)
            .map_or(Kind::Other, Kind::of)
    });
    let fields = (0..=language.field_count()).map(|id| {
        language
            .field_name_for_id(id as u16)
            .map_or(Field::Other, Field::of)
    });
    Symbols {
        kinds: kinds.collect(),
        fields: fields.collect(),
        operator: language
            .field_id_for_name("operator")
            .map_or(0, NonZeroU16::get),
    }
});

impl Kind {
    /// The kind that the grammar numbers so. An error's number is beyond the table.
    pub(super) fn from_id(id: u16) -> Kind {
        SYMBOLS
            .kinds
            .get(usize::from(id))
            .copied()
            .unwrap_or(Kind::Other)
    }

    /// Whether it is a declaration, at the top level or nested.
    pub(super) fn is_declaration(self) -> bool {
        self as u8 <= Kind::ExtendsDeclaration as u8
    }
}

impl Field {
    /// The field that the grammar numbers so.
    pub(super) fn from_id(id: Option<NonZeroU16>) -> Field {
        let id = id.map_or(0, NonZeroU16::get);
        SYMBOLS
            .fields
            .get(usize::from(id))
            .copied()
            .unwrap_or(Field::Other)
    }
}

/// The operator of a binary or unary expression: it decides how many nodes are numbered before the operands are read.
pub(super) fn operator(node: tree_sitter::Node<'_>) -> Kind {
    node.child_by_field_id(SYMBOLS.operator)
        .map_or(Kind::Other, |operator| Kind::from_id(operator.kind_id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that the grammar no longer has would silently lower to nothing.
    #[test]
    fn the_grammar_has_every_name() {
        let language = syntax::bicep();
        let kind = |name: &&str| {
            language.id_for_node_kind(name, true) != 0
                || language.id_for_node_kind(name, false) != 0
        };
        let field = |name: &&str| language.field_id_for_name(name).is_some();
        assert_eq!(Kind::NAMES.iter().find(|name| !kind(name)), None);
        assert_eq!(Field::NAMES.iter().find(|name| !field(name)), None);
    }
}
