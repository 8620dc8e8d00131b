/* holdall: a session store that answers from memory and writes behind to your database.
 *
 * A bag is one store with one cache. A session is one visitor's fields, each a key and a value, under an unguessable id.
 * A request opens its visitor's session, reads and sets fields, saves once, and frees the handle:
 *
 *     holdall *bag; holdall_session *s; holdall_buf cart = {0};
 *     holdall_open("sqlite:sessions.db", 18, NULL, &bag, NULL);                  once, at the start
 *     holdall_session_open(bag, cookie, cookie_len, HOLDALL_STRICT, &s, NULL);   for each request
 *     holdall_session_set_json(s, "cart", 4, "[\"3 socks\"]", 11, NULL);
 *     holdall_session_save(s, HOLDALL_DEFAULT, NULL);
 *     holdall_session_free(s);
 *     holdall_close(bag, 5000, NULL, NULL);                                      once, at the end
 *
 * THE RULES, which hold for every function:
 *
 * Names      holdall_<thing>_<verb>; without a thing it is the bag. The thing comes first, then what goes in, then where
 *            what comes out is put, then holdall_error **error.
 * Language   C99 or later, C++11 or later. 64-bit pointers.
 * Text       goes in as a pointer and a length in bytes: UTF-8, no NUL needed, a NUL inside is a character like any
 *            other. (NULL, 0) is empty. NULL with another length is INVALID, and so is text that is no UTF-8. A length
 *            above the limit is TOO_LARGE, and nothing is read: keys and other short texts 64 KiB, values 1 GiB; most
 *            have a lower limit of their own, which is said there.
 *            Comes out as holdall_buf, which has a NUL after its end.
 * Numbers    durations are in milliseconds, points in time milliseconds since 1970 (UTC), sizes bytes. Choices and flags
 *            are passed as int32_t; a number that this version doesn't know is INVALID.
 * Results    every call that can fail answers a holdall_status: HOLDALL_OK (0), an answer such as NOT_FOUND or PENDING,
 *            or an error. (This text writes INVALID for HOLDALL_INVALID.) Where an answer is put is written only on OK,
 *            and *left also on PENDING. A place for an answer must not be NULL unless that is said.
 * Errors     error may be NULL. Otherwise, if the status is an error (16 or more), *error gets an object with a message,
 *            to be freed with holdall_error_free; else *error is left alone, so begin with NULL. Besides the errors that
 *            stand with each function, every call can answer INVALID, TOO_LARGE, CLOSED, FORKED, PANIC and NO_MEMORY,
 *            and every call with a session or options BUSY.
 * Memory     what holdall allocates, holdall frees: a holdall_buf by holdall_buf_free, each handle by its own function.
 *            Nothing passed in is kept after the call. Any order of freeing is sound.
 * Handles    are numbers in the shape of pointers, and are never dereferenced. One that was freed, or never was one, or
 *            is of another kind, answers CLOSED; NULL answers INVALID. Freeing is harmless for all of them.
 * Threads    a bag is free for all threads at any time. A session handle, options and an error belong to one thread at a
 *            time; a call that finds another one inside with the same handle answers BUSY. Functions that take none of
 *            these may be called by any thread. There is no thread-local state, and no thread of the library ever calls
 *            the host: events are polled with holdall_next_event.
 * Blocking   calls answer from memory, except where it is said that they wait for the database; then for store_timeout
 *            at most.
 * Fork       a child of fork() gets FORKED from every call on what its parent had open; nothing there is touched. Open a
 *            bag in the child, or call holdall_prepare_fork before the fork: then both sides go on. The fork is noticed
 *            through pthread_atfork, so not after a bare clone system call. A SQLite file must not be open across a
 *            fork in any other way either, nor through two copies of the SQLite library in one process: rows are lost.
 * Panics     a defect in holdall is caught and answers PANIC. After one inside a call with a session handle that handle
 *            answers PANIC; after one inside the bag, all its calls do. Close it, which still writes what it can.
 * Secrets    ids and tickets are secrets. Error messages, events and statistics contain no ids, values or passwords.
 *
 * SHARING: who else serves these sessions (holdall_options_set_sharing), and what that means:
 *
 *   HOLDALL_SINGLE   the default: one process owns its sessions. Saves are written behind; memory is never checked.
 *   HOLDALL_STICKY   several servers, the balancer keeps a visitor on one. Saves are written behind, the first one of a
 *                    session is stored; a copy in memory is checked when its last check is 5 s old.
 *   HOLDALL_FLEET    any request to any server or process. Saves are stored; a copy is checked at each open, or, with
 *                    holdall_session_ticket in the cookie, only when the visitor has seen a newer one.
 *
 *   Changes made to one session in parallel are merged field by field; a field that both changed is the later one's, and
 *   an event "conflict" says so.
 *
 * DURABILITY: what a save waits for, and what a change that was answered OK survives:
 *
 *   HOLDALL_BEHIND   returns when the change is in memory. Survives an orderly close. A kill -9 or a power cut costs at
 *                    most the changes of the last 30 s (written 10 s after the last change, 30 s after the first) and
 *                    those on their way; longer while the database can't be reached. Never what the next line names.
 *   HOLDALL_STORED   returns when the database has committed. Survives everything that the database survives.
 *   Whatever the mode, holdall_session_destroy, _rotate, _set_principal and the holdall_destroy_principal functions are
 *   stored. PENDING instead of OK says that the database has not confirmed yet.
 *
 *   HOLDALL_STICKY adds: when a balancer moves a visitor, changes of the last seconds may be seen late, and a session
 *   that was ended elsewhere may be served for up to 5 s. HOLDALL_FLEET adds nothing without tickets; with them, someone
 *   else's change or logout may be seen up to 5 s late (max_stale).
 */


