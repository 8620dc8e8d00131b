//! Checks of what clients are shown and told.

use crate::model::{FIELDS, Model, NAMES, principal_number};
use holdall_engine::{Config, Reason, Sharing, Time, View};

/// What a request asked for when it opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The id.
    pub id: usize,
    /// Where.
    pub node: usize,
    /// Virtual time at the begin of the open.
    pub began: u64,
    /// How many states had been committed then.
    pub committed: usize,
    /// Whether the id's row was over then.
    pub was_gone: bool,
    /// Freshness; `u64::MAX` is any.
    pub fresh_ms: u64,
    /// The ticket.
    pub at_least: Option<u64>,
    /// The store's clock at the begin.
    pub store_clock: Time,
    /// The row's last use at the begin.
    pub accessed: Option<Time>,
}

impl Model {
    /// The oldest committed state that an open may show.
    fn oldest_allowed(&self, opening: &Opening, lineage: usize) -> usize {
        let history = &self.lineages[lineage].history;
        let at = |time: u64| history.iter().rposition(|commit| commit.at < time).unwrap_or(0);
        let slack = self.plan.clock_slack();
        if opening.fresh_ms == u64::MAX {
            return 0;
        }
        if let Some(ticket) = opening.at_least {
            let own = history.iter().position(|commit| commit.revision >= ticket).unwrap_or(0);
            return own.max(at(opening.began.saturating_sub(self.plan.config.max_stale_ms + slack)));
        }
        if opening.fresh_ms == 0 {
            return opening.committed.saturating_sub(1);
        }
        at(opening.began.saturating_sub(opening.fresh_ms + slack))
    }

    /// How long ago an end may have happened that an open does not notice yet.
    fn unseen_ms(&self, opening: &Opening) -> u64 {
        match (opening.fresh_ms, opening.at_least) {
            (u64::MAX, _) => u64::MAX,
            (_, Some(_)) => self.plan.config.max_stale_ms + self.plan.clock_slack(),
            (0, None) => 0,
            (fresh, None) => fresh + self.plan.clock_slack(),
        }
    }

    /// An open answered with a session.
    /// `renaming`: a rotation from this id is not settled at this node, so that both ids find the session here.
    pub fn on_ready(&mut self, opening: &Opening, now: u64, clock: Time, view: &View, renaming: bool) {
        self.checks += 1;
        let (id, node) = (opening.id, opening.node);
        let lineage = self.ids[id].lineage;
        let fields = self.decode(lineage, &view.block);
        if self.lineages[lineage].is_excused() {
            return;
        }
        let (gone_at, sent) = (self.ids[id].gone_at, self.ids[id].sent);
        if view.alias {
            self.check_alias(opening, lineage, fields);
            return;
        }
        let ended_here = self.is_closed(id, node);
        if ended_here {
            self.fail("I2 no resurrection", format!("session {lineage}: id {id} opened at node {node}, where it was ended"));
        }
        let unseen = self.unseen_ms(opening);
        let too_long = gone_at.is_some_and(|gone| unseen != u64::MAX && gone.saturating_add(unseen) < opening.began);
        // A session whose first row was refused is this node's own, as if it had never been sent.
        let refused = self.plan.poison > 0 && self.ids[id].live_since.is_none();
        if sent && !refused && !renaming && (too_long || (opening.was_gone && unseen == 0)) && gone_at.is_some() {
            let what = format!("session {lineage}: id {id} opened at node {node} ({opening:?}), gone since {gone_at:?}");
            self.fail("I2 no resurrection, I3 no old id", what);
        }
        self.check_not_expired(lineage, node, clock);
        let seen = self.view(lineage, node);
        if seen.seen_id != id {
            (seen.seen_id, seen.floor, seen.revision) = (id, [0; FIELDS], 0);
        }
        self.check_fields(opening, lineage, fields);
        self.check_ticket_out(lineage, node, now, view);
    }

