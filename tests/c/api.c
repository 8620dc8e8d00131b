/* Every function once, used as it is meant to be. */
#include "check.h"

static void versions(void)
{
    CHECK(strcmp(holdall_version(), HOLDALL_VERSION) == 0);
    CHECK(holdall_version_number() == HOLDALL_VERSION_NUMBER);
    CHECK(HOLDALL_VERSION_NUMBER == HOLDALL_VERSION_MAJOR * 1000000 + HOLDALL_VERSION_MINOR * 1000 + HOLDALL_VERSION_PATCH);
    CHECK(strcmp(holdall_status_name(HOLDALL_BUSY), "HOLDALL_BUSY") == 0);
    CHECK(strcmp(holdall_status_name(9999), "HOLDALL_?") == 0);
}

/* The program of the manual, as it stands. */
static void sample(const char *cookie, size_t cookie_len)
{
    holdall *bag; holdall_session *s; holdall_buf cart = {0};
    holdall_open("sqlite:sessions.db", 18, NULL, &bag, NULL);
    holdall_session_open(bag, cookie, cookie_len, HOLDALL_STRICT, &s, NULL);
    holdall_session_set_json(s, "cart", 4, "[\"3 socks\"]", 11, NULL);
    holdall_session_save(s, HOLDALL_DEFAULT, NULL);
    OK(holdall_session_get_json(s, "cart", 4, &cart, NULL));
    CHECK(holds(&cart, "[\"3 socks\"]"));
    holdall_session_free(s);
    OK(holdall_close(bag, 5000, NULL, NULL));
}

static holdall *open_with_every_option(void)
{
    holdall_options *o = NULL;
    holdall *bag = NULL;
    holdall_error *error = NULL;
    OK(holdall_options_new(&o, NULL));
    OK(holdall_options_set_application(o, TEXT("shop"), NULL));
    OK(holdall_options_set_sharing(o, HOLDALL_SINGLE, NULL));
    OK(holdall_options_set_durability(o, HOLDALL_BEHIND, NULL));
    OK(holdall_options_set_freshness(o, HOLDALL_FOREVER, NULL));
    OK(holdall_options_set_linger(o, 5000, NULL));
    OK(holdall_options_set_linger_cap(o, 20000, NULL));
    OK(holdall_options_set_keep(o, 60000, NULL));
    OK(holdall_options_set_batch_rows(o, 100, NULL));
    OK(holdall_options_set_batch_bytes(o, 65536, NULL));
    OK(holdall_options_set_memory(o, 64 << 20, NULL));
    OK(holdall_options_set_unsaved(o, 16 << 20, NULL));
    OK(holdall_options_set_busy_wait(o, 500, NULL));
    OK(holdall_options_set_store_timeout(o, 20000, NULL));
    OK(holdall_options_set_idle(o, 600000, NULL));
    OK(holdall_options_set_absolute(o, 3600000, NULL));
    OK(holdall_options_set_touch(o, 30000, NULL));
    OK(holdall_options_set_sweep_every(o, 0, NULL));
    OK(holdall_options_set_sweep_rows(o, 100, NULL));
    OK(holdall_options_set_dead(o, 60000, NULL));
    OK(holdall_options_set_retry(o, 50, NULL));
    OK(holdall_options_set_retry_cap(o, 5000, NULL));
    OK(holdall_options_set_max_stale(o, 1000, NULL));
    OK(holdall_options_set_rotation_grace(o, 0, NULL));
    OK(holdall_options_set_value_limit(o, 1 << 16, NULL));
    OK(holdall_options_set_session_limit(o, 1 << 18, NULL));
    OK(holdall_options_set_adopt(o, 0, NULL));
    OK(holdall_options_set_claim_expired(o, 1, NULL));
    OK(holdall_options_set_events(o, 64, NULL));
    OK(holdall_options_set_shards(o, 4, NULL));
    OK(holdall_open(TEXT("sqlite:every.db"), o, &bag, &error));
    CHECK(error == NULL);
    holdall_options_free(o);
    return bag;
}

