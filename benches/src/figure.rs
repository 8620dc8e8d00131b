//! A figure: what was measured, the limit beside it, and the goal.

use std::fmt;

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// The ratio is at most this.
    AtMost(f64),
    /// The ratio is at least this.
    AtLeast(f64),
    /// The value is at most so many times the limit, and so much more in the figure's unit.
    Within {
        /// Times the limit.
        times: f64,
        /// And so much more.
        plus: f64,
    },
    /// None: the figure is only said.
    Said,
}

/// One line of the report.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Says the mode.
    pub name: String,
    /// Of value and limit.
    pub unit: &'static str,
    /// What holdall does.
    pub value: f64,
    /// What the raw way does, in the same run.
    pub limit: f64,
    /// Value by limit: the median over the pairs, which need not be the ratio of the medians.
    pub ratio: f64,
    /// What the ratio should be.
    pub goal: Goal,
    /// What the limit is, and what one must know about the figure.
    pub note: String,
}

impl Figure {
    /// Whether the goal holds; nothing where there is none.
    pub fn holds(&self) -> Option<bool> {
        match self.goal {
            Goal::AtMost(most) => Some(self.ratio <= most),
            Goal::AtLeast(least) => Some(self.ratio >= least),
            Goal::Within { times, plus } => Some(self.value <= times * self.limit + plus),
            Goal::Said => None,
        }
    }

    /// The goal in words.
    pub fn goal_text(&self) -> String {
        match self.goal {
            Goal::AtMost(most) => format!("<= {}x", Short(most)),
            Goal::AtLeast(least) => format!(">= {}x", Short(least)),
            Goal::Within { times: 1.0, plus } => format!("<= +{} {}", Short(plus), self.unit),
            Goal::Within { times, plus } => format!("<= {}x + {} {}", Short(times), Short(plus), self.unit),
            Goal::Said => String::new(),
        }
    }

    /// The value that would just reach the goal, by the limit; nothing where there is no goal.
    pub fn goal_ratio(&self) -> Option<f64> {
        match self.goal {
            Goal::AtMost(ratio) | Goal::AtLeast(ratio) => Some(ratio),
            Goal::Within { times, plus } => Some(times + plus / self.limit),
            Goal::Said => None,
        }
    }
}

/// A number with as many digits as tell something.
#[derive(Clone, Copy, Debug)]
pub struct Short(pub f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        let digits = match size {
            _ if size >= 100.0 => 0,
            _ if size >= 10.0 => 1,
            _ if size >= 1.0 => 2,
            _ => 4,
        };
        let mut text = format!("{:.digits$}", self.0);
        if text.contains('.') {
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        }
        f.pad(&group(&text))
    }
}

/// Puts commas into the whole part: 1,234,567.
fn group(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}