    fn check_alias(&mut self, opening: &Opening, lineage: usize, fields: crate::model::Fields) {
        let until = self.ids[opening.id].alias_until;
        let ended = self.ids[opening.id].alias_ended.is_some_and(|ended| ended < opening.began);
        if opening.store_clock >= until || ended {
            self.fail(
                "I3 alias only in its grace",
                format!("session {lineage}: read at {:?}, grace to {until:?}", opening.store_clock),
            );
        }
        let history = &self.lineages[lineage].history;
        let allowed = &history[opening.committed.saturating_sub(1).min(history.len())..];
        if !allowed.iter().any(|commit| commit.fields == fields) {
            self.fail("I4 fresh reads", format!("session {lineage}: an alias shows an old state"));
        }
    }

    fn check_not_expired(&mut self, lineage: usize, node: usize, clock: Time) {
        let session = &self.lineages[lineage];
        if clock >= session.deadline {
            let deadline = session.deadline;
            self.fail("I9 deadline", format!("session {lineage} opened at node {node} at {clock:?}, deadline {deadline:?}"));
            return;
        }
        let slack = self.plan.config.slack_for(session.idle_ms);
        if session.idle_ms > 0 && clock >= session.last_use + session.idle_ms + slack {
            let used = session.last_use;
            let what =
                format!("session {lineage} opened at node {node} at {clock:?}, last used {used:?}, idle {}", session.idle_ms);
            self.fail("I8 never late", what);
        }
    }

    fn check_fields(&mut self, opening: &Opening, lineage: usize, fields: crate::model::Fields) {
        let oldest = self.oldest_allowed(opening, lineage);
        let node = opening.node;
        for (field, shown) in fields.into_iter().enumerate() {
            let view = self.view(lineage, node);
            let (last, floor) = (view.last[field], view.floor[field]);
            let write = self.writes[last as usize].clone();
            // A removal that someone else made too needs no commit of its own.
            let moot = last != 0 && write.landed.is_none() && self.was_absent_since(lineage, field, last);
            let mine = last != 0 && !write.void && !moot && self.travels_with(last, opening.id);
            if moot && shown == 0 {
                continue;
            }
            if mine && write.landed.is_none() {
                if shown != write.value && write.shown.is_none() {
                    let what = format!(
                        "session {lineage}: node {node} shows {shown} for {}, set to {} there",
                        NAMES[field], write.value
                    );
                    self.fail("I4 read your writes", what);
                }
                if shown == write.value {
                    continue;
                }
            }
            if mine && write.known.is_none() && shown == write.value {
                continue;
            }
            // Asked for through this id, while the last one went through another.
            let own = shown != 0 && self.is_open(shown) && self.writes[shown as usize].node == node;
            let elsewhere = !self.travels_with(last, opening.id);
            if elsewhere
                && ((own && self.travels_with(shown, opening.id)) || (shown == 0 && self.has_open_removal(opening, field)))
            {
                continue;
            }
            // A change with a condition under which an earlier one is still shown.
            if shown != 0 && self.is_open(shown) && self.writes[shown as usize].node == node && write.shown.is_some() {
                continue;
            }
            let from = oldest.max(floor).max(if mine { write.landed.unwrap_or(0) } else { 0 });
            let history = &self.lineages[lineage].history;
            let found = history.iter().enumerate().skip(from).find(|(_, commit)| commit.fields[field] == shown);
            match found {
                Some((index, _)) => self.view(lineage, node).floor[field] = index.max(floor),
                None if history.is_empty() && shown == 0 => {}
                None => {
                    let what = format!(
                        "session {lineage}: node {node} shows {shown} for {}, which is older than state {from} of {} ({opening:?})",
                        NAMES[field],
                        history.len()
                    );
                    self.fail("I4 fresh and monotonic reads", what);
                }
            }
        }
    }

