//! Pairs: holdall and the raw way in turn, so that whatever else the machine does meets both.

/// The medians of a series of pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pairs {
    /// Of holdall.
    pub value: f64,
    /// Of the raw way.
    pub limit: f64,
    /// Of the ratios of each pair.
    pub ratio: f64,
}

/// Measures so many pairs. Each of the two goes first in every other pair.
///
/// # Errors
/// The first error of either.
pub fn measure(
    pairs: usize,
    mut value: impl FnMut() -> Result<f64, String>,
    mut limit: impl FnMut() -> Result<f64, String>,
) -> Result<Pairs, String> {
    let mut measured = Vec::with_capacity(pairs);
    for pair in 0..pairs.max(1) {
        measured.push(if pair % 2 == 0 {
            let value = value()?;
            (value, limit()?)
        } else {
            let limit = limit()?;
            (value()?, limit)
        });
    }
    Ok(of(&measured))
}

/// The medians of pairs of (value, limit) that were measured already.
pub fn of(measured: &[(f64, f64)]) -> Pairs {
    Pairs {
        value: median(measured.iter().map(|(value, _)| *value)),
        limit: median(measured.iter().map(|(_, limit)| *limit)),
        ratio: median(measured.iter().map(|(value, limit)| value / limit)),
    }
}

/// The middle one of some numbers, or the mean of the two in the middle; 0 of none.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// The latency that this part of the samples (0 to 1) does not exceed; `sorted` must be sorted and not empty.
pub fn percentile(sorted: &[u32], part: f64) -> f64 {
    let above = sorted.len() - ((1.0 - part) * sorted.len() as f64 + 1e-9) as usize;
    f64::from(sorted[above.clamp(1, sorted.len()) - 1])
}
