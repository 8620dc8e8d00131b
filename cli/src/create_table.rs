//! `holdall create-table`: makes the table of a layout, or prints the SQL that would.

use crate::args::CreateTable;
use crate::db::{Database, Flavour};
use crate::layout::Layout;
use crate::output::Output;
use crate::problem::{EXIT_FINDINGS, EXIT_OK, Problem, Result};
use crate::script;
use crate::shape;
use crate::target::{Place, Target};
use serde_json::json;

/// Runs the command.
pub fn run(args: &CreateTable, output: Output) -> Result<u8> {
    let target = Target::of(&args.place)?;
    if matches!(target.place, Place::Sqlite(_)) && target.layout == Layout::Native && is_renamed(&target) {
        return Err(Problem::usage("the native table in SQLite is always called holdall_sessions"));
    }
    if args.print {
        print(&target, output)?;
        return Ok(EXIT_OK);
    }
    make(&target, args.if_missing, output)
}

fn is_renamed(target: &Target) -> bool {
    target.table != target.layout.default_table()
}

/// Prints the file as it is, or what is left of it for a table of another name. Nothing is connected to: the SQL for a
/// server is that for MariaDB, and says what differs on MySQL.
fn print(target: &Target, output: Output) -> Result<()> {
    let flavour = match target.place {
        Place::Memory => return Err(Problem::usage("memory: needs no table")),
        Place::Sqlite(_) => Flavour::Sqlite,
        Place::Server(_) => Flavour::MariaDb,
    };
    let mut sql = target.layout.sql(flavour)?.into_owned();
    if is_renamed(target) {
        sql = format!("{};", statements(target, &sql).join(";\n\n"));
    }
    output.say(sql.trim_end());
    output.answer(&json!({"layout": target.layout.name(), "table": target.table, "sql": sql}));
    Ok(())
}

fn statements(target: &Target, sql: &str) -> Vec<String> {
    // Lucee's script makes the table of clients too.
    script::renamed(script::statements(sql), target.layout.default_table(), &target.table, &["cf_client_data"])
}

fn make(target: &Target, if_missing: bool, output: Output) -> Result<u8> {
    // The layout's SQL first: a layout without any must not leave an empty file behind.
    target.layout.sql(Flavour::Sqlite)?;
    let mut database = Database::open(target, true)?;
    if shape::exists(&mut database, &target.table)? {
        output.answer(&json!({"table": target.table, "made": false}));
        let advice = "'holdall doctor' says whether its shape is right";
        output.say(&format!("There is a table {} at {} already; {advice}.", target.table, target.shown()));
        return Ok(if if_missing { EXIT_OK } else { EXIT_FINDINGS });
    }
    database.check_writes()?;
    let sql = target.layout.sql(database.flavour())?;
    let statements = statements(target, &sql);
    if database.flavour() == Flavour::Sqlite {
        database.transaction(|database| statements.iter().try_for_each(|sql| database.execute(sql, &[]).map(drop)))?;
    } else {
        for statement in &statements {
            database.execute(statement, &[])?;
        }
    }
    output.answer(&json!({"table": target.table, "made": true}));
    output.say(&format!("Made the table {} at {}.", target.table, target.shown()));
    Ok(EXIT_OK)
}
