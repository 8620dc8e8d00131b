//! Checks of what the store is seen to commit: order, phantoms, lost fields, resurrection, expiry.

use crate::model::{Commit, FIELDS, Fields, Model, NAMES, principal_number};
use crate::store::{Effect, Row};
use holdall_engine::{Reason, Record, Time, Write, WriteKind};

/// Who sent the op that has an effect, and when.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// The node.
    pub node: usize,
    /// Its run.
    pub run: u32,
    /// The happening at which the op was taken from the engine.
    pub sent_seq: u64,
    /// The happening at which this write was sent for the first time.
    pub first_seq: u64,
}

/// The moment at which an op is applied.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Virtual time.
    pub now: u64,
    /// The store's clock.
    pub store: Time,
}

impl Model {
    /// Looks at one changed row. `write` is none for a sweep.
    pub fn on_effect(&mut self, at: Moment, sender: Sender, write: Option<&Write>, effect: &Effect) {
        self.checks += 1;
        let Some(&id) = self.keys.get(&effect.key) else {
            self.fail("I5 no phantom", "a row under a key that no client ever had");
            return;
        };
        match (&effect.before, &effect.after) {
            (Some(Row::Live(before)), Some(Row::Live(after))) if before.stamp == after.stamp => {
                self.on_touch(at, id, before, after);
            }
            (before, Some(Row::Live(after))) => self.on_content(at, sender, id, write, before.as_ref(), after),
            (Some(Row::Live(before)), after) => self.on_end(at, sender, id, write, before, after.as_ref()),
            (before, Some(Row::Ended { alias_until, .. })) => {
                if *alias_until > Time::ZERO {
                    self.ids[id].alias_until = *alias_until;
                } else {
                    self.ids[id].alias_ended.get_or_insert(at.now);
                }
                self.on_planted(at, id, write, before.is_some());
            }
            (_, None) => self.ids[id].swept = true,
        }
    }

    fn on_touch(&mut self, at: Moment, id: usize, before: &Record, after: &Record) {
        let lineage = self.ids[id].lineage;
        if after.accessed < before.accessed {
            self.fail("8 last use never goes back", format!("session {lineage}: by a touch"));
        }
        if before.block != after.block {
            self.fail("I5 no phantom", format!("session {lineage}: content changed under one stamp"));
        }
        self.note_accessed(at, lineage, after.accessed);
    }

    fn note_accessed(&mut self, at: Moment, lineage: usize, accessed: Time) {
        let session = &mut self.lineages[lineage];
        let relaxed = session.relaxed;
        let last = session.accessed.last().map_or(Time::ZERO, |(_, accessed)| *accessed);
        session.accessed.push((at.now, accessed));
        let too_new = accessed > session.last_use;
        let relaxed = relaxed || session.create_retried;
        if accessed < last && !relaxed {
            self.fail("8 last use never goes back", format!("session {lineage}: from {last:?} to {accessed:?}"));
        }
        if too_new && !relaxed {
            self.fail("I7 never early, I8 never late", format!("session {lineage}: the row's last use is later than any use"));
        }
    }

    /// A row is created, updated, or made by a rotation.
    fn on_content(&mut self, at: Moment, sender: Sender, id: usize, write: Option<&Write>, before: Option<&Row>, row: &Record) {
        let lineage = self.ids[id].lineage;
        let was_live = matches!(before, Some(Row::Live(_)));
        let kind = write.map(|write| &write.kind);
        let creates = matches!(kind, Some(WriteKind::Create { .. } | WriteKind::Rename { base: None, .. }));
        let again = creates && before.is_none() && !self.lineages[lineage].history.is_empty();
        // Over when it landed: a create that was under way for longer than the session would have lived.
        let over = row.expires() <= at.store;
        if again && (over || self.lineages[lineage].create_retried) {
            self.lineages[lineage].relaxed = true;
        }
        if self.ids[id].gone_at.is_some() && !self.lineages[lineage].relaxed {
            if !over {
                self.fail("I2 no resurrection", format!("session {lineage}: the row of id {id} lives again"));
            }
            self.ids[id].gone_at = None;
            self.lineages[lineage].ended = None;
        }
        if !was_live {
            self.ids[id].live_since = Some(at.now);
        }
        let fields = self.decode(lineage, &row.block);
        let principal = principal_number(row.principal.as_deref());
        let (old, old_principal) = match self.lineages[lineage].history.last() {
            Some(last) => (last.fields, last.principal),
            None => ([0; FIELDS], 0),
        };
        if creates && !self.lineages[lineage].history.is_empty() && !self.lineages[lineage].relaxed {
            self.fail("I17 create never takes over", format!("session {lineage} is created twice"));
        }
        let index = self.lineages[lineage].history.len();
        if !self.lineages[lineage].relaxed {
            self.check_changes(sender, lineage, old, fields, index, creates);
            if !self.lineages[lineage].create_retried {
                self.check_principal(sender, lineage, old_principal, principal);
            }
            self.check_revision(lineage, row);
        }
        for (field, number) in fields.into_iter().enumerate() {
            if number != 0 && number != old[field] {
                self.writes[number as usize].landed = Some(index);
                let view = self.view(lineage, sender.node);
                view.landed[field] = view.landed[field].max(number);
            }
        }
        self.note_removals(sender, lineage, old, fields, index);
        let node = sender.node;
        let commit = Commit { at: at.now, revision: row.stamp.revision, fields, principal, node };
        self.lineages[lineage].history.push(commit);
        self.note_accessed(at, lineage, row.accessed);
    }

