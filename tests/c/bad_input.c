/* Every function with every class of bad input: the documented status, a message, and no place for an answer written. */
#include "check.h"

/* What a function may take. */
typedef struct {
    holdall *bag;
    holdall_session *session;
    holdall_options *options;
    const char *text[2];
    size_t len[2];
    int32_t number;
    int64_t ms;
    void *out;
    holdall_error **error;
} arguments;

/* Which of it a function takes. */
enum {
    BAG = 1,
    SESSION = 2,
    OPTIONS = 4,
    TEXT_1 = 8,    /* a short text of UTF-8 */
    TEXT_2 = 16,   /* a second text of UTF-8 */
    BYTES_1 = 32,  /* bytes of any kind in the first place */
    BYTES_2 = 64,  /* bytes of any kind in the second place */
    LONG_1 = 128,  /* the limit of the text is 1 GiB */
    LONG_2 = 256,
    NUMBER = 512,
    MS = 1024,
    OUT = 2048 /* a place for an answer that must not be NULL */
};

typedef struct {
    const char *name;
    int takes;
    holdall_status (*call)(const arguments *a);
} function;

#define BODY(name, call) static holdall_status name(const arguments *a) { return call; }
#define T1 a->text[0], a->len[0]
#define T2 a->text[1], a->len[1]
BODY(open_, holdall_open(T1, NULL, a->out, a->error))
BODY(open_with, holdall_open(T1, a->options, a->out, a->error))
BODY(flush, holdall_flush(a->bag, a->ms, NULL, a->error))
BODY(drain, holdall_drain(a->bag, a->error))
BODY(health, holdall_health(a->bag, NULL, NULL, NULL, NULL, a->error))
BODY(advance_clock, holdall_advance_clock(a->bag, a->ms, a->error))
BODY(next_event, holdall_next_event(a->bag, a->ms, a->out, a->error))
BODY(stats_json, holdall_stats_json(a->bag, a->out, a->error))
BODY(sweep, holdall_sweep(a->bag, NULL, NULL, a->error))
BODY(prepare_fork, holdall_prepare_fork(a->bag, a->error))
BODY(close_, holdall_close(a->bag, a->ms, NULL, a->error))
BODY(abandon, holdall_abandon(a->bag, a->error))
BODY(list_principal, holdall_list_principal(a->bag, T1, a->session, a->out, a->error))
BODY(destroy_principal, holdall_destroy_principal(a->bag, T1, a->error))
BODY(destroy_but, holdall_destroy_principal_but(a->bag, T1, a->session, a->error))
BODY(destroy_one, holdall_destroy_principal_one(a->bag, T1, T2, a->error))
BODY(session_open, holdall_session_open(a->bag, T1, a->number, a->out, a->error))
BODY(open_fresh, holdall_session_open_fresh(a->bag, T1, a->number, a->ms, a->out, a->error))
BODY(session_id, holdall_session_id(a->session, a->out, a->error))
BODY(ticket, holdall_session_ticket(a->session, a->out, a->error))
BODY(is_new, holdall_session_is_new(a->session, a->out, a->error))
BODY(principal, holdall_session_principal(a->session, a->out, a->error))
BODY(meta, holdall_session_meta(a->session, a->out, a->error))
BODY(touch, holdall_session_touch(a->session, a->error))
BODY(get, holdall_session_get(a->session, T1, NULL, a->out, a->error))
BODY(get_json, holdall_session_get_json(a->session, T1, a->out, a->error))
BODY(get_bytes, holdall_session_get_bytes(a->session, T1, a->out, a->error))
BODY(set_json, holdall_session_set_json(a->session, T1, T2, a->error))
BODY(set_bytes, holdall_session_set_bytes(a->session, T1, T2, a->error))
BODY(remove_, holdall_session_remove(a->session, T1, a->error))
BODY(keys, holdall_session_keys(a->session, a->out, a->error))
BODY(to_json, holdall_session_to_json(a->session, a->out, a->error))
BODY(replace_json, holdall_session_replace_json(a->session, T1, a->error))
BODY(set_meta, holdall_session_set_meta(a->session, T1, a->error))
BODY(set_idle_timeout, holdall_session_set_idle_timeout(a->session, a->ms, a->error))
BODY(save, holdall_session_save(a->session, a->number, a->error))
BODY(set_principal, holdall_session_set_principal(a->session, T1, a->error))
BODY(rotate, holdall_session_rotate(a->session, a->error))
BODY(destroy, holdall_session_destroy(a->session, a->error))
BODY(options_new, holdall_options_new(a->out, a->error))
BODY(o_application, holdall_options_set_application(a->options, T1, a->error))
BODY(o_sharing, holdall_options_set_sharing(a->options, a->number, a->error))
BODY(o_durability, holdall_options_set_durability(a->options, a->number, a->error))
BODY(o_adopt, holdall_options_set_adopt(a->options, a->number, a->error))
BODY(o_claim, holdall_options_set_claim_expired(a->options, a->number, a->error))
BODY(o_freshness, holdall_options_set_freshness(a->options, a->ms, a->error))
BODY(o_linger, holdall_options_set_linger(a->options, a->ms, a->error))
BODY(o_linger_cap, holdall_options_set_linger_cap(a->options, a->ms, a->error))
BODY(o_keep, holdall_options_set_keep(a->options, a->ms, a->error))
BODY(o_busy_wait, holdall_options_set_busy_wait(a->options, a->ms, a->error))
BODY(o_timeout, holdall_options_set_store_timeout(a->options, a->ms, a->error))
BODY(o_idle, holdall_options_set_idle(a->options, a->ms, a->error))
BODY(o_absolute, holdall_options_set_absolute(a->options, a->ms, a->error))
BODY(o_touch, holdall_options_set_touch(a->options, a->ms, a->error))
BODY(o_sweep_every, holdall_options_set_sweep_every(a->options, a->ms, a->error))
BODY(o_dead, holdall_options_set_dead(a->options, a->ms, a->error))
BODY(o_retry, holdall_options_set_retry(a->options, a->ms, a->error))
BODY(o_retry_cap, holdall_options_set_retry_cap(a->options, a->ms, a->error))
BODY(o_max_stale, holdall_options_set_max_stale(a->options, a->ms, a->error))
BODY(o_grace, holdall_options_set_rotation_grace(a->options, a->ms, a->error))
BODY(o_memory, holdall_options_set_memory(a->options, 1 << 28, a->error))
BODY(o_unsaved, holdall_options_set_unsaved(a->options, 1 << 26, a->error))
BODY(o_value, holdall_options_set_value_limit(a->options, 1 << 20, a->error))
BODY(o_session, holdall_options_set_session_limit(a->options, 1 << 22, a->error))
BODY(o_rows, holdall_options_set_batch_rows(a->options, 512, a->error))
BODY(o_bytes, holdall_options_set_batch_bytes(a->options, 1 << 20, a->error))
BODY(o_sweep_rows, holdall_options_set_sweep_rows(a->options, 1000, a->error))
BODY(o_events, holdall_options_set_events(a->options, 1024, a->error))
BODY(o_shards, holdall_options_set_shards(a->options, 16, a->error))

