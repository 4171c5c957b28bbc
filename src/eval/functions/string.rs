//! Text. Most of it plain; `format` follows .NET as far as templates use it.

use super::{Builtin, How, afford, closed, int, row, string_of, text};
use crate::eval::context::{Context, MAX_TEXT};
use crate::eval::evaluate::concat;
use crate::eval::json::{Text, text_of};
use crate::eval::merge::is_empty;
use crate::eval::value::{Kind, Type, Value};

pub(super) const TABLE: &[Builtin] = &[
    row("format", STRING, How::Partial(format)),
    row(
        "toLower",
        STRING,
        How::Partial(|cx, v| case(cx, v, str::to_lowercase)),
    ),
    row(
        "toUpper",
        STRING,
        How::Partial(|cx, v| case(cx, v, str::to_uppercase)),
    ),
    row(
        "trim",
        STRING,
        How::Pure(|cx, v| Some(string_of(cx, text(v, 0)?.trim().to_owned()))),
    ),
    row("replace", STRING, How::Pure(replace)),
    row("split", Some(Type::Array), How::Partial(split)),
    row("join", STRING, How::Pure(join)),
    row("substring", STRING, How::Pure(substring)),
    row(
        "startsWith",
        BOOL,
        How::Pure(|_, v| affix(v, |a, b| a.starts_with(b))),
    ),
    row(
        "endsWith",
        BOOL,
        How::Pure(|_, v| affix(v, |a, b| a.ends_with(b))),
    ),
    row("padLeft", STRING, How::Partial(pad_left)),
    row("like", BOOL, How::Pure(like)),
];

const STRING: Option<Type> = Some(Type::String);
const BOOL: Option<Type> = Some(Type::Bool);

/// An unknown text of which only the form is changed.
fn as_unknown(value: &Value, non_empty: bool) -> Option<Value> {
    match &value.kind {
        Kind::Unknown(unknown) => {
            Some(Value::unknown_of(unknown.reason.clone(), STRING, non_empty))
        }
        _ => None,
    }
}

fn case(cx: &Context<'_>, values: &[Value], f: fn(&str) -> String) -> Option<Value> {
    let value = values.first()?;
    match value.as_str() {
        Some(text) => Some(string_of(cx, f(text))),
        None => as_unknown(value, is_empty(value) == Some(false)),
    }
}

fn replace(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let (text, old, new) = (text(values, 0)?, text(values, 1)?, text(values, 2)?);
    if old.is_empty() {
        return None;
    }
    let count = text.matches(old).count();
    afford(cx, text.len() / 32 + count)?;
    if count.saturating_mul(new.len()).saturating_add(text.len()) > MAX_TEXT {
        return Some(crate::eval::context::too_large());
    }
    Some(string_of(cx, text.replace(old, new)))
}

/// A text has at least one part, whatever it is.
fn split(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let whole = values.first()?;
    let Some(whole_text) = whole.as_str() else {
        let reason = whole.reason()?;
        return Some(Value::unknown_of(reason, Some(Type::Array), true));
    };
    let mut parts: Vec<&str> = vec![whole_text];
    let separators: Vec<&str> = match closed(values, 1) {
        Some(array) => {
            let each = array.items.iter().map(|value| value.as_str());
            each.collect::<Option<_>>()?
        }
        None => vec![text(values, 1)?],
    };
    for separator in separators.into_iter().filter(|s| !s.is_empty()) {
        afford(cx, whole_text.len() / 16)?;
        parts = parts
            .into_iter()
            .flat_map(|part| part.split(separator))
            .collect();
    }
    afford(cx, parts.len())?;
    Some(Value::array(
        parts.into_iter().map(Value::string).collect(),
        None,
    ))
}

fn join(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let list = closed(values, 0)?;
    let separator = Value::string(text(values, 1)?);
    let mut pieces = Vec::with_capacity(list.items.len() * 2);
    for item in &list.items {
        if !pieces.is_empty() {
            pieces.push(separator.clone());
        }
        pieces.push(item.clone());
    }
    Some(concat(cx, &pieces))
}

fn substring(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let text = text(values, 0)?;
    let start = usize::try_from(int(values, 1)?).ok()?;
    let chars = text.chars().count();
    let len = match values.len() {
        2 => chars.checked_sub(start)?,
        _ => usize::try_from(int(values, 2)?).ok()?,
    };
    if start.checked_add(len)? > chars {
        return None;
    }
    Some(string_of(cx, text.chars().skip(start).take(len).collect()))
}

/// ARM compares heads and tails without regard to case.
fn affix(values: &[Value], f: fn(&str, &str) -> bool) -> Option<Value> {
    let (text, affix) = (
        text(values, 0)?.to_lowercase(),
        text(values, 1)?.to_lowercase(),
    );
    Some(Value::bool(f(&text, &affix)))
}