    fn note_removals(&mut self, sender: Sender, lineage: usize, old: Fields, new: Fields, index: usize) {
        for field in 0..FIELDS {
            if old[field] == 0 || new[field] != 0 {
                continue;
            }
            let found = self.open_removal(sender, lineage, field);
            if let Some(number) = found {
                self.writes[number as usize].landed = Some(index);
                let view = self.view(lineage, sender.node);
                view.landed[field] = view.landed[field].max(number);
            }
        }
    }

    /// The newest removal of a field that a node asked for and does not know to be committed.
    fn open_removal(&self, sender: Sender, lineage: usize, field: usize) -> Option<u32> {
        let fits = |number: &usize| {
            let write = &self.writes[*number];
            write.value == 0
                && !write.refused
                && write.asked_seq <= sender.first_seq
                && (write.lineage, write.field, write.node, write.run) == (lineage, field, sender.node, sender.run)
                && write.known.is_none_or(|known| known >= sender.sent_seq)
        };
        (1..self.writes.len()).rev().find(fits).map(|number| number as u32)
    }

    fn check_revision(&mut self, lineage: usize, row: &Record) {
        let last = self.lineages[lineage].history.last().map_or(0, |last| last.revision);
        if row.stamp.revision <= last {
            self.fail("4 versions never go back", format!("session {lineage}: revision {} after {last}", row.stamp.revision));
        }
    }

    /// Each field that changes was changed by a client of the sender, and not known to be committed before.
    fn check_changes(&mut self, sender: Sender, lineage: usize, old: Fields, new: Fields, index: usize, creates: bool) {
        for field in 0..FIELDS {
            let (from, to) = (old[field], new[field]);
            if from == to {
                continue;
            }
            let name = NAMES[field];
            let number = if to == 0 { self.open_removal(sender, lineage, field).unwrap_or(0) } else { to };
            if number == 0 {
                self.fail(
                    "2 no lost field",
                    format!("session {lineage}: node {} removed {name} unasked at {index}", sender.node),
                );
                continue;
            }
            let write = self.writes[number as usize].clone();
            if (write.node, write.run) != (sender.node, sender.run) {
                let what = format!("session {lineage}: node {} set {name} back to node {}'s value", sender.node, write.node);
                self.fail("2 no lost field", what);
            }
            if write.known.is_some_and(|known| known < sender.sent_seq) {
                self.fail(
                    "2 no lost field",
                    format!("session {lineage}: {name} goes back to a value known to be committed before"),
                );
            }
            let landed = self.view(lineage, sender.node).landed[field];
            // A change with a condition is kept apart: it may be overtaken.
            if number < landed && write.landed.is_none() && write.shown.is_none() {
                self.fail(
                    "I11 order of writes",
                    format!("session {lineage}: {name}: an older change is committed after a newer one"),
                );
            }
            if write.refused {
                self.fail("I15 honesty", format!("session {lineage}: a refused change of {name} is committed"));
            }
            if write.creates && !creates && self.lineages[lineage].creator != (sender.node, sender.run) && index > 0 {
                self.fail("I17 create never takes over", format!("session {lineage}: a second create's {name} is laid over"));
            }
            self.check_condition(lineage, field, from, &write);
            self.check_overwrite(sender, lineage, field, from, number);
        }
    }

    fn check_condition(&mut self, lineage: usize, field: usize, from: u32, write: &crate::model::WriteInfo) {
        // Laid over again after an unknown outcome, it may meet what someone else has made of it.
        let Some(shown) = write.shown.filter(|_| write.landed.is_none()) else { return };
        let own_uncommitted = shown != 0 && {
            let under = &self.writes[shown as usize];
            (under.node, under.run) == (write.node, write.run) && under.landed.is_none()
        };
        if from != shown && !own_uncommitted && !self.is_open_removal_value(shown, write) {
            let name = NAMES[field];
            self.fail("3 condition holds at the commit", format!("session {lineage}: {name} was not what was shown"));
        }
    }

    /// Shown as removed by an uncommitted removal of the same node.
    fn is_open_removal_value(&self, shown: u32, write: &crate::model::WriteInfo) -> bool {
        shown == 0 && write.over != 0 && self.writes[write.over as usize].value == 0
    }

