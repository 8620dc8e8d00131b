//! SQL files, taken apart into statements.

/// The statements of a script, without comments and the semicolons between them. Quotes are respected.
pub fn statements(script: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current = String::new();
    let mut rest = script.chars().peekable();
    let mut quote = None;
    while let Some(c) = rest.next() {
        match quote {
            Some(open) => {
                current.push(c);
                if c == open {
                    quote = None;
                }
            }
            None if c == '-' && rest.peek() == Some(&'-') => {
                for skipped in rest.by_ref() {
                    if skipped == '\n' {
                        break;
                    }
                }
                current.push('\n');
            }
            None if c == ';' => all.push(std::mem::take(&mut current)),
            None => {
                if matches!(c, '\'' | '"' | '`') {
                    quote = Some(c);
                }
                current.push(c);
            }
        }
    }
    all.push(current);
    all.into_iter().map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}

/// The statements with the table `default` named `table`, also within the names of indexes. Of a renamed table's script
/// the statements about other tables of the same software (`others`) are left out; tables that all share stay.
pub fn renamed(statements: Vec<String>, default: &str, table: &str, others: &[&str]) -> Vec<String> {
    if default == table {
        return statements;
    }
    let wanted = statements.into_iter().filter(|statement| !others.iter().any(|other| statement.contains(other)));
    wanted.map(|statement| statement.replace(default, table)).collect()
}
