//! The steps that are about a bag.

use crate::line::Line;
use crate::options::options;
use crate::values::{duration, yes_no};
use crate::world::{Failure, OpenBag, PATIENCE, Step, World, done, expect};
use holdall::{Holdall, Options, Which};
use std::fmt::Display;
use std::time::Duration;

impl World {
    /// Does a step about a bag; none if it is no such step.
    pub(crate) fn bag_step(&mut self, verb: &str, line: &mut Line<'_>) -> Option<Step> {
        Some(match verb {
            "shared" => self.is_shared(line),
            "bag" => self.open_bag(line),
            "bag_at" => self.open_bag_at(line),
            "restart" => self.restart(line),
            "advance" => self.advance(line),
            "close" => self.close(line),
            "abandon" => self.on_bag(line, |bag, _, _| {
                bag.abandon();
                Ok("OK")
            }),
            "flush" => self.on_bag(line, |bag, _, _| expect(&0, &bag.flush(PATIENCE)?.changes)),
            "drain" => self.on_bag(line, |bag, _, _| Ok(bag.drain().map(|()| "OK")?)),
            "sweep" => self.on_bag(line, |bag, line, _| sweep(bag, line)),
            "prepare_fork" => self.on_bag(line, |bag, _, _| Ok(bag.prepare_fork().map(|()| "OK")?)),
            "unsaved" => self.on_bag(line, |bag, line, _| {
                let wanted = line.number()?;
                let unsaved = || bag.health().unsaved;
                wait_for(&wanted, || unsaved().changes + unsaved().destroys + unsaved().renames)
            }),
            "health" => self.on_bag(line, |bag, line, _| health(bag, line)),
            "stat" => self.on_bag(line, |bag, line, _| stat(bag, line)),
            "event" => self.on_bag(line, |bag, line, _| event(bag, line)),
            "no_event" => self.on_bag(line, |bag, line, _| no_event(bag, line)),
            "list" => self.on_bag(line, list),
            "list_meta" => self.on_bag(line, |bag, line, _| list_meta(bag, line)),
            "reference" => self.reference(line),
            "destroy_principal" => self.on_bag(line, destroy_principal),
            _ => return None,
        })
    }

    /// Says that the scenario opens its store more than once.
    fn is_shared(&self, line: &Line<'_>) -> Step {
        line.end()?;
        if self.place.is_shared() { Ok("OK") } else { Err(Failure::scenario("this scenario needs a store that bags can share")) }
    }

    /// A step that begins with a bag's name.
    fn on_bag(&self, line: &mut Line<'_>, step: impl FnOnce(&Holdall, &mut Line<'_>, &Self) -> Step) -> Step {
        let bag = &self.bag(line.bare_word()?)?.holdall;
        let outcome = step(bag, line, self)?;
        line.end()?;
        Ok(outcome)
    }

    fn open_bag(&mut self, line: &mut Line<'_>) -> Step {
        let name = line.bare_word()?.to_owned();
        let options = options(line)?;
        let url = self.place.url.clone();
        self.put_bag(name, &url, options)
    }

    fn open_bag_at(&mut self, line: &mut Line<'_>) -> Step {
        let name = line.bare_word()?.to_owned();
        let url = line.word()?;
        let options = options(line)?;
        self.put_bag(name, &url, options)
    }

    fn put_bag(&mut self, name: String, url: &str, options: Options) -> Step {
        let holdall = Holdall::open(url, options.clone())?;
        holdall.advance_clock(self.advanced);
        self.bags.insert(name, OpenBag { holdall, options });
        Ok("OK")
    }

    /// Closes a bag in good order and opens it again with the same options.
    fn restart(&mut self, line: &mut Line<'_>) -> Step {
        let name = line.bare_word()?.to_owned();
        line.end()?;
        let old = self.bag(&name)?;
        let options = old.options.clone();
        expect(&0, &old.holdall.close(PATIENCE)?.changes)?;
        let url = self.place.url.clone();
        self.put_bag(name, &url, options)
    }

    fn close(&self, line: &mut Line<'_>) -> Step {
        self.on_bag(line, |bag, _, _| {
            let left = bag.close(PATIENCE)?;
            expect(&"0 0 0".to_owned(), &format!("{} {} {}", left.changes, left.destroys, left.renames))
        })
    }

    fn advance(&mut self, line: &mut Line<'_>) -> Step {
        let by = duration(line.bare_word()?)?;
        line.end()?;
        self.advanced = self.advanced.saturating_add(by);
        for bag in self.bags.values() {
            bag.holdall.advance_clock(by);
        }
        Ok("OK")
    }

    /// Remembers the reference of the one session of a principal that has a meta text.
    fn reference(&mut self, line: &mut Line<'_>) -> Step {
        let name = line.bare_word()?.to_owned();
        let bag = &self.bag(line.bare_word()?)?.holdall;
        let (principal, meta) = (line.word()?, line.word()?);
        line.end()?;
        let listed = bag.list_principal(&principal, None)?;
        let found = listed.into_iter().find(|session| session.meta.as_deref() == Some(meta.as_str()));
        let found = found.ok_or_else(|| Failure::scenario("the principal has no session with this meta text"))?;
        self.texts.insert(name, found.reference);
        Ok("OK")
    }
}