#ifndef HOLDALL_H
#define HOLDALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The version of this header as text.
 */
#define HOLDALL_VERSION "0.1.0"

/**
 * The version of this header: the first number.
 */
#define HOLDALL_VERSION_MAJOR 0

/**
 * The version of this header: the second number.
 */
#define HOLDALL_VERSION_MINOR 1

/**
 * The version of this header: the third number.
 */
#define HOLDALL_VERSION_PATCH 0

/**
 * The version of this header as one number: major * 1000000 + minor * 1000 + patch.
 */
#define HOLDALL_VERSION_NUMBER 1000

/**
 * As a freshness: any age. A copy in memory is never checked.
 */
#define HOLDALL_FOREVER INT64_MAX

/**
 * What a call answers. HOLDALL_OK is 0. Numbers from 1 to 15 are answers, which make no holdall_error; the rest are
 * errors. A number is never used again for something else; later versions may add some, so treat a number that you
 * don't know as an error.
 */
typedef enum {
    /**
     * Done, as far as was asked for.
     */
    HOLDALL_OK = 0,
    /**
     * An answer: it is in force in this process, and the database has not confirmed it yet. It is tried again until it
     * has; until then other servers may not know of it, and a kill -9 of this process loses it.
     */
    HOLDALL_PENDING = 1,
    /**
     * An answer: there is no such session, field, reference or event.
     */
    HOLDALL_NOT_FOUND = 2,
    /**
     * An answer to HOLDALL_CACHED_ONLY: the session is not in memory, or must be checked first. Open it again without
     * the flag, where waiting does no harm.
     */
    HOLDALL_WOULD_LOAD = 3,
    /**
     * An argument, an option or the URL makes no sense: NULL where something must be, text that is no UTF-8, broken
     * JSON, an unknown number. Nothing was done.
     */
    HOLDALL_INVALID = 16,
    /**
     * A length is above its limit. Nothing was done.
     */
    HOLDALL_TOO_LARGE = 17,
    /**
     * The session has ended: destroyed, rotated or expired, here or on another server. Nothing was saved.
     */
    HOLDALL_GONE = 18,
    /**
     * Someone else changed the same field, or the principal, since it was read. Nothing was saved.
     */
    HOLDALL_CONFLICT = 19,
    /**
     * A session with this id exists.
     */
    HOLDALL_EXISTS = 20,
    /**
     * Memory is full of changes that the database has not taken yet, or another thread is inside a call with this
     * handle. Nothing was done; try again.
     */
    HOLDALL_BUSY = 21,
    /**
     * The database can't be reached or is too slow. Try again.
     */
    HOLDALL_UNAVAILABLE = 22,
    /**
     * Someone must change something: a path, rights, a table of another shape or a newer format, a clock.
     */
    HOLDALL_CONFIG = 23,
    /**
     * The database's disk is full.
     */
    HOLDALL_FULL = 24,
    /**
     * A row or a file is damaged. It was left as it is.
     */
    HOLDALL_CORRUPT = 25,
    /**
     * The database can't take this session's content; it stays in memory, unsaved.
     */
    HOLDALL_REJECTED = 26,
    /**
     * A save with HOLDALL_IF_UNCHANGED may or may not have been made: open the session to see.
     */
    HOLDALL_UNKNOWN = 27,
    /**
     * This bag, store, build or version can't do that.
     */
    HOLDALL_UNSUPPORTED = 28,
    /**
     * The bag is closed, or the handle was freed or never was one.
     */
    HOLDALL_CLOSED = 29,
    /**
     * This process is a fork of the one that opened the bag. See "Fork" at the top.
     */
    HOLDALL_FORKED = 30,
    /**
     * A defect in holdall; what to do then is said under "Panics" at the top.
     */
    HOLDALL_PANIC = 31,
    /**
     * No memory for the answer, or no room for another handle.
     */
    HOLDALL_NO_MEMORY = 32,
} holdall_status;

/**
 * How holdall_session_open opens: one of the first four, plus flags.
 */
typedef enum {
    /**
     * An unknown, expired or ended id gives a new session with a new id: what a web application wants.
     */
    HOLDALL_STRICT = 0,
    /**
     * An unknown id is NOT_FOUND, an ended one GONE; nothing is made.
     */
    HOLDALL_EXISTING = 1,
    /**
     * A new session, whatever the cookie says. Where the bag's option adopt is on: under the id given, or EXISTS.
     */
    HOLDALL_CREATE = 2,
    /**
     * An unknown id gives a new session under that id; INVALID unless the bag's option adopt is on.
     */
    HOLDALL_ADOPT = 3,
    /**
     * Flag: answer WOULD_LOAD instead of waiting for the database. For hosts that hold a lock of their own.
     */
    HOLDALL_CACHED_ONLY = 256,
    /**
     * Flag: this is no use of the session; it does not keep it from expiring.
     */
    HOLDALL_UNTOUCHED = 512,
} holdall_open_how;

