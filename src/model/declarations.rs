//! Declarations of a file: parameters, variables, functions, resources, modules, and the assignments of a parameter file.

use std::sync::Arc;

use super::{Expr, ExprKind, Ident, ItemSpans, Loop, NodeId};
use crate::syntax::Dialect;

/// Which of the languages a file is written in, by extension and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// `.bicep`.
    Bicep,
    /// `.bicepparam`.
    BicepParams,
    /// An ARM template (`.json`, `.jsonc`, `.arm` with a deployment-template `$schema` or a `resources` member).
    ArmTemplate,
    /// An ARM parameters file (`.json` with a deploymentParameters `$schema`).
    ArmParameters,
    /// Anything else: read only by `load…Content`.
    Other,
}

impl FileKind {
    /// Which of Bicep's two kinds of file it is.
    pub fn dialect(self) -> Option<Dialect> {
        match self {
            FileKind::Bicep => Some(Dialect::Template),
            FileKind::BicepParams => Some(Dialect::Parameters),
            FileKind::ArmTemplate | FileKind::ArmParameters | FileKind::Other => None,
        }
    }
}

/// The four levels a deployment can be made at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScopeKind {
    /// `resourceGroup`; the default.
    ResourceGroup,
    /// `subscription`.
    Subscription,
    /// `managementGroup`.
    ManagementGroup,
    /// `tenant`.
    Tenant,
}

/// What a file, or a template nested in one, states.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Template {
    /// The language: decides how `Name` and nested conditions are understood.
    pub kind: FileKind,
    /// `targetScope`, or the scope that `$schema` names. None where the file declares nothing (Bicep's default is
    /// resource group; an ARM `$schema` may name another scope than the one deployed to).
    pub scope: Option<ScopeKind>,
    /// ARM: `metadata._generator` names Bicep as the author of this JSON.
    pub generated: bool,
    /// The items in file order.
    pub items: Box<[Arc<Item>]>,
}

/// A whole file, lowered.
#[derive(Debug, Clone)]
pub struct FileModel {
    /// Its content.
    pub template: Arc<Template>,
    /// For each of [`Template::items`]: its first byte in the file and the positions of its nodes.
    pub spans: Box<[(u32, Arc<ItemSpans>)]>,
}

impl FileModel {
    /// Each item with its first byte in the file and the spans of its nodes.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&Arc<Item>, &(u32, Arc<ItemSpans>))> {
        self.template.items.iter().zip(&self.spans)
    }
}

/// One top-level thing of a template. The unit of lowering.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Hash over its content: blanks, comments and places do not count.
    pub hash: u64,
    /// What it declares.
    pub kind: ItemKind,
    /// A syntax error is inside: rules stay silent about what it declares.
    pub broken: bool,
    /// Bicep: it makes the compiler write `languageVersion` 2.0, by a type or a decorator that the model does not keep.
    pub modern: bool,
}

