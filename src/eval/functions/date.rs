//! Date functions. Dates computed from known dates are known; the current time is not.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::{Builtin, INT, STRING, opaque, pure, text};
use crate::eval::context::Context;
use crate::eval::value::{Kind, Value};

pub(super) const TABLE: &[Builtin] = &[
    opaque("utcNow", STRING, 0..=1),
    pure("dateTimeAdd", STRING, 2..=3, add),
    pure("dateTimeFromEpoch", STRING, 1..=1, from_epoch),
    pure("dateTimeToEpoch", INT, 1..=1, to_epoch),
];

/// The form of a date where none is needed. It writes `Z` whatever the offset is.
const ISO: &str = "yyyy-MM-ddTHH:mm:ssZ";

fn from_epoch(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let seconds = match &values.first()?.kind {
        Kind::Int(seconds) => *seconds,
        Kind::Str(text) => text.parse().ok()?,
        _ => return None,
    };
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some(Value::string(show(moment, ISO)?))
}

fn to_epoch(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    Some(Value::int(read(text(values, 0)?)?.unix_timestamp()))
}

fn add(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let moment = read(text(values, 0)?)?;
    let moved = moment.checked_add(duration(text(values, 1)?)?)?;
    let form = match values.get(2) {
        Some(form) => form.as_str()?,
        None => ISO,
    };
    Some(Value::string(show(moved, form)?))
}

/// `2020-01-02`, `2020-01-02T03:04`, with seconds, fraction and offset.
fn read(text: &str) -> Option<OffsetDateTime> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00Z"),
    };
    let mut parts = date.split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1..=9_999).contains(&year) {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, day.try_into().ok()?);
    let (clock, offset) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut units = clock.split(':').map(number);
    let (hour, minute) = (units.next()??, units.next()??);
    let second = units.next().unwrap_or(Some(0))?;
    if units.next().is_some() || fraction.len() > 7 {
        return None;
    }
    let nanosecond = number(&format!("{fraction:0<9}"))?;
    let time = Time::from_hms_nano(
        hour.try_into().ok()?,
        minute.try_into().ok()?,
        second.try_into().ok()?,
        nanosecond,
    );
    Some(PrimitiveDateTime::new(date.ok()?, time.ok()?).assume_offset(zone(offset)?))
}

/// `Z`, nothing, or `+02:00`.
fn zone(text: &str) -> Option<UtcOffset> {
    let sign = match text.chars().next() {
        None => return Some(UtcOffset::UTC),
        Some('Z') => return (text == "Z").then_some(UtcOffset::UTC),
        Some('-') => -1,
        Some(_) => 1,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let part = |text: &str| i8::try_from(number(text)?).ok();
    UtcOffset::from_hms(sign * part(hours)?, sign * part(minutes)?, 0).ok()
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// An ISO 8601 duration (`-PT1H30M`) as .NET reads it: a year has 365 days, a month has 30, and there are no weeks.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text.strip_prefix('P')?, ""),
    };
    const DAY: i64 = 86_400;
    let units = [('Y', 365 * DAY), ('M', 30 * DAY), ('D', DAY)];
    let days = amount(date, &units)?;
    let clock = amount(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    if date.is_empty() && time.is_empty() {
        return None;
    }
    days.checked_add(clock).map(|total| total * sign)
}

/// The sum of `1Y2M3D`: each unit at most once and in order; only seconds may have a fraction.
fn amount(mut text: &str, units: &[(char, i64)]) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for (unit, seconds) in units {
        let Some((count, rest)) = text.split_once(*unit) else {
            continue;
        };
        let (whole, fraction) = match count.split_once('.') {
            Some((whole, fraction)) if *unit == 'S' && fraction.len() <= 7 => (whole, fraction),
            Some(_) => return None,
            None => (count, "0"),
        };
        let nanoseconds = i32::try_from(number(&format!("{fraction:0<9}"))?).ok()?;
        let seconds = i64::from(number(whole)?).checked_mul(*seconds)?;
        sum = sum.checked_add(Duration::new(seconds, nanoseconds))?;
        text = rest;
    }
    text.is_empty().then_some(sum)
}