/**
 * What a save waits for: one of the first four, plus the flag. What each survives is said under "Durability" at the top.
 */
typedef enum {
    /**
     * What the bag's option durability says, or else its sharing.
     */
    HOLDALL_DEFAULT = 0,
    /**
     * The change is in memory, and is written behind.
     */
    HOLDALL_BEHIND = 1,
    /**
     * The database has committed. Saves of parallel requests share a commit.
     */
    HOLDALL_STORED = 2,
    /**
     * The change is in a local journal. Not in this version: UNSUPPORTED.
     */
    HOLDALL_JOURNAL = 3,
    /**
     * Flag of holdall_session_save: save nothing and answer CONFLICT if a field that is changed here was changed by
     * someone else since this handle was shown it. Unless sharing is HOLDALL_SINGLE this waits for the database.
     */
    HOLDALL_IF_UNCHANGED = 256,
} holdall_durability;

/**
 * Who else serves these sessions. It decides what a save waits for, and how fresh an open must be; see "Sharing" at the
 * top.
 */
typedef enum {
    /**
     * One process owns its sessions.
     */
    HOLDALL_SINGLE = 0,
    /**
     * Several servers; the balancer keeps a visitor on one.
     */
    HOLDALL_STICKY = 1,
    /**
     * Any request may go to any server or worker process.
     */
    HOLDALL_FLEET = 2,
} holdall_sharing;

/**
 * What a field holds.
 */
typedef enum {
    /**
     * JSON text.
     */
    HOLDALL_JSON = 1,
    /**
     * Bytes.
     */
    HOLDALL_BYTES = 2,
    /**
     * A value that only another language understands; its raw bytes.
     */
    HOLDALL_FOREIGN = 3,
} holdall_kind;

/**
 * An open bag: one store, one cache. Free for all threads, at any time. End it with holdall_close or holdall_abandon.
 */
typedef struct holdall holdall;

/**
 * What a call that failed has to say. Free it with holdall_error_free. One thread at a time.
 */
typedef struct holdall_error holdall_error;

/**
 * How a bag works. One thread at a time. Free it with holdall_options_free, at any time after holdall_open has
 * returned.
 */
typedef struct holdall_options holdall_options;

/**
 * A handle on one visitor's session: a snapshot plus its own changes. It belongs to one thread at a time; two handles
 * of one session may be used by two threads. Free it with holdall_session_free, at the end of the request at the latest.
 */
typedef struct holdall_session holdall_session;

/**
 * Text or bytes that holdall gives out: len bytes at ptr, and a NUL after them that len does not count. Begin with
 * `holdall_buf value = {0};`. A call that succeeds overwrites both members without freeing what they held before; one
 * that fails leaves them alone. Free with holdall_buf_free; the memory is the host's own until then.
 */
typedef struct {
    /**
     * The bytes; never NULL after a call that succeeded, NULL after holdall_buf_free.
     */
    char *ptr;
    /**
     * How many there are, without the NUL.
     */
    size_t len;
} holdall_buf;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that is loaded, as text such as "0.1.0"; HOLDALL_VERSION is that of the header. The text is
 * static. Any thread.
 */
const char *holdall_version(void);

/**
 * The version of the library that is loaded, as a number to compare with HOLDALL_VERSION_NUMBER. Any thread.
 */
int32_t holdall_version_number(void);

/**
 * The name of a status number, such as "HOLDALL_BUSY", for logs; "HOLDALL_?" for a number that this version doesn't
 * know. The text is static. Any thread.
 */
const char *holdall_status_name(int32_t status);

/**
 * The status that the call answered; HOLDALL_OK for NULL, HOLDALL_CLOSED for an error that was freed.
 */
holdall_status holdall_error_status(const holdall_error *error);

/**
 * What happened, to which thing, and what to do: one line of UTF-8 with a NUL at its end, valid until the error is freed.
 * It never contains an id, a value or a password, so it may be logged. Never NULL: the text for NULL and for an error
 * that was freed is empty. The texts are for people and may change; decide by the status.
 */
const char *holdall_error_message(const holdall_error *error);

/**
 * Whether the same call may succeed later without anybody changing anything.
 */
bool holdall_error_is_transient(const holdall_error *error);

/**
 * Frees an error. NULL, and freeing twice, are harmless.
 */
void holdall_error_free(holdall_error *error);

/**
 * Frees what a buffer holds and makes it empty (NULL, 0). NULL, an empty buffer, and freeing twice through the same
 * holdall_buf are harmless. It must be empty or filled by a call. Any thread.
 */
void holdall_buf_free(holdall_buf *buf);

/**
 * Makes options with sensible values for everything; change what must differ, with the functions below, and hand them to
 * holdall_open, which checks them together and answers INVALID, with a message, for what makes no sense. They go to *out;
 * free them with holdall_options_free. Any thread.
 */