static const function functions[] = {
    {"holdall_open", TEXT_1 | OUT, open_},
    {"holdall_open with options", TEXT_1 | OUT, open_with},
    {"holdall_flush", BAG | MS, flush},
    {"holdall_drain", BAG, drain},
    {"holdall_health", BAG, health},
    {"holdall_advance_clock", BAG | MS, advance_clock},
    {"holdall_next_event", BAG | MS | OUT, next_event},
    {"holdall_stats_json", BAG | OUT, stats_json},
    {"holdall_sweep", BAG, sweep},
    {"holdall_prepare_fork", BAG, prepare_fork},
    {"holdall_close", BAG | MS, close_},
    {"holdall_abandon", BAG, abandon},
    {"holdall_list_principal", BAG | TEXT_1 | OUT, list_principal},
    {"holdall_destroy_principal", BAG | TEXT_1, destroy_principal},
    {"holdall_destroy_principal_but", BAG | SESSION | TEXT_1, destroy_but},
    {"holdall_destroy_principal_one", BAG | TEXT_1 | TEXT_2, destroy_one},
    {"holdall_session_open", BAG | BYTES_1 | LONG_1 | NUMBER | OUT, session_open},
    {"holdall_session_open_fresh", BAG | BYTES_1 | LONG_1 | NUMBER | MS | OUT, open_fresh},
    {"holdall_session_id", SESSION | OUT, session_id},
    {"holdall_session_ticket", SESSION | OUT, ticket},
    {"holdall_session_is_new", SESSION | OUT, is_new},
    {"holdall_session_principal", SESSION | OUT, principal},
    {"holdall_session_meta", SESSION | OUT, meta},
    {"holdall_session_touch", SESSION, touch},
    {"holdall_session_get", SESSION | TEXT_1 | OUT, get},
    {"holdall_session_get_json", SESSION | TEXT_1 | OUT, get_json},
    {"holdall_session_get_bytes", SESSION | TEXT_1 | OUT, get_bytes},
    {"holdall_session_set_json", SESSION | TEXT_1 | TEXT_2 | LONG_2, set_json},
    {"holdall_session_set_bytes", SESSION | TEXT_1 | BYTES_2 | LONG_2, set_bytes},
    {"holdall_session_remove", SESSION | TEXT_1, remove_},
    {"holdall_session_keys", SESSION | OUT, keys},
    {"holdall_session_to_json", SESSION | OUT, to_json},
    {"holdall_session_replace_json", SESSION | TEXT_1 | LONG_1, replace_json},
    {"holdall_session_set_meta", SESSION | TEXT_1, set_meta},
    {"holdall_session_set_idle_timeout", SESSION | MS, set_idle_timeout},
    {"holdall_session_save", SESSION | NUMBER, save},
    {"holdall_session_set_principal", SESSION | TEXT_1, set_principal},
    {"holdall_session_rotate", SESSION, rotate},
    {"holdall_session_destroy", SESSION, destroy},
    {"holdall_options_new", OUT, options_new},
    {"holdall_options_set_application", OPTIONS | TEXT_1, o_application},
    {"holdall_options_set_sharing", OPTIONS | NUMBER, o_sharing},
    {"holdall_options_set_durability", OPTIONS | NUMBER, o_durability},
    {"holdall_options_set_adopt", OPTIONS | NUMBER, o_adopt},
    {"holdall_options_set_claim_expired", OPTIONS | NUMBER, o_claim},
    {"holdall_options_set_freshness", OPTIONS | MS, o_freshness},
    {"holdall_options_set_linger", OPTIONS | MS, o_linger},
    {"holdall_options_set_linger_cap", OPTIONS | MS, o_linger_cap},
    {"holdall_options_set_keep", OPTIONS | MS, o_keep},
    {"holdall_options_set_busy_wait", OPTIONS | MS, o_busy_wait},
    {"holdall_options_set_store_timeout", OPTIONS | MS, o_timeout},
    {"holdall_options_set_idle", OPTIONS | MS, o_idle},
    {"holdall_options_set_absolute", OPTIONS | MS, o_absolute},
    {"holdall_options_set_touch", OPTIONS | MS, o_touch},
    {"holdall_options_set_sweep_every", OPTIONS | MS, o_sweep_every},
    {"holdall_options_set_dead", OPTIONS | MS, o_dead},
    {"holdall_options_set_retry", OPTIONS | MS, o_retry},
    {"holdall_options_set_retry_cap", OPTIONS | MS, o_retry_cap},
    {"holdall_options_set_max_stale", OPTIONS | MS, o_max_stale},
    {"holdall_options_set_rotation_grace", OPTIONS | MS, o_grace},
    {"holdall_options_set_memory", OPTIONS, o_memory},
    {"holdall_options_set_unsaved", OPTIONS, o_unsaved},
    {"holdall_options_set_value_limit", OPTIONS, o_value},
    {"holdall_options_set_session_limit", OPTIONS, o_session},
    {"holdall_options_set_batch_rows", OPTIONS, o_rows},
    {"holdall_options_set_batch_bytes", OPTIONS, o_bytes},
    {"holdall_options_set_sweep_rows", OPTIONS, o_sweep_rows},
    {"holdall_options_set_events", OPTIONS, o_events},
    {"holdall_options_set_shards", OPTIONS, o_shards},
};

