//! Opening bags, and what is done with one as a whole.

use crate::arg;
use crate::buf::holdall_buf;
use crate::error::holdall_error;
use crate::guard::{self, Failure};
use crate::handles::{self, BAGS, holdall, holdall_options};
use crate::process;
use crate::status::holdall_status;
use ::holdall::{Holdall, Options, Unsaved};
use std::ffi::c_char;

fn count(unsaved: &Unsaved) -> u64 {
    unsaved.changes + unsaved.destroys + unsaved.renames
}

fn outcome(left: u64) -> holdall_status {
    if left == 0 { holdall_status::HOLDALL_OK } else { holdall_status::HOLDALL_PENDING }
}

/// Opens a bag. The URL says where the sessions are kept:
///
///   memory:                                     in this process only
///   sqlite:PATH                                 a file, made if it isn't there, readable by its owner only
///   mysql://USER:PASSWORD@HOST1,HOST2/DATABASE  a MySQL or MariaDB database: the first of the hosts that takes writes.
///                                               TLS by default unless the host is this machine. "mariadb:" is the same
///   the last two with ?layout=lucee or ?layout=rails   the table that Lucee (cf_session_data) or Rails (sessions) uses
///
/// Parts of a mysql URL may be percent-encoded. Its parameters (table, tls, tls_ca, socket, connections, time limits, those of
/// the layouts) come after a "?", with "&" between them; docs/storage.md lists them. With another layout than holdall's
/// own, principals, meta, rotation with a grace and idle limits of single sessions answer UNSUPPORTED: the tables have
/// no place for them. options may be NULL for the defaults, and may be freed at once. Waits for the database. The bag goes
/// to *out; end it with holdall_close.
///
/// INVALID: url or options make no sense. CLOSED: options was freed. CONFIG: the file or table can't be used (rights, a
/// folder or database that isn't there, a table of another shape or a newer format, a wrong password or certificate, a
/// file that is open through another copy of SQLite). UNAVAILABLE: no server can be reached. UNSUPPORTED: this build lacks
/// the database, or the layout lacks what the options ask for. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_open(
    url: *const c_char,
    url_len: usize,
    options: *const holdall_options,
    out: *mut *mut holdall,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let url = arg::text(url, url_len, arg::TEXT_LIMIT, "url")?;
            let out = arg::out(out, "out")?;
            let options = if options.is_null() { Options::new() } else { handles::options(options)?.clone() };
            process::watch();
            let bag = Holdall::open(url, options)?;
            let handle = BAGS.insert(bag).ok_or_else(handles::no_room)?;
            out.set(std::ptr::without_provenance_mut(handle));
            Ok(())
        })
    }
}

/// Writes everything that is unsaved now, and waits for it at most wait_ms milliseconds. OK when the database has all of
/// it; PENDING when something is left, which goes on being tried. left may be NULL; otherwise it gets the number of
/// changes that are left (unsaved sessions, unconfirmed destroys and rotations). Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_flush(
    bag: *mut holdall,
    wait_ms: i64,
    left: *mut u64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let left = arg::optional_out(left, "left")?;
            let wait = arg::duration(wait_ms, "wait_ms")?;
            let unsaved = count(&handles::bag(bag)?.flush(wait)?);
            left.set(unsaved);
            Ok(outcome(unsaved))
        })
    }
}

/// From now on every change is written at once: the bag goes on serving and can be closed at any time with little left
/// to write. For a rolling deploy. Does not wait. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_drain(bag: *mut holdall, error: *mut *mut holdall_error) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || Ok(handles::bag(bag)?.drain()?)) }
}

/// How the bag is. *live: it is open and no defect has stopped it. *ready: the last commit went well too. *unsaved:
/// changes that the database is not known to have. *oldest_ms: how long the oldest of them has waited, in milliseconds.
/// Each may be NULL. Answers without waiting for the database. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_health(
    bag: *mut holdall,
    live: *mut bool,
    ready: *mut bool,
    unsaved: *mut u64,
    oldest_ms: *mut u64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let (live, ready) = (arg::optional_out(live, "live")?, arg::optional_out(ready, "ready")?);
            let (unsaved, oldest_ms) = (arg::optional_out(unsaved, "unsaved")?, arg::optional_out(oldest_ms, "oldest_ms")?);
            let health = handles::bag(bag)?.health();
            live.set(health.live);
            ready.set(health.ready);
            unsaved.set(count(&health.unsaved));
            oldest_ms.set(health.oldest_ms);
            Ok(())
        })
    }
}

