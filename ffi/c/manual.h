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
