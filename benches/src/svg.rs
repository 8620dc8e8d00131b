//! Two drawings, as plain SVG: the ratios against their goals, and latencies by percentile.

use crate::curve::{Curve, PLACES};
use crate::figure::{Figure, Short};
use std::fmt::Write as _;

const GOOD: &str = "#2a7f3f";
const BAD: &str = "#b3261e";
const LINE: &str = "#555555";
const FAINT: &str = "#dddddd";
const COLOURS: [&str; 4] = ["#1f5fa8", "#c7641a", "#2a7f3f", "#7a3b8f"];

fn open(width: u32, height: u32, title: &str) -> String {
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" role=\"img\">"
    );
    let _ = writeln!(svg, "<title>{}</title>", escape(title));
    let _ = writeln!(svg, "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
    words(&mut svg, 20.0, 28.0, "start", "font-size=\"17\" font-weight=\"bold\"", title);
    svg
}

fn words(svg: &mut String, x: f64, y: f64, anchor: &str, style: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{}</text>", escape(text));
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), style: &str) {
    let _ = writeln!(svg, "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {style}/>", from.0, from.1, to.0, to.1);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// How much of what the goal allows a figure uses: up to 1 it holds, less is better.
fn used(figure: &Figure) -> Option<f64> {
    let goal = figure.goal_ratio()?;
    match figure.goal {
        crate::figure::Goal::AtLeast(_) => Some(goal / figure.ratio),
        crate::figure::Goal::Within { .. } => Some(figure.value / (goal * figure.limit)),
        _ => Some(figure.ratio / goal),
    }
}

/// A bar for each figure with a goal: the part of what the goal allows. The goals are one line.
pub fn bars(figures: &[Figure]) -> String {
    const WIDTH: u32 = 1_060;
    const LEFT: f64 = 540.0;
    const GOAL: f64 = 200.0;
    const MOST: f64 = 1.3;
    const STEP: f64 = 30.0;
    const TOP: f64 = 78.0;
    let shown: Vec<(&Figure, f64)> = figures.iter().filter_map(|figure| Some((figure, used(figure)?))).collect();
    let bottom = TOP + STEP * shown.len() as f64;
    let mut svg = open(WIDTH, bottom as u32 + 24, "Ratios to the raw limit, against their goals");
    words(
        &mut svg,
        20.0,
        50.0,
        "start",
        "fill=\"#555555\"",
        "A bar that ends before the line is within its goal; shorter is better.",
    );
    words(&mut svg, LEFT + GOAL, 66.0, "middle", "fill=\"#555555\"", "goal");
    for (place, (figure, used)) in shown.iter().enumerate() {
        let y = TOP + STEP * place as f64;
        let colour = if figure.holds() == Some(true) { GOOD } else { BAD };
        words(&mut svg, LEFT - 10.0, y + 15.0, "end", "", &figure.name);
        let length = used.clamp(0.005, MOST) * GOAL;
        let _ =
            writeln!(svg, "<rect x=\"{LEFT:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"20\" rx=\"2\" fill=\"{colour}\"/>");
        let beyond = if *used > MOST { "… " } else { "" };
        let label = format!("{beyond}{}x ({})", Short(figure.ratio), figure.goal_text());
        words(&mut svg, (LEFT + length + 8.0).max(LEFT + GOAL + 8.0), y + 15.0, "start", "", &label);
    }
    line(&mut svg, (LEFT + GOAL, TOP - 6.0), (LEFT + GOAL, bottom), &format!("stroke=\"{LINE}\" stroke-width=\"1.5\""));
    svg.push_str("</svg>\n");
    svg
}

/// The latencies of each curve, on a scale of powers of ten.
pub fn curves(curves: &[Curve]) -> String {
    const WIDTH: f64 = 760.0;
    const HEIGHT: f64 = 440.0;
    const LEFT: f64 = 80.0;
    const RIGHT: f64 = 730.0;
    const TOP: f64 = 80.0;
    const BOTTOM: f64 = 390.0;
    let all = || curves.iter().flat_map(|curve| curve.nanos.iter().copied()).filter(|nanos| *nanos > 0.0);
    let low = all().fold(f64::INFINITY, f64::min).max(1.0).log10().floor();
    let high = all().fold(10.0, f64::max).log10().ceil().max(low + 1.0);
    let x = |place: usize| LEFT + 40.0 + (RIGHT - LEFT - 80.0) * place as f64 / (PLACES.len() - 1) as f64;
    let y = |nanos: f64| BOTTOM - (BOTTOM - TOP) * (nanos.max(1.0).log10() - low) / (high - low);
    let mut svg = open(WIDTH as u32, HEIGHT as u32, "Latency of a cached cycle");
    for power in low as i32..=high as i32 {
        let nanos = 10_f64.powi(power);
        line(&mut svg, (LEFT, y(nanos)), (RIGHT, y(nanos)), &format!("stroke=\"{FAINT}\""));
        words(&mut svg, LEFT - 8.0, y(nanos) + 4.0, "end", "", &time(nanos));
    }
    for (place, (name, _)) in PLACES.iter().enumerate() {
        words(&mut svg, x(place), BOTTOM + 22.0, "middle", "", name);
    }
    for (number, curve) in curves.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let points: Vec<String> =
            curve.nanos.iter().enumerate().map(|(place, nanos)| format!("{:.1},{:.1}", x(place), y(*nanos))).collect();
        let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", points.join(" "));
        for (place, nanos) in curve.nanos.iter().enumerate() {
            let _ = writeln!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"/>", x(place), y(*nanos));
            // The upper of two curves has its numbers above its points, the lower below.
            let below = curves.iter().any(|other| other.nanos.get(place).is_some_and(|height| height > nanos));
            let at = y(*nanos) + if below { 18.0 } else { -9.0 };
            words(&mut svg, x(place), at, "middle", &format!("font-size=\"11\" fill=\"{colour}\""), &time(*nanos));
        }
        let across = LEFT + 300.0 * number as f64;
        line(&mut svg, (across, 52.0), (across + 24.0, 52.0), &format!("stroke=\"{colour}\" stroke-width=\"3\""));
        words(&mut svg, across + 32.0, 56.0, "start", "", &curve.name);
    }
    svg.push_str("</svg>\n");
    svg
}

fn time(nanos: f64) -> String {
    match nanos {
        _ if nanos >= 1e9 => format!("{} s", Short(nanos / 1e9)),
        _ if nanos >= 1e6 => format!("{} ms", Short(nanos / 1e6)),
        _ if nanos >= 1e3 => format!("{} µs", Short(nanos / 1e3)),
        _ => format!("{} ns", Short(nanos)),
    }
}
