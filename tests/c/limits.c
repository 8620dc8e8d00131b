/* Keys, values and sessions at their limits and one over; JSON that is broken or large; NUL and UTF-8. */
#include "check.h"

static char *filled(size_t len, char with)
{
    char *text = malloc(len + 1);
    if (text == NULL) {
        printf("no memory\n0 passed, 1 failed\n");
        exit(1);
    }
    memset(text, with, len);
    text[len] = '\0';
    return text;
}

/* A JSON string of exactly so many bytes, quotes included. */
static char *json_string(size_t len)
{
    char *text = filled(len, 'x');
    text[0] = text[len - 1] = '"';
    return text;
}

static void names(holdall_session *s)
{
    char *long_name = filled(256, 'k');
    holdall_buf buf = {0};
    OK(holdall_session_set_json(s, TEXT("k"), TEXT("1"), NULL));
    OK(holdall_session_set_json(s, long_name, 255, TEXT("2"), NULL));
    OK(holdall_session_get_json(s, long_name, 255, &buf, NULL));
    CHECK(holds(&buf, "2"));
    STATUS(HOLDALL_TOO_LARGE, holdall_session_set_json(s, long_name, 256, TEXT("3"), NULL));
    STATUS(HOLDALL_TOO_LARGE, holdall_session_set_bytes(s, long_name, 256, TEXT("3"), NULL));
    STATUS(HOLDALL_TOO_LARGE, holdall_session_remove(s, long_name, 256, NULL));
    STATUS(HOLDALL_INVALID, holdall_session_set_json(s, NULL, 0, TEXT("3"), NULL));
    STATUS(HOLDALL_INVALID, holdall_session_set_json(s, "", 0, TEXT("3"), NULL));
    STATUS(HOLDALL_INVALID, holdall_session_set_json(s, "a\0b", 3, TEXT("3"), NULL));
    STATUS(HOLDALL_INVALID, holdall_session_set_bytes(s, "\0", 1, TEXT("3"), NULL));
    STATUS(HOLDALL_INVALID, holdall_session_remove(s, "a\0b", 3, NULL));
    /* A field that no session can have is not found. */
    STATUS(HOLDALL_NOT_FOUND, holdall_session_get_json(s, long_name, 256, &buf, NULL));
    STATUS(HOLDALL_NOT_FOUND, holdall_session_get_json(s, NULL, 0, &buf, NULL));
    STATUS(HOLDALL_NOT_FOUND, holdall_session_get_json(s, "k\0", 2, &buf, NULL));
    OK(holdall_session_remove(s, long_name, 255, NULL));
    OK(holdall_session_set_json(s, TEXT("\xF0\x9F\xA7\xA6 socks"), TEXT("4"), NULL));
    OK(holdall_session_keys(s, &buf, NULL));
    CHECK(holds(&buf, "[\"k\",\"\xF0\x9F\xA7\xA6 socks\"]"));
    free(long_name);
}

static void values(holdall_session *s)
{
    const size_t limit = 1 << 20;
    char *at = json_string(limit), *over = json_string(limit + 1);
    holdall_buf buf = {0};
    OK(holdall_session_set_json(s, TEXT("v"), at, limit, NULL));
    OK(holdall_session_get_json(s, TEXT("v"), &buf, NULL));
    CHECK(buf.len == limit && memcmp(buf.ptr, at, limit) == 0);
    holdall_buf_free(&buf);
    STATUS(HOLDALL_TOO_LARGE, holdall_session_set_json(s, TEXT("v"), over, limit + 1, NULL));
    STATUS(HOLDALL_TOO_LARGE, holdall_session_set_bytes(s, TEXT("v"), over, limit + 1, NULL));
    OK(holdall_session_get_json(s, TEXT("v"), &buf, NULL));
    CHECK(buf.len == limit); /* what failed changed nothing */
    holdall_buf_free(&buf);
    OK(holdall_session_set_bytes(s, TEXT("v"), at, limit, NULL));
    OK(holdall_session_set_bytes(s, TEXT("v"), NULL, 0, NULL));
    OK(holdall_session_save(s, HOLDALL_STORED, NULL));
    free(at);
    free(over);
}

