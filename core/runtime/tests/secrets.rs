//! No id, ticket, value, principal or meta text in anything that may land in a log.

mod common;

use common::store::{Switch, Switched};
use common::{PATIENCE, existing, hasty, lazy, open, wait_until};
use holdall::{Mode, Open, Result, Save, Which};
use holdall_engine::FaultKind;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// Everything that was said; ids are collected beside it.
#[derive(Default)]
struct Said {
    texts: Vec<String>,
    ids: Vec<String>,
}

impl Said {
    fn hear(&mut self, thing: &impl Debug) {
        self.texts.push(format!("{thing:?} {thing:#?}"));
    }

    /// What a call answered; an error is heard in both of its forms.
    fn answer<T: Debug>(&mut self, answer: &Result<T>) {
        if let Err(error) = answer {
            self.texts.push(error.to_string());
        }
        self.hear(answer);
    }
}

const SECRETS: [&str; 5] = ["the-secret-value", "the-principal", "the-meta-text", "the-host-id", "c2VjcmV0"];

#[test]
fn nothing_secret_is_said() {
    let mut said = Said::default();
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty().adopt(true).claim_expired(true).rotation_grace(Duration::from_secs(10)));
    let mut session = bag.new_session().expect("the bag is open");
    said.ids.push(session.id().to_owned());
    said.answer(&session.set("cart", "the-secret-value"));
    said.answer(&session.set_bytes("raw", b"the-secret-value"));
    said.answer(&session.set_meta(Some("the-meta-text")));
    said.answer(&session.save());
    said.answer(&session.set_principal(Some("the-principal")));
    said.hear(&session);
    said.answer(&session.get::<u64>("cart"));
    said.answer(&session.get::<u64>("raw"));
    said.answer(&session.set_json("cart", "\"the-secret-value"));
    said.answer(&session.set_json("cart", "the-secret-value"));
    said.answer(&session.replace_json("{\"cart\": the-secret-value}"));
    said.answer(&session.replace_json("{\"raw\": \"the-secret-value\"}"));
    said.answer(&session.set("cart", &"the-secret-value".repeat(100_000)));
    said.answer(&session.set_meta(Some(&"the-meta-text".repeat(100))));
    said.answer(&session.set_principal(Some(&"the-principal".repeat(100))));
    let mut late = existing(&bag, session.id()).expect("the session lives");
    let mut other = existing(&bag, session.id()).expect("the session lives");
    said.answer(&session.rotate());
    said.ids.push(session.id().to_owned());
    said.answer(&late.set("cart", "the-secret-value late"));
    said.answer(&late.save());
    said.answer(&other.rotate());
    said.answer(&bag.open_session(b"the-host-id", Open { mode: Mode::Existing, ..Open::default() }));
    said.answer(&bag.open_session(b"the-host-id", Open { mode: Mode::Adopt, cached_only: true, ..Open::default() }));
    said.answer(&bag.open_session(b"the-host-id", Open { mode: Mode::Adopt, ..Open::default() }).and_then(|mut made| {
        made.set("x", "the-secret-value")?;
        made.save()
    }));
    said.answer(&bag.open_session(b"the-host-id", Open { mode: Mode::Create, ..Open::default() }));
    said.answer(&bag.destroy_principal("the-principal", Which::One("nonsense")));

    store.set_all(Switch::Fails(FaultKind::Unreachable));
    said.answer(&bag.session(&"A".repeat(32)));
    said.answer(&bag.list_principal("the-principal", None).map(|listed| listed.len()));
    said.answer(&session.set("cart", "the-secret-value of the outage"));
    said.answer(&session.save_with(Save { durability: Some(holdall::Durability::Stored), if_unchanged: true }));
    said.answer(&session.destroy());
    said.answer(&session.save());
    store.set_all(Switch::Panics);
    said.answer(&bag.session(&"B".repeat(32)));
    said.answer(&bag.list_principal("the-principal", None).map(|listed| listed.len()));
    said.answer(&bag.prepare_fork());
    store.set_all(Switch::Works);
    wait_until("all is saved", || bag.flush(PATIENCE).is_ok_and(|left| left.is_empty()));
    said.hear(&bag);
    said.hear(&bag.health());
    said.texts.push(bag.stats_json());
    said.hear(&lazy());
    // With claim_expired the host has asked for the content; nothing has expired here.
    while let Some(event) = bag.next_event(Duration::ZERO) {
        said.hear(&event);
        said.texts.push(event.to_json());
    }
    said.answer(&bag.close(PATIENCE));
    said.answer(&bag.close(PATIENCE));

    assert!(said.texts.len() > 50, "only {} texts", said.texts.len());
    assert!(said.texts.iter().any(|text| text.contains("\"degraded\"")), "there were no events");
    for text in &said.texts {
        for secret in SECRETS.iter().copied().chain(said.ids.iter().map(String::as_str)) {
            assert!(!text.contains(secret), "{secret:?} is in: {text}");
        }
    }
}