static holdall *bag;
static holdall_session *session;
static holdall_options *options;
static holdall *closed_bag;
static holdall_session *freed_session;
static holdall_options *freed_options;

/* Room for any answer. */
static union {
    holdall_buf buf;
    void *handle;
    unsigned char bytes[32];
} place;

/* What every function would accept. */
static arguments good(void)
{
    arguments a = {0};
    a.bag = bag;
    a.session = session;
    a.options = options;
    a.text[0] = "memory:";
    a.len[0] = 7;
    a.text[1] = "1";
    a.len[1] = 1;
    a.out = &place;
    return a;
}

static int is_untouched(void)
{
    size_t at;
    for (at = 0; at < sizeof place.bytes; at++) {
        if (place.bytes[at] != 0xA5) {
            return 0;
        }
    }
    return 1;
}

/* Calls with an error and without; checks the status, the error, and the place for the answer. */
static void expect(const function *f, arguments a, holdall_status expected, const char *what)
{
    holdall_error *error = NULL;
    holdall_status with, without;
    int right;
    memset(&place, 0xA5, sizeof place);
    a.error = NULL;
    without = f->call(&a);
    a.error = &error;
    with = f->call(&a);
    right = with == expected && without == expected && holdall_error_status(error) == expected &&
        strlen(holdall_error_message(error)) > 8 && strchr(holdall_error_message(error), '\n') == NULL && is_untouched();
    if (!CHECK(right)) {
        printf("    %s, %s: %s and %s instead of %s; message '%s'; answer %s\n", f->name, what, holdall_status_name(with),
            holdall_status_name(without), holdall_status_name(expected), holdall_error_message(error),
            is_untouched() ? "untouched" : "written");
    }
    holdall_error_free(error);
}

