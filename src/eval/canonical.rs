//! Unknown conditions in a form that can be compared: a plan with the registry's condition, or a weaker one, covers the
//! registry whatever the condition's value is.

use std::fmt;
use std::sync::Arc;

/// An unknown expression over the inputs of the deployment, for comparing conditions. `and`/`or` are flattened, sorted
/// and deduplicated; negation comes before atoms only. Built by the functions here, which keep it so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Canonical {
    /// A parameter of the entry point, or anything else with one value per deployment (`resourceGroup().name`), or
    /// a call over such: printed.
    Atom(Arc<str>),
    /// Negation.
    Not(Arc<Canonical>),
    /// All hold. Of none: true.
    And(Arc<[Arc<Canonical>]>),
    /// One holds. Of none: false.
    Or(Arc<[Arc<Canonical>]>),
}

impl Canonical {
    /// What always holds, and what never does.
    pub fn constant(value: bool) -> Arc<Self> {
        let none: Arc<[Arc<Canonical>]> = Arc::new([]);
        Arc::new(match value {
            true => Canonical::And(none),
            false => Canonical::Or(none),
        })
    }

    /// An atom by its printed form.
    pub fn atom(text: impl Into<Arc<str>>) -> Arc<Self> {
        Arc::new(Canonical::Atom(text.into()))
    }

    /// The negation, moved inward to the atoms. The dual of what is flat, without repeats and undecided is so too: only
    /// its order may differ. Joining it again at each level would ask for negations of negations, twice as many per level.
    pub fn not(of: &Arc<Self>) -> Arc<Self> {
        let duals = |each: &[Arc<Self>]| -> Arc<[Arc<Self>]> {
            let mut duals: Vec<_> = each.iter().map(Canonical::not).collect();
            duals.sort_unstable();
            duals.into()
        };
        match &**of {
            Canonical::Atom(_) => Arc::new(Canonical::Not(of.clone())),
            Canonical::Not(inner) => inner.clone(),
            Canonical::And(each) => Arc::new(Canonical::Or(duals(each))),
            Canonical::Or(each) => Arc::new(Canonical::And(duals(each))),
        }
    }

    /// Whether it has more than `limit` parts. A condition that chooses by another holds that one twice, once negated:
    /// forms may grow twofold with each variable on the way.
    pub fn is_larger_than(&self, limit: usize) -> bool {
        self.count_down(limit).is_none()
    }

    fn count_down(&self, left: usize) -> Option<usize> {
        let left = left.checked_sub(1)?;
        match self {
            Canonical::Atom(_) => Some(left),
            Canonical::Not(inner) => inner.count_down(left),
            Canonical::And(each) | Canonical::Or(each) => {
                each.iter().try_fold(left, |left, one| one.count_down(left))
            }
        }
    }

    /// The conjunction.
    pub fn and(of: impl IntoIterator<Item = Arc<Self>>) -> Arc<Self> {
        Canonical::join(of, true)
    }

    /// The disjunction.
    pub fn or(of: impl IntoIterator<Item = Arc<Self>>) -> Arc<Self> {
        Canonical::join(of, false)
    }

    fn join(of: impl IntoIterator<Item = Arc<Self>>, and: bool) -> Arc<Self> {
        let mut each = Vec::new();
        for one in of {
            match (&*one, and) {
                (Canonical::And(inner), true) | (Canonical::Or(inner), false) => {
                    each.extend(inner.iter().cloned());
                }
                _ => each.push(one),
            }
        }
        each.sort_unstable();
        each.dedup();
        // The other constant decides, and so does a condition beside its own negation.
        let decided = each.iter().any(|one| {
            matches!((&**one, and), (Canonical::Or(inner), true) | (Canonical::And(inner), false) if inner.is_empty())
                || each.binary_search(&Canonical::not(one)).is_ok()
        });
        if decided {
            return Canonical::constant(!and);
        }
        match each.len() {
            1 => each.swap_remove(0),
            _ if and => Arc::new(Canonical::And(each.into())),
            _ => Arc::new(Canonical::Or(each.into())),
        }
    }

    /// Its conjuncts: what must all hold.
    pub fn conjuncts(of: &Arc<Self>) -> &[Arc<Self>] {
        match &**of {
            Canonical::And(each) => each,
            _ => std::slice::from_ref(of),
        }
    }

    /// A known value, and the expression that must equal it, where the condition is that: both as printed. The operands of
    /// `equals` are printed in order, and the quotes and digits that values begin with come before any name.
    fn as_equality(&self) -> Option<(&str, &str)> {
        let Canonical::Atom(text) = self else {
            return None;
        };
        let inner = text.strip_prefix("equals(")?.strip_suffix(')')?;
        let mut escaped = false;
        let end = match inner.strip_prefix('"') {
            Some(rest) => {
                let close = rest.bytes().position(|b| {
                    let closes = b == b'"' && !escaped;
                    escaped = b == b'\\' && !escaped;
                    closes
                })?;
                close + 2
            }
            None => inner.find(|c: char| c != '-' && !c.is_ascii_digit())?,
        };
        let (value, rest) = inner.split_at(end);
        Some((value, rest.strip_prefix(',')?)).filter(|_| !value.is_empty())
    }

    /// Whether it is one of the two constants, and which.
    pub fn as_constant(&self) -> Option<bool> {
        match self {
            Canonical::And(each) if each.is_empty() => Some(true),
            Canonical::Or(each) if each.is_empty() => Some(false),
            _ => None,
        }
    }
}

