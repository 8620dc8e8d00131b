//! Dates: milliseconds since 1970 and the calendar, in UTC.

const DAY_MS: i64 = 86_400_000;

/// A point in time as the calendar names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub milli: i64,
}

impl Civil {
    /// The calendar's name of a time; none before the year 0 and after 9999.
    pub fn of(ms: i64) -> Option<Self> {
        let (days, rest) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
        // Counted from 1 March of the year 0, so that a leap day ends its year; in cycles of 400 years.
        let shifted = days.checked_add(719_468)?;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
        let civil = Self { year, month, day, hour, minute, second: rest / 1000 % 60, milli: rest % 1000 };
        (0..=9999).contains(&year).then_some(civil)
    }

    /// The milliseconds; none if the calendar has no such time.
    pub fn ms(self) -> Option<i64> {
        let year = self.year - i64::from(self.month <= 2);
        let month_from_march = (self.month + 9) % 12;
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let ms = days * DAY_MS + self.hour * 3_600_000 + self.minute * 60_000 + self.second * 1000 + self.milli;
        (Self::of(ms) == Some(self)).then_some(ms)
    }

    /// ISO 8601 without a zone.
    pub fn text(self) -> String {
        let Self { year, month, day, hour, minute, second, milli } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}")
    }
}

/// A time as JSON: ISO 8601 text in UTC, or the milliseconds where that has no such text.
pub(super) fn json(ms: i64) -> String {
    Civil::of(ms).map_or_else(|| ms.to_string(), |civil| format!("\"{}Z\"", civil.text()))
}