holdall_status holdall_options_new(holdall_options **out,
                                   holdall_error **error);

/**
 * Frees options. NULL, and freeing twice, are harmless. Bags that were opened with them keep their own copy.
 */
void holdall_options_free(holdall_options *options);

/**
 * The application's name, 1 to 255 bytes; sessions of several applications share a table and never meet. Default
 * "default".
 */
holdall_status holdall_options_set_application(holdall_options *options,
                                               const char *name,
                                               size_t name_len,
                                               holdall_error **error);

/**
 * Who else serves these sessions: a number of holdall_sharing, INVALID otherwise. Default HOLDALL_SINGLE.
 */
holdall_status holdall_options_set_sharing(holdall_options *options,
                                           int32_t sharing,
                                           holdall_error **error);

/**
 * What holdall_session_save waits for with HOLDALL_DEFAULT: a number of holdall_durability without a flag, INVALID
 * otherwise. Default by sharing: behind, behind, stored. HOLDALL_BEHIND with HOLDALL_FLEET, and HOLDALL_JOURNAL, are
 * refused by holdall_open.
 */
holdall_status holdall_options_set_durability(holdall_options *options,
                                              int32_t durability,
                                              holdall_error **error);

/**
 * Whether ids that the host chose itself are taken: 0 or 1, INVALID otherwise. Default 0. An id of one's own must be
 * as unguessable as holdall's, or visitors can be given each other's sessions.
 */
holdall_status holdall_options_set_adopt(holdall_options *options,
                                         int32_t adopt,
                                         holdall_error **error);

/**
 * Whether expired sessions come as events with their last content: 0 or 1, INVALID otherwise. Default 0.
 */
holdall_status holdall_options_set_claim_expired(holdall_options *options,
                                                 int32_t claim_expired,
                                                 holdall_error **error);

/**
 * How old the last check of a copy in memory may be at an open. 0 asks the database at each open, HOLDALL_FOREVER
 * never. Default by sharing: never, 5000, 0 (or by ticket). INVALID if it is negative.
 */
holdall_status holdall_options_set_freshness(holdall_options *options,
                                             int64_t ms,
                                             holdall_error **error);

/**
 * How long a changed session rests in memory after its last change before it is written. Default 10000. INVALID if it
 * is negative.
 */
holdall_status holdall_options_set_linger(holdall_options *options,
                                          int64_t ms,
                                          holdall_error **error);

/**
 * How long the oldest change of a session that never rests may wait; not shorter than linger. Default 30000. INVALID
 * if it is negative.
 */
holdall_status holdall_options_set_linger_cap(holdall_options *options,
                                              int64_t ms,
                                              holdall_error **error);

/**
 * How long an unused session stays in memory. 0: it leaves within a second of being written. Default 300000. INVALID
 * if it is negative.
 */
holdall_status holdall_options_set_keep(holdall_options *options,
                                        int64_t ms,
                                        holdall_error **error);

/**
 * How long a call waits for room in memory before it answers BUSY. Default 1000. INVALID if it is negative.
 */
holdall_status holdall_options_set_busy_wait(holdall_options *options,
                                             int64_t ms,
                                             holdall_error **error);

/**
 * How long a call waits for the database to commit before it answers PENDING, or for a load before UNAVAILABLE; more
 * than 0. Default 10000. INVALID if it is negative.
 */
holdall_status holdall_options_set_store_timeout(holdall_options *options,
                                                 int64_t ms,
                                                 holdall_error **error);

/**
 * How long an unused session lives: at least 1000, or 30000 unless sharing is HOLDALL_SINGLE; 0 for ever. Default
 * 1800000 (30 minutes). INVALID if it is negative.
 */
holdall_status holdall_options_set_idle(holdall_options *options,
                                        int64_t ms,
                                        holdall_error **error);

/**
 * How long a session lives in any case; 0 for ever. Default 86400000 (24 hours). INVALID if it is negative.
 */
holdall_status holdall_options_set_absolute(holdall_options *options,
                                            int64_t ms,
                                            holdall_error **error);

/**
 * The use of a session that is only read is written at most this often, and at most ten times per idle limit. Default
 * 60000. INVALID if it is negative.
 */
holdall_status holdall_options_set_touch(holdall_options *options,
                                         int64_t ms,
                                         holdall_error **error);

/**
 * How often expired rows are removed from the table; 0: never by this bag. Default 3600000 (1 hour). INVALID if it is
 * negative.
 */
holdall_status holdall_options_set_sweep_every(holdall_options *options,
                                               int64_t ms,
                                               holdall_error **error);

/**
 * How long the row of a session that was destroyed stays, so that nothing late brings it back; at least 60000. Default
 * 3600000 (1 hour). INVALID if it is negative.
 */
holdall_status holdall_options_set_dead(holdall_options *options,
                                        int64_t ms,
                                        holdall_error **error);

/**
 * The first retry after a failure of the database comes within this time; more than 0. Default 100. INVALID if it is
 * negative.
 */