/// Whether `goal` definitely holds wherever all `premises` do: the goal is the same or weaker. Sound, not complete.
pub fn implies(premises: &[Arc<Canonical>], goal: &Canonical) -> bool {
    implies_within(premises, goal, 4)
}

/// As [`implies`], for goals that must all hold.
pub fn implies_all(premises: &[Arc<Canonical>], goals: &[Arc<Canonical>]) -> bool {
    goals.iter().all(|goal| implies(premises, goal))
}

/// `cases` bounds how many alternatives of premises are considered, one within another.
fn implies_within(premises: &[Arc<Canonical>], goal: &Canonical, cases: u8) -> bool {
    if premises
        .iter()
        .any(|premise| **premise == *goal || premise.as_constant() == Some(false))
    {
        return true;
    }
    // What equals one value equals no other.
    if let Canonical::Not(inner) = goal
        && let Some((value, of)) = inner.as_equality()
    {
        let other = |premise: &Arc<Canonical>| {
            let known = premise.as_equality();
            known.is_some_and(|(known, what)| what == of && known != value)
        };
        if premises.iter().any(other) {
            return true;
        }
    }
    let direct = match goal {
        Canonical::And(each) => each.iter().all(|g| implies_within(premises, g, cases)),
        Canonical::Or(each) => each.iter().any(|g| implies_within(premises, g, cases)),
        Canonical::Atom(_) | Canonical::Not(_) => premises
            .iter()
            .any(|premise| matches!(&**premise, Canonical::And(inner) if implies_within(inner, goal, cases))),
    };
    if direct || cases == 0 {
        return direct;
    }
    premises.iter().any(|premise| match &**premise {
        Canonical::Or(each) if !each.is_empty() => each
            .iter()
            .all(|case| implies_within(std::slice::from_ref(case), goal, cases - 1)),
        _ => false,
    })
}

impl fmt::Display for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, name: &str, each: &[Arc<Canonical>]| {
            write!(f, "{name}(")?;
            for (i, one) in each.iter().enumerate() {
                write!(f, "{}{one}", if i == 0 { "" } else { "," })?;
            }
            f.write_str(")")
        };
        match (self, self.as_constant()) {
            (_, Some(value)) => write!(f, "{value}"),
            (Canonical::Atom(text), _) => f.write_str(text),
            (Canonical::Not(inner), _) => write!(f, "not({inner})"),
            (Canonical::And(each), _) => list(f, "and", each),
            (Canonical::Or(each), _) => list(f, "or", each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a`, `!a`, `a&b`, `a|b`, without parentheses: `&` binds tighter.
    fn read(text: &str) -> Arc<Canonical> {
        let or = text.split('|').map(|and| {
            Canonical::and(and.split('&').map(|atom| match atom.strip_prefix('!') {
                Some(name) => Canonical::not(&Canonical::atom(name)),
                None => Canonical::atom(atom),
            }))
        });
        Canonical::or(or)
    }

    #[test]
    fn forms_are_normal() {
        let check = |text: &str, expect: &str| assert_eq!(read(text).to_string(), expect, "{text}");
        check("b&a&b", "and(a,b)");
        check("b|a", "or(a,b)");
        check("a&!a", "false");
        check("a|!a", "true");
        check("a|b&!b", "a");
        assert_eq!(
            Canonical::not(&read("a&!b")).to_string(),
            "or(b,not(a))",
            "negation moves inward"
        );
    }

    #[test]
    fn negations_of_deep_forms_end_soon() {
        let mut chain = read("p");
        for i in 0..60 {
            let taken = Canonical::and([chain, Canonical::atom(format!("p{i}"))]);
            chain = Canonical::or([taken, Canonical::atom(format!("q{i}"))]);
        }
        assert!(!chain.is_larger_than(241) && chain.is_larger_than(240));
        assert_eq!(Canonical::not(&Canonical::not(&chain)), chain);
    }

    #[test]
    fn the_same_or_weaker_is_implied() {
        let check = |registry: &str, plan: &str, expect: bool| {
            let premises = read(registry);
            let found = implies(Canonical::conjuncts(&premises), &read(plan));
            assert_eq!(found, expect, "{registry} => {plan}");
        };
        check("a", "a", true);
        check("a", "b", false);
        check("a&b", "a", true);
        check("a", "a&b", false);
        check("a", "a|b", true);
        check("a|b", "a", false);
        check("a|b", "b|a|c", true);
        check("a&b|a&c", "a", true);
        check("a&b|c", "a", false);
        check("!a", "a", false);
        check("!a&b", "!a", true);
        check("a&!a", "z", true);
        check(r#"equals("a",x)"#, r#"!equals("b",x)"#, true);
        check(r#"equals("a",x)"#, r#"!equals("a",x)"#, false);
        check(r#"equals("a",x)"#, r#"!equals("b",y)"#, false);
        check(r#"!equals("a",x)"#, r#"equals("b",x)"#, false);
        check(r#"equals(1,x)"#, r#"!equals(2,x)&!equals(3,x)"#, true);
        check(r#"equals("\"",x)"#, r#"!equals("\\",x)"#, true);
        check(r#"equals("a",x)"#, r#"equals("a",x)|equals("b",x)"#, true);
        check(r#"equals(x,y)"#, r#"!equals(x,z)"#, false);
    }
}
