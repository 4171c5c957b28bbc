//! Dates: known where they are computed from known dates, never from today's.

use super::{Builtin, How, int, row, text};
use crate::eval::context::Context;
use crate::eval::value::{Type, Value};

pub(super) const TABLE: &[Builtin] = &[
    row("utcNow", STRING, How::Opaque),
    row("dateTimeAdd", STRING, How::Pure(add)),
    row(
        "dateTimeFromEpoch",
        STRING,
        How::Pure(|_, v| Some(Value::string(show(int(v, 0)?, None)?))),
    ),
    row(
        "dateTimeToEpoch",
        Some(Type::Int),
        How::Pure(|_, v| Some(Value::int(read(text(v, 0)?)?))),
    ),
];

const STRING: Option<Type> = Some(Type::String);
const DAY: i64 = 86_400;

/// Days from 1970-01-01 of a civil date, by counting years from March so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day counted from 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Seconds from the epoch of `2020-01-02T03:04:05Z` or its date alone.
fn read(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00Z"),
    };
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (clock, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    let clock = clock.split('.').next()?;
    let mut units = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute) = (units.next()??, units.next()??);
    let second = match units.next() {
        Some(second) => second?,
        None => 0,
    };
    let offset = match offset.strip_prefix('-') {
        Some(offset) => -zone(offset)?,
        None => zone(offset.trim_start_matches(['+', 'Z']))?,
    };
    let seconds = days(year, month, day) * DAY + hour * 3_600 + minute * 60 + second;
    Some(seconds - offset)
}

/// Seconds of `02:00`; of nothing, none.
fn zone(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let (hours, minutes) = text.split_once(':')?;
    Some(hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60)
}

/// Adds an ISO 8601 duration (`P3Y`, `-PT1H30M`).
fn add(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let base = read(text(values, 0)?)?;
    let duration = text(values, 1)?;
    let (sign, duration) = match duration.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, duration),
    };
    let (mut months, mut seconds) = (0i64, 0i64);
    let mut number = String::new();
    let mut time = false;
    for c in duration.strip_prefix('P')?.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        if c == 'T' {
            time = true;
            continue;
        }
        let count: i64 = std::mem::take(&mut number).parse().ok()?;
        let (unit, of_months) = match (c, time) {
            ('Y', false) => (12, true),
            ('M', false) => (1, true),
            ('W', false) => (7 * DAY, false),
            ('D', false) => (DAY, false),
            ('H', true) => (3_600, false),
            ('M', true) => (60, false),
            ('S', true) => (1, false),
            _ => return None,
        };
        let amount = count.checked_mul(unit)?;
        match of_months {
            true => months = months.checked_add(amount)?,
            false => seconds = seconds.checked_add(amount)?,
        }
    }
    let (year, month, day) = civil(base.div_euclid(DAY));
    let total = (year * 12 + month - 1).checked_add(sign * months)?;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    let next = days(year + month / 12, month % 12 + 1, 1);
    let length = next - days(year, month, 1);
    let day = day.min(length);
    let moved = days(year, month, day) * DAY + base.rem_euclid(DAY);
    let moved = moved.checked_add(sign * seconds)?;
    Some(Value::string(show(moved, text(values, 2))?))
}

/// The moment in a .NET form; ISO 8601 where none is given.
fn show(seconds: i64, form: Option<&str>) -> Option<String> {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    if !(1..=9_999).contains(&year) {
        return None;
    }
    let clock = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    let form = match form.unwrap_or("yyyy-MM-ddTHH:mm:ssZ") {
        "u" => "yyyy-MM-dd HH:mm:ssZ",
        "d" => "MM/dd/yyyy",
        form => form,
    };
    let mut out = String::new();
    let chars: Vec<char> = form.chars().collect();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let run = chars[at..].iter().take_while(|other| **other == c).count();
        let number = match (c, run) {
            ('y', 4) => Some((year, 4)),
            ('y', 2) => Some((year % 100, 2)),
            ('M', 1 | 2) => Some((month, run)),
            ('d', 1 | 2) => Some((day, run)),
            ('H', 1 | 2) => Some((hour, run)),
            ('m', 1 | 2) => Some((minute, run)),
            ('s', 1 | 2) => Some((second, run)),
            _ => None,
        };
        match number {
            Some((number, width)) => out.push_str(&format!("{number:0width$}")),
            None if c.is_ascii_alphabetic() && !matches!(c, 'T' | 'Z') => return None,
            None => out.extend(std::iter::repeat_n(c, run)),
        }
        at += run;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for day in (-800_000..3_000_000).step_by(17) {
            let (year, month, date) = civil(day);
            assert_eq!(days(year, month, date), day);
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(days(2000, 3, 1), 11_017);
    }
}
