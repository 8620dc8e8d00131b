//! What a bag reports without being asked.

use crate::clock::Deadline;
use holdall_engine::{Block, Key, Reason, Time, Value, ValueRef};
use holdall_layout::foreign::ForeignData;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Something about sessions or the store: see [`holdall_engine::Event`] for each.
    Engine(holdall_engine::Event),
    /// The bag's time and the wall clock are more than a minute apart (or agree again): while they are, nothing is swept.
    Clock {
        /// Whether they are apart.
        doubtful: bool,
    },
    /// Open handles hold more memory than half the budget: handles are leaking, or `memory` is too small.
    HandlesFull {
        /// Bytes that open handles hold.
        bytes: u64,
        /// For how long the oldest of them has been open, in milliseconds; counted in steps of a minute, up to half an hour.
        oldest_ms: u64,
    },
    /// A defect: store code panicked. The work is tried again.
    StorePanicked,
}

/// An event and when it happened, in milliseconds since 1970 by the bag's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedEvent {
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Time,
}

impl Event {
    /// Its name, as `holdall_event` and the other languages use it.
    pub fn name(&self) -> &'static str {
        use holdall_engine::Event as E;
        match self {
            Self::Engine(event) => match event {
                E::Created { .. } => "created",
                E::Expired { .. } => "expired",
                E::Overwrote { .. } => "conflict",
                E::ChangesLost { .. } => "changes_lost",
                E::WentBack { .. } => "went_back",
                E::Quarantined { .. } => "quarantined",
                E::CreateLost { .. } => "create_lost",
                E::Degraded { .. } => "degraded",
                E::Recovered { .. } => "recovered",
                E::Swept { .. } => "swept",
                E::Dropped { .. } => "dropped",
            },
            Self::Clock { .. } => "clock",
            Self::HandlesFull { .. } => "handles_full",
            Self::StorePanicked => "store_panicked",
        }
    }
}

impl TimedEvent {
    /// One JSON object: `event`, `at`, and what belongs to it. Sessions are named by their reference, never by an id.
    pub fn to_json(&self) -> String {
        use holdall_engine::Event as E;
        let mut json = format!("{{\"event\":\"{}\",\"at\":{}", self.event.name(), self.at.0);
        let mut number = |name: &str, value: u64| write!(json, ",\"{name}\":{value}").unwrap_or_default();
        match &self.event {
            Event::Engine(event) => match event {
                E::Overwrote { fields, .. } | E::ChangesLost { fields, .. } => number("fields", u64::from(*fields)),
                E::WentBack { known, found, .. } => {
                    number("known", *known);
                    number("found", *found);
                }
                E::Recovered { after_ms } => number("after_ms", *after_ms),
                E::Swept { expired, dead, began } => {
                    number("expired", *expired);
                    number("dead", *dead);
                    number("began", began.0);
                }
                E::Dropped { events } => number("events", *events),
                E::Created { .. } | E::Expired { .. } | E::Quarantined { .. } | E::CreateLost { .. } | E::Degraded { .. } => {}
            },
            Event::HandlesFull { bytes, oldest_ms } => {
                number("bytes", *bytes);
                number("oldest_ms", *oldest_ms);
            }
            Event::Clock { doubtful } => number("doubtful", u64::from(*doubtful)),
            Event::StorePanicked => {}
        }
        self.add_texts(&mut json);
        json.push('}');
        json
    }

    /// With the values of a last content that only a layout understands as their views.
    pub(crate) fn with_views(mut self, foreign: &dyn ForeignData) -> Self {
        if let Event::Engine(holdall_engine::Event::Expired { last: Some(last), .. }) = &mut self.event {
            let shown = last.block.iter().map(|(name, value)| {
                let view = match value {
                    ValueRef::Foreign { kind, raw } => foreign.view(kind, raw),
                    _ => None,
                };
                (name, view.map_or_else(|| value.to_value(), Value::Json))
            });
            let shown: Vec<(&str, Value)> = shown.collect();
            last.block = Block::from_fields(shown.iter().map(|(name, value)| (*name, value.as_ref())));
        }
        self
    }