/* Four values of 1 MiB are more than a session may have. */
static void sessions(holdall *bag)
{
    const size_t limit = 1 << 20;
    char *value = filled(limit, 'v'), key[2] = "0";
    holdall_session *s = must_session(bag, "");
    holdall_buf buf = {0};
    for (key[0] = '0'; key[0] < '4'; key[0]++) {
        OK(holdall_session_set_bytes(s, key, 1, value, limit, NULL));
    }
    STATUS(HOLDALL_TOO_LARGE, holdall_session_save(s, HOLDALL_STORED, NULL));
    OK(holdall_session_keys(s, &buf, NULL)); /* the handle keeps its changes */
    CHECK(holds(&buf, "[\"0\",\"1\",\"2\",\"3\"]"));
    OK(holdall_session_remove(s, TEXT("3"), NULL));
    OK(holdall_session_save(s, HOLDALL_STORED, NULL));
    holdall_session_free(s);
    free(value);
}

static void json(holdall_session *s)
{
    static const char *broken[] = {"", " ", "{", "}", "[1,]", "{\"a\":}", "{\"a\" 1}", "nul", "tru", "NaN", "Infinity", "'a'",
        "\"a", "\"\\x\"", "\"\\u12\"", "01", "1.", ".5", "+1", "-", "1e", "[1] 2", "{\"a\":1}}", "// 1", "\"\t\"", "\xEF\xBB\xBF" "1"};
    static const char *fine[] = {"null", "true", "0", "-0", "1e400", "123456789012345678901234567890.5", "\"\"",
        "\"\\u0000\"", "\"\\ud800\"", "[]", "{}", " [ 1 , 2 ] ", "{\"b\":1,\"a\":2,\"b\":3}", "\"\xF0\x9F\xA7\xA6\""};
    size_t at;
    holdall_buf buf = {0};
    char *deep;
    OK(holdall_session_set_json(s, TEXT("j"), TEXT("1"), NULL));
    for (at = 0; at < sizeof broken / sizeof *broken; at++) {
        if (!STATUS(HOLDALL_INVALID, holdall_session_set_json(s, TEXT("j"), broken[at], strlen(broken[at]), NULL))) {
            printf("    %s\n", broken[at]);
        }
        STATUS(HOLDALL_INVALID, holdall_session_replace_json(s, broken[at], strlen(broken[at]), NULL));
    }
    STATUS(HOLDALL_INVALID, holdall_session_set_json(s, TEXT("j"), "1\0", 2, NULL));
    STATUS(HOLDALL_INVALID, holdall_session_set_json(s, TEXT("j"), "\"\0\"", 3, NULL));
    OK(holdall_session_get_json(s, TEXT("j"), &buf, NULL));
    CHECK(holds(&buf, "1"));
    for (at = 0; at < sizeof fine / sizeof *fine; at++) {
        OK(holdall_session_set_json(s, TEXT("j"), fine[at], strlen(fine[at]), NULL));
        OK(holdall_session_get_json(s, TEXT("j"), &buf, NULL));
        CHECK(holds(&buf, fine[at])); /* byte for byte */
    }
    OK(holdall_session_save(s, HOLDALL_STORED, NULL));
    /* The whole session must be an object, and names in it must be names. */
    STATUS(HOLDALL_INVALID, holdall_session_replace_json(s, TEXT("[]"), NULL));
    STATUS(HOLDALL_INVALID, holdall_session_replace_json(s, TEXT("1"), NULL));
    STATUS(HOLDALL_INVALID, holdall_session_replace_json(s, TEXT("{\"\":1}"), NULL));
    STATUS(HOLDALL_INVALID, holdall_session_replace_json(s, TEXT("{\"a\\u0000\":1}"), NULL));
    OK(holdall_session_set_bytes(s, TEXT("raw"), "x", 1, NULL));
    STATUS(HOLDALL_INVALID, holdall_session_replace_json(s, TEXT("{\"raw\":1}"), NULL));
    /* A million brackets must not overflow the stack. */
    deep = filled(1 << 20, '[');
    STATUS(HOLDALL_INVALID, holdall_session_set_json(s, TEXT("j"), deep, 1 << 20, NULL));
    STATUS(HOLDALL_INVALID, holdall_session_replace_json(s, deep, 1 << 20, NULL));
    memset(deep + (1 << 19), ']', 1 << 19);
    {
        holdall_status status = holdall_session_set_json(s, TEXT("j"), deep, 1 << 20, NULL);
        CHECK(status == HOLDALL_OK || status == HOLDALL_INVALID);
    }
    free(deep);
}

