//! What stands between a measurement and the report: medians, goals, the file for programs, the drawings.

use holdall_bench::curve::Curve;
use holdall_bench::figure::{Figure, Goal, Short};
use holdall_bench::{pairs, random, report, sessions, svg};

fn figure(value: f64, limit: f64, goal: Goal) -> Figure {
    Figure { name: "a <name>".to_owned(), unit: "ns", value, limit, ratio: value / limit, goal, note: "a note".to_owned() }
}

#[test]
fn a_goal_holds_up_to_its_bound() {
    let cases = [
        (2.0, 1.0, Goal::AtMost(2.0), Some(true), "<= 2x"),
        (2.01, 1.0, Goal::AtMost(2.0), Some(false), "<= 2x"),
        (0.9, 1.0, Goal::AtLeast(0.9), Some(true), ">= 0.9x"),
        (0.89, 1.0, Goal::AtLeast(0.9), Some(false), ">= 0.9x"),
        (60.0, 40.0, Goal::Within { times: 1.0, plus: 20.0 }, Some(true), "<= +20 ns"),
        (60.1, 40.0, Goal::Within { times: 1.0, plus: 20.0 }, Some(false), "<= +20 ns"),
        (1_190.6, 762.0, Goal::Within { times: 1.3, plus: 200.0 }, Some(true), "<= 1.3x + 200 ns"),
        (1_191.0, 762.0, Goal::Within { times: 1.3, plus: 200.0 }, Some(false), "<= 1.3x + 200 ns"),
        (9.0, 1.0, Goal::Said, None, ""),
    ];
    for (value, limit, goal, holds, text) in cases {
        let figure = figure(value, limit, goal);
        assert_eq!(figure.holds(), holds, "{value} against {limit} with {goal:?}");
        assert_eq!(figure.goal_text(), text);
    }
}

#[test]
fn the_ratio_is_the_median_of_the_pairs() {
    // One pair was disturbed: neither its value nor its ratio counts.
    let measured = pairs::of(&[(10.0, 5.0), (900.0, 6.0), (12.0, 4.0)]);
    assert_eq!(measured, pairs::Pairs { value: 12.0, limit: 5.0, ratio: 3.0 });
    assert!((pairs::median([4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-12);
    assert!(pairs::median([]).abs() < 1e-12);
}

#[test]
fn pairs_are_measured_in_turn_and_stop_at_the_first_error() {
    let order = std::cell::RefCell::new(String::new());
    let note = |which: char| {
        order.borrow_mut().push(which);
        Ok(1.0)
    };
    pairs::measure(3, || note('v'), || note('l')).expect("both can be measured");
    assert_eq!(*order.borrow(), "vllvvl");
    let failed = pairs::measure(3, || Err("broken".to_owned()), || Ok(1.0));
    assert_eq!(failed, Err("broken".to_owned()));
}

#[test]
fn a_percentile_is_a_sample_that_enough_others_do_not_exceed() {
    let sorted: Vec<u32> = (1..=1_000).collect();
    for (part, expected) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0), (0.9999, 1_000.0)] {
        assert!((pairs::percentile(&sorted, part) - expected).abs() < 1e-9, "{part}: {}", pairs::percentile(&sorted, part));
    }
    assert!((pairs::percentile(&[7], 0.01) - 7.0).abs() < 1e-9);
}

#[test]
fn the_file_for_programs_has_the_six_members() {
    let json = report::json(&[figure(3.0, 1.0, Goal::AtMost(2.0)), figure(3.0, 1.0, Goal::Said)]);
    let read: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(read[0]["name"], "a <name>");
    assert_eq!((&read[0]["value"], &read[0]["limit"], &read[0]["ratio"]), (&3.0.into(), &1.0.into(), &3.0.into()));
    assert_eq!((&read[0]["goal"], &read[0]["holds"]), (&"<= 2x".into(), &false.into()));
    assert!(read[1]["holds"].is_null());
    assert_eq!(read.as_array().map(Vec::len), Some(2));
}

#[test]
fn the_summary_names_what_is_missed() {
    let mut missed = figure(3.0, 1.0, Goal::AtMost(2.0));
    missed.name = "too slow".to_owned();
    let text = report::summary(&[missed, figure(1.0, 1.0, Goal::AtMost(2.0)), figure(1.0, 1.0, Goal::Said)]);
    assert!(text.starts_with("1 of 2 goals hold"), "{text}");
    assert!(text.ends_with("missed: too slow"), "{text}");
}

#[test]
fn drawings_are_well_formed_and_show_everything() {
    let bars =
        svg::bars(&[figure(1.0, 1.0, Goal::AtMost(2.0)), figure(9.0, 1.0, Goal::AtMost(2.0)), figure(1.0, 1.0, Goal::Said)]);
    assert_eq!(bars.matches("a &lt;name&gt;").count(), 2, "a figure without a goal has no bar");
    assert!(!bars.contains("a <name>"));
    let curves = svg::curves(&[Curve::of("one", &mut [vec![3, 1, 2], vec![]]), Curve::of("two", &mut [vec![50_000]])]);
    assert_eq!(curves.matches("<polyline").count(), 2);
    assert_eq!(curves.matches("<circle").count(), 10);
    for drawing in [bars, curves] {
        let (opened, closed) = (drawing.matches("<text").count(), drawing.matches("</text>").count());
        assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n") && opened == closed);
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
    }
}

#[test]
fn numbers_are_short_and_grouped() {
    let cases = [
        (1_234_567.0, "1,234,567"),
        (123.4, "123"),
        (12.34, "12.3"),
        (1.5, "1.5"),
        (2.0, "2"),
        (0.0105, "0.0105"),
        (-1_000.0, "-1,000"),
    ];
    for (number, text) in cases {
        assert_eq!(Short(number).to_string(), text);
    }
}

#[test]
fn the_session_is_what_the_figures_say() {
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&sessions::json(7)).expect("the session is JSON");
    assert_eq!((sessions::SESSION.len(), sessions::json(99_999).len(), fields.len()), (762, 762, 20));
    assert_eq!(fields["user_id"], 10_000_007);
    assert_eq!(sessions::block(7).expect("it makes a block").len(), 20);
    assert_ne!(sessions::json(1), sessions::json(2));
    assert_eq!(
        (sessions::id(1).len(), sessions::id(1) == sessions::id(1), sessions::id(1) == sessions::id(2)),
        (32, true, false)
    );
}

#[test]
fn an_order_has_each_number_once() {
    let mut order = random::Random::new(5).order(1_000);
    assert_ne!(order, (0..1_000).collect::<Vec<u32>>());
    order.sort_unstable();
    assert_eq!(order, (0..1_000).collect::<Vec<u32>>());
}