holdall_status holdall_options_set_retry(holdall_options *options,
                                         int64_t ms,
                                         holdall_error **error);

/**
 * Retries come at least this often; not shorter than retry. Default 30000. INVALID if it is negative.
 */
holdall_status holdall_options_set_retry_cap(holdall_options *options,
                                             int64_t ms,
                                             holdall_error **error);

/**
 * How long someone else's change may stay unseen where a ticket vouches for a copy. Default 5000. INVALID if it is
 * negative.
 */
holdall_status holdall_options_set_max_stale(holdall_options *options,
                                             int64_t ms,
                                             holdall_error **error);

/**
 * How long the old id still reads the session after a rotation, so that a page's parallel requests are not logged out
 * by their own login; at most 30000. Default 0. INVALID if it is negative.
 */
holdall_status holdall_options_set_rotation_grace(holdall_options *options,
                                                  int64_t ms,
                                                  holdall_error **error);

/**
 * Memory for everything that the bag holds, in bytes; at least 1 MiB. Default 268435456 (256 MiB).
 */
holdall_status holdall_options_set_memory(holdall_options *options,
                                          size_t bytes,
                                          holdall_error **error);

/**
 * How much of that unsaved sessions may take, in bytes; then saves wait, and answer BUSY. Default 67108864 (64 MiB).
 */
holdall_status holdall_options_set_unsaved(holdall_options *options,
                                           size_t bytes,
                                           holdall_error **error);

/**
 * Most bytes of one value; at most session_limit. Default 1048576 (1 MiB).
 */
holdall_status holdall_options_set_value_limit(holdall_options *options,
                                               size_t bytes,
                                               holdall_error **error);

/**
 * Most bytes of one session; at most unsaved, and 1 GiB. Default 4194304 (4 MiB).
 */
holdall_status holdall_options_set_session_limit(holdall_options *options,
                                                 size_t bytes,
                                                 holdall_error **error);

/**
 * Most rows of one batch that is written; 1 to 65536. Default 512.
 */
holdall_status holdall_options_set_batch_rows(holdall_options *options,
                                              size_t rows,
                                              holdall_error **error);

/**
 * Most bytes of one batch that is written; at least 4096. Default 1048576 (1 MiB).
 */
holdall_status holdall_options_set_batch_bytes(holdall_options *options,
                                               size_t bytes,
                                               holdall_error **error);

/**
 * Most rows that one step of a sweep removes; more than 0. Default 1000.
 */
holdall_status holdall_options_set_sweep_rows(holdall_options *options,
                                              uint32_t rows,
                                              holdall_error **error);

/**
 * Most events that wait to be fetched; the oldest are dropped and counted. Default 1024.
 */
holdall_status holdall_options_set_events(holdall_options *options,
                                          size_t count,
                                          holdall_error **error);

/**
 * In how many parts the memory is divided, each with a lock of its own: a power of two, at most 1024. Default 16.
 */
holdall_status holdall_options_set_shards(holdall_options *options,
                                          size_t count,
                                          holdall_error **error);

/**
 * Opens a bag. The URL says where the sessions are kept:
 *
 *   memory:                                     in this process only
 *   sqlite:PATH                                 a file, made if it isn't there, readable by its owner only
 *   mysql://USER:PASSWORD@HOST1,HOST2/DATABASE  a MySQL or MariaDB database: the first of the hosts that takes writes.
 *                                               TLS by default unless the host is this machine. "mariadb:" is the same
 *   the last two with ?layout=lucee or ?layout=rails   the table that Lucee (cf_session_data) or Rails (sessions) uses
 *
 * Parts of a mysql URL may be percent-encoded. Its parameters (table, tls, tls_ca, socket, connections, time limits, those of
 * the layouts) come after a "?", with "&" between them; docs/storage.md lists them. With another layout than holdall's
 * own, principals, meta, rotation with a grace and idle limits of single sessions answer UNSUPPORTED: the tables have
 * no place for them. options may be NULL for the defaults, and may be freed at once. Waits for the database. The bag goes
 * to *out; end it with holdall_close.
 *
 * INVALID: url or options make no sense. CLOSED: options was freed. CONFIG: the file or table can't be used (rights, a
 * folder or database that isn't there, a table of another shape or a newer format, a wrong password or certificate, a
 * file that is open through another copy of SQLite). UNAVAILABLE: no server can be reached. UNSUPPORTED: this build lacks
 * the database, or the layout lacks what the options ask for. Any thread.
 */
holdall_status holdall_open(const char *url,
                            size_t url_len,
                            const holdall_options *options,
                            holdall **out,
                            holdall_error **error);

/**
 * Writes everything that is unsaved now, and waits for it at most wait_ms milliseconds. OK when the database has all of
 * it; PENDING when something is left, which goes on being tried. left may be NULL; otherwise it gets the number of
 * changes that are left (unsaved sessions, unconfirmed destroys and rotations). Any thread.
 */
holdall_status holdall_flush(holdall *bag,
                             int64_t wait_ms,
                             uint64_t *left,
                             holdall_error **error);

/**
 * From now on every change is written at once: the bag goes on serving and can be closed at any time with little left
 * to write. For a rolling deploy. Does not wait. Any thread.
 */