/// Takes the oldest event that was not taken yet, waiting for one at most wait_ms milliseconds (0 doesn't wait).
/// NOT_FOUND when none came. An event is one JSON object: "event" (its name), "at" (milliseconds since 1970, UTC), and
/// what belongs to it. "session" is the session's reference, as in holdall_list_principal; never an id.
///
/// created; expired {reason, last}; conflict {fields}: fields overwritten that another server had changed;
/// changes_lost {reason, fields}: unsaved changes of a session that was destroyed elsewhere; quarantined {why}: the
/// database can't take a session; create_lost: a new session's creation stayed unknown too long; went_back {known,
/// found}: the database is older than it was; degraded {why}, recovered {after_ms}: commits fail, and go well again; swept
/// {expired, dead, began}; dropped {events}: the queue was full, and so many of the oldest were lost; clock {doubtful};
/// handles_full {bytes}: session handles are not freed; store_panicked. Later versions may add events and members. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_next_event(
    bag: *mut holdall,
    wait_ms: i64,
    json: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let json = arg::out(json, "json")?;
            let wait = arg::duration(wait_ms, "wait_ms")?;
            let bag = handles::bag(bag)?;
            let Some(event) = bag.next_event(wait) else {
                // Closed while this call waited?
                bag.check()?;
                return Ok(holdall_status::HOLDALL_NOT_FOUND);
            };
            json.copy(event.to_json().as_bytes())?;
            Ok(holdall_status::HOLDALL_OK)
        })
    }
}

/// The bag's counters as one JSON object of numbers, such as "hits", "misses", "rows_created", "memory_bytes",
/// "unsaved". Later versions may add some. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_stats_json(
    bag: *mut holdall,
    json: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let json = arg::out(json, "json")?;
            json.copy(handles::bag(bag)?.stats_json().as_bytes())
        })
    }
}

/// Removes expired and dead rows from the table now, chunk by chunk on the caller's thread, until none is left. The bag
/// does this by itself every sweep_every. *expired and *dead, which may be NULL, get how many of each. With claim_expired
/// expired sessions are not removed here: each is handed out as an event, by the bag's own thread, from now on.
/// CONFIG while the clock is not to be trusted. What was removed before an error stays removed. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_sweep(
    bag: *mut holdall,
    expired: *mut u64,
    dead: *mut u64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let (expired, dead) = (arg::optional_out(expired, "expired")?, arg::optional_out(dead, "dead")?);
            let swept = handles::bag(bag)?.sweep()?;
            expired.set(u64::from(swept.expired));
            dead.set(u64::from(swept.dead));
            Ok(())
        })
    }
}

/// Writes everything, stops the bag's threads and closes the database, so that nothing is open across a fork. Parent and
/// child open again with their next call on the bag or one of its sessions. No other thread may use the bag from this call
/// until the fork is done. UNAVAILABLE if not everything could be written: then the bag goes on, and the fork must
/// wait. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_prepare_fork(bag: *mut holdall, error: *mut *mut holdall_error) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || Ok(handles::bag(bag)?.prepare_fork()?)) }
}

/// Writes everything and closes the bag, waiting at most wait_ms milliseconds for the database.
///
/// OK: all is written, *left is 0, and the handle is freed. PENDING: *left changes could not be written; the bag is
/// still open, in drain, for another holdall_close or for holdall_abandon. left may be NULL. Session handles outlive
/// the bag, answer CLOSED, and are still to be freed. Calls that are under way in other threads finish or answer CLOSED.
/// FORKED in a forked child, whose copy of the bag is left alone. A bag that is still open at exit() is closed then,
/// waiting 5 s at most. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_close(
    bag: *mut holdall,
    wait_ms: i64,
    left: *mut u64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let left = arg::optional_out(left, "left")?;
            let wait = arg::duration(wait_ms, "wait_ms")?;
            let unsaved = count(&handles::bag(bag)?.close(wait)?);
            if unsaved == 0 {
                BAGS.retire(bag.addr());
            }
            left.set(unsaved);
            Ok(outcome(unsaved))
        })
    }
}

/// Closes the bag whatever is unsaved, which is lost, and frees the handle. For after a holdall_close that answered
/// PENDING. FORKED in a forked child, whose copy of the bag is left alone. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_abandon(bag: *mut holdall, error: *mut *mut holdall_error) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let held = handles::any_bag(bag)?;
            if held.is_forked() {
                held.check()?;
            }
            held.abandon();
            BAGS.retire(bag.addr());
            Ok::<(), Failure>(())
        })
    }
}
