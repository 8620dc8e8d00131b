//! What a row means to whoever loads it; follows aliases.

use holdall_engine::{Key, Loaded, Reason, Record, Time};
use std::sync::Arc;

/// Aliases of aliases are followed this far; a rotation within the grace of a rotation makes one.
const HOPS: usize = 16;

/// One row as it was read.
#[derive(Clone)]
pub(crate) enum Row {
    Live(Record),
    Dead {
        reason: Reason,
        successor: Option<Key>,
    },
    Alias {
        until: Time,
        successor: Option<Key>,
    },
    #[cfg_attr(not(any(feature = "mysql", feature = "sqlite")), allow(dead_code, reason = "rows in memory are never corrupt"))]
    Corrupt(Arc<str>),
}

/// The answer for the key whose row is `first`; `fetch` reads further rows of the same snapshot.
pub(crate) fn resolve<E>(
    first: Option<Row>,
    now: Time,
    mut fetch: impl FnMut(&Key) -> Result<Option<Row>, E>,
) -> Result<Loaded, E> {
    let Some(mut row) = first else { return Ok(Loaded::Absent) };
    for hop in 0..HOPS {
        let successor = match row {
            Row::Live(record) if hop == 0 => return Ok(Loaded::Row(record)),
            Row::Live(record) => return Ok(Loaded::Alias(record)),
            Row::Dead { reason, successor } => return Ok(Loaded::Dead { reason, successor }),
            Row::Corrupt(why) => return Ok(Loaded::Corrupt(why)),
            Row::Alias { until, successor: Some(successor) } if now < until => successor,
            Row::Alias { successor, .. } => return Ok(rotated(successor)),
        };
        match fetch(&successor)? {
            Some(next) => row = next,
            None => return Ok(rotated(Some(successor))),
        }
    }
    Ok(rotated(None))
}

fn rotated(successor: Option<Key>) -> Loaded {
    Loaded::Dead { reason: Reason::Rotated, successor }
}