static void bad_handles(const function *f)
{
    static const uintptr_t made_up[] = {1, 2, 3, 7, 8, 9, 0xFF, 0x1000, 0xFFFFFFFF, 0x100000001, 0x100000003,
        UINTPTR_MAX, UINTPTR_MAX / 2, UINTPTR_MAX - 7, (uintptr_t)1 << 63, 0xDEADBEEFDEADBEEF};
    size_t at;
    arguments a;
    if (f->takes & BAG) {
        a = good(); a.bag = NULL; expect(f, a, HOLDALL_INVALID, "bag NULL");
        a = good(); a.bag = closed_bag; expect(f, a, HOLDALL_CLOSED, "bag closed");
        a = good(); a.bag = (holdall *)session; expect(f, a, HOLDALL_CLOSED, "a session as bag");
        a = good(); a.bag = (holdall *)(void *)&place; expect(f, a, HOLDALL_CLOSED, "a pointer as bag");
        for (at = 0; at < sizeof made_up / sizeof *made_up; at++) {
            a = good(); a.bag = (holdall *)made_up[at]; expect(f, a, HOLDALL_CLOSED, "bag made up");
        }
    }
    if (f->takes & SESSION) {
        a = good(); a.session = NULL; expect(f, a, HOLDALL_INVALID, "session NULL");
        a = good(); a.session = freed_session; expect(f, a, HOLDALL_CLOSED, "session freed");
        a = good(); a.session = (holdall_session *)bag; expect(f, a, HOLDALL_CLOSED, "a bag as session");
        a = good(); a.session = (holdall_session *)(void *)&place; expect(f, a, HOLDALL_CLOSED, "a pointer as session");
        for (at = 0; at < sizeof made_up / sizeof *made_up; at++) {
            a = good(); a.session = (holdall_session *)made_up[at]; expect(f, a, HOLDALL_CLOSED, "session made up");
        }
    }
    if (f->takes & OPTIONS) {
        a = good(); a.options = NULL; expect(f, a, HOLDALL_INVALID, "options NULL");
        a = good(); a.options = freed_options; expect(f, a, HOLDALL_CLOSED, "options freed");
        a = good(); a.options = (holdall_options *)bag; expect(f, a, HOLDALL_CLOSED, "a bag as options");
        for (at = 0; at < sizeof made_up / sizeof *made_up; at++) {
            a = good(); a.options = (holdall_options *)made_up[at]; expect(f, a, HOLDALL_CLOSED, "options made up");
        }
    }
}

