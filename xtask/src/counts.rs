//! How many tests passed and failed, read from what the test programs print.

/// Tests that passed, failed and were left out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that a runner left out; none may be.
    pub ignored: u64,
}

impl Counts {
    /// Adds those of another part.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// No test at all was counted.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// Reads cargo's `test result: ok. 5 passed; 0 failed; 1 ignored; …` and the plain line `5 passed, 0 failed`, and adds up
/// all that the output holds. Lines of any other form count for nothing.
pub fn read(output: &str) -> Counts {
    let mut sum = Counts::default();
    for line in output.lines() {
        if let Some(found) = read_line(line.trim()) {
            sum.add(found);
        }
    }
    sum
}

fn read_line(line: &str) -> Option<Counts> {
    let (list, separator) = match line.strip_prefix("test result: ") {
        Some(rest) => (rest.split_once(". ")?.1, ';'),
        None => (line, ','),
    };
    let mut counts = Counts::default();
    let mut named = 0;
    for part in list.split(separator) {
        let Some((number, word)) = part.trim().split_once(' ') else { continue };
        let place = match word {
            "passed" => &mut counts.passed,
            "failed" => &mut counts.failed,
            "ignored" => &mut counts.ignored,
            _ if separator == ';' => continue,
            _ => return None,
        };
        *place = number.parse().ok()?;
        named += 1;
    }
    (named >= 2).then_some(counts)
}
