//! Times as Slurm's commands and queries take them: seconds since 1970, dates, `now-1hour`; and back into text.
//! Not here: local time; the simulated cluster lives in UTC.

/// Seconds since 1970, or `None` for what is no time.
pub(super) fn parse(text: &str, now: u64) -> Option<u64> {
    let text = text.trim();
    if let Some(seconds) = text.strip_prefix("uts") {
        return seconds.parse().ok();
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let midnight = now - now % DAY;
    match text.to_ascii_lowercase().as_str() {
        "today" | "midnight" => return Some(midnight),
        "tomorrow" => return Some(midnight + DAY),
        "noon" => return Some(midnight + DAY / 2),
        word if word.starts_with("now") => return relative(&word[3..], now),
        _ => {}
    }
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
    Some(date_seconds(date)? + time_seconds(time)?)
}

const DAY: u64 = 86_400;

/// `+10minutes`, `-2`, or nothing.
fn relative(offset: &str, now: u64) -> Option<u64> {
    let Some(sign) = offset.chars().next() else { return Some(now) };
    let rest = offset[1..].trim();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let count: u64 = rest[..digits].parse().ok()?;
    let unit = match rest[digits..].trim().trim_end_matches('s') {
        "" | "second" | "sec" => 1,
        "minute" | "min" => 60,
        "hour" => 3_600,
        "day" => DAY,
        "week" => 7 * DAY,
        _ => return None,
    };
    match sign {
        '+' => now.checked_add(count.checked_mul(unit)?),
        '-' => now.checked_sub(count.checked_mul(unit)?),
        _ => None,
    }
}

/// `2026-11-21`
fn date_seconds(text: &str) -> Option<u64> {
    let mut parts = text.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1970..=9_999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    if !(1..=31).contains(&day) {
        return None;
    }
    // Days of the civil calendar by Howard Hinnant's algorithm.
    let shifted = year - u64::from(month <= 2);
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468).map(|days| days * DAY)
}

/// `10:30` or `10:30:59`
fn time_seconds(text: &str) -> Option<u64> {
    let mut parts = text.trim_end_matches('Z').split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = match parts.next() {
        Some(second) => second?,
        None => 0,
    };
    let fits = hour < 24 && minute < 60 && second < 60 && parts.next().is_none();
    fits.then_some(hour * 3_600 + minute * 60 + second)
}

/// `2096-10-02T07:06:40`
pub(super) fn iso(unix: u64) -> String {
    let (days, second) = (unix / DAY, unix % DAY);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_in_the_recorded_warnings_and_read_back() {
        for (unix, expected) in [
            (4_000_000_000, "2096-10-02T07:06:40"),
            (2_000_000_000, "2033-05-18T03:33:20"),
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
        ] {
            assert_eq!(iso(unix), expected);
            assert_eq!(parse(expected, 0), Some(unix));
        }
    }

    #[test]
    fn times_come_in_several_forms() {
        let now = 1_000_000_000;
        for (text, expected) in [
            ("1234", Some(1_234)),
            ("uts1234", Some(1_234)),
            ("now", Some(now)),
            ("now-1hour", Some(now - 3_600)),
            ("now+2days", Some(now + 172_800)),
            ("today", Some(999_993_600)),
            ("2001-09-09", Some(999_993_600)),
            ("2001-09-09T01:46", Some(999_999_960)),
            ("abc", None),
            ("", None),
            ("2001-13-01", None),
            ("now-1fortnight", None),
        ] {
            assert_eq!(parse(text, now), expected, "{text}");
        }
    }
}
