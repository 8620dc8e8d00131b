/* Handles: stale, made up, freed in any order and twice; buffers freed twice; sessions that outlive their bag. */
#include "check.h"

static void session_after_free(holdall *bag)
{
    holdall_session *s = must_session(bag, ""), *other;
    holdall_buf buf = {0};
    holdall_session_free(s);
    STATUS(HOLDALL_CLOSED, holdall_session_id(s, &buf, NULL));
    holdall_session_free(s); /* twice is harmless */
    other = must_session(bag, "");
    CHECK(other != s); /* also where the slot is the same */
    holdall_session_free(s);
    OK(holdall_session_set_json(other, TEXT("n"), TEXT("1"), NULL)); /* the stale handle did not free the new one */
    STATUS(HOLDALL_CLOSED, holdall_session_set_json(s, TEXT("n"), TEXT("2"), NULL));
    OK(holdall_session_get_json(other, TEXT("n"), &buf, NULL));
    CHECK(holds(&buf, "1"));
    holdall_session_free(other);
}

static void buffers(holdall *bag)
{
    holdall_session *s = must_session(bag, "");
    holdall_buf buf = {0};
    holdall_buf_free(&buf); /* empty */
    OK(holdall_session_id(s, &buf, NULL));
    CHECK(buf.ptr != NULL && buf.len > 0 && strlen(buf.ptr) == buf.len);
    holdall_session_free(s); /* the buffer is the host's own */
    CHECK(strlen(buf.ptr) == buf.len);
    buf.len = 1; /* changed by the host: freeing needs no length */
    holdall_buf_free(&buf);
    CHECK(buf.ptr == NULL && buf.len == 0);
    holdall_buf_free(&buf);
    CHECK(buf.ptr == NULL && buf.len == 0);
    STATUS(HOLDALL_CLOSED, holdall_session_id(s, &buf, NULL));
    CHECK(buf.ptr == NULL && buf.len == 0);
}

static void error_after_free(void)
{
    holdall *bag = NULL;
    holdall_error *error = NULL;
    STATUS(HOLDALL_INVALID, holdall_open(TEXT("?"), NULL, &bag, &error));
    CHECK(holdall_error_status(error) == HOLDALL_INVALID);
    holdall_error_free(error);
    CHECK(holdall_error_status(error) == HOLDALL_CLOSED);
    CHECK(strcmp(holdall_error_message(error), "") == 0);
    holdall_error_free(error);
    /* Answers make no error. */
    bag = must_open("memory:");
    {
        holdall_session *s = NULL;
        holdall_error *none = NULL;
        STATUS(HOLDALL_NOT_FOUND, holdall_session_open(bag, TEXT("nobody"), HOLDALL_EXISTING, &s, &none));
        CHECK(s == NULL && none == NULL);
    }
    OK(holdall_close(bag, 1000, NULL, NULL));
}

/* Sessions opened and freed in every order of three, with their bag closed before, between or after. */
static void any_order(void)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    int order, closed_at, step;
    for (order = 0; order < 6; order++) {
        for (closed_at = 0; closed_at <= 3; closed_at++) {
            holdall *bag = must_open("memory:");
            holdall_session *s[3];
            for (step = 0; step < 3; step++) {
                s[step] = must_session(bag, "");
            }
            for (step = 0; step <= 3; step++) {
                if (step == closed_at) {
                    OK(holdall_close(bag, 1000, NULL, NULL));
                }
                if (step < 3) {
                    holdall_session_free(s[orders[order][step]]);
                    STATUS(HOLDALL_CLOSED, holdall_session_touch(s[orders[order][step]], NULL));
                }
            }
        }
    }
}

static void session_after_close(void)
{
    holdall *bag = must_open("sqlite:after-close.db");
    holdall_session *s = must_session(bag, ""), *late = NULL;
    holdall_buf buf = {0}, id = {0};
    bool is_new;
    uint64_t left = 7;
    OK(holdall_session_set_json(s, TEXT("n"), TEXT("1"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_id(s, &id, NULL));
    OK(holdall_close(bag, 5000, &left, NULL));
    CHECK(left == 0);
    STATUS(HOLDALL_CLOSED, holdall_close(bag, 5000, &left, NULL));
    STATUS(HOLDALL_CLOSED, holdall_abandon(bag, NULL));
    STATUS(HOLDALL_CLOSED, holdall_flush(bag, 0, NULL, NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_open(bag, TEXT(""), HOLDALL_STRICT, &late, NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_get(s, TEXT("n"), NULL, &buf, NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_get_json(s, TEXT("n"), &buf, NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_set_json(s, TEXT("n"), TEXT("2"), NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_keys(s, &buf, NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_is_new(s, &is_new, NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_rotate(s, NULL));
    STATUS(HOLDALL_CLOSED, holdall_session_destroy(s, NULL));
    holdall_session_free(s);
    holdall_session_free(s);
    /* Nothing was lost by any of it. */
    bag = must_open("sqlite:after-close.db");
    OK(holdall_session_open(bag, id.ptr, id.len, HOLDALL_EXISTING, &s, NULL));
    OK(holdall_session_get_json(s, TEXT("n"), &buf, NULL));
    CHECK(holds(&buf, "1"));
    holdall_session_free(s);
    holdall_buf_free(&id);
    OK(holdall_close(bag, 5000, NULL, NULL));
}

/* Handles of many bags: a stale one stays stale, however often its slot is used again. */
static void many(void)
{
    holdall *old[40], *bag;
    holdall_options *o = NULL;
    int at, again;
    OK(holdall_options_new(&o, NULL));
    OK(holdall_options_set_shards(o, 1, NULL));
    for (at = 0; at < 40; at++) {
        OK(holdall_open(TEXT("memory:"), o, &bag, NULL));
        for (again = 0; again < at; again++) {
            CHECK(old[again] != bag);
            STATUS(HOLDALL_CLOSED, holdall_drain(old[again], NULL));
        }
        OK(holdall_abandon(bag, NULL));
        old[at] = bag;
    }
    holdall_options_free(o);
    STATUS(HOLDALL_CLOSED, holdall_options_set_shards(o, 1, NULL));
    holdall_options_free(o);
}

/* A thousand handles at once, freed from the middle. */
static void crowd(holdall *bag)
{
    static holdall_session *s[1000];
    int at, live = 0, stale = 0;
    holdall_buf buf = {0};
    for (at = 0; at < 1000; at++) {
        s[at] = must_session(bag, "");
    }
    for (at = 0; at < 1000; at += 2) {
        holdall_session_free(s[(at + 500) % 1000]);
    }
    for (at = 0; at < 1000; at++) {
        holdall_status status = holdall_session_keys(s[at], &buf, NULL);
        live += status == HOLDALL_OK;
        stale += status == HOLDALL_CLOSED;
        holdall_buf_free(&buf);
        holdall_session_free(s[at]);
    }
    CHECK(live == 500 && stale == 500);
}

int main(void)
{
    holdall *bag = must_open("memory:");
    session_after_free(bag);
    buffers(bag);
    crowd(bag);
    OK(holdall_close(bag, 1000, NULL, NULL));
    error_after_free();
    any_order();
    session_after_close();
    many();
    return finish();
}
