//! The table on the terminal and the file for programs.

use crate::figure::{Figure, Short};

/// The table's first lines.
pub fn head() -> String {
    let title = format!("{:<64} {:>12} {:>12} {:>9}  {:<20} {}", "figure", "value", "raw limit", "ratio", "goal", "holds");
    let rule = "-".repeat(title.chars().count());
    format!("{title}\n{rule}")
}

/// One line of the table, and the note below it.
pub fn line(figure: &Figure) -> String {
    let holds = match figure.holds() {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "-",
    };
    format!(
        "{:<64} {:>12} {:>12} {:>8}x  {:<20} {holds}\n    {}: {}",
        figure.name,
        Short(figure.value).to_string(),
        Short(figure.limit).to_string(),
        Short(figure.ratio).to_string(),
        figure.goal_text(),
        figure.unit,
        figure.note,
    )
}

/// How many goals hold, and which don't.
pub fn summary(figures: &[Figure]) -> String {
    let with_goal = figures.iter().filter(|figure| figure.holds().is_some()).count();
    let missed: Vec<&str> =
        figures.iter().filter(|figure| figure.holds() == Some(false)).map(|figure| figure.name.as_str()).collect();
    let mut text = format!("{} of {with_goal} goals hold", with_goal - missed.len());
    for name in missed {
        text.push_str("\n  missed: ");
        text.push_str(name);
    }
    text
}

/// The figures as JSON: `[{"name","value","limit","ratio","goal","holds"}]`, with the unit and the note beside.
pub fn json(figures: &[Figure]) -> String {
    let lines: Vec<String> = figures
        .iter()
        .map(|figure| {
            serde_json::json!({
                "name": figure.name,
                "value": figure.value,
                "limit": figure.limit,
                "ratio": figure.ratio,
                "goal": figure.goal_text(),
                "holds": figure.holds(),
                "unit": figure.unit,
                "note": figure.note,
            })
            .to_string()
        })
        .collect();
    format!("[\n  {}\n]\n", lines.join(",\n  "))
}