    /// Whether a removal of a field was asked for through this id at this node, and is not committed.
    fn has_open_removal(&self, opening: &Opening, field: usize) -> bool {
        (1..self.writes.len() as u32).any(|number| {
            let write = &self.writes[number as usize];
            let same = write.value == 0 && (write.node, write.field) == (opening.node, field);
            same && self.is_open(number) && self.travels_with(number, opening.id)
        })
    }

    fn check_ticket_out(&mut self, lineage: usize, node: usize, _now: u64, view: &View) {
        let Some(revision) = view.revision else { return };
        self.check_revision_told(lineage, node, revision);
        let principal = view.attributes.as_ref().and_then(|attributes| attributes.principal.as_deref());
        let principal = principal_number(principal);
        let bit = 1_u8 << principal;
        if principal != 0 && self.lineages[lineage].principals & bit == 0 {
            self.fail("I5 no phantom", format!("session {lineage} has principal {principal}, which it never had"));
        }
    }

    /// A revision that a node gives out must be committed, and never go back there.
    pub fn check_revision_told(&mut self, lineage: usize, node: usize, revision: u64) {
        if self.lineages[lineage].is_excused() {
            return;
        }
        if !self.lineages[lineage].history.iter().any(|commit| commit.revision == revision) {
            self.fail(
                "27 a ticket names what is committed",
                format!("session {lineage}: node {node} tells a revision nobody wrote"),
            );
        }
        let view = self.view(lineage, node);
        let before = view.revision;
        view.revision = revision.max(before);
        if revision < before {
            self.fail("4 versions never go back", format!("session {lineage}: node {node} tells {revision} after {before}"));
        }
    }

    /// An open answered that there is no such session (`None`), or that it ended.
    pub fn on_not_ready(&mut self, opening: &Opening, now: u64, clock: Time, reason: Option<Reason>) {
        self.checks += 1;
        let (id, node) = (opening.id, opening.node);
        let lineage = self.ids[id].lineage;
        let run = self.runs[node];
        let closed = self.is_closed(id, node);
        let view = self.view(lineage, node).clone();
        let session = &self.lineages[lineage];
        let info = &self.ids[id];
        if session.is_excused() || closed || view.ended || view.purged || info.gone_at.is_some() {
            return;
        }
        let remembered = if opening.fresh_ms > 0 && reason.is_none() { self.plan.config.negative_ms + 100_000 } else { 0 };
        let lives =
            info.live_since.is_some_and(|since| since + remembered < opening.began || (remembered == 0 && since < opening.began));
        let parent_gone = info.parent.is_some_and(|parent| self.ids[parent].gone_at.is_some());
        let only_here = !parent_gone
            && info.live_since.is_none()
            && info.made_by == (node, run)
            && !session.destroy_tried
            && view.used > Time::ZERO;
        if !lives && !only_here {
            return;
        }
        if clock >= session.deadline {
            return;
        }
        let here = self.leads_to(view.used_id, id, (node, run)) || self.leads_to(id, view.used_id, (node, run));
        let used_so = if here { view.used } else { Time::ZERO };
        let (idle, used) = (session.idle_ms, used_so);
        let over = idle > 0 && clock >= self.earliest_end(opening, lineage, used);
        if over && matches!(reason, Some(Reason::Idle | Reason::Gone) | None) {
            return;
        }
        let what = format!(
            "session {lineage}: id {id} at node {node}: {reason:?} at {clock:?} (virtual {now}); last use here {used:?}, anywhere {:?}, \
             idle {idle}, row {:?}, {opening:?}",
            session.last_use, opening.accessed
        );
        self.fail("I1 never lost, I7 never early", what);
    }