static void fields(holdall *bag)
{
    holdall_session *s = must_session(bag, "");
    holdall_buf buf = {0};
    int32_t kind = 0;
    OK(holdall_session_set_json(s, TEXT("cart"), TEXT("{\"socks\": 3}"), NULL));
    OK(holdall_session_set_bytes(s, TEXT("raw"), "\0\xff\0", 3, NULL));
    OK(holdall_session_set_bytes(s, TEXT("nothing"), NULL, 0, NULL));
    OK(holdall_session_get(s, TEXT("cart"), &kind, &buf, NULL));
    CHECK(kind == HOLDALL_JSON && holds(&buf, "{\"socks\": 3}"));
    OK(holdall_session_get(s, TEXT("raw"), &kind, &buf, NULL));
    CHECK(kind == HOLDALL_BYTES && buf.len == 3 && memcmp(buf.ptr, "\0\xff\0\0", 4) == 0);
    holdall_buf_free(&buf);
    OK(holdall_session_get_bytes(s, TEXT("nothing"), &buf, NULL));
    CHECK(holds(&buf, ""));
    STATUS(HOLDALL_NOT_FOUND, holdall_session_get(s, TEXT("other"), &kind, &buf, NULL));
    STATUS(HOLDALL_INVALID, holdall_session_get_json(s, TEXT("raw"), &buf, NULL));
    STATUS(HOLDALL_INVALID, holdall_session_get_bytes(s, TEXT("cart"), &buf, NULL));
    OK(holdall_session_keys(s, &buf, NULL));
    CHECK(holds(&buf, "[\"cart\",\"nothing\",\"raw\"]"));
    OK(holdall_session_remove(s, TEXT("nothing"), NULL));
    OK(holdall_session_remove(s, TEXT("never there"), NULL));
    OK(holdall_session_to_json(s, &buf, NULL));
    CHECK(holds(&buf, "{\"cart\":{\"socks\": 3}}"));
    OK(holdall_session_replace_json(s, TEXT("{\"cart\": {\"socks\": 4}, \"page\": 1}"), NULL));
    OK(holdall_session_keys(s, &buf, NULL));
    CHECK(holds(&buf, "[\"cart\",\"page\",\"raw\"]"));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_save(s, HOLDALL_STORED, NULL));
    OK(holdall_session_save(s, HOLDALL_BEHIND | HOLDALL_IF_UNCHANGED, NULL));
    STATUS(HOLDALL_UNSUPPORTED, holdall_session_save(s, HOLDALL_JOURNAL, NULL));
    holdall_session_free(s);
}

