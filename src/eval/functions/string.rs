//! String functions. `format` follows .NET for the formats that templates use.

use super::{
    ARRAY, BOOL, Builtin, MANY, STRING, afford, closed, int32, partial, pure, slice, string_of,
    text,
};
use crate::eval::context::{Context, MAX_TEXT, too_large};
use crate::eval::evaluate::concat;
use crate::eval::json::{Text, text_of};
use crate::eval::merge::is_empty;
use crate::eval::pieces::End;
use crate::eval::value::{Kind, Type, Value};

pub(super) const TABLE: &[Builtin] = &[
    partial("format", STRING, 1..=MANY, format),
    partial("toLower", STRING, 1..=1, |cx, v| case(cx, v, lower)),
    partial("toUpper", STRING, 1..=1, |cx, v| case(cx, v, upper)),
    pure("trim", STRING, 1..=1, |cx, v| {
        Some(string_of(cx, text(v, 0)?.trim().to_owned()))
    }),
    partial("replace", STRING, 3..=3, replace),
    partial("split", ARRAY, 2..=2, split),
    pure("join", STRING, 2..=2, join),
    pure("substring", STRING, 2..=3, substring),
    partial("startsWith", BOOL, 2..=2, |_, v| affix(v, End::First)),
    partial("endsWith", BOOL, 2..=2, |_, v| affix(v, End::Last)),
    partial("padLeft", STRING, 2..=3, pad_left),
    pure("like", BOOL, 2..=2, like),
];

/// An unknown text of which only the form is changed.
fn as_unknown(value: &Value, non_empty: bool) -> Option<Value> {
    match &value.kind {
        Kind::Unknown(unknown) => {
            Some(Value::unknown_of(unknown.reason.clone(), STRING).non_empty_if(non_empty))
        }
        _ => None,
    }
}

fn case(cx: &Context<'_>, values: &[Value], f: fn(&str) -> String) -> Option<Value> {
    let value = values.first()?;
    match value.as_str() {
        Some(text) => Some(string_of(cx, f(text))),
        None => match &value.kind {
            Kind::Unknown(unknown) if !unknown.pieces.is_empty() => Some(unknown.in_case(f)),
            _ => as_unknown(value, is_empty(value) == Some(false)),
        },
    }
}

/// Upper case by single characters, as .NET's invariant culture has it: `ß` and `ı` stay.
pub(super) fn upper(text: &str) -> String {
    let upper = |c: char| {
        let mut mapped = c.to_uppercase();
        match (mapped.next(), mapped.next()) {
            (Some(one), None) if c != 'ı' => one,
            _ => c,
        }
    };
    text.chars().map(upper).collect()
}

/// Lower case by single characters: `İ` stays.
fn lower(text: &str) -> String {
    let lower = |c: char| {
        let mut mapped = c.to_lowercase();
        match (mapped.next(), mapped.next()) {
            (Some(one), None) => one,
            _ => c,
        }
    };
    text.chars().map(lower).collect()
}

fn replace(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    // `replace(deployment().properties.templateLink.uri, 'azuredeploy.json', 'nested.json')`.
    if let Kind::Unknown(base) = &values.first()?.kind {
        let is_own_name = text(values, 1)?.ends_with(".json");
        return base.link_to(values.get(2)?).filter(|_| is_own_name);
    }
    let (text, old, new) = (text(values, 0)?, text(values, 1)?, text(values, 2)?);
    if old.is_empty() {
        return None;
    }
    let count = text.matches(old).count();
    afford(cx, text.len() / 32 + count)?;
    if count.saturating_mul(new.len()).saturating_add(text.len()) > MAX_TEXT {
        return Some(too_large());
    }
    Some(string_of(cx, text.replace(old, new)))
}

