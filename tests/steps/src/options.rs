//! The options of a bag: `name=value`.

use crate::line::Line;
use crate::values::{duration, yes_no};
use crate::world::Failure;
use holdall::{Durability, Options, Sharing};

/// Options from the rest of the line.
pub(crate) fn options(line: &mut Line<'_>) -> Result<Options, Failure> {
    let mut options = Options::new();
    while !line.is_empty() {
        let word = line.bare_word()?;
        let Some((name, value)) = word.split_once('=') else {
            return Err(Failure::scenario(format!("{word:?} must be name=value")));
        };
        options = set(options, name, value)?;
    }
    Ok(options)
}

fn set(options: Options, name: &str, value: &str) -> Result<Options, Failure> {
    let number = || value.parse().map_err(|_| Failure::scenario(format!("{value:?} is no number")));
    Ok(match name {
        "application" => options.application(value.to_owned()),
        "sharing" => options.sharing(sharing(value)?),
        "durability" => options.durability(Some(durability(value)?)),
        "freshness" => options.freshness(Some(duration(value)?)),
        "linger" => options.linger(duration(value)?),
        "linger_cap" => options.linger_cap(duration(value)?),
        "keep" => options.keep(duration(value)?),
        "batch_rows" => options.batch_rows(number()?),
        "batch_bytes" => options.batch_bytes(number()?),
        "memory" => options.memory(number()?),
        "unsaved" => options.unsaved(number()?),
        "busy_wait" => options.busy_wait(duration(value)?),
        "store_timeout" => options.store_timeout(duration(value)?),
        "idle" => options.idle(duration(value)?),
        "absolute" => options.absolute(duration(value)?),
        "touch" => options.touch(duration(value)?),
        "sweep_every" => options.sweep_every(duration(value)?),
        "dead" => options.dead(duration(value)?),
        "retry" => options.retry(duration(value)?),
        "retry_cap" => options.retry_cap(duration(value)?),
        "max_stale" => options.max_stale(duration(value)?),
        "rotation_grace" => options.rotation_grace(duration(value)?),
        "value_limit" => options.value_limit(number()?),
        "session_limit" => options.session_limit(number()?),
        "adopt" => options.adopt(yes_no(value)?),
        "claim_expired" => options.claim_expired(yes_no(value)?),
        "events" => options.events(number()?),
        "shards" => options.shards(number()?),
        _ => return Err(Failure::scenario(format!("there is no option {name:?}"))),
    })
}

fn sharing(word: &str) -> Result<Sharing, Failure> {
    match word {
        "single" => Ok(Sharing::Single),
        "sticky" => Ok(Sharing::Sticky),
        "fleet" => Ok(Sharing::Fleet),
        _ => Err(Failure::scenario(format!("{word:?} must be single, sticky or fleet"))),
    }
}

pub(crate) fn durability(word: &str) -> Result<Durability, Failure> {
    match word {
        "behind" => Ok(Durability::Behind),
        "journal" => Ok(Durability::Journal),
        "stored" => Ok(Durability::Stored),
        _ => Err(Failure::scenario(format!("{word:?} must be behind, journal or stored"))),
    }
}