static void two_handles(holdall *bag)
{
    holdall_session *a = must_session(bag, ""), *b = NULL;
    holdall_buf id = {0}, buf = {0};
    bool is_new = false;
    OK(holdall_session_set_json(a, TEXT("n"), TEXT("1"), NULL));
    OK(holdall_session_save(a, HOLDALL_STORED, NULL));
    OK(holdall_session_is_new(a, &is_new, NULL));
    CHECK(is_new);
    OK(holdall_session_id(a, &id, NULL));
    CHECK(id.len == 32);
    OK(holdall_session_ticket(a, &buf, NULL));
    CHECK(buf.len > id.len && memcmp(buf.ptr, id.ptr, id.len) == 0);
    holdall_buf_free(&buf);
    OK(holdall_session_open_fresh(bag, id.ptr, id.len, HOLDALL_EXISTING | HOLDALL_UNTOUCHED, 0, &b, NULL));
    OK(holdall_session_is_new(b, &is_new, NULL));
    CHECK(!is_new);
    OK(holdall_session_set_json(a, TEXT("n"), TEXT("2"), NULL));
    OK(holdall_session_save(a, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_get_json(b, TEXT("n"), &buf, NULL));
    CHECK(holds(&buf, "1")); /* a snapshot */
    OK(holdall_session_set_json(b, TEXT("n"), TEXT("3"), NULL));
    STATUS(HOLDALL_CONFLICT, holdall_session_save(b, HOLDALL_DEFAULT | HOLDALL_IF_UNCHANGED, NULL));
    OK(holdall_session_touch(b, NULL));
    holdall_session_free(b);
    STATUS(HOLDALL_NOT_FOUND, holdall_session_open(bag, TEXT("no-such-session"), HOLDALL_EXISTING, &b, NULL));
    OK(holdall_session_open(bag, id.ptr, id.len, HOLDALL_CREATE, &b, NULL));
    holdall_session_free(b);
    STATUS(HOLDALL_INVALID, holdall_session_open(bag, id.ptr, id.len, HOLDALL_ADOPT, &b, NULL));
    OK(holdall_session_destroy(a, NULL));
    STATUS(HOLDALL_GONE, holdall_session_set_json(a, TEXT("n"), TEXT("4"), NULL));
    STATUS(HOLDALL_GONE, holdall_session_open(bag, id.ptr, id.len, HOLDALL_EXISTING, &b, NULL));
    OK(holdall_session_open(bag, id.ptr, id.len, HOLDALL_STRICT, &b, NULL));
    OK(holdall_session_is_new(b, &is_new, NULL));
    CHECK(is_new);
    holdall_session_free(b);
    holdall_session_free(a);
    holdall_buf_free(&id);
}

static void cached_only(void)
{
    holdall *bag = must_open("sqlite:cached.db");
    holdall_session *s = must_session(bag, "");
    holdall_buf id = {0};
    OK(holdall_session_set_json(s, TEXT("n"), TEXT("1"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_id(s, &id, NULL));
    holdall_session_free(s);
    OK(holdall_close(bag, 5000, NULL, NULL));
    bag = must_open("sqlite:cached.db");
    STATUS(HOLDALL_WOULD_LOAD, holdall_session_open(bag, id.ptr, id.len, HOLDALL_STRICT | HOLDALL_CACHED_ONLY, &s, NULL));
    OK(holdall_session_open(bag, id.ptr, id.len, HOLDALL_EXISTING, &s, NULL));
    holdall_session_free(s);
    OK(holdall_session_open(bag, id.ptr, id.len, HOLDALL_EXISTING | HOLDALL_CACHED_ONLY, &s, NULL));
    holdall_session_free(s);
    holdall_buf_free(&id);
    OK(holdall_close(bag, 5000, NULL, NULL));
}

static void adoption(void)
{
    holdall_options *o = NULL;
    holdall *bag = NULL;
    holdall_session *s = NULL;
    holdall_buf id = {0};
    OK(holdall_options_new(&o, NULL));
    OK(holdall_options_set_adopt(o, 1, NULL));
    OK(holdall_open(TEXT("memory:"), o, &bag, NULL));
    holdall_options_free(o);
    OK(holdall_session_open(bag, TEXT("host's own"), HOLDALL_ADOPT, &s, NULL));
    OK(holdall_session_id(s, &id, NULL));
    CHECK(holds(&id, "host's own"));
    OK(holdall_session_set_json(s, TEXT("n"), TEXT("1"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    holdall_session_free(s);
    STATUS(HOLDALL_EXISTS, holdall_session_open(bag, TEXT("host's own"), HOLDALL_CREATE, &s, NULL));
    OK(holdall_close(bag, 5000, NULL, NULL));
}

/* The text of a reference in a list of sessions. */
static void first_reference(const char *list, char reference[65])
{
    const char *at = strstr(list, "\"reference\":\"");
    reference[0] = '\0';
    if (CHECK(at != NULL && strlen(at) > 13 + 64)) {
        memcpy(reference, at + 13, 64);
        reference[64] = '\0';
    }
}

static void principals(holdall *bag)
{
    holdall_session *here = must_session(bag, ""), *there = must_session(bag, ""), *third = must_session(bag, "");
    holdall_buf buf = {0}, before = {0}, after = {0};
    char reference[65];
    STATUS(HOLDALL_NOT_FOUND, holdall_session_principal(here, &buf, NULL));
    STATUS(HOLDALL_NOT_FOUND, holdall_session_meta(here, &buf, NULL));
    OK(holdall_session_set_meta(here, TEXT("a laptop"), NULL));
    OK(holdall_session_set_idle_timeout(here, 120000, NULL));
    OK(holdall_session_set_principal(here, TEXT("user 7"), NULL));
    OK(holdall_session_set_principal(there, TEXT("user 7"), NULL));
    OK(holdall_session_set_principal(third, TEXT("user 7"), NULL));
    OK(holdall_session_principal(here, &buf, NULL));
    CHECK(holds(&buf, "user 7"));
    OK(holdall_session_meta(here, &buf, NULL));
    CHECK(holds(&buf, "a laptop"));
    OK(holdall_session_id(here, &before, NULL));
    OK(holdall_session_rotate(here, NULL));
    OK(holdall_session_id(here, &after, NULL));
    CHECK(before.len == after.len && memcmp(before.ptr, after.ptr, after.len) != 0);
    OK(holdall_list_principal(bag, TEXT("user 7"), here, &buf, NULL));
    CHECK(strstr(buf.ptr, "\"meta\":\"a laptop\"") != NULL && strstr(buf.ptr, "\"current\":true") != NULL);
    CHECK(strstr(buf.ptr, after.ptr) == NULL); /* no id in it */
    holdall_buf_free(&buf);
    OK(holdall_session_destroy(third, NULL));
    OK(holdall_destroy_principal_but(bag, TEXT("user 7"), here, NULL));
    STATUS(HOLDALL_GONE, holdall_session_touch(there, NULL));
    OK(holdall_session_touch(here, NULL));
    OK(holdall_list_principal(bag, TEXT("user 7"), NULL, &buf, NULL));
    first_reference(buf.ptr, reference);
    holdall_buf_free(&buf);
    STATUS(HOLDALL_NOT_FOUND, holdall_destroy_principal_one(bag, TEXT("user 8"), reference, 64, NULL));
    OK(holdall_destroy_principal_one(bag, TEXT("user 7"), reference, 64, NULL));
    STATUS(HOLDALL_GONE, holdall_session_touch(here, NULL));
    OK(holdall_destroy_principal(bag, TEXT("user 7"), NULL));
    OK(holdall_list_principal(bag, TEXT("user 7"), NULL, &buf, NULL));
    CHECK(holds(&buf, "[]"));
    holdall_buf_free(&before);
    holdall_buf_free(&after);
    holdall_session_free(here);
    holdall_session_free(there);
    holdall_session_free(third);
}

static void whole_bag(holdall *bag)
{
    bool live = false, ready = false;
    uint64_t unsaved = 99, oldest_ms = 99, left = 99, expired = 99, dead = 99;
    holdall_buf buf = {0};
    OK(holdall_flush(bag, 5000, &left, NULL));
    CHECK(left == 0);
    OK(holdall_health(bag, &live, &ready, &unsaved, &oldest_ms, NULL));
    CHECK(live && ready && unsaved == 0 && oldest_ms == 0);
    OK(holdall_health(bag, NULL, NULL, NULL, NULL, NULL));
    OK(holdall_stats_json(bag, &buf, NULL));
    CHECK(contains(&buf, "\"rows_destroyed\":"));
    OK(holdall_sweep(bag, &expired, &dead, NULL));
    CHECK(expired == 0 && dead == 0);
    OK(holdall_advance_clock(bag, 1000, NULL));
    while (holdall_next_event(bag, 0, &buf, NULL) == HOLDALL_OK) {
        CHECK(contains(&buf, "{\"event\":\""));
    }
    STATUS(HOLDALL_NOT_FOUND, holdall_next_event(bag, 1, &buf, NULL));
    OK(holdall_prepare_fork(bag, NULL)); /* and no fork: the next call opens again */
    OK(holdall_drain(bag, NULL));
    left = 99;
    OK(holdall_close(bag, 5000, &left, NULL));
    CHECK(left == 0);
}

static void errors(void)
{
    holdall *bag = NULL;
    holdall_error *error = NULL;
    STATUS(HOLDALL_INVALID, holdall_open(TEXT("nonsense"), NULL, &bag, &error));
    CHECK(bag == NULL && error != NULL);
    CHECK(holdall_error_status(error) == HOLDALL_INVALID);
    CHECK(strlen(holdall_error_message(error)) > 10);
    CHECK(!holdall_error_is_transient(error));
    holdall_error_free(error);
    CHECK(holdall_error_status(NULL) == HOLDALL_OK && strcmp(holdall_error_message(NULL), "") == 0);
    CHECK(!holdall_error_is_transient(NULL));
    bag = must_open("memory:");
    OK(holdall_abandon(bag, NULL));
}

int main(void)
{
    holdall *bag;
    versions();
    sample("", 0);
    sample("made up", 7);
    errors();
    adoption();
    cached_only();
    bag = open_with_every_option();
    fields(bag);
    two_handles(bag);
    principals(bag);
    whole_bag(bag);
    return finish();
}