holdall_status holdall_drain(holdall *bag,
                             holdall_error **error);

/**
 * How the bag is. *live: it is open and no defect has stopped it. *ready: the last commit went well too. *unsaved:
 * changes that the database is not known to have. *oldest_ms: how long the oldest of them has waited, in milliseconds.
 * Each may be NULL. Answers without waiting for the database. Any thread.
 */
holdall_status holdall_health(holdall *bag,
                              bool *live,
                              bool *ready,
                              uint64_t *unsaved,
                              uint64_t *oldest_ms,
                              holdall_error **error);

/**
 * Takes the oldest event that was not taken yet, waiting for one at most wait_ms milliseconds (0 doesn't wait).
 * NOT_FOUND when none came. An event is one JSON object: "event" (its name), "at" (milliseconds since 1970, UTC), and
 * what belongs to it. "session" is the session's reference, as in holdall_list_principal; never an id.
 *
 * created; expired {reason, last}; conflict {fields}: fields overwritten that another server had changed;
 * changes_lost {reason, fields}: unsaved changes of a session that was destroyed elsewhere; quarantined {why}: the
 * database can't take a session; create_lost: a new session's creation stayed unknown too long; went_back {known,
 * found}: the database is older than it was; degraded {why}, recovered {after_ms}: commits fail, and go well again; swept
 * {expired, dead, began}; dropped {events}: the queue was full, and so many of the oldest were lost; clock {doubtful};
 * handles_full {bytes}: session handles are not freed; store_panicked. Later versions may add events and members. Any
 * thread.
 */
holdall_status holdall_next_event(holdall *bag,
                                  int64_t wait_ms,
                                  holdall_buf *json,
                                  holdall_error **error);

/**
 * The bag's counters as one JSON object of numbers, such as "hits", "misses", "rows_created", "memory_bytes",
 * "unsaved". Later versions may add some. Any thread.
 */
holdall_status holdall_stats_json(holdall *bag,
                                  holdall_buf *json,
                                  holdall_error **error);

/**
 * Removes expired and dead rows from the table now, chunk by chunk on the caller's thread, until none is left. The bag
 * does this by itself every sweep_every. *expired and *dead, which may be NULL, get how many of each. With claim_expired
 * expired sessions are not removed here: each is handed out as an event, by the bag's own thread, from now on.
 * CONFIG while the clock is not to be trusted. What was removed before an error stays removed. Any thread.
 */
holdall_status holdall_sweep(holdall *bag,
                             uint64_t *expired,
                             uint64_t *dead,
                             holdall_error **error);

/**
 * Writes everything, stops the bag's threads and closes the database, so that nothing is open across a fork. Parent and
 * child open again with their next call on the bag or one of its sessions. No other thread may use the bag from this call
 * until the fork is done. UNAVAILABLE if not everything could be written: then the bag goes on, and the fork must
 * wait. Any thread.
 */
holdall_status holdall_prepare_fork(holdall *bag,
                                    holdall_error **error);

/**
 * Writes everything and closes the bag, waiting at most wait_ms milliseconds for the database.
 *
 * OK: all is written, *left is 0, and the handle is freed. PENDING: *left changes could not be written; the bag is
 * still open, in drain, for another holdall_close or for holdall_abandon. left may be NULL. Session handles outlive
 * the bag, answer CLOSED, and are still to be freed. Calls that are under way in other threads finish or answer CLOSED.
 * FORKED in a forked child, whose copy of the bag is left alone. A bag that is still open at exit() is closed then,
 * waiting 5 s at most. Any thread.
 */
holdall_status holdall_close(holdall *bag,
                             int64_t wait_ms,
                             uint64_t *left,
                             holdall_error **error);

/**
 * Closes the bag whatever is unsaved, which is lost, and frees the handle. For after a holdall_close that answered
 * PENDING. FORKED in a forked child, whose copy of the bag is left alone. Any thread.
 */
holdall_status holdall_abandon(holdall *bag,
                               holdall_error **error);

/**
 * Opens the session of a cookie's value: an id, or a ticket. Any bytes may come: with HOLDALL_STRICT what is no id,
 * the empty text too, gives a new session, which leaves no trace until it is saved. The handle goes to *out; free it
 * with holdall_session_free.
 *
 * Waits for the database only if the session is not in memory or must be checked (see "Sharing" at the top), at most
 * store_timeout. UNAVAILABLE if the database can't be asked: an unknown id stays an error then, and no new session takes
 * its place. BUSY if memory is full of unsaved changes, or of handles that were not freed. NOT_FOUND, GONE, EXISTS,
 * WOULD_LOAD as how says. Any thread.
 */
holdall_status holdall_session_open(holdall *bag,
                                    const char *cookie,
                                    size_t cookie_len,
                                    int32_t how,
                                    holdall_session **out,
                                    holdall_error **error);

/**
 * As holdall_session_open, with a freshness of its own: how old, in milliseconds, the last check of a copy in memory
 * may be. 0 asks the database; HOLDALL_FOREVER takes any copy.
 */
