//! Django's `django_session`: signed JSON, which may be compressed.
//!
//! `data = payload ":" time ":" signature`; the payload is JSON in URL-safe base64 without padding, and begins with a dot
//! when it is compressed by zlib. The signature is HMAC-SHA256 over what is before its colon, with the SHA-256 of a salt and
//! the application's `SECRET_KEY` as the key.

use super::source::{Item, Page, Source};
use super::tables::{Times, count, session};
use crate::db::{Database, Row, Value};
use crate::problem::{Problem, Result};
use crate::target::Target;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use holdall_engine::{Block, NAME_LIMIT, ValueRef};
use holdall_layout::rails::times;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// What goes before the `SECRET_KEY`: the salt of the session store, and of signers.
const SALT: &[u8] = b"django.contrib.sessions.SessionStoresigner";
/// The longest session that is unpacked, in bytes.
const DATA_LIMIT: usize = 16 << 20;
/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;
/// The field that says who is signed in.
const USER: &str = "_auth_user_id";

/// `django_session`.
pub struct Table {
    database: Database,
    target: Target,
    application: String,
    idle_ms: u64,
    key: [u8; 32],
}

impl Table {
    /// Connects, and reads the application's secret.
    pub fn open(target: &Target, application: String, idle_ms: u64, key_file: Option<&Path>) -> Result<Self> {
        let secret = secret(key_file)?;
        let mut hash = Sha256::new();
        hash.update(SALT);
        hash.update(&secret);
        let database = Database::open(target, false)?;
        Ok(Self { database, target: target.clone(), application, idle_ms, key: hash.finalize().into() })
    }

    fn item(&self, row: &Row, now: u64) -> Item {
        let expires = row.text(1).and_then(|text| times::from_text(&text)).map(|time| time.0);
        let Some(expires) = expires else { return Item::Unreadable("expire_date is no time".into()) };
        if expires <= now {
            return Item::Expired;
        }
        let fields = match self.fields(&row.bytes(2).unwrap_or_default()) {
            Ok(fields) => fields,
            Err(why) => return Item::Unreadable(why.to_owned()),
        };
        let block = Block::from_fields(fields.iter().map(|(name, value)| (name.as_str(), ValueRef::Json(value.get()))));
        let times = Times::ending(expires, None, self.idle_ms, now);
        let mut item = session(&self.application, &row.bytes(0).unwrap_or_default(), block, times);
        if let Item::Session(session) = &mut item {
            let user = fields.get(USER).and_then(|user| serde_json::from_str::<String>(user.get()).ok());
            session.record.principal = user.filter(|user| !user.is_empty() && user.len() <= NAME_LIMIT).map(Into::into);
        }
        item
    }

    fn fields(&self, data: &[u8]) -> std::result::Result<BTreeMap<String, Box<RawValue>>, &'static str> {
        const SHAPE: &str = "the data is not signed as Django 3.1 and later sign it";
        let text = std::str::from_utf8(data).map_err(|_| SHAPE)?;
        let (signed, signature) = text.rsplit_once(':').ok_or(SHAPE)?;
        let (payload, _) = signed.rsplit_once(':').ok_or(SHAPE)?;
        if BASE64.encode(hmac(&self.key, signed.as_bytes())) != signature {
            return Err("the signature is not that of this SECRET_KEY");
        }
        let json = unpack(payload)?;
        let fields: BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(&json).map_err(|_| "the data is no JSON object (another serializer?)")?;
        let fits = |name: &String| name.len() <= NAME_LIMIT && !name.starts_with('\0');
        if fields.keys().all(fits) { Ok(fields) } else { Err("a field's name is too long") }
    }
}

fn secret(key_file: Option<&Path>) -> Result<Vec<u8>> {
    if let Some(path) = key_file {
        let text = std::fs::read(path)
            .map_err(|error| Problem::usage(format!("the key file {} can't be read: {error}", path.display())))?;
        return Ok(text.trim_ascii_end().to_vec());
    }
    let secret = std::env::var("DJANGO_SECRET_KEY").unwrap_or_default();
    if secret.is_empty() {
        return Err(Problem::usage("django sessions are signed: give the SECRET_KEY with --key-file or in DJANGO_SECRET_KEY"));
    }
    Ok(secret.into_bytes())
}

fn unpack(payload: &str) -> std::result::Result<Vec<u8>, &'static str> {
    let (packed, text) = payload.strip_prefix('.').map_or((false, payload), |rest| (true, rest));
    let bytes = BASE64.decode(text).map_err(|_| "the payload is no base64")?;
    if !packed {
        return Ok(bytes);
    }
    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&bytes, DATA_LIMIT)
        .map_err(|_| "the compressed payload is damaged, or too large")
}

/// HMAC with SHA-256.
fn hmac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; BLOCK];
        block.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

impl Source for Table {
    fn count(&mut self) -> Result<u64> {
        count(&mut self.database, &self.target)
    }

    fn page(&mut self, after: Option<&[Vec<u8>]>, rows: u32, now_ms: u64) -> Result<Page> {
        let table = self.database.quoted(&self.target.table);
        let after = Value::Bytes(after.and_then(<[Vec<u8>]>::first).cloned().unwrap_or_default());
        let sql = format!(
            "SELECT session_key, expire_date, session_data FROM {table} WHERE session_key > ? ORDER BY session_key LIMIT {rows}"
        );
        let found = self.database.query(&sql, &[after])?;
        let items = found.iter().map(|row| self.item(row, now_ms)).collect();
        let last = found.last().map(|row| vec![row.bytes(0).unwrap_or_default().into_owned()]);
        Ok(Page { items, last, rows: found.len() as u64 })
    }
}