static void beside_the_fields(holdall *bag, holdall_session *s)
{
    char *text = filled(1025, 'm');
    holdall_buf buf = {0};
    OK(holdall_session_set_meta(s, text, 1024, NULL));
    STATUS(HOLDALL_TOO_LARGE, holdall_session_set_meta(s, text, 1025, NULL));
    OK(holdall_session_set_meta(s, NULL, 0, NULL));
    STATUS(HOLDALL_NOT_FOUND, holdall_session_meta(s, &buf, NULL));
    OK(holdall_session_set_principal(s, text, 255, NULL));
    STATUS(HOLDALL_INVALID, holdall_session_set_principal(s, text, 256, NULL));
    STATUS(HOLDALL_INVALID, holdall_session_set_principal(s, "", 0, NULL));
    OK(holdall_session_set_principal(s, NULL, 0, NULL));
    STATUS(HOLDALL_NOT_FOUND, holdall_session_principal(s, &buf, NULL));
    STATUS(HOLDALL_INVALID, holdall_destroy_principal(bag, NULL, 0, NULL));
    STATUS(HOLDALL_NOT_FOUND, holdall_destroy_principal_one(bag, TEXT("u"), TEXT("not a reference"), NULL));
    STATUS(HOLDALL_INVALID, holdall_session_set_idle_timeout(s, 999, NULL));
    OK(holdall_session_set_idle_timeout(s, 1000, NULL));
    OK(holdall_session_set_idle_timeout(s, INT64_MAX, NULL));
    OK(holdall_session_set_idle_timeout(s, 0, NULL));
    free(text);
}

/* Cookies come from attackers: whatever they hold gives a new session, and never an error. */
static void cookies(holdall *bag)
{
    static const char *made_up[] = {"", "x", "../../etc/passwd", "' OR 1=1 --", "%00", "\xFF\xFE\x80", "a.b.c", ".", "..",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.99999999999999999999", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.-1", "id\r\nSet-Cookie: a"};
    char *long_one = filled(100000, 'A');
    size_t at, lengths[] = {1, 32, 254, 255, 256, 4095, 4096, 4097, 100000};
    holdall_session *s = NULL;
    bool is_new;
    for (at = 0; at < sizeof made_up / sizeof *made_up; at++) {
        OK(holdall_session_open(bag, made_up[at], strlen(made_up[at]), HOLDALL_STRICT, &s, NULL));
        is_new = false;
        OK(holdall_session_is_new(s, &is_new, NULL));
        CHECK(is_new);
        holdall_session_free(s);
        STATUS(HOLDALL_NOT_FOUND, holdall_session_open(bag, made_up[at], strlen(made_up[at]), HOLDALL_EXISTING, &s, NULL));
    }
    for (at = 0; at < sizeof lengths / sizeof *lengths; at++) {
        OK(holdall_session_open(bag, long_one, lengths[at], HOLDALL_STRICT, &s, NULL));
        holdall_session_free(s);
    }
    OK(holdall_session_open(bag, "a\0b", 3, HOLDALL_STRICT, &s, NULL));
    holdall_session_free(s);
    OK(holdall_session_open(bag, NULL, 0, HOLDALL_STRICT, &s, NULL));
    holdall_session_free(s);
    free(long_one);
}

/* Limits that were set, not the default ones. */
static void own_limits(void)
{
    holdall_options *o = NULL;
    holdall *bag = NULL;
    holdall_session *s;
    char *value = filled(101, 'v');
    OK(holdall_options_new(&o, NULL));
    OK(holdall_options_set_value_limit(o, 100, NULL));
    OK(holdall_open(TEXT("memory:"), o, &bag, NULL));
    holdall_options_free(o);
    s = must_session(bag, "");
    OK(holdall_session_set_bytes(s, TEXT("v"), value, 100, NULL));
    STATUS(HOLDALL_TOO_LARGE, holdall_session_set_bytes(s, TEXT("v"), value, 101, NULL));
    holdall_session_free(s);
    free(value);
    OK(holdall_close(bag, 5000, NULL, NULL));
}

int main(void)
{
    holdall *bag = must_open("sqlite:limits.db");
    holdall_session *s = must_session(bag, "");
    names(s);
    values(s);
    json(s);
    beside_the_fields(bag, s);
    sessions(bag);
    cookies(bag);
    holdall_session_free(s);
    OK(holdall_close(bag, 10000, NULL, NULL));
    own_limits();
    return finish();
}