/// The moment in a .NET form, standard (one letter) or custom.
fn show(moment: OffsetDateTime, form: &str) -> Option<String> {
    if !(1..=9_999).contains(&moment.year()) {
        return None;
    }
    let utc = matches!(form, "u" | "r" | "R");
    let moment = match utc {
        true => moment.to_offset(UtcOffset::UTC),
        false => moment,
    };
    let form = match form {
        "d" => "MM/dd/yyyy",
        "D" => "dddd, dd MMMM yyyy",
        "f" => "dddd, dd MMMM yyyy HH:mm",
        "F" => "dddd, dd MMMM yyyy HH:mm:ss",
        "g" => "MM/dd/yyyy HH:mm",
        "G" => "MM/dd/yyyy HH:mm:ss",
        "m" | "M" => "MMMM dd",
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffzzz",
        "r" | "R" => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "t" => "HH:mm",
        "T" => "HH:mm:ss",
        "u" => "yyyy-MM-dd HH:mm:ssZ",
        "y" | "Y" => "yyyy MMMM",
        form if form.len() < 2 => return None,
        form => form,
    };
    let mut out = String::new();
    let mut rest = form;
    while let Some(c) = rest.chars().next() {
        match c {
            '\'' | '"' => {
                let (literal, after) = rest.get(1..)?.split_once(c)?;
                out.push_str(literal);
                rest = after;
                continue;
            }
            '\\' => {
                let mut chars = rest[1..].chars();
                out.push(chars.next()?);
                rest = chars.as_str();
                continue;
            }
            // What follows is one specifier of one letter.
            '%' => {
                let mut chars = rest[1..].chars();
                let letter = chars.next()?.to_string();
                rest = chars.as_str();
                let alone = letter.as_str();
                if rest.starts_with(alone) || !alone.chars().all(char::is_alphabetic) {
                    return None;
                }
                out.push_str(&specifier(moment, alone)?);
                continue;
            }
            _ => {}
        }
        let run = rest.len() - rest.trim_start_matches(c).len();
        let (specified, after) = rest.split_at(run);
        match c.is_ascii_alphabetic() && !matches!(c, 'T' | 'Z') {
            true => out.push_str(&specifier(moment, specified)?),
            false => out.push_str(specified),
        }
        rest = after;
    }
    Some(out)
}

/// The text of a custom specifier: a letter, once or more often.
fn specifier(moment: OffsetDateTime, specifier: &str) -> Option<String> {
    let two = |number: u8| match specifier.len() {
        1 => number.to_string(),
        _ => format!("{number:02}"),
    };
    let (month, weekday) = (moment.month().to_string(), moment.weekday().to_string());
    let (hours, minutes, _) = moment.offset().as_hms();
    Some(match specifier {
        "yyyy" => format!("{:04}", moment.year()),
        "yy" => format!("{:02}", moment.year() % 100),
        "MMMM" => month,
        "MMM" => month[..3].to_owned(),
        "M" | "MM" => two(moment.month().into()),
        "dddd" => weekday,
        "ddd" => weekday[..3].to_owned(),
        "d" | "dd" => two(moment.day()),
        "H" | "HH" => two(moment.hour()),
        "h" | "hh" => two((moment.hour() + 11) % 12 + 1),
        "m" | "mm" => two(moment.minute()),
        "s" | "ss" => two(moment.second()),
        "tt" => if moment.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        "zzz" => {
            let sign = if hours < 0 || minutes < 0 { '-' } else { '+' };
            format!(
                "{sign}{:02}:{:02}",
                hours.unsigned_abs(),
                minutes.unsigned_abs()
            )
        }
        fraction if fraction.len() <= 7 && fraction.starts_with('f') => {
            format!("{:09}", moment.nanosecond())[..fraction.len()].to_owned()
        }
        _ => return None,
    })
}
