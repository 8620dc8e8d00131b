//! The runner itself: it sees what goes wrong, and says where.

use holdall_steps::{Place, run_text};

fn problem(text: &str) -> String {
    run_text("x.steps", text, &Place::memory()).expect_err("this scenario is wrong")
}

/// Each of these scenarios must fail at its last line, with this text.
#[test]
fn every_step_can_fail() {
    let begin = "bag A linger=1h linger_cap=1h\nopen a in A\nset a x 1\nsave a\n";
    let cases = [
        ("get a x 2", "expected: 2\n  got:      1"),
        ("get a y 2", "expected: 2\n  got:      none"),
        ("get a x none", "expected: none\n  got:      1"),
        ("get_bytes a x 01", "expected: 01\n  got:      none"),
        ("json a {}", "expected: {}\n  got:      {\"x\":1}"),
        ("keys a", "expected: \n  got:      x"),
        ("is_new a no", "expected: false\n  got:      true"),
        ("id a is \"x\"", "expected: the same id\n  got:      another id"),
        ("id a is_not a", "expected: another id\n  got:      the same id"),
        ("GONE: save a", "expected: GONE\n  got:      OK"),
        ("set a x nonsense", "expected: OK\n  got:      INVALID ("),
        ("NOT_FOUND: set a x nonsense", "expected: NOT_FOUND\n  got:      INVALID ("),
        ("open b in A with \"unknown\" existing", "expected: OK\n  got:      NOT_FOUND ("),
        ("list A anna 1", "expected: 1\n  got:      0"),
        ("list A anna 0 current a", "expected: 1\n  got:      0"),
        ("list_meta A anna none", "expected: none\n  got:      "),
        ("sweep A expired=1", "expected: 1\n  got:      0"),
        ("health A live=no", "expected: false\n  got:      true"),
        ("flush A\nno_event A created", "expected: no event created\n  got:      {"),
        ("flush A\nevent A created fields=1", "expected: 1\n  got:      null"),
        ("shared", "the scenario is wrong: this scenario needs a store that bags can share"),
        ("no_such_verb a", "the scenario is wrong: there is no step \"no_such_verb\""),
        ("get a", "the scenario is wrong: a word is missing at the end of the line"),
        ("rotate a now", "the scenario is wrong: not understood: \"now\""),
        ("save b", "the scenario is wrong: there is no session \"b\""),
        ("flush B", "the scenario is wrong: there is no bag \"B\""),
        ("set a \"x 1", "the scenario is wrong: the closing quote is missing"),
        ("advance 5", "the scenario is wrong: \"5\" is no duration"),
        ("bag B nonsense=1", "the scenario is wrong: there is no option \"nonsense\""),
    ];
    for (step, wanted) in cases {
        let text = format!("{begin}{step}\n");
        let got = problem(&text);
        let last = step.lines().last().expect("a step has a line");
        let wanted = format!("x.steps:{}: {last}\n  {wanted}", text.lines().count());
        assert!(got.starts_with(&wanted), "{step}:\n{got}\nshould begin with\n{wanted}");
    }
}

#[test]
fn a_file_without_steps_is_wrong() {
    assert_eq!(problem("# nothing\n\n"), "x.steps: has no step");
}