static void bad_text(const function *f, int place_of_text, int utf8, int limit_is_long)
{
    static const char *broken[] = {"\x80", "\xC3", "a\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF\xFE"};
    size_t over = limit_is_long ? ((size_t)1 << 30) + 1 : 65537, at;
    size_t lengths[] = {over, SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX - 1, SIZE_MAX};
    arguments a = good();
    a.text[place_of_text] = NULL;
    a.len[place_of_text] = 1;
    expect(f, a, HOLDALL_INVALID, "text NULL with a length");
    for (at = 0; at < sizeof lengths / sizeof *lengths; at++) {
        a = good();
        a.len[place_of_text] = lengths[at];
        expect(f, a, HOLDALL_TOO_LARGE, "length above the limit");
        a.text[place_of_text] = NULL;
        expect(f, a, HOLDALL_TOO_LARGE, "length above the limit, text NULL");
    }
    for (at = 0; utf8 && at < sizeof broken / sizeof *broken; at++) {
        a = good();
        a.text[place_of_text] = broken[at];
        a.len[place_of_text] = strlen(broken[at]);
        expect(f, a, HOLDALL_INVALID, "no UTF-8");
    }
}

static void bad_values(const function *f)
{
    static const int32_t numbers[] = {-1, 4, 99, 0x400, 0x800, 1 << 30, INT32_MAX, INT32_MIN};
    static const int64_t durations[] = {-1, -1000, INT64_MIN};
    size_t at;
    arguments a;
    for (at = 0; (f->takes & NUMBER) && at < sizeof numbers / sizeof *numbers; at++) {
        a = good();
        a.number = numbers[at];
        expect(f, a, HOLDALL_INVALID, "unknown number");
    }
    for (at = 0; (f->takes & MS) && at < sizeof durations / sizeof *durations; at++) {
        a = good();
        a.ms = durations[at];
        expect(f, a, HOLDALL_INVALID, "negative duration");
    }
    if (f->takes & OUT) {
        a = good(); a.out = NULL; expect(f, a, HOLDALL_INVALID, "out NULL");
    }
}

static void every_function(void)
{
    size_t at;
    for (at = 0; at < sizeof functions / sizeof *functions; at++) {
        const function *f = &functions[at];
        bad_handles(f);
        if (f->takes & (TEXT_1 | BYTES_1)) {
            bad_text(f, 0, f->takes & TEXT_1, f->takes & LONG_1);
        }
        if (f->takes & (TEXT_2 | BYTES_2)) {
            bad_text(f, 1, f->takes & TEXT_2, f->takes & LONG_2);
        }
        bad_values(f);
    }
}

/* URLs that are wrong in every part. */
static void urls(void)
{
    static const struct { const char *url; holdall_status status; } bad[] = {
        {"", HOLDALL_INVALID}, {":", HOLDALL_INVALID}, {"memory", HOLDALL_INVALID}, {"MEMORY:", HOLDALL_INVALID},
        {" memory:", HOLDALL_INVALID}, {"memory:x", HOLDALL_INVALID}, {"memory://", HOLDALL_INVALID},
        {"sqlite:", HOLDALL_INVALID}, {"sqlite", HOLDALL_INVALID}, {"sqlite::memory:", HOLDALL_INVALID},
        {"sqlite:x.db?mode=ro", HOLDALL_INVALID}, {"sqlite3:x.db", HOLDALL_INVALID}, {"sqlit\xC3\xA9:x", HOLDALL_INVALID},
        {"http://example.org/", HOLDALL_INVALID}, {"/tmp/x.db", HOLDALL_INVALID}, {"journal:x", HOLDALL_INVALID},
        {"sqlite:no/such/folder/x.db", HOLDALL_CONFIG}, {"sqlite:.", HOLDALL_CONFIG}, {"sqlite:..", HOLDALL_CONFIG},
    };
    size_t at;
    function f = {"holdall_open", 0, open_};
    for (at = 0; at < sizeof bad / sizeof *bad; at++) {
        arguments a = good();
        a.text[0] = bad[at].url;
        a.len[0] = strlen(bad[at].url);
        expect(&f, a, bad[at].status, bad[at].url);
    }
    {
        arguments a = good();
        a.text[0] = "sqlite:a\0b";
        a.len[0] = 10;
        expect(&f, a, HOLDALL_INVALID, "a NUL in the path");
    }
}

