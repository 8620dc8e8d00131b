//! `create-table` on files.

use crate::common::run;
use crate::file::File;

const FILES: [(&str, &str, &str); 6] = [
    ("native", "sqlite:x", "native-sqlite.sql"),
    ("lucee", "sqlite:x", "lucee-sqlite.sql"),
    ("rails", "sqlite:x", "rails-sqlite.sql"),
    ("native", "mysql://u@h/d", "native-mysql.sql"),
    ("lucee", "mysql://u@h/d", "lucee-mysql.sql"),
    ("rails", "mysql://u@h/d", "rails-mysql.sql"),
];

fn file_of_the_layout(name: &str) -> String {
    let path = format!("{}/../core/layout/sql/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the layout's SQL").replace("{{NOPAD}}", "utf8mb4_nopad_bin")
}

#[test]
fn print_shows_the_files_as_they_are_and_connects_to_nothing() {
    for (layout, url, name) in FILES {
        let answer = run(&[], &["create-table", "--print", "--layout", layout, url], b"").with_code(0);
        assert_eq!(answer.out.trim_end(), file_of_the_layout(name).trim_end(), "{name}");
        let answer = run(&[], &["create-table", "--print", "--json", "--layout", layout, url], b"").with_code(0);
        assert_eq!(answer.json()["sql"], file_of_the_layout(name), "{name}");
    }
    assert!(!std::path::Path::new("x").exists());
}

#[test]
fn a_table_of_another_name_has_it_everywhere() {
    let arguments = ["create-table", "--print", "--layout", "lucee", "--table", "sess", "sqlite:x"];
    let answer = run(&[], &arguments, b"").with_code(0);
    assert!(answer.out.contains("sess (") && answer.out.contains("ix_sess_expires ON sess"), "{}", answer.out);
    assert!(!answer.out.contains("cf_"), "{}", answer.out);
}

#[test]
fn a_table_is_made_once_and_the_doctor_finds_it_well() {
    for layout in ["native", "lucee", "rails"] {
        let file = File::new();
        let made = file.run(&["create-table", "--json", "--layout", layout]).with_code(0);
        assert_eq!(made.json()["made"], true);
        let again = file.run(&["create-table", "--json", "--layout", layout]).with_code(1);
        assert_eq!(again.json()["made"], false);
        file.run(&["create-table", "--if-missing", "--layout", layout]).with_code(0);
        let doctor = file.run(&["doctor", "--json", "--layout", layout]).with_code(0);
        assert_eq!(doctor.findings(), Vec::<String>::new(), "{layout}");
    }
}

#[test]
fn a_layout_without_sql_makes_no_file() {
    let file = File::new();
    file.run(&["create-table", "--layout", "django"]).with_code(2);
    assert!(!file.beside("sessions.db").exists());
}