/// Waits until something has the value that it should have.
#[allow(clippy::disallowed_methods, reason = "a test's deadline is real time")]
fn wait_for<T: PartialEq + Display>(wanted: &T, mut look: impl FnMut() -> T) -> Step {
    let began = std::time::Instant::now();
    loop {
        let got = look();
        if got == *wanted || began.elapsed() > PATIENCE {
            return expect(wanted, &got);
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn sweep(bag: &Holdall, line: &mut Line<'_>) -> Step {
    let swept = bag.sweep()?;
    while !line.is_empty() {
        let word = line.bare_word()?;
        match word.split_once('=') {
            Some(("expired", number)) => expect(&number.to_owned(), &swept.expired.to_string())?,
            Some(("dead", number)) => expect(&number.to_owned(), &swept.dead.to_string())?,
            _ => return Err(Failure::scenario(format!("{word:?} must be expired=N or dead=N"))),
        };
    }
    Ok("OK")
}

fn health(bag: &Holdall, line: &mut Line<'_>) -> Step {
    let health = bag.health();
    while !line.is_empty() {
        let word = line.bare_word()?;
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let got = match name {
            "live" => health.live,
            "ready" => health.ready,
            _ => return Err(Failure::scenario(format!("{word:?} must be live=yes, live=no, ready=yes or ready=no"))),
        };
        expect(&yes_no(value)?, &got)?;
    }
    Ok("OK")
}

fn stat(bag: &Holdall, line: &mut Line<'_>) -> Step {
    let (name, wanted) = (line.bare_word()?, line.number()?);
    // Through the JSON, which is what every language has.
    let look = || -> Result<u64, Failure> {
        let stats: serde_json::Value = serde_json::from_str(&bag.stats_json())
            .map_err(|error| Failure::scenario(format!("the statistics are no JSON: {error}")))?;
        stats[name].as_u64().ok_or_else(|| Failure::scenario(format!("there is no statistic {name:?}")))
    };
    look()?;
    wait_for(&wanted, || look().unwrap_or(u64::MAX))
}

/// The next event with this name, and what its JSON says.
fn event(bag: &Holdall, line: &mut Line<'_>) -> Step {
    let name = line.bare_word()?;
    let json = loop {
        let Some(event) = bag.next_event(PATIENCE) else {
            return expect(&name.to_owned(), &"no such event".to_owned());
        };
        if event.event.name() == name {
            break event.to_json();
        }
    };
    let json: serde_json::Value =
        serde_json::from_str(&json).map_err(|error| Failure::scenario(format!("the event is no JSON: {error}")))?;
    expect(&format!("\"{name}\""), &json["event"].to_string())?;
    while !line.is_empty() {
        let word = line.bare_word()?;
        let Some((member, value)) = word.split_once('=') else {
            return Err(Failure::scenario(format!("{word:?} must be member=value")));
        };
        expect(&value.to_owned(), &json[member].to_string())?;
    }
    Ok("OK")
}

fn no_event(bag: &Holdall, line: &mut Line<'_>) -> Step {
    let name = line.bare_word()?;
    while let Some(event) = bag.next_event(Duration::ZERO) {
        if event.event.name() == name {
            return expect(&format!("no event {name}"), &event.to_json());
        }
    }
    Ok("OK")
}

fn list(bag: &Holdall, line: &mut Line<'_>, world: &World) -> Step {
    let (principal, wanted) = (line.word()?, line.number()?);
    let current = if line.takes("current") { Some(world.session(line.bare_word()?)?) } else { None };
    let listed = bag.list_principal(&principal, current)?;
    expect(&wanted, &(listed.len() as u64))?;
    let marked = listed.iter().filter(|session| session.is_current).count();
    expect(&usize::from(current.is_some()), &marked)
}

fn list_meta(bag: &Holdall, line: &mut Line<'_>) -> Step {
    let principal = line.word()?;
    let mut metas: Vec<String> = bag
        .list_principal(&principal, None)?
        .into_iter()
        .map(|session| session.meta.unwrap_or_else(|| "none".to_owned()))
        .collect();
    metas.sort();
    let mut wanted = Vec::new();
    while !line.is_empty() {
        wanted.push(line.word()?);
    }
    expect(&wanted.join(" | "), &metas.join(" | "))
}

fn destroy_principal(bag: &Holdall, line: &mut Line<'_>, world: &World) -> Step {
    let principal = line.word()?;
    let outcome = match line.bare_word()? {
        "all" => bag.destroy_principal(&principal, Which::All)?,
        "all_but" => bag.destroy_principal(&principal, Which::AllBut(world.session(line.bare_word()?)?))?,
        "one" => {
            let reference = line.word()?;
            let reference = if reference.starts_with('$') { world.text(&reference)? } else { &reference };
            bag.destroy_principal(&principal, Which::One(reference))?
        }
        other => return Err(Failure::scenario(format!("{other:?} must be all, all_but or one"))),
    };
    Ok(done(outcome))
}