fn pad_left(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    let width = usize::try_from(int(values, 1)?).ok()?;
    let text = match text_of(value) {
        Text::Known(text) => text,
        Text::Unknown(reason) => return Some(Value::unknown_of(reason, STRING, width > 0)),
    };
    let fill = match values.get(2) {
        Some(fill) => fill.as_str()?.chars().next()?,
        None => ' ',
    };
    let missing = width.saturating_sub(text.chars().count());
    if missing > MAX_TEXT {
        return Some(crate::eval::context::too_large());
    }
    let mut padded: String = std::iter::repeat_n(fill, missing).collect();
    padded.push_str(&text);
    Some(string_of(cx, padded))
}

/// `*` and `?`, without regard to case.
fn like(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let text: Vec<char> = text(values, 0)?.to_lowercase().chars().collect();
    let pattern: Vec<char> = values.get(1)?.as_str()?.to_lowercase().chars().collect();
    afford(cx, text.len().saturating_mul(pattern.len()))?;
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for c in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match c {
                '*' => reach[at] || at > 0 && next[at - 1],
                '?' => at > 0 && reach[at - 1],
                c => at > 0 && reach[at - 1] && text[at - 1] == c,
            };
        }
        reach = next;
    }
    Some(Value::bool(reach.last().copied().unwrap_or_default()))
}

/// `format('{0}-{1:D2}', …)`.
fn format(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let (pattern, args) = values.split_first()?;
    let Some(pattern) = pattern.as_str() else {
        return as_unknown(pattern, false);
    };
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                literal.push(c);
            }
            '{' => {
                let interpolation: String = chars.by_ref().take_while(|c| *c != '}').collect();
                pieces.push(Value::string(std::mem::take(&mut literal)));
                pieces.push(fill(&interpolation, args)?);
            }
            c => literal.push(c),
        }
    }
    pieces.push(Value::string(literal));
    Some(concat(cx, &pieces))
}

/// The text for `index[,width][:form]`.
fn fill(interpolation: &str, args: &[Value]) -> Option<Value> {
    let (head, form) = match interpolation.split_once(':') {
        Some((head, form)) => (head, Some(form)),
        None => (interpolation, None),
    };
    let (index, width) = match head.split_once(',') {
        Some((index, width)) => (index, width.trim().parse::<i64>().ok()?),
        None => (head, 0),
    };
    let value = args.get(index.trim().parse::<usize>().ok()?)?;
    let formed = match (form, &value.kind) {
        (Some(form), Kind::Int(number)) => Value::string(form_number(*number, form)?),
        (Some(_), Kind::Unknown(_)) | (None, _) => value.clone(),
        (Some(_), _) => value.clone(),
    };
    let missing = |text: &str| {
        let width = usize::try_from(width.unsigned_abs()).unwrap_or_default();
        width.saturating_sub(text.chars().count()).min(1_000)
    };
    match text_of(&formed) {
        Text::Known(text) if missing(&text) > 0 => {
            let blanks = " ".repeat(missing(&text));
            Some(Value::string(match width < 0 {
                true => format!("{text}{blanks}"),
                false => format!("{blanks}{text}"),
            }))
        }
        _ => Some(formed),
    }
}

/// .NET's forms of integers: the standard ones (`D3`, `X4`, `N0`, `F2`) and custom ones of digits alone (`000`, `#,##0`).
fn form_number(number: i64, form: &str) -> Option<String> {
    if !form.is_empty() && form.chars().all(|c| matches!(c, '0' | '#' | ',')) {
        // From the first zero on every digit is written.
        let fixed = form.trim_start_matches(['#', ',']).chars();
        let width = fixed.filter(|c| *c != ',').count().min(1_000);
        let mut digits = format!("{:0width$}", number.unsigned_abs());
        if width == 0 && number == 0 {
            digits.clear();
        }
        if form.trim_end_matches(',').contains(',') {
            digits = grouped(&digits);
        }
        // A comma at the end divides by a thousand.
        return (!form.ends_with(',')).then(|| signed(number, digits));
    }
    let mut rest = form.chars();
    let kind = rest.next()?;
    let digits = rest.as_str();
    let precision = match digits {
        "" => None,
        digits => Some(digits.parse::<usize>().ok()?.min(1_000)),
    };
    let width = precision.unwrap_or_default();
    let decimals = || match precision.unwrap_or(2) {
        0 => String::new(),
        n => format!(".{}", "0".repeat(n)),
    };
    let plain = number.unsigned_abs().to_string();
    match kind {
        'd' | 'D' => Some(signed(number, format!("{:0>width$}", plain))),
        'x' => Some(format!("{number:0width$x}")),
        'X' => Some(format!("{number:0width$X}")),
        'n' | 'N' => Some(signed(number, grouped(&plain) + &decimals())),
        'f' | 'F' => Some(signed(number, plain + &decimals())),
        'g' | 'G' if precision.is_none_or(|n| n == 0 || n >= plain.len()) => {
            Some(signed(number, plain))
        }
        _ => None,
    }
}

fn signed(number: i64, digits: String) -> String {
    match number < 0 {
        true => format!("-{digits}"),
        false => digits,
    }
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
