//! Converts unknown expressions to [`Canonical`] forms over the parameters of the entry point: names are replaced by their
//! definitions, through variables, defaults and module arguments.

use std::cell::Cell;
use std::sync::Arc;

use super::canonical::Canonical;
use super::context::Context;
use super::evaluate::value_of;
use super::json::{Text, json_text};
use super::loops::expression_hash;
use super::scope::{Env, Frame, Inputs, Internal, Part, Section, Symbol};
use super::value::{Kind, Value};
use crate::model::{Expr, ExprKind, Ident, ItemKind, Member};

/// Nodes that one form may take, and bytes that one atom may. Beyond them there is no canonical form.
const MAX_NODES: u32 = 2_000;
const MAX_TEXT: usize = 2_000;
/// Elements of a list whose members are compared one by one.
const MAX_LIST: usize = 16;

/// Parts of a condition's form. What people write has a dozen.
const MAX_PARTS: usize = 400;

/// Whether two expressions that are not known have equal values nevertheless.
pub(crate) fn same(cx: &Context<'_>, a: (Env<'_>, &Expr), b: (Env<'_>, &Expr)) -> bool {
    let walk = Walk::new(cx, MAX_NODES / 4);
    match walk.text(a.0, a.1) {
        Some(text) => walk.text(b.0, b.1) == Some(text),
        None => false,
    }
}

/// The canonical form of a condition.
pub(crate) fn condition(cx: &Context<'_>, env: Env<'_>, expr: &Expr) -> Option<Arc<Canonical>> {
    Walk::new(cx, MAX_NODES).condition(env, expr)
}

/// The value with its canonical form, where it is unknown and has one.
pub(crate) fn with_canonical(cx: &Context<'_>, env: Env<'_>, expr: &Expr, value: Value) -> Value {
    let Kind::Unknown(unknown) = &value.kind else {
        return value;
    };
    if unknown.canonical.is_some() {
        return value;
    }
    let Some(text) = Walk::new(cx, MAX_NODES / 4).text(env, expr) else {
        return value;
    };
    let mut unknown = (**unknown).clone();
    unknown.canonical = Some(Canonical::atom(text));
    Value {
        kind: Kind::Unknown(Arc::new(unknown)),
        place: value.place,
    }
}

/// What a name represents, where that is another expression: a variable's, a default, an argument.
pub(crate) fn meaning<'e>(
    cx: &Context<'_>,
    env: Env<'e>,
    expr: &'e Expr,
) -> Option<(Env<'e>, &'e Expr)> {
    Walk::new(cx, MAX_NODES).meaning(env, expr)
}

struct Walk<'c> {
    cx: &'c Context<'c>,
    nodes: Cell<u32>,
}

impl<'c> Walk<'c> {
    fn new(cx: &'c Context<'_>, nodes: u32) -> Self {
        Walk {
            cx,
            nodes: Cell::new(nodes),
        }
    }

    fn step(&self) -> Option<()> {
        let left = self.nodes.get().checked_sub(1)?;
        self.nodes.set(left);
        self.cx.spend(1).then_some(())
    }

    fn condition(&self, env: Env<'_>, expr: &Expr) -> Option<Arc<Canonical>> {
        self.step()?;
        let form = self
            .cx
            .on_large_stack(|| self.condition_unchecked(env, expr))?;
        (!form.is_larger_than(MAX_PARTS)).then_some(form)
    }