    /// A field of someone else's that is overwritten unseen must have been reported.
    fn check_overwrite(&mut self, sender: Sender, lineage: usize, field: usize, from: u32, number: u32) {
        let history = &self.lineages[lineage].history;
        let since = history.iter().rposition(|commit| commit.fields[field] != from).map_or(0, |place| place + 1);
        let own = history.get(since).is_some_and(|commit| commit.node == sender.node);
        if own || self.lies_over(number, from) || self.lineages[lineage].views[sender.node].run != sender.run {
            return;
        }
        let view = self.view(lineage, sender.node);
        if view.run != sender.run {
            return;
        }
        view.overwrites += 1;
        if view.overwrites > view.overwrites_told {
            let name = NAMES[field];
            self.fail(
                "2 overwriting is reported",
                format!(
                    "session {lineage}: {name} of someone else overwritten without an event: {number} over {from}, {:?}",
                    self.writes[number as usize]
                ),
            );
        }
    }

    fn check_principal(&mut self, sender: Sender, lineage: usize, from: u8, to: u8) {
        if from == to || self.runs[sender.node] != sender.run {
            return;
        }
        let asked = self.view(lineage, sender.node).principals.clone();
        if !asked.iter().any(|(asked, _)| *asked == to) {
            self.fail("22 principal", format!("session {lineage}: changed from {from} to {to} unasked"));
            return;
        }
        let history = &self.lineages[lineage].history;
        let since = history.iter().rposition(|commit| commit.principal != from).map_or(0, |place| place + 1);
        let own = history.get(since).is_none_or(|commit| commit.node == sender.node);
        if !own && !asked.iter().any(|(_, over)| *over == from) {
            let what = format!("session {lineage}: principal {from} of someone else became {to}, asked for {asked:?}");
            self.fail("22 principal is never laid over", what);
        }
    }

    /// Whether a node may have given up a rotation, which ends the session: it gave out an id that never came to live.
    fn has_rotation_given_up(&self, lineage: usize, node: usize) -> bool {
        let ids = self.lineages[lineage].ids.iter().map(|id| &self.ids[*id]);
        ids.skip(1).any(|id| id.made_by.0 == node && id.live_since.is_none())
    }

    /// A live row ends.
    fn on_end(&mut self, at: Moment, sender: Sender, id: usize, write: Option<&Write>, before: &Record, after: Option<&Row>) {
        let lineage = self.ids[id].lineage;
        self.ids[id].gone_at = Some(at.now);
        let reason = match after {
            Some(Row::Ended { reason, alias_until, .. }) => {
                self.ids[id].alias_until = *alias_until;
                *reason
            }
            _ => Reason::Gone,
        };
        match write.map(|write| &write.kind) {
            Some(WriteKind::Rename { .. }) => return,
            Some(WriteKind::Expire { .. }) | None => self.check_early_end(at, sender, lineage, before),
            Some(WriteKind::Destroy { reason: Reason::Gone, .. }) if self.has_rotation_given_up(lineage, sender.node) => {}
            Some(WriteKind::Destroy { .. }) if !self.lineages[lineage].destroy_tried => {
                self.fail("I2 only asked ends", format!("session {lineage} was destroyed unasked"));
            }
            _ => {}
        }
        self.lineages[lineage].ended = Some((at.now, reason));
    }

    fn on_planted(&mut self, at: Moment, id: usize, write: Option<&Write>, was_there: bool) {
        let lineage = self.ids[id].lineage;
        self.ids[id].gone_at.get_or_insert(at.now);
        let destroyed = matches!(write.map(|write| &write.kind), Some(WriteKind::Destroy { .. }));
        if destroyed && !was_there && self.lineages[lineage].ids.last() == Some(&id) {
            self.lineages[lineage].ended.get_or_insert((at.now, Reason::Destroyed));
        }
    }

    /// A row that is swept or claimed must have expired, by all that has happened.
    fn check_early_end(&mut self, at: Moment, sender: Sender, lineage: usize, row: &Record) {
        if row.expires() > at.store + self.plan.config.clock_error_ms {
            self.fail("I10 purge only what has expired", format!("session {lineage}: {:?} at {:?}", row.expires(), at.store));
        }
        let session = &self.lineages[lineage];
        // Where writing works, each use is in the row within the slack; so nothing that was used since may go.
        let error = self.plan.config.clock_error_ms;
        let alive =
            session.idle_ms > 0 && at.store + error < session.last_use + session.idle_ms && at.store + error < session.deadline;
        if alive && self.plan.calm && !session.is_excused() {
            let what =
                format!("session {lineage}: last use {:?}, ended at {:?} by node {}", session.last_use, at.store, sender.node);
            self.fail("I7 never early", what);
        }
    }
}