    /// When the session may be over at the earliest, by what the node has to know.
    fn earliest_end(&self, opening: &Opening, lineage: usize, used: Time) -> Time {
        let session = &self.lineages[lineage];
        let config = &self.plan.config;
        let slack = config.slack_for(session.idle_ms);
        let used_here = if used > Time::ZERO { used + session.idle_ms } else { Time::ZERO };
        // A node that found the session expired keeps that for some seconds, in which a use may arrive that was late.
        let then = opening.began.saturating_sub(11_000);
        let Some((_, accessed)) = session.accessed.iter().rfind(|(at, _)| *at <= then).or(session.accessed.first()) else {
            return used_here;
        };
        let by_row = *accessed + session.idle_ms + slack;
        // Alone, a node reads a session once: a use by its last run that lands after that is lost with that run.
        let alone = config.sharing == Sharing::Single && (used > Time::ZERO || self.runs[opening.node] > 1);
        if alone { used_here } else { by_row.max(used_here) }
    }

    /// Which of a session's ids have a live row.
    pub fn living_ids(&self, lineage: usize) -> Vec<usize> {
        let lives = |id: &&usize| self.ids[**id].live_since.is_some() && self.ids[**id].gone_at.is_none();
        self.lineages[lineage].ids.iter().filter(lives).copied().collect()
    }

    /// A caller was told that his changes are committed.
    pub fn on_stored(&mut self, lineage: usize, node: usize, numbers: &[u32], principal: Option<(u8, u32)>, revision: u64) {
        self.checks += 1;
        if self.lineages[lineage].is_excused() {
            return;
        }
        for number in numbers {
            let write = &self.writes[*number as usize];
            let (field, value, over) = (write.field, write.value, write.over);
            let later = self.lineages[lineage].views[node].landed[field] >= *number
                || self.was_removed_after(lineage, node, field, *number);
            let gone_anyway = value == 0 && self.lineages[lineage].history.last().is_none_or(|last| last.fields[field] == 0);
            let removed_before = value == 0 && over == 0;
            if write.landed.is_none()
                && !later
                && !gone_anyway
                && !removed_before
                && !self.was_absent_since(lineage, field, *number)
            {
                let what = format!("session {lineage}: node {node} told that change {number} of {} is stored", NAMES[field]);
                self.fail("I1 stored is stored", what);
            }
        }
        if let Some((principal, call)) = principal
            && self.view(lineage, node).principal_calls == call
            && !self.lineages[lineage].history.iter().any(|commit| commit.principal == principal)
        {
            self.fail(
                "I1 stored is stored",
                format!("session {lineage}: principal {principal} told to be stored at node {node}"),
            );
        }
        let through = numbers.first().map(|number| self.writes[*number as usize].id);
        let view = self.view(lineage, node);
        if through == Some(view.seen_id) && revision < view.revision {
            let before = view.revision;
            self.fail(
                "4 versions never go back",
                format!("session {lineage}: node {node} stored as {revision} after it told {before}"),
            );
        }
        let living = self.lineages[lineage].history.iter().any(|commit| commit.revision == revision);
        if !living {
            self.fail(
                "27 a ticket names what is committed",
                format!("session {lineage}: stored as revision {revision}, which nobody wrote"),
            );
        }
    }

    /// Whether the same node removed the field again after that change, and it was absent since.
    fn was_removed_after(&self, lineage: usize, node: usize, field: usize, number: u32) -> bool {
        let later = self.writes.iter().skip(number as usize + 1);
        let mut later = later.filter(|write| (write.lineage, write.node, write.field) == (lineage, node, field));
        later.any(|write| write.value == 0 && !write.refused)
            && self.lineages[lineage].history.iter().any(|commit| commit.fields[field] == 0)
    }

    /// Whether a field was absent in some state after a removal was asked for (someone else may have removed it).
    fn was_absent_since(&self, lineage: usize, field: usize, number: u32) -> bool {
        let write = &self.writes[number as usize];
        let since = self.lineages[lineage].history.iter().skip(write.after);
        write.value == 0 && since.into_iter().any(|commit| commit.fields[field] == 0)
    }