    fn condition_unchecked(&self, env: Env<'_>, expr: &Expr) -> Option<Arc<Canonical>> {
        let env = env.reading();
        let all = |args: &[Expr]| {
            let each = args.iter().map(|arg| self.condition(env, arg));
            each.collect::<Option<Vec<_>>>()
        };
        if let ExprKind::Call {
            name,
            args,
            namespace: None,
        } = &expr.kind
            && env.frame.find(Section::Function, name.as_str()).is_none()
        {
            match (name.as_str().to_ascii_lowercase().as_str(), &**args) {
                ("and", args) => return Some(Canonical::and(all(args)?)),
                ("or", args) => return Some(Canonical::or(all(args)?)),
                ("not", [of]) => return Some(Canonical::not(&self.condition(env, of)?)),
                ("bool" | "any", [of]) => return self.condition(env, of),
                ("if", [when, yes, no]) => {
                    let when = self.condition(env, when)?;
                    let yes = Canonical::and([when.clone(), self.condition(env, yes)?]);
                    let no = Canonical::and([Canonical::not(&when), self.condition(env, no)?]);
                    return Some(Canonical::or([yes, no]));
                }
                ("equals", [left, right]) => {
                    for (one, other) in [(left, right), (right, left)] {
                        match value_of(self.cx, env, one).as_bool() {
                            Some(true) => return self.condition(env, other),
                            Some(false) => {
                                return Some(Canonical::not(&self.condition(env, other)?));
                            }
                            None => {}
                        }
                    }
                }
                ("contains", [list, item]) => {
                    if let Some(one_of) = self.one_of(env, list, item) {
                        return Some(one_of);
                    }
                }
                ("parameters" | "variables", _) => {
                    if let Some((env, expr)) = self.meaning(env, expr) {
                        return self.condition(env, expr);
                    }
                }
                _ => {}
            }
        }
        if let ExprKind::Name(_) = &expr.kind
            && let Some((env, expr)) = self.meaning(env, expr)
        {
            return self.condition(env, expr);
        }
        let value = value_of(self.cx, env, expr);
        if let Some(value) = value.as_bool() {
            return Some(Canonical::constant(value));
        }
        if let Kind::Unknown(unknown) = &value.kind
            && let Some(canonical) = &unknown.canonical
        {
            return Some(canonical.clone());
        }
        self.text(env, expr).map(Canonical::atom)
    }

    /// That an item is one of a known list: then it equals one of its elements.
    fn one_of(&self, env: Env<'_>, list: &Expr, item: &Expr) -> Option<Arc<Canonical>> {
        let list = value_of(self.cx, env, list);
        let Kind::Array(array) = &list.kind else {
            return None;
        };
        if array.open.is_some() || array.items.len() > MAX_LIST {
            return None;
        }
        let item = self.text(env, item)?;
        let equal = |element: &Value| match (&element.kind, json_text(element)) {
            (Kind::Str(_) | Kind::Int(_), Text::Known(text)) => {
                let mut texts = [text.to_string(), item.clone()];
                texts.sort_unstable();
                Some(Canonical::atom(format!("equals({})", texts.join(","))))
            }
            _ => None,
        };
        let each: Option<Vec<_>> = array.items.iter().map(equal).collect();
        Some(Canonical::or(each?))
    }

