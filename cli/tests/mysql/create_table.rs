//! `create-table` on a server.

use crate::table::Table;

#[test]
fn each_layout_is_made_once_and_found_well() {
    for (layout, name) in [("native", "holdall_sessions"), ("lucee", "cf_session_data"), ("rails", "sessions")] {
        let table = Table::new();
        let made = table.run(&["create-table", "--json", "--layout", layout]).with_code(0);
        assert_eq!(made.json()["made"], true);
        table.run(&["create-table", "--layout", layout]).with_code(1);
        table.run(&["create-table", "--if-missing", "--layout", layout]).with_code(0);
        assert_eq!(table.findings(layout), Vec::<String>::new(), "{layout}");
        assert_eq!(table.number(&format!("SELECT COUNT(*) FROM {name}")), 0);
    }
}

#[test]
fn a_table_may_have_another_name() {
    let table = Table::new();
    for layout in ["native", "lucee", "rails"] {
        let name = format!("my_{layout}");
        table.run(&["create-table", "--layout", layout, "--table", &name]).with_code(0);
        table.run(&["doctor", "--quick", "--json", "--layout", layout, "--table", &name]);
        assert_eq!(table.number(&format!("SELECT COUNT(*) FROM {name}")), 0);
    }
    table.run(&["create-table", "--layout", "lucee", "--table", "cf_client_data"]).with_code(0);
    assert_eq!(table.number("SELECT COUNT(*) FROM cf_client_data"), 0);
}

#[test]
fn an_account_without_the_right_is_told_so() {
    let table = Table::new();
    let url = table.database.url_for(&table.database.application, table.database.port);
    let answer = crate::common::holdall_at(&url, &["create-table", "--layout", "lucee"]).with_code(4);
    assert!(answer.err.contains("CREATE command denied"), "{answer:?}");
}