    fn add_texts(&self, json: &mut String) {
        use holdall_engine::Event as E;
        let Event::Engine(event) = &self.event else { return };
        let mut text = |name: &str, value: &str| {
            let quoted = serde_json::to_string(value).unwrap_or_default();
            write!(json, ",\"{name}\":{quoted}").unwrap_or_default();
        };
        if let Some(key) = key_of(event) {
            text("session", &reference(key));
        }
        match event {
            E::Expired { reason, .. } | E::ChangesLost { reason, .. } => text("reason", reason_name(*reason)),
            E::Quarantined { why, .. } => text("why", why),
            E::Degraded { fault } => text("why", &fault.message),
            _ => {}
        }
        if let E::Expired { last: Some(last), .. } = event {
            let fields = crate::values::to_json(&last.block, None);
            write!(json, ",\"last\":{fields}").unwrap_or_default();
        }
    }
}

fn key_of(event: &holdall_engine::Event) -> Option<&Key> {
    use holdall_engine::Event as E;
    match event {
        E::Created { key }
        | E::Expired { key, .. }
        | E::Overwrote { key, .. }
        | E::ChangesLost { key, .. }
        | E::WentBack { key, .. }
        | E::Quarantined { key, .. }
        | E::CreateLost { key } => Some(key),
        E::Degraded { .. } | E::Recovered { .. } | E::Swept { .. } | E::Dropped { .. } => None,
    }
}

/// How a session is named where its id must not be: its key in hex. A key that is text is the id itself (in the tables of
/// Lucee and Rails): it is named by a hash.
pub(crate) fn reference(key: &Key) -> String {
    let hash;
    let bytes = if key.as_bytes().iter().all(u8::is_ascii_graphic) {
        hash = holdall_layout::foreign::digest(key.as_bytes());
        &hash[..]
    } else {
        key.as_bytes()
    };
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

pub(crate) fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Destroyed => "destroyed",
        Reason::Rotated => "rotated",
        Reason::Principal => "principal",
        Reason::Idle => "idle",
        Reason::Deadline => "deadline",
        Reason::Gone => "gone",
    }
}

/// Bytes of expired sessions' last contents that may wait to be fetched; beyond it no more are claimed.
const LAST_BYTES: usize = 4 << 20;

#[derive(Default)]
struct Queue {
    events: VecDeque<TimedEvent>,
    /// How many were dropped since it was last said.
    dropped: u64,
    /// Bytes of the last contents among the events.
    last_bytes: usize,
}

impl Queue {
    fn pop(&mut self) -> Option<TimedEvent> {
        let event = self.events.pop_front()?;
        self.last_bytes -= last_bytes(&event.event);
        Some(event)
    }
}

/// Bytes of the last content that an event carries.
fn last_bytes(event: &Event) -> usize {
    match event {
        Event::Engine(holdall_engine::Event::Expired { last: Some(last), .. }) => last.size(),
        _ => 0,
    }
}

/// Events that wait to be fetched, bounded: the oldest are dropped, and counted.
pub(crate) struct Events {
    queue: Mutex<Queue>,
    rang: Condvar,
    limit: usize,
    /// The bag is closed: nobody waits any more.
    closed: AtomicBool,
}

impl Events {
    pub(crate) fn new(limit: usize) -> Self {
        Self { queue: Mutex::default(), rang: Condvar::new(), limit: limit.max(1), closed: AtomicBool::new(false) }
    }

    pub(crate) fn push(&self, event: Event, at: Time) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.events.len() >= self.limit {
            let lost = match queue.pop() {
                // It stands for those that an engine had to drop.
                Some(TimedEvent { event: Event::Engine(holdall_engine::Event::Dropped { events }), .. }) => events,
                _ => 1,
            };
            queue.dropped += lost;
        }
        queue.last_bytes += last_bytes(&event);
        queue.events.push_back(TimedEvent { event, at });
        self.rang.notify_one();
    }

    /// How many more expired sessions may be claimed: half of the places are left to other events.
    pub(crate) fn room(&self) -> u32 {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.last_bytes >= LAST_BYTES {
            return 0;
        }
        (self.limit / 2).saturating_sub(queue.events.len()) as u32
    }

    /// The oldest event, waiting for one at most so long.
    pub(crate) fn next(&self, wait: Duration, now: Time) -> Option<TimedEvent> {
        let deadline = Deadline::after(wait);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if queue.dropped > 0 {
                let events = std::mem::take(&mut queue.dropped);
                let event = Event::Engine(holdall_engine::Event::Dropped { events });
                return Some(TimedEvent { event, at: now });
            }
            if let Some(event) = queue.pop() {
                return Some(event);
            }
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            let left = deadline.left()?;
            queue = self.rang.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wakes who waits, at close; nobody waits again.
    pub(crate) fn wake(&self) {
        // Under the lock, or a waiter that has just looked would sleep through it.
        let _queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(true, Ordering::Release);
        self.rang.notify_all();
    }
}