/// A text has at least one part, whatever it is.
fn split(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let whole = values.first()?;
    let Some(whole_text) = whole.as_str() else {
        if let (Kind::Unknown(unknown), Some("/")) = (&whole.kind, text(values, 1))
            && let Some(segments) = unknown.segments()
        {
            return Some(Value::array(segments, None));
        }
        let reason = whole.reason()?;
        return Some(Value::unknown_of(reason, Some(Type::Array)).non_empty());
    };
    let separators: Vec<&str> = match closed(values, 1) {
        Some(array) => {
            let each = array.items.iter().map(|value| value.as_str());
            each.collect::<Option<_>>()?
        }
        None => vec![text(values, 1)?],
    };
    let blanks = separators.is_empty();
    let separators: Vec<&str> = separators.into_iter().filter(|s| !s.is_empty()).collect();
    afford(
        cx,
        (whole_text.len() / 16).saturating_mul(1 + separators.len()),
    )?;
    let mut parts: Vec<Value> = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(next) = whole_text[at..].chars().next() {
        let here = &whole_text[at..];
        let separator = separators.iter().find(|s| here.starts_with(**s));
        let blank = (blanks && next.is_whitespace()).then(|| next.len_utf8());
        match separator.map(|s| s.len()).or(blank) {
            Some(len) => {
                parts.push(Value::string(&whole_text[start..at]));
                at += len;
                start = at;
            }
            None => at += next.len_utf8(),
        }
    }
    parts.push(Value::string(&whole_text[start..]));
    afford(cx, parts.len())?;
    Some(Value::array(parts, None))
}

fn join(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let list = closed(values, 0)?;
    let separator = Value::string(text(values, 1)?);
    let mut pieces = Vec::with_capacity(list.items.len() * 2);
    for item in &list.items {
        if item.is_null() || matches!(item.ty(), Some(Type::Array | Type::Object)) {
            return None;
        }
        if !pieces.is_empty() {
            pieces.push(separator.clone());
        }
        pieces.push(item.clone());
    }
    Some(concat(cx, &pieces))
}

fn substring(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let text = text(values, 0)?;
    let start = usize::try_from(int32(values, 1)?).ok()?;
    let len = match values.len() {
        2 => text.encode_utf16().count().checked_sub(start)?,
        _ => usize::try_from(int32(values, 2)?).ok()?,
    };
    Some(string_of(cx, slice(text, start, len)?))
}

/// Azure compares beginnings and ends without regard to case.
fn affix(values: &[Value], end: End) -> Option<Value> {
    let affix = text(values, 1)?;
    if let Kind::Unknown(unknown) = &values.first()?.kind {
        return unknown.has_affix(affix, end, upper).map(Value::bool);
    }
    let (text, affix) = (upper(text(values, 0)?), upper(affix));
    Some(Value::bool(end.has(&text, &affix)))
}

fn pad_left(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    let width = int32(values, 1)?;
    let fill = match values.get(2) {
        Some(fill) => fill.as_str()?,
        None => " ",
    };
    let refused = value.is_null()
        || matches!(value.ty(), Some(ty) if !matches!(ty, Type::String | Type::Int));
    if !(1..=16).contains(&width) || fill.encode_utf16().count() != 1 || refused {
        return None;
    }
    match text_of(value) {
        Text::Known(text) => {
            let missing = (width as usize).saturating_sub(text.encode_utf16().count());
            Some(string_of(cx, fill.repeat(missing) + &text))
        }
        Text::Unknown(reason) => Some(Value::unknown_of(reason, STRING).non_empty()),
    }
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
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let (literal, brace) = rest.split_at(at);
        pieces.push(Value::string(literal));
        if brace.starts_with("{{") || brace.starts_with("}}") {
            pieces.push(Value::string(&brace[..1]));
            rest = &brace[2..];
            continue;
        }
        let (interpolation, after) = brace.strip_prefix('{')?.split_once('}')?;
        pieces.push(fill(interpolation, args)?);
        rest = after;
    }
    pieces.push(Value::string(rest));
    Some(concat(cx, &pieces))
}

/// The text for `index[,width][:form]`; a form is for numbers alone.
fn fill(interpolation: &str, args: &[Value]) -> Option<Value> {
    let (head, form) = match interpolation.split_once(':') {
        Some((head, form)) => (head, Some(form).filter(|form| !form.is_empty())),
        None => (interpolation, None),
    };
    let (index, width) = match head.split_once(',') {
        Some((index, width)) => (index, width.trim().parse::<i32>().ok()?),
        None => (head, 0),
    };
    let digits = index.trim_end_matches(' ');
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = args.get(digits.parse::<usize>().ok()?)?;
    let formed = match (form, &value.kind) {
        (Some(form), Kind::Int(number)) => Value::string(form_number(*number, form)?),
        (Some(_), Kind::Float(_)) => return None,
        _ => value.clone(),
    };
    let missing = |text: &str| {
        let width = width.unsigned_abs() as usize;
        width.saturating_sub(text.encode_utf16().count()).min(1_000)
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