    /// What a name represents, where that is another expression: a variable's, a default, an argument.
    fn meaning<'e>(&self, env: Env<'e>, expr: &'e Expr) -> Option<(Env<'e>, &'e Expr)> {
        let symbol = match &expr.kind {
            ExprKind::Name(name) if env.local(name.as_str()).is_none() => {
                env.frame.find(Section::Value, name.as_str())?
            }
            ExprKind::Call { name, args, .. } => {
                let section = if name.is("parameters") {
                    Section::Parameter
                } else if name.is("variables") {
                    Section::Variable
                } else {
                    return None;
                };
                let in_function = matches!(
                    env.item().map(|item| &item.kind),
                    Some(ItemKind::Function(_))
                );
                let wanted = args.first()?.as_str()?;
                match in_function && env.local(wanted).is_some() {
                    true => return None,
                    false => env.frame.find(section, wanted)?,
                }
            }
            _ => return None,
        };
        let (Symbol::Parameter(item) | Symbol::Variable(item) | Symbol::Assignment(item)) = symbol
        else {
            return None;
        };
        let home = env.frame.env(*item);
        match &env.frame.item(*item)?.kind {
            ItemKind::Variable(variable) => Some((home, &variable.value)),
            ItemKind::Assignment(assignment) => Some((home, &assignment.value)),
            ItemKind::Parameter(parameter) => {
                match given(env.frame, &parameter.name) {
                    Given::Expression(env, argument) => {
                        let certain = parameter.default.is_none() || {
                            let value = value_of(self.cx, env, argument);
                            value.ty().is_some()
                        };
                        // An argument that may be null may mean the default.
                        certain.then_some((env, argument))
                    }
                    Given::Nothing => Some((home, parameter.default.as_ref()?)),
                    Given::Value => None,
                }
            }
            _ => None,
        }
    }

    /// The expression printed, names replaced by what they represent.
    fn text(&self, env: Env<'_>, expr: &Expr) -> Option<String> {
        self.step()?;
        let text = self.cx.on_large_stack(|| self.text_unchecked(env, expr))?;
        (text.len() <= MAX_TEXT).then_some(text)
    }

    fn text_unchecked(&self, env: Env<'_>, expr: &Expr) -> Option<String> {
        let value = value_of(self.cx, env, expr);
        if let Text::Known(text) = json_text(&value)
            && !matches!(value.kind, Kind::Internal(_))
        {
            return Some(text.to_string());
        }
        if let Kind::Unknown(unknown) = &value.kind
            && let Some(canonical) = &unknown.canonical
        {
            return Some(canonical.to_string());
        }
        let env = env.reading();
        if let Kind::Internal(internal) = &value.kind {
            return self.symbol(env.frame, internal);
        }
        match &expr.kind {
            ExprKind::Name(name) => match self.meaning(env, expr) {
                Some((env, expr)) => self.text(env, expr),
                None if env.local(name.as_str()).is_some() => None,
                None => self.input(env.frame, name.as_str()),
            },
            ExprKind::Call {
                namespace,
                name,
                args,
            } => {
                if name.is("parameters") || name.is("variables") {
                    return match self.meaning(env, expr) {
                        Some((env, expr)) => self.text(env, expr),
                        None => self.input(env.frame, args.first()?.as_str()?),
                    };
                }
                self.call(env, namespace.as_ref(), name, args)
            }
            ExprKind::Concat(pieces) => {
                let pieces = self.texts(env, pieces)?;
                Some(format!("concat({})", pieces.join(",")))
            }
            ExprKind::Array(elements) => {
                let mut texts = Vec::new();
                for element in elements {
                    let spread = if element.spread { "..." } else { "" };
                    texts.push(format!("{spread}{}", self.text(env, &element.value)?));
                }
                Some(format!("[{}]", texts.join(",")))
            }
            ExprKind::Object(members) => {
                let mut texts = Vec::new();
                for member in members {
                    texts.push(match member {
                        Member::Property { key, value } => {
                            format!("{}:{}", self.text(env, key)?, self.text(env, value)?)
                        }
                        Member::Spread(value) => format!("...{}", self.text(env, value)?),
                    });
                }
                Some(format!("{{{}}}", texts.join(",")))
            }
            ExprKind::Get {
                base,
                key,
                safe,
                from_end,
            } => {
                let safe = if *safe { "?" } else { "" };
                let back = if *from_end { "^" } else { "" };
                let (base, key) = (self.text(env, base)?, self.text(env, key)?);
                Some(format!("{base}[{safe}{back}{key}]"))
            }
            _ => None,
        }
    }

    /// A resource or module of the entry point, of which there is one; those of modules may be many.
    fn symbol(&self, frame: &Frame<'_>, internal: &Internal) -> Option<String> {
        if !matches!(frame.inputs, Inputs::Entry(_)) {
            return None;
        }
        // Its position would change with each edit before it.
        let item = frame.origin.key(internal.item).0;
        let text = match &internal.part {
            Part::Resource(path) => format!("resource#{item}{path:?}"),
            Part::Module => format!("module#{item}"),
            Part::Outputs => format!("outputs#{item}"),
        };
        match &internal.iteration {
            None => Some(text),
            Some(iteration) => Some(format!("{text}[{}]", iteration.as_int()?)),
        }
    }

    fn texts(&self, env: Env<'_>, exprs: &[Expr]) -> Option<Vec<String>> {
        exprs.iter().map(|expr| self.text(env, expr)).collect()
    }

    /// A parameter that represents nothing else: the entry point's own, without a value.
    fn input(&self, frame: &Frame<'_>, name: &str) -> Option<String> {
        let section = match frame.is_bicep() {
            true => Section::Value,
            false => Section::Parameter,
        };
        let Symbol::Parameter(item) = frame.find(section, name)? else {
            return None;
        };
        let ItemKind::Parameter(parameter) = &frame.item(*item)?.kind else {
            return None;
        };
        match (&frame.inputs, given(frame, &parameter.name)) {
            (Inputs::Entry(_), Given::Nothing) if parameter.default.is_none() => {
                Some(format!("parameters('{}')", name.to_ascii_lowercase()))
            }
            // The argument may be null: then the default counts.
            (_, Given::Expression(env, argument)) => {
                let default = parameter.default.as_ref()?;
                let default = self.text(frame.env(*item), default)?;
                Some(format!("coalesce({},{default})", self.text(env, argument)?))
            }
            _ => None,
        }
    }

    fn call(
        &self,
        env: Env<'_>,
        namespace: Option<&Ident>,
        name: &Ident,
        args: &[Expr],
    ) -> Option<String> {
        let folded = name.as_str().to_ascii_lowercase();
        let user = env.frame.find(Section::Function, name.as_str()).is_some();
        // Functions of two files differ by the file.
        let home = match user || namespace.is_some_and(|n| !n.is("sys") && !n.is("az")) {
            true => format!(
                "{}.{}.",
                env.frame.origin.file.0,
                namespace.map_or("", |n| n.as_str())
            ),
            false => String::new(),
        };
        let here = match folded.as_str() {
            "copyindex" | "lambdavariables" => return None,
            "deployment" | "newguid" if !matches!(env.frame.inputs, Inputs::Entry(_)) => {
                return None;
            }
            "subscription" => self.scope(env.frame, false)?,
            "resourcegroup" | "resourceid" | "reference" | "subscriptionresourceid" => {
                self.scope(env.frame, true)?
            }
            name if name.starts_with("list") => self.scope(env.frame, true)?,
            _ => String::new(),
        };
        let texts = args.iter().map(|arg| match &arg.kind {
            // A lambda that uses nothing but its own parameters and known values means the same everywhere.
            ExprKind::Lambda { .. } => self
                .is_closed(env, arg)
                .then(|| format!("lambda#{:x}", expression_hash(arg))),
            _ => self.text(env, arg),
        });
        let mut texts: Vec<String> = texts.collect::<Option<_>>()?;
        if folded == "equals" {
            texts.sort_unstable();
        }
        Some(format!("{home}{folded}{here}({})", texts.join(",")))
    }

    /// Whether an expression names nothing of its file.
    fn is_closed(&self, env: Env<'_>, expr: &Expr) -> bool {
        let mut closed = true;
        expr.walk(&mut |expr| {
            closed &= match &expr.kind {
                ExprKind::Name(name) => {
                    env.local(name.as_str()).is_none()
                        && env.frame.find(Section::Value, name.as_str()).is_none()
                }
                ExprKind::Call { name, .. } => !name.is("parameters") && !name.is("variables"),
                ExprKind::Nested { .. } | ExprKind::For(_) | ExprKind::Method { .. } => false,
                _ => true,
            };
        });
        closed
    }

    /// The scope of a module, where it differs from that of the entry point.
    fn scope(&self, frame: &Frame<'_>, group: bool) -> Option<String> {
        let mut text = String::new();
        if let Some(subscription) = &frame.scope.subscription {
            text.push('@');
            text.push_str(&print(subscription)?);
        }
        if let Some(resource_group) = frame.scope.resource_group.as_ref().filter(|_| group) {
            text.push('/');
            text.push_str(&print(resource_group)?);
        }
        Some(text)
    }
}

/// A value as canonical forms name it.
pub(crate) fn print(value: &Value) -> Option<String> {
    match (&value.kind, json_text(value)) {
        (_, Text::Known(text)) => Some(text.to_string()),
        (Kind::Unknown(unknown), _) => unknown.canonical.as_ref().map(|it| it.to_string()),
        _ => None,
    }
}

/// What the user of a frame gives to a parameter, as written.
enum Given<'e> {
    Nothing,
    Expression(Env<'e>, &'e Expr),
    /// A value without an expression that can be followed.
    Value,
}

fn given<'e>(frame: &'e Frame<'e>, name: &Ident) -> Given<'e> {
    match &frame.inputs {
        Inputs::None => Given::Nothing,
        Inputs::Entry(arguments) => match arguments.values.contains_key(name) {
            true => Given::Value,
            false => Given::Nothing,
        },
        Inputs::Module { env, arguments, .. } => {
            let Some(arguments) = arguments else {
                return Given::Nothing;
            };
            match (
                super::lookup::is_plain(arguments),
                arguments.member(name.as_str()),
            ) {
                (true, Some(argument)) => Given::Expression(*env, argument),
                (true, None) => Given::Nothing,
                (false, _) => Given::Value,
            }
        }
    }
}