holdall_status holdall_session_open_fresh(holdall *bag,
                                          const char *cookie,
                                          size_t cookie_len,
                                          int32_t how,
                                          int64_t freshness_ms,
                                          holdall_session **out,
                                          holdall_error **error);

/**
 * The session's id, for the cookie. It is a secret: whoever has it is the visitor. Never log it.
 */
holdall_status holdall_session_id(holdall_session *session, holdall_buf *id, holdall_error **error);

/**
 * The id with the revision that the visitor has seen, for the cookie where sharing is HOLDALL_FLEET: a server whose copy
 * is at least that new answers from memory. Ask after the save. As secret as the id.
 */
holdall_status holdall_session_ticket(holdall_session *session,
                                      holdall_buf *ticket,
                                      holdall_error **error);

/**
 * Whether the session was begun by this handle: then its id must be sent to the visitor.
 */
holdall_status holdall_session_is_new(holdall_session *session,
                                      bool *is_new,
                                      holdall_error **error);

/**
 * Whose session it is, as this handle sees it; NOT_FOUND if nobody's.
 */
holdall_status holdall_session_principal(holdall_session *session,
                                         holdall_buf *principal,
                                         holdall_error **error);

/**
 * The host's text for lists, as this handle sees it; NOT_FOUND if there is none.
 */
holdall_status holdall_session_meta(holdall_session *session,
                                    holdall_buf *meta,
                                    holdall_error **error);

/**
 * Counts as a use of the session: it lives on for its idle limit. Opening and saving do so too; this is for work that
 * lasts long. GONE if the session has ended.
 */
holdall_status holdall_session_touch(holdall_session *session,
                                     holdall_error **error);

/**
 * Frees the handle. Changes that were not saved are dropped; the session itself lives on. NULL, and freeing twice, are
 * harmless. If another thread is inside a call with the handle, this waits until that call returns.
 */
void holdall_session_free(holdall_session *session);

/**
 * The value of a field, as the handle sees it: what was set through it, else what the session was when it was opened.
 * *kind, which may be NULL, gets a number of holdall_kind. NOT_FOUND if there is no such field.
 */
holdall_status holdall_session_get(holdall_session *session,
                                   const char *key,
                                   size_t key_len,
                                   int32_t *kind,
                                   holdall_buf *value,
                                   holdall_error **error);

/**
 * The JSON text of a field, byte for byte as it was set; for a value of the other software's (HOLDALL_FOREIGN) its view,
 * if it has one. NOT_FOUND if there is no such field, INVALID if it doesn't hold JSON.
 */
holdall_status holdall_session_get_json(holdall_session *session,
                                        const char *key,
                                        size_t key_len,
                                        holdall_buf *json,
                                        holdall_error **error);

/**
 * The bytes of a field. NOT_FOUND if there is no such field, INVALID if it doesn't hold bytes.
 */
holdall_status holdall_session_get_bytes(holdall_session *session,
                                         const char *key,
                                         size_t key_len,
                                         holdall_buf *bytes,
                                         holdall_error **error);

/**
 * Sets a field to JSON text, which is kept as it is: numbers of any size, the order of members, white space. A key has 1
 * to 255 bytes and no NUL. INVALID for another key or broken JSON; TOO_LARGE above value_limit; GONE if the handle's
 * session was destroyed. The change is the handle's own until it is saved.
 */
holdall_status holdall_session_set_json(holdall_session *session,
                                        const char *key,
                                        size_t key_len,
                                        const char *json,
                                        size_t json_len,
                                        holdall_error **error);

/**
 * Sets a field to bytes; (NULL, 0) is an empty value. As holdall_session_set_json, without the JSON.
 */
holdall_status holdall_session_set_bytes(holdall_session *session,
                                         const char *key,
                                         size_t key_len,
                                         const void *bytes,
                                         size_t bytes_len,
                                         holdall_error **error);

/**
 * Removes a field; removing one that isn't there is OK. INVALID for a key that no field can have; GONE if the handle's
 * session was destroyed. The change is the handle's own until it is saved.
 */
holdall_status holdall_session_remove(holdall_session *session,
                                      const char *key,
                                      size_t key_len,
                                      holdall_error **error);

/**
 * The names of the fields, sorted, as a JSON array of strings.
 */
holdall_status holdall_session_keys(holdall_session *session,
                                    holdall_buf *json,
                                    holdall_error **error);

/**
 * All fields that hold JSON, as one JSON object. Fields that hold bytes are left out.
 */
holdall_status holdall_session_to_json(holdall_session *session,
                                       holdall_buf *json,
                                       holdall_error **error);

/**
 * Makes the fields that hold JSON those of one JSON object. What has changed is found field by field against what the
 * handle was shown, so that only that is saved; fields that hold bytes are left alone. INVALID if the text is no JSON
 * object, or names a field that holds bytes; TOO_LARGE; GONE. Then nothing is changed.
 */
holdall_status holdall_session_replace_json(holdall_session *session,
                                            const char *json,
                                            size_t json_len,
                                            holdall_error **error);

/**
 * Sets the host's text for lists of sessions (a device, a browser): UTF-8, at most 1024 bytes, readable without the
 * session; (NULL, 0) takes it away. TOO_LARGE; GONE. Saved with the next save.
 */
