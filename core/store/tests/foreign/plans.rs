//! A sweep that finds nothing reads next to nothing, however many rows there are.

use crate::made::{NOW, Site, lucee, rails};
use holdall_engine::Swept;
use holdall_store::foreign::{ForeignOptions, ForeignTable};
use holdall_test_databases::MariaDb;

const ROWS: u64 = 20_000;

/// Rows that the server has read so far, one after another, in tables and indexes.
fn rows_read(site: &Site) -> u64 {
    let counters = site.query("SHOW GLOBAL STATUS WHERE Variable_name IN ('Handler_read_next', 'Handler_read_rnd_next')", &[]);
    counters.iter().filter_map(|row| row[1].as_deref()?.parse::<u64>().ok()).sum()
}

/// Sweeps a table in which no row is due; answers how many rows that read.
fn read_by_a_sweep(site: &Site, options: &ForeignOptions) -> u64 {
    let store = site.open(options).expect("opens");
    let before = rows_read(site);
    assert_eq!(store.sweep(NOW, NOW, 1000), Ok(Swept::default()));
    // Asking for the counters counts too: twice here, once in each figure.
    let after = rows_read(site);
    let asking = rows_read(site) - after;
    (after - before).saturating_sub(asking)
}

#[test]
fn a_sweep_with_nothing_to_do_reads_no_rows() {
    // A server of its own: the counters are the whole server's.
    let server = MariaDb::start().expect("starts");
    let site = Site::MariaDb(server.database());
    site.run_script(holdall_layout::lucee::MYSQL_SCHEMA);
    site.run_script(holdall_layout::rails::sql::CREATE_MYSQL);
    let live = (NOW.0 + 3_600_000).to_string();
    site.execute(
        &format!("INSERT INTO cf_session_data SELECT {live}, CONCAT('id-', seq), 'shop', '{{}}' FROM seq_1_to_{ROWS}"),
        &[],
    );
    site.execute(
        &format!(
            "INSERT INTO sessions (session_id, data, created_at, updated_at) \
             SELECT CONCAT('2::', seq), 'BAh7AA==', '2026-09-21 00:00:00', '2026-09-21 00:00:00' FROM seq_1_to_{ROWS}"
        ),
        &[],
    );
    assert!(read_by_a_sweep(&site, &lucee()) < 20);
    let table = ForeignTable::Rails { data_column: "data".into(), secure_session_only: false, trim_age_ms: Some(31_536_000_000) };
    assert!(read_by_a_sweep(&site, &ForeignOptions { table, ..rails() }) < 20);
    // What the counters show when there is no index to ask.
    site.execute("ALTER TABLE cf_session_data DROP INDEX ix_cf_session_data_expires", &[]);
    assert!(read_by_a_sweep(&site, &lucee()) >= ROWS, "the counters see a scan");
}
