//! Cached get: open, get 1, free; against look-up and clone of the block in a plain map.
//!
//! The raw map is what one writes by hand: 16 parts, each a `Mutex<HashMap<Box<[u8]>, Box<[u8]>>>` with ahash, a part
//! found by the id's hash. It knows no expiry, no last use, no budget. What the same map takes with ids of
//! a fixed length inside the table, which a store of any host's ids can't have, is said beside.

use crate::bench::Run;
use crate::clock;
use crate::figure::{Figure, Goal, Short};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, Id, text};
use holdall::{Holdall, Options};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::hint::black_box;
use std::sync::{Mutex, MutexGuard, PoisonError};

const PARTS: usize = 16;
type Part<K> = HashMap<K, Box<[u8]>, ahash::RandomState>;

/// A plain map in parts, found by the id's hash.
struct Raw<K> {
    parts: Vec<Mutex<Part<K>>>,
    hasher: ahash::RandomState,
}

impl<K: Hash + Eq> Raw<K> {
    fn new(ids: &[Id], key: impl Fn(&Id) -> K) -> Result<Self, String> {
        let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
        let parts = (0..PARTS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        let raw = Self { parts, hasher };
        for (number, id) in ids.iter().enumerate() {
            let size = sessions::block(number)?.size();
            let bytes: Box<[u8]> = sessions::json(number).bytes().cycle().take(size).collect();
            raw.part(id).insert(key(id), bytes);
        }
        Ok(raw)
    }

    fn part(&self, id: &Id) -> MutexGuard<'_, Part<K>> {
        let hash = self.hasher.hash_one(id.as_slice());
        self.parts[(hash >> 32) as usize % PARTS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn time<Q: Hash + Eq + ?Sized>(&self, order: &[Id], view: impl Fn(&Id) -> &Q) -> Result<f64, String>
    where
        K: Borrow<Q>,
    {
        let mut missing = 0;
        let nanos = clock::thread_time(|| {
            for id in order {
                let block = self.part(id).get(view(id)).cloned();
                missing += usize::from(black_box(block).is_none());
            }
        });
        if missing == 0 { Ok(nanos / order.len() as f64) } else { Err("the raw map lacks an id".to_owned()) }
    }
}

/// Measures both figures.
///
/// # Errors
/// What the bag says.
pub fn run(run: &mut Run) -> Result<(), String> {
    let gets = run.size(400_000, 40_000);
    let hot = figure(run, 1_000, gets)?;
    let name = "cached get, single, hot 1,000 sessions, Rust".to_owned();
    run.add(Figure { name, goal: Goal::AtMost(2.0), ..hot });
    let random = figure(run, run.size(100_000, 20_000), gets)?;
    let name = "cached get, single, 100,000 sessions at random, Rust".to_owned();
    run.add(Figure { name, goal: Goal::AtMost(1.2), ..random });
    Ok(())
}

fn figure(run: &Run, count: usize, gets: usize) -> Result<Figure, String> {
    let bag = Holdall::open("memory:", Options::new()).map_err(text)?;
    let ids = sessions::fill(&bag, count)?;
    let raw: Raw<Box<[u8]>> = Raw::new(&ids, |id| id.as_slice().into())?;
    // In a row, as cookies come: fetching the id itself from far away is no part of either way.
    let draws = Random::new(count as u64).draws(gets, count);
    let order: Vec<Id> = draws.iter().map(|place| ids[*place as usize]).collect();
    let ours = || {
        let mut done = Ok(());
        let nanos = clock::thread_time(|| done = order.iter().try_for_each(|id| sessions::get(&bag, id)));
        done.map(|()| nanos / gets as f64)
    };
    let measured = pairs::measure(run.pairs(), ours, || raw.time(&order, Id::as_slice))?;
    bag.abandon();
    drop(raw);
    let inline = Raw::new(&ids, |id| *id)?;
    let inline = (0..run.pairs()).map(|_| inline.time(&order, |id| id)).collect::<Result<Vec<f64>, String>>()?;
    Ok(Figure {
        name: String::new(),
        unit: "ns",
        value: measured.value,
        limit: measured.limit,
        ratio: measured.ratio,
        goal: Goal::Said,
        note: format!(
            "thread time; the limit is look-up and clone of the block in a map of 16 locked parts with ahash ({} ns with ids of a fixed length inside the table)",
            Short(pairs::median(inline))
        ),
    })
}