impl std::hash::Hash for Item {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// The kinds of item.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum ItemKind {
    /// `param`, an entry of `parameters`.
    Parameter(Parameter),
    /// `var`, an entry of `variables` (an entry of its `copy` too).
    Variable(Variable),
    /// `func`, a member of `functions[].members`.
    Function(Function),
    /// `type`, an entry of `definitions`.
    Type(TypeDeclaration),
    /// A resource, with the resources nested in it.
    Resource(Resource),
    /// A module, or a `Microsoft.Resources/deployments` resource.
    Module(Module),
    /// `output`.
    Output(Output),
    /// `import { a, b as c } from 'x'`, `import * as ns from 'x'`.
    Import(Import),
    /// bicepparam: `using`.
    Using(Using),
    /// bicepparam: `extends`.
    Extends(Reference),
    /// bicepparam: `param x = value`; ARM parameters file: an entry of `parameters`.
    Assignment(Assignment),
    /// `metadata x = value`; ARM parameters file: `metadata.template`. Kept for other layers.
    Metadata {
        /// Its name.
        name: Ident,
        /// Its value.
        value: Expr,
    },
    /// Something that does not parse, or nothing that evaluation needs (`targetScope`, `assert`, `test`, `extension`).
    Broken,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Parameter {
    /// Its name.
    pub name: Ident,
    /// Node of the name.
    pub name_node: NodeId,
    /// Its declared type.
    pub ty: TypeExpr,
    /// The default.
    pub default: Option<Expr>,
    /// `@allowed([...])`, `allowedValues`: the array.
    pub allowed: Option<Expr>,
    /// `@secure()`, `secureString`, `secureObject`.
    pub secure: bool,
    /// `@minLength(1)` or more, `minLength`.
    pub non_empty: bool,
    /// `@maxLength(n)`, `maxLength`.
    pub max_length: Option<i64>,
    /// `nullable: true`, `T?`; [`Parameter::ty`] is then the `T`.
    pub nullable: bool,
}

/// A step of [`TypeExpr::Named`]: `T[*]`.
pub const TYPE_OF_ITEMS: &str = "[*]";

/// A step of [`TypeExpr::Named`]: `T.*`.
pub const TYPE_OF_OTHERS: &str = ".*";

/// A type, as far as it bounds values.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum TypeExpr {
    /// Nothing is stated, or nothing that bounds a value.
    Any,
    /// `string`, `int`, `bool`, `object`, `array`: lower case.
    Primitive(Ident),
    /// A reference to a declared or imported type, or to a part of one: `myType`, `ns.myType.property`. The type of the
    /// elements of an array is [`TYPE_OF_ITEMS`], of one element `[0]`, of the members that no property names
    /// [`TYPE_OF_OTHERS`].
    Named(Box<[Ident]>),
    /// A literal: `'a'`, `1`, `true`, `null`.
    Literal(Expr),
    /// `a | b`.
    Union(Box<[TypeExpr]>),
    /// `T[]`.
    Array(Box<TypeExpr>),
    /// `[a, b]`.
    Tuple(Box<[TypeExpr]>),
    /// `{ a: T, *: U }`: properties by name; whether others may occur.
    Object {
        /// The named properties.
        properties: Box<[(Ident, TypeExpr)]>,
        /// `*: T`.
        additional: Option<Box<TypeExpr>>,
    },
    /// `T?`.
    Nullable(Box<TypeExpr>),
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Variable {
    /// Its name.
    pub name: Ident,
    /// Its value; a loop arrives as [`super::ExprKind::For`].
    pub value: Expr,
}

/// A user function.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Function {
    /// ARM: the namespace it lives in.
    pub namespace: Option<Ident>,
    /// Its name.
    pub name: Ident,
    /// Its parameters: name, type.
    pub parameters: Box<[(Ident, TypeExpr)]>,
    /// Its result.
    pub body: Expr,
}

/// A named type.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct TypeDeclaration {
    /// Its name.
    pub name: Ident,
    /// What it represents.
    pub ty: TypeExpr,
}

/// What resource and module declarations have in common.
#[derive(Debug, Clone, PartialEq, Hash, Default)]
pub struct Declaration {
    /// Bicep's symbol; the key of an ARM template's `resources` object.
    pub symbol: Option<Ident>,
    /// Conditions that must all hold. Bicep lowering puts the conditions of enclosing resources here as well, since the
    /// compiler ANDs them in; ARM lowering does not, since ARM does not.
    pub conditions: Box<[Expr]>,
    /// The loop around it. A loop of an enclosing Bicep resource is inherited.
    pub loops: Option<Loop>,
    /// `name`. Exactly as written; `None` where a module has none. A nested child's own segment only: evaluation joins
    /// it with the parent's.
    pub name: Option<Expr>,
    /// Bicep's `scope:`.
    pub scope: Option<Expr>,
    /// ARM: `subscriptionId`, `resourceGroup` of a deployment.
    pub subscription: Option<Expr>,
    /// ARM: `resourceGroup` of a deployment.
    pub resource_group: Option<Expr>,
    /// `dependsOn`.
    pub depends_on: Option<Expr>,
    /// Node of the whole declaration.
    pub node: NodeId,
    /// Node of the type string (Bicep: the literal with `@version`; JSON: the value of `type`), of a module its path
    /// literal (JSON: the value of `type` for a nested deployment). Findings point here.
    pub type_node: NodeId,
}

/// The parts of `Microsoft.X/y/providers/z`, the older form of the type of a resource that extends another: `Microsoft.X/y`
/// and `z`. Its name is `y's name/Microsoft.Z/z's name`.
pub(crate) fn older_form(resource_type: &str) -> Option<(&str, &str)> {
    const MIDDLE: &str = "/providers/";
    let at = resource_type.match_indices('/').map(|(at, _)| at);
    let is_middle = |at: &usize| {
        let middle = resource_type.get(*at..at + MIDDLE.len());
        middle.is_some_and(|middle| middle.eq_ignore_ascii_case(MIDDLE))
    };
    let at = { at }.find(is_middle)?;
    Some((&resource_type[..at], &resource_type[at + MIDDLE.len()..]))
}

