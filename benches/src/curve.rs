//! Latencies by percentile.

use crate::pairs;

/// The percentiles of a curve, as parts of all samples, with their names.
pub const PLACES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// One line of the drawing of latencies.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What was measured.
    pub name: String,
    /// Nanoseconds at each of [`PLACES`].
    pub nanos: Vec<f64>,
}

impl Curve {
    /// The medians, over several windows, of the percentiles of each. Windows without samples are left out.
    pub fn of(name: &str, windows: &mut [Vec<u32>]) -> Self {
        for window in windows.iter_mut() {
            window.sort_unstable();
        }
        let at = |part: f64| {
            pairs::median(windows.iter().filter(|window| !window.is_empty()).map(|window| pairs::percentile(window, part)))
        };
        Self { name: name.to_owned(), nanos: PLACES.iter().map(|(_, part)| at(*part)).collect() }
    }
}