/* Options that make no sense, alone or together. */
static void senseless_options(void)
{
    function f = {"holdall_open", 0, open_with};
    int which;
    for (which = 0; which < 23; which++) {
        holdall_options *o = NULL;
        arguments a = good();
        OK(holdall_options_new(&o, NULL));
        switch (which) {
        case 0: OK(holdall_options_set_application(o, NULL, 0, NULL)); break;
        case 1: OK(holdall_options_set_linger_cap(o, 1, NULL)); break;
        case 2: OK(holdall_options_set_batch_rows(o, 0, NULL)); break;
        case 3: OK(holdall_options_set_batch_rows(o, SIZE_MAX, NULL)); break;
        case 4: OK(holdall_options_set_batch_bytes(o, 0, NULL)); break;
        case 5: OK(holdall_options_set_memory(o, 0, NULL)); break;
        case 6: OK(holdall_options_set_unsaved(o, 0, NULL)); break;
        case 7: OK(holdall_options_set_unsaved(o, SIZE_MAX, NULL)); break;
        case 8: OK(holdall_options_set_session_limit(o, SIZE_MAX, NULL)); break;
        case 9: OK(holdall_options_set_value_limit(o, SIZE_MAX, NULL)); break;
        case 10: OK(holdall_options_set_rotation_grace(o, INT64_MAX, NULL)); break;
        case 11: OK(holdall_options_set_idle(o, 1, NULL)); break;
        case 12: OK(holdall_options_set_dead(o, 0, NULL)); break;
        case 13: OK(holdall_options_set_store_timeout(o, 0, NULL)); break;
        case 14: OK(holdall_options_set_retry(o, 0, NULL)); break;
        case 15: OK(holdall_options_set_retry_cap(o, 1, NULL)); break;
        case 16: OK(holdall_options_set_shards(o, 3, NULL)); break;
        case 17: OK(holdall_options_set_shards(o, 0, NULL)); break;
        case 18: OK(holdall_options_set_shards(o, SIZE_MAX / 2 + 1, NULL)); break;
        case 19: OK(holdall_options_set_sweep_rows(o, 0, NULL)); break;
        case 20:
            OK(holdall_options_set_sharing(o, HOLDALL_FLEET, NULL));
            OK(holdall_options_set_durability(o, HOLDALL_BEHIND, NULL));
            break;
        case 21:
            OK(holdall_options_set_sharing(o, HOLDALL_STICKY, NULL));
            OK(holdall_options_set_idle(o, 29999, NULL));
            break;
        default: OK(holdall_options_set_durability(o, HOLDALL_JOURNAL, NULL)); break;
        }
        a.options = o;
        expect(&f, a, which == 22 ? HOLDALL_UNSUPPORTED : HOLDALL_INVALID, "senseless options");
        holdall_options_free(o);
        expect(&f, a, HOLDALL_CLOSED, "freed options");
    }
}

/* An error's own functions with handles that are none. */
static void errors(void)
{
    static const uintptr_t made_up[] = {1, 7, 15, 0x100000007, UINTPTR_MAX};
    size_t at;
    for (at = 0; at < sizeof made_up / sizeof *made_up; at++) {
        holdall_error *error = (holdall_error *)made_up[at];
        CHECK(holdall_error_status(error) == HOLDALL_CLOSED);
        CHECK(strcmp(holdall_error_message(error), "") == 0);
        CHECK(!holdall_error_is_transient(error));
        holdall_error_free(error);
        holdall_session_free((holdall_session *)made_up[at]);
        holdall_options_free((holdall_options *)made_up[at]);
    }
    holdall_error_free(NULL);
    holdall_session_free(NULL);
    holdall_options_free(NULL);
    holdall_buf_free(NULL);
}

int main(void)
{
    holdall_buf buf = {0};
    bag = must_open("memory:");
    session = must_session(bag, "");
    OK(holdall_options_new(&options, NULL));
    freed_session = must_session(bag, "");
    holdall_session_free(freed_session);
    OK(holdall_options_new(&freed_options, NULL));
    holdall_options_free(freed_options);
    closed_bag = must_open("memory:");
    OK(holdall_close(closed_bag, 1000, NULL, NULL));
    every_function();
    urls();
    senseless_options();
    errors();
    /* After all that, everything still works. */
    OK(holdall_session_set_json(session, TEXT("n"), TEXT("1"), NULL));
    OK(holdall_session_save(session, HOLDALL_STORED, NULL));
    OK(holdall_session_to_json(session, &buf, NULL));
    CHECK(holds(&buf, "{\"n\":1}"));
    holdall_options_free(options);
    holdall_session_free(session);
    OK(holdall_close(bag, 1000, NULL, NULL));
    return finish();
}