/// Whether a type is of the [`older_form`].
pub(crate) fn is_older_form(resource_type: Option<&Ident>) -> bool {
    resource_type.is_some_and(|ty| older_form(ty.as_str()).is_some())
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Resource {
    /// Conditions, loop, name, scope.
    pub declaration: Declaration,
    /// Type without version, fully qualified for nested children (`Microsoft.Network/virtualNetworks/subnets`);
    /// `None` where `type` is no literal. Bicep's `az:` prefix is dropped.
    pub resource_type: Option<Ident>,
    /// The type is of the [`older_form`].
    pub is_older_form: bool,
    /// API version, inherited by nested children; an expression in ARM (`[variables('v')]`).
    pub api_version: Option<Expr>,
    /// `existing`, `existing: true`.
    pub existing: bool,
    /// Bicep's `parent:`.
    pub parent: Option<Expr>,
    /// The body as written: an object (after `if` and `for` are taken off). For ARM the whole resource object. Includes
    /// `properties`, `tags`, ...; excludes nested resources.
    pub body: Expr,
    /// Resources nested in it (Bicep: nested `resource`; ARM: nested `resources`).
    pub children: Box<[Resource]>,
}

impl Resource {
    /// The types of a resource and of those nested in it.
    pub(crate) fn for_each_type(&self, f: &mut dyn FnMut(&Ident)) {
        self.resource_type.iter().for_each(&mut *f);
        self.children
            .iter()
            .for_each(|child| child.for_each_type(f));
    }

    /// A deployment, or a stack, of another template that is written as a resource.
    pub fn is_deployment(&self) -> bool {
        let types = [
            "Microsoft.Resources/deployments",
            "Microsoft.Resources/deploymentStacks",
        ];
        let ty = self.resource_type.as_ref();
        !self.existing && ty.is_some_and(|ty| types.iter().any(|deployment| ty.is(deployment)))
    }

    /// A deployment of a template that is not empty as written.
    pub fn deploys_template(&self) -> bool {
        // Asked of every resource at each keystroke: the type first, which is the cheaper look.
        if !self.is_deployment() {
            return false;
        }
        let properties = self.body.member("properties");
        let template = properties.and_then(|properties| properties.member("template"));
        let resources = template.and_then(|template| template.member("resources"));
        let empty = resources.is_some_and(
            |resources| matches!(&resources.kind, ExprKind::Array(elements) if elements.is_empty()),
        );
        !empty
    }
}

/// A module use, or a nested or linked deployment.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Module {
    /// Conditions, loop, name, scope.
    pub declaration: Declaration,
    /// What it deploys.
    pub target: Target,
    /// Arguments: an object expression. ARM's `{ "x": { "value": v } }` arrives as `{ x: v }`; a key vault reference
    /// arrives as a call of the unknown function `keyVaultSecret`; Bicep's spread stays a spread.
    pub arguments: Option<Expr>,
    /// `expressionEvaluationOptions.scope` of a deployment: whether its template is evaluated by itself (`inner`).
    pub evaluation: Option<Expr>,
    /// The template that it is written in has a `languageVersion`: a nested one has inner scope, and no other.
    pub versioned: bool,
}

/// What a module use deploys.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Target {
    /// The template is here.
    Inline(Arc<Template>),
    /// A path or registry reference as written.
    Reference(Reference),
    /// ARM: `templateLink.relativePath`: to be evaluated, then read relative to this file.
    Relative(Expr),
    /// ARM: `templateLink.uri`, to be evaluated: one that begins with where a template of the workspace is can be read.
    Uri(Expr),
    /// ARM: `templateLink.id`: a template spec's resource id.
    TemplateSpec(Expr),
    /// ARM: `template` is an expression (`[variables('$fxv#0')]`): the value, read as a template.
    Value(Expr),
    /// Nothing that states what is deployed.
    Missing,
}

/// A path or registry reference literal.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Reference {
    /// The text, decoded: `./modules/acr.bicep`, `br/public:avm/res/…:0.9.3`.
    pub text: Arc<str>,
    /// The position of the literal.
    pub node: NodeId,
}

/// An output.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Output {
    /// Its name.
    pub name: Ident,
    /// Its value.
    pub value: Expr,
}

/// An import of compile-time symbols.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Import {
    /// The file or registry module.
    pub from: Reference,
    /// `* as ns`: the alias.
    pub namespace: Option<Ident>,
    /// `{ a, b as c }`: exported name, local name.
    pub names: Box<[(Ident, Ident)]>,
}

/// bicepparam's `using`.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Using {
    /// The template; `None` for `using none`.
    pub target: Option<Reference>,
}

/// A parameter's value in a parameter file.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Assignment {
    /// The parameter.
    pub name: Ident,
    /// Its value. ARM: key vault references arrive as a call of the unknown function `keyVaultSecret`, `${ENV}`
    /// placeholders as a call of `environmentPlaceholder`.
    pub value: Expr,
}