    /// A node says that nothing is unsaved: everything that was asked for there is committed or given up.
    pub fn on_nothing_unsaved(&mut self, node: usize, clock: Time) {
        self.checks += 1;
        let run = self.runs[node];
        for lineage in 0..self.lineages.len() {
            let session = &self.lineages[lineage];
            let view = &session.views[node];
            let over = clock >= session.deadline || (session.idle_ms > 0 && clock >= view.used + session.idle_ms);
            if session.is_excused() || view.run != run || view.ended || view.purged || over {
                continue;
            }
            let ended_elsewhere = self.living_ids(lineage).is_empty() && session.ended.is_some();
            let mut open = false;
            for field in 0..FIELDS {
                let number = self.lineages[lineage].views[node].last[field];
                let removal = number != 0 && self.writes[number as usize].value == 0;
                open |= self.is_open(number) && !(removal && self.was_absent_since(lineage, field, number));
            }
            if !open {
                continue;
            }
            if !ended_elsewhere {
                self.fail(
                    "I1 behind survives a flush, I13 dirty until known",
                    format!("session {lineage}: node {node} has lost changes"),
                );
            } else if !self.lineages[lineage].views[node].loss_told {
                self.fail("24 lost changes are reported", format!("session {lineage}: node {node} lost changes silently"));
            }
        }
    }

    /// A caller was told that a destroy is committed.
    pub fn on_destroyed(&mut self, (id, unsettled): (usize, bool), node: usize, clock: Time) {
        self.checks += 1;
        let lineage = self.ids[id].lineage;
        if self.lineages[lineage].is_excused() {
            return;
        }
        let living = self.living_ids(lineage);
        // An id that never came to live leads nowhere in the store; the node that was rotating to it, if there is one,
        // ends the old row when it learns of this.
        let rotation_pending = self.ids[id].live_since.is_none() && !unsettled;
        // A dead row that was swept leads nowhere any more.
        let broken = self.lineages[lineage].ids.iter().any(|id| self.ids[*id].swept);
        // What has expired may have been given up here before a rotation had landed.
        let session = &self.lineages[lineage];
        let over = clock >= session.deadline || (session.idle_ms > 0 && clock >= session.last_use + session.idle_ms);
        if !living.is_empty() && !rotation_pending && !broken && !over {
            self.fail("I2 destroyed is destroyed", format!("session {lineage}: node {node} told so, but id {} lives", living[0]));
        }
        // What it was rotated to died with it; earlier ids are dead in the store, but this node need not know them.
        let place = self.lineages[lineage].ids.iter().position(|other| *other == id).unwrap_or(0);
        let later = if living.is_empty() { self.lineages[lineage].ids[place..].to_vec() } else { vec![id] };
        for id in later {
            self.close(id, node);
        }
        if living.is_empty() {
            self.end_at(lineage, node);
        }
    }

    /// A caller was told that the session ended.
    pub fn on_ended(&mut self, lineage: usize, node: usize, clock: Time, reason: Reason) {
        self.checks += 1;
        let view = self.view(lineage, node).clone();
        let session = &self.lineages[lineage];
        let over = clock >= session.deadline || (session.idle_ms > 0 && clock >= view.used + session.idle_ms);
        let explained =
            session.is_excused() || session.destroy_tried || view.purged || view.ended || over || session.ended.is_some();
        let rotated = session.ids.iter().any(|id| self.ids[*id].gone_at.is_some());
        if !explained && !rotated {
            self.fail("I15 honesty", format!("session {lineage}: node {node} told that it ended ({reason:?}), and it did not"));
        }
    }

    /// A change or rotation through an id was refused, since it is dead.
    pub fn on_dead(&mut self, id: usize, node: usize, clock: Time, reason: Reason) {
        let lineage = self.ids[id].lineage;
        let rotated = reason == Reason::Rotated && self.lineages[lineage].ids.last() != Some(&id);
        if !rotated && !self.is_closed(id, node) {
            self.on_ended(lineage, node, clock, reason);
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.plan.config
    }
}
