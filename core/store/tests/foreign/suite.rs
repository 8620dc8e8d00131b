//! The behaviours of every store, without those that such a table has no place for.

use crate::made::{IDLE_MS, Site, lucee, rails};
use holdall_engine::{Block, Fault, Key, Loaded, Record, Swept, Time, Verdict, Wanted, Write};
use holdall_store::foreign::ForeignOptions;
use holdall_store::suite::{Need, cases_without};
use holdall_store::{LoadReply, Store};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Leaves out the fields that Lucee's rows always have.
struct Bare(Arc<dyn Store>);

impl Store for Bare {
    fn load(&self, wanted: &[Wanted], now: Time) -> Result<LoadReply, Fault> {
        let mut reply = self.0.load(wanted, now)?;
        for row in &mut reply.rows {
            if let Loaded::Row(Record { block, .. }) = row {
                let own = block.iter().filter(|(name, _)| !["timecreated", "lastvisit"].contains(name));
                *block = Block::from_fields(own);
            }
        }
        Ok(reply)
    }

    fn commit(&self, writes: &[Write], now: Time) -> Result<Vec<Verdict>, Fault> {
        self.0.commit(writes, now)
    }

    fn sweep(&self, before: Time, now: Time, limit: u32) -> Result<Swept, Fault> {
        self.0.sweep(before, now, limit)
    }

    fn due(&self, before: Time, limit: u32) -> Result<Vec<Key>, Fault> {
        self.0.due(before, limit)
    }

    fn close(&self) -> Result<(), Fault> {
        self.0.close()
    }
}

fn run_all(sites: impl Fn() -> Vec<Site>, options: &ForeignOptions, lacks: &[Need]) {
    let mut failed = Vec::new();
    for case in cases_without(lacks) {
        for site in sites() {
            let store = Bare(site.open(options).expect("opens"));
            if catch_unwind(AssertUnwindSafe(|| (case.check)(&store))).is_err() {
                failed.push(format!("{} on {}", case.name, site.name()));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// What no foreign table has.
const NEVER: [Need; 6] = [Need::DeadRows, Need::Aliases, Need::Principals, Need::Limits, Need::AnyValue, Need::AnyKey];

#[test]
fn rails_tables() {
    let options = ForeignOptions { idle_ms: IDLE_MS, touch_every_ms: 0, ..rails() };
    let lacks: Vec<Need> = NEVER.into_iter().chain([Need::Expiry]).collect();
    run_all(Site::with_rails, &options, &lacks);
}

#[test]
fn lucee_tables() {
    run_all(Site::with_lucee, &lucee(), &NEVER);
}
