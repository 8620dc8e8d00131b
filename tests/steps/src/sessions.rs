//! The steps that are about a session's handle.

use crate::line::Line;
use crate::options::durability;
use crate::values::{bytes, duration, hex, json, yes_no};
use crate::world::{Failure, Step, World, done, expect};
use holdall::{Mode, Open, Save, Session};

impl World {
    /// Does a step about a session; none if it is no such step.
    pub(crate) fn session_step(&mut self, verb: &str, line: &mut Line<'_>) -> Option<Step> {
        Some(match verb {
            "open" => self.open(line),
            "free" => self.free(line),
            "remember" => self.remember(line),
            "id" => self.compare_id(line),
            "set" | "set_bytes" | "remove" | "replace_json" | "set_meta" | "set_idle" => {
                self.on_session(line, |session, line| change(verb, session, line))
            }
            "save" => self.on_session(line, save),
            "principal" => self.on_session(line, |session, line| {
                let name = line.word()?;
                Ok(done(session.set_principal((name != "none").then_some(&name))?))
            }),
            "touch" => self.on_session(line, |session, _| Ok(session.touch().map(|()| "OK")?)),
            "rotate" => self.on_session(line, |session, _| Ok(done(session.rotate()?))),
            "destroy" => self.on_session(line, |session, _| Ok(done(session.destroy()?))),
            "get" | "get_bytes" | "json" | "keys" | "is_new" => self.on_session(line, |session, line| show(verb, session, line)),
            _ => return None,
        })
    }

    /// A step that begins with a handle's name.
    fn on_session(&mut self, line: &mut Line<'_>, step: impl FnOnce(&mut Session, &mut Line<'_>) -> Step) -> Step {
        let session = self.session_mut(line.bare_word()?)?;
        let outcome = step(session, line)?;
        line.end()?;
        Ok(outcome)
    }

    /// `open NAME in BAG [with COOKIE] [MODE] [fresh DURATION] [cached_only] [untouched]`
    fn open(&mut self, line: &mut Line<'_>) -> Step {
        let name = line.bare_word()?.to_owned();
        if !line.takes("in") {
            return Err(Failure::scenario("say: open NAME in BAG"));
        }
        let bag = line.bare_word()?;
        let cookie = if line.takes("with") { self.cookie(line)? } else { Vec::new() };
        let mut open = Open::default();
        while !line.is_empty() {
            match line.bare_word()? {
                "strict" => open.mode = Mode::Strict,
                "existing" => open.mode = Mode::Existing,
                "create" => open.mode = Mode::Create,
                "adopt" => open.mode = Mode::Adopt,
                "fresh" => open.freshness = Some(duration(line.bare_word()?)?),
                "cached_only" => open.cached_only = true,
                "untouched" => open.untouched = true,
                other => return Err(Failure::scenario(format!("not understood: {other:?}"))),
            }
        }
        let session = self.bag(bag)?.holdall.open_session(&cookie, open)?;
        self.sessions.insert(name, session);
        Ok("OK")
    }

    /// `$remembered`, `"literal"`, or the name of a handle, which stands for its id.
    fn cookie(&self, line: &mut Line<'_>) -> Result<Vec<u8>, Failure> {
        if line.is_quoted() {
            return Ok(line.word()?.into_bytes());
        }
        let word = line.bare_word()?;
        if word.starts_with('$') {
            return Ok(self.text(word)?.as_bytes().to_vec());
        }
        Ok(self.session(word)?.id_bytes().to_vec())
    }

    fn free(&mut self, line: &mut Line<'_>) -> Step {
        let name = line.bare_word()?;
        line.end()?;
        self.session(name)?;
        self.sessions.remove(name);
        Ok("OK")
    }

    /// `remember $NAME id|ticket HANDLE`
    fn remember(&mut self, line: &mut Line<'_>) -> Step {
        let name = line.bare_word()?;
        let what = line.bare_word()?;
        let session = self.session(line.bare_word()?)?;
        line.end()?;
        let text = match what {
            "id" => session.id().to_owned(),
            "ticket" => session.ticket(),
            _ => return Err(Failure::scenario(format!("{what:?} must be id or ticket"))),
        };
        if !name.starts_with('$') {
            return Err(Failure::scenario("the name of what is remembered begins with $"));
        }
        self.texts.insert(name.to_owned(), text);
        Ok("OK")
    }

    /// `id HANDLE is|is_not COOKIE`
    fn compare_id(&self, line: &mut Line<'_>) -> Step {
        let session = self.session(line.bare_word()?)?;
        let wanted = match line.bare_word()? {
            "is" => true,
            "is_not" => false,
            other => return Err(Failure::scenario(format!("{other:?} must be is or is_not"))),
        };
        let other = self.cookie(line)?;
        line.end()?;
        let name = |same: bool| if same { "the same id" } else { "another id" }.to_owned();
        expect(&name(wanted), &name(session.id_bytes() == other))
    }
}

fn change(verb: &str, session: &mut Session, line: &mut Line<'_>) -> Step {
    match verb {
        "set" => {
            let field = line.word()?;
            session.set_json(&field, &json(line)?)?;
        }
        "set_bytes" => {
            let field = line.word()?;
            session.set_bytes(&field, &bytes(line)?)?;
        }
        "remove" => session.remove(&line.word()?)?,
        "replace_json" => session.replace_json(line.rest())?,
        "set_idle" => session.set_idle_timeout(duration(line.bare_word()?)?)?,
        _ => {
            let meta = line.word()?;
            session.set_meta((meta != "none").then_some(&meta))?;
        }
    }
    Ok("OK")
}

fn save(session: &mut Session, line: &mut Line<'_>) -> Step {
    let mut save = Save::default();
    while !line.is_empty() {
        match line.bare_word()? {
            "if_unchanged" => save.if_unchanged = true,
            word => save.durability = Some(durability(word)?),
        }
    }
    Ok(done(session.save_with(save)?))
}

/// Compares what the handle shows with what the line says.
fn show(verb: &str, session: &Session, line: &mut Line<'_>) -> Step {
    match verb {
        "get" => {
            let got = session.get_json(&line.word()?).unwrap_or("none").to_owned();
            expect(&json(line)?, &got)
        }
        "get_bytes" => {
            let field = line.word()?;
            let got = session.get_bytes(&field);
            if line.takes("none") {
                return expect(&"none".to_owned(), &got.map_or_else(|| "none".to_owned(), hex));
            }
            expect(&hex(&bytes(line)?), &got.map_or_else(|| "none".to_owned(), hex))
        }
        "json" => expect(&line.rest().to_owned(), &session.to_json()),
        "keys" => {
            let mut wanted = Vec::new();
            while !line.is_empty() {
                wanted.push(line.word()?);
            }
            expect(&wanted.join(" | "), &session.keys().join(" | "))
        }
        _ => expect(&yes_no(line.bare_word()?)?, &session.is_new()),
    }
}