holdall_status holdall_session_set_meta(holdall_session *session,
                                        const char *meta,
                                        size_t meta_len,
                                        holdall_error **error);

/**
 * Sets how long this session may lie unused, in milliseconds; 0 for ever. INVALID if it is negative, shorter than 1 s, or
 * shorter than 30 s unless sharing is HOLDALL_SINGLE. GONE. Saved with the next save.
 */
holdall_status holdall_session_set_idle_timeout(holdall_session *session,
                                                int64_t idle_ms,
                                                holdall_error **error);

/**
 * Saves all changes of this handle at once: they are laid, field by field, over whatever the session is by then. how is a
 * number of holdall_durability, with or without HOLDALL_IF_UNCHANGED.
 *
 * OK: saved, as durably as asked for. PENDING: asked for STORED, and the database did not confirm in time
 * (store_timeout); the change is in memory and is written as soon as possible. GONE: the session has ended meanwhile.
 * CONFLICT, UNKNOWN: see HOLDALL_IF_UNCHANGED. BUSY: memory is full of unsaved changes (waits busy_wait first).
 * TOO_LARGE: the session would be above session_limit. REJECTED: the database can't take it. UNAVAILABLE: the session
 * had left memory and could not be loaded. After an error the handle keeps its changes.
 */
holdall_status holdall_session_save(holdall_session *session,
                                    int32_t how,
                                    holdall_error **error);

/**
 * Says whose session it is (1 to 255 bytes of UTF-8, such as a user's number; (NULL, 0): nobody's), and saves all changes
 * of this handle with it. At login rotate as well. Never waits behind: OK when the database has committed, PENDING if
 * that takes longer than store_timeout. INVALID; CONFLICT if someone else changed the principal meanwhile; otherwise as
 * holdall_session_save.
 */
holdall_status holdall_session_set_principal(holdall_session *session,
                                             const char *principal,
                                             size_t principal_len,
                                             holdall_error **error);

/**
 * Gives the session a new id, saving all changes of this handle with it: to be done at login. Never waits behind. The
 * old id is dead everywhere when this answers OK (or, with rotation_grace, can only be read for so long). Send the new
 * id (holdall_session_id) to the visitor, also after PENDING: the database did not confirm in time. Otherwise as
 * holdall_session_save.
 */
holdall_status holdall_session_rotate(holdall_session *session,
                                      holdall_error **error);

/**
 * Ends the session, everywhere and for good: a logout. In this process it has ended when the call returns, whatever
 * the database does. OK: the database has committed it. PENDING: it did not in time (store_timeout), and it is tried
 * again until it has. The handle's unsaved changes are dropped; its other calls answer GONE, and it is still to be freed.
 */
holdall_status holdall_session_destroy(holdall_session *session,
                                       holdall_error **error);

/**
 * The sessions of a principal (a user) that the database has, for a list such as "signed in on these devices". Not from
 * memory: it asks the database. The answer is a JSON array of objects: "reference" (names the session for
 * holdall_destroy_principal_one; it is no id and opens nothing), "created", "accessed", "expires" (milliseconds since
 * 1970, UTC), "meta" (the text of holdall_session_set_meta, or null) and "current" (whether it is the session given as
 * current, which may be NULL). UNAVAILABLE; UNSUPPORTED if the table has no principals. Any thread.
 */
holdall_status holdall_list_principal(holdall *bag,
                                      const char *principal,
                                      size_t principal_len,
                                      holdall_session *current,
                                      holdall_buf *json,
                                      holdall_error **error);

/**
 * Ends all sessions of a principal: "log out everywhere". Those in this process end at once. OK when the database has
 * none left; PENDING when it could not be reached in time (store_timeout): the rest is done as soon as it can be.
 * Logins that were acknowledged before the call end, concurrent ones may. Copies in the memory of other servers live up to
 * their freshness, or max_stale with tickets. UNSUPPORTED if the table has no principals. Any thread.
 */
holdall_status holdall_destroy_principal(holdall *bag,
                                         const char *principal,
                                         size_t principal_len,
                                         holdall_error **error);

/**
 * Ends all sessions of a principal but the one of this handle: "log out everywhere else". As holdall_destroy_principal.
 */
holdall_status holdall_destroy_principal_but(holdall *bag,
                                             const char *principal,
                                             size_t principal_len,
                                             holdall_session *kept,
                                             holdall_error **error);

/**
 * Ends the one session of a principal that has this reference (see holdall_list_principal). NOT_FOUND if the
 * principal has none with it. Otherwise as holdall_destroy_principal.
 */
holdall_status holdall_destroy_principal_one(holdall *bag,
                                             const char *principal,
                                             size_t principal_len,
                                             const char *reference,
                                             size_t reference_len,
                                             holdall_error **error);

/**
 * For tests only: moves the bag's clock forward by ms milliseconds, so that a test of linger, expiry or sweeping need not
 * wait. Waiting for the database, and for room in memory, goes by real time as before. INVALID if it is negative. Any
 * thread.
 */
holdall_status holdall_advance_clock(holdall *bag,
                                     int64_t ms,
                                     holdall_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HOLDALL_H */
