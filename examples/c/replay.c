/* Real web traffic through holdall, and the proof that nothing was lost. `cargo xtask demo` runs it; by hand:
 *
 *     replay replay DATA DB            each request of DATA opens its visitor's session in DB, reads, changes, saves
 *     replay verify DATA DB            compares every session in DB with what DATA says it must hold
 *     replay crash DATA DB LOG         as replay, but each save waits for the database; LOG gets a line for each save that
 *                                      was answered OK. To be killed in the middle.
 *     replay check-crash DB LOG        compares the sessions in DB with what LOG says was answered OK
 *
 * DATA is examples/data/requests.tsv. What a visitor's browser would keep, his cookie, is kept in DB.cookies.
 *
 * What a request does: it counts the visit, adds the bytes, notes the page; a page of the blog goes into a cart of eight at
 * most. The first page below /projects/ logs the visitor in, the front page and /robots.txt log him out.
 */
#define _POSIX_C_SOURCE 200809L
#include "holdall.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COOKIE = 64, PATH = 160, CART = 1600, CART_ITEMS = 8 };

/* One visitor: his cookie, and what his session must hold. */
typedef struct {
    char cookie[COOKIE]; /* empty: none */
    char ended[COOKIE];  /* the last cookie that must be worth nothing any more */
    long visits, bytes, items; /* no visits: no session */
    int is_logged_in;
    char last[2 * PATH], cart[CART];
} visitor;

typedef struct {
    long second, client, bytes;
    char path[PATH];
} request;

static visitor *visitors; /* visitors[N] is client N */
static long visitor_count;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* Ends the program unless the call succeeded. */
static void must(holdall_status status, holdall_error *error, const char *what)
{
    if (status != HOLDALL_OK) {
        fail(what, error != NULL ? holdall_error_message(error) : holdall_status_name(status));
    }
}

/* ---- The data ---- */

static visitor *visitor_of(long client)
{
    if (client < 0 || client > 10000000) {
        fail("the data", "a client's number makes no sense");
    }
    if (client >= visitor_count) {
        long count = client + 1024;
        visitor *more = realloc(visitors, (size_t)count * sizeof *more);
        if (more == NULL) {
            fail("the visitors", "no memory");
        }
        memset(more + visitor_count, 0, (size_t)(count - visitor_count) * sizeof *more);
        visitors = more;
        visitor_count = count;
    }
    return &visitors[client];
}

static FILE *open_file(const char *path, const char *how)
{
    FILE *file = fopen(path, how);
    if (file == NULL) { fail(path, "can't be opened"); }
    return file;
}

/* The next request; 0 at the end. Lines are: second, client, method, path, status, bytes. */
static int next_request(FILE *data, request *r)
{
    char line[1024];
    while (fgets(line, sizeof line, data) != NULL) {
        if (sscanf(line, "%ld\t%ld\t%*s\t%159s\t%*d\t%ld", &r->second, &r->client, r->path, &r->bytes) == 4) {
            return 1;
        }
    }
    return 0;
}

static long count_requests(FILE *data)
{
    request r;
    long count = 0;
    while (next_request(data, &r)) {
        count++;
    }
    rewind(data);
    return count;
}

static int is_login(const request *r) { return strncmp(r->path, "/projects/", 10) == 0; }
static int is_logout(const request *r) { return strcmp(r->path, "/") == 0 || strcmp(r->path, "/robots.txt") == 0; }
static int is_for_cart(const request *r) { return strncmp(r->path, "/blog/", 6) == 0; }

/* A path as a JSON string. */
static void quote(const char *path, char json[2 * PATH])
{
    size_t at = 0;
    json[at++] = '"';
    for (; *path != '\0' && at < 2 * PATH - 3; path++) {
        if (*path == '"' || *path == '\\') {
            json[at++] = '\\';
        }
        json[at++] = *path;
    }
    json[at++] = '"';
    json[at] = '\0';
}

/* Adds one more string to the text of a JSON array; an empty text is an empty array. */
static void add_to_cart(char cart[CART], const char *item)
{
    size_t len = strlen(cart);
    int is_first = len <= 2;
    snprintf(cart + (is_first ? 0 : len - 1), is_first ? CART : CART - len + 1, "%c%s]", is_first ? '[' : ',', item);
}

/* What the session must hold after a request, worked out without holdall. */
static void expect(visitor *v, const request *r)
{
    char page[2 * PATH];
    quote(r->path, page);
    v->visits += 1;
    v->bytes += r->bytes;
    memcpy(v->last, page, sizeof page);
    if (is_for_cart(r) && v->items < CART_ITEMS) {
        add_to_cart(v->cart, page);
        v->items += 1;
    }
    if (is_login(r)) {
        v->is_logged_in = 1;
    } else if (is_logout(r) && v->is_logged_in) {
        memset(v, 0, sizeof *v);
    }
}

/* ---- One request ---- */

static long get_number(holdall_session *s, const char *key)
{
    holdall_buf json = {0};
    long number = 0;
    if (holdall_session_get_json(s, key, strlen(key), &json, NULL) == HOLDALL_OK) {
        number = strtol(json.ptr, NULL, 10);
        holdall_buf_free(&json);
    }
    return number;
}

static void set_json(holdall_session *s, const char *key, const char *json)
{
    holdall_error *error = NULL;
    must(holdall_session_set_json(s, key, strlen(key), json, strlen(json), &error), error, "setting a field");
}

static void set_number(holdall_session *s, const char *key, long number)
{
    char json[32];
    snprintf(json, sizeof json, "%ld", number);
    set_json(s, key, json);
}

static void put_in_cart(holdall_session *s, const char *page)
{
    holdall_buf json = {0};
    char cart[CART] = "";
    long items = get_number(s, "items");
    if (items >= CART_ITEMS) { return; }
    if (holdall_session_get_json(s, "cart", 4, &json, NULL) == HOLDALL_OK) {
        snprintf(cart, sizeof cart, "%s", json.ptr);
        holdall_buf_free(&json);
    }
    add_to_cart(cart, page);
    set_json(s, "cart", cart);
    set_number(s, "items", items + 1);
}

/* Login: the session gets its owner, and a new id that nobody can have planted. */
static void log_in(holdall_session *s, long client)
{
    holdall_error *error = NULL;
    char user[32];
    int len = snprintf(user, sizeof user, "visitor %ld", client);
    must(holdall_session_set_principal(s, user, (size_t)len, &error), error, "setting the principal");
    must(holdall_session_rotate(s, &error), error, "rotating");
}

/* Tells the log, before the next request, what was answered OK. */
static void acknowledge(FILE *log, char what, long client, const visitor *v, long visits)
{
    if (log != NULL) {
        fprintf(log, "%c\t%ld\t%s\t%s\t%ld\n", what, client, v->cookie[0] != '\0' ? v->cookie : "-",
            v->ended[0] != '\0' ? v->ended : "-", visits);
        fflush(log); /* to the operating system, which survives the kill */
    }
}

static void serve(holdall *bag, const request *r, int how, FILE *log)
{
    visitor *v = visitor_of(r->client);
    holdall_session *s = NULL;
    holdall_error *error = NULL;
    holdall_buf id = {0}, user = {0};
    char page[2 * PATH];
    int was_logged_in;
    long visits;

    must(holdall_session_open(bag, v->cookie, strlen(v->cookie), HOLDALL_STRICT, &s, &error), error, "opening a session");
    was_logged_in = holdall_session_principal(s, &user, NULL) == HOLDALL_OK;
    holdall_buf_free(&user);
    visits = get_number(s, "visits") + 1;
    quote(r->path, page);
    set_number(s, "visits", visits);
    set_number(s, "bytes", get_number(s, "bytes") + r->bytes);
    set_json(s, "last", page);
    if (is_for_cart(r)) {
        put_in_cart(s, page);
    }
    if (is_logout(r) && was_logged_in) {
        must(holdall_session_destroy(s, &error), error, "logging out");
        memcpy(v->ended, v->cookie, sizeof v->ended);
        v->cookie[0] = '\0';
        acknowledge(log, 'D', r->client, v, 0);
    } else {
        if (is_login(r) && !was_logged_in) {
            memcpy(v->ended, v->cookie, sizeof v->ended);
            log_in(s, r->client);
        } else {
            must(holdall_session_save(s, how, &error), error, "saving");
        }
        must(holdall_session_id(s, &id, &error), error, "the id");
        snprintf(v->cookie, sizeof v->cookie, "%s", id.ptr); /* what the answer's Set-Cookie would say */
        holdall_buf_free(&id);
        acknowledge(log, 'S', r->client, v, visits);
    }
    holdall_session_free(s);
}

/* ---- Figures ---- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double counter(const char *stats, const char *name)
{
    char key[64];
    const char *at;
    snprintf(key, sizeof key, "\"%s\":", name);
    at = strstr(stats, key);
    return at != NULL ? strtod(at + strlen(key), NULL) : 0;
}

static double rows(const char *stats)
{
    return counter(stats, "rows_created") + counter(stats, "rows_updated") + counter(stats, "rows_touched") +
        counter(stats, "rows_destroyed") + counter(stats, "rows_renamed");
}

static void print_table(const char *stats, double *times, long count, double seconds, double hours)
{
    double opens = counter(stats, "hits") + counter(stats, "misses") + counter(stats, "checks");
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("\n  requests              %10ld   (%.0f hours of traffic, replayed without its pauses)\n", count, hours);
    printf("  requests per second   %10.0f\n", (double)count / seconds);
    printf("  a request, p50        %10.1f us\n", times[count / 2] * 1e6);
    printf("  a request, p99        %10.1f us   (logins and logouts wait for the disk)\n", times[count - count / 100 - (count > 0)] * 1e6);
    printf("  rows per request      %10.3f\n", rows(stats) / (double)count);
    printf("  found in memory       %10.1f %%   (of the sessions that a cookie named)\n",
        opens > 0 ? 100 * counter(stats, "hits") / opens : 0);
    printf("  sessions in memory    %10.0f   (%.1f MiB)\n", counter(stats, "sessions"), counter(stats, "memory_bytes") / 1048576);
}

/* ---- The modes ---- */

static holdall *open_bag(const char *path)
{
    holdall *bag = NULL;
    holdall_error *error = NULL;
    char url[4096];
    int len = snprintf(url, sizeof url, "sqlite:%s", path);
    must(holdall_open(url, (size_t)len, NULL, &bag, &error), error, path);
    return bag;
}

static void close_bag(holdall *bag)
{
    must(holdall_close(bag, 30000, NULL, NULL), NULL, "closing"); /* not even PENDING will do */
}

static int replay(const char *data_path, const char *db, int how, const char *log_path)
{
    FILE *data = open_file(data_path, "r"), *log = log_path != NULL ? open_file(log_path, "w") : NULL, *cookies;
    holdall *bag = open_bag(db);
    long requests = count_requests(data), count = 0, client;
    double *times = calloc((size_t)requests + 1, sizeof *times), start = now(), seconds;
    request r = {0, 0, 0, ""};
    char path[4096];
    holdall_buf stats = {0};
    if (times == NULL) { fail("the times", "no memory"); }
    while (next_request(data, &r)) {
        double before = now();
        serve(bag, &r, how, log);
        times[count++] = now() - before;
        if (count % 1000 == 0) {
            printf("  %ld of %ld requests\n", count, requests);
            fflush(stdout);
        }
    }
    must(holdall_flush(bag, 30000, NULL, NULL), NULL, "writing what is left");
    seconds = now() - start;
    must(holdall_stats_json(bag, &stats, NULL), NULL, "the statistics");
    print_table(stats.ptr, times, count, seconds, (double)r.second / 3600);
    snprintf(path, sizeof path, "%s.cookies", db);
    cookies = open_file(path, "w");
    for (client = 0; client < visitor_count; client++) {
        const visitor *v = &visitors[client];
        fprintf(cookies, "%ld\t%s\t%s\n", client, v->cookie[0] != '\0' ? v->cookie : "-", v->ended[0] != '\0' ? v->ended : "-");
    }
    if (fclose(cookies) != 0) { fail(path, "can't be written"); }
    if (log != NULL) { fclose(log); }
    fclose(data);
    holdall_buf_free(&stats);
    free(times);
    close_bag(bag);
    return 0;
}

/* Says whether a field holds this JSON text; the empty text: that it isn't there. */
static int has_field(holdall_session *s, const char *key, const char *json)
{
    holdall_buf found = {0};
    holdall_status status = holdall_session_get_json(s, key, strlen(key), &found, NULL);
    int same = json[0] == '\0' ? status == HOLDALL_NOT_FOUND : status == HOLDALL_OK && strcmp(found.ptr, json) == 0;
    holdall_buf_free(&found);
    return same;
}

static int has_number(holdall_session *s, const char *key, long number)
{
    char json[32];
    snprintf(json, sizeof json, "%ld", number);
    return has_field(s, key, number == 0 && strcmp(key, "items") == 0 ? "" : json);
}

static int is_over(holdall *bag, const char *cookie)
{
    holdall_session *s = NULL;
    holdall_status status = holdall_session_open(bag, cookie, strlen(cookie), HOLDALL_EXISTING, &s, NULL);
    holdall_session_free(s);
    return status == HOLDALL_GONE || status == HOLDALL_NOT_FOUND;
}

static int is_as_expected(holdall *bag, const visitor *v, long client)
{
    holdall_session *s = NULL;
    holdall_buf user = {0};
    char name[32] = "";
    int same;
    if (v->cookie[0] == '\0') { return v->visits == 0; }
    if (holdall_session_open(bag, v->cookie, strlen(v->cookie), HOLDALL_EXISTING, &s, NULL) != HOLDALL_OK) {
        return 0;
    }
    if (v->is_logged_in) { snprintf(name, sizeof name, "visitor %ld", client); }
    holdall_session_principal(s, &user, NULL);
    same = v->visits > 0 && has_number(s, "visits", v->visits) && has_number(s, "bytes", v->bytes) &&
        has_number(s, "items", v->items) && has_field(s, "last", v->last) && has_field(s, "cart", v->cart) &&
        strcmp(user.ptr != NULL ? user.ptr : "", name) == 0;
    holdall_buf_free(&user);
    holdall_session_free(s);
    return same;
}

static void take_cookie(char *to, const char *from)
{
    snprintf(to, COOKIE, "%.63s", strcmp(from, "-") == 0 ? "" : from);
}

static int verify(const char *data_path, const char *db)
{
    FILE *data = open_file(data_path, "r"), *cookies;
    holdall *bag = open_bag(db);
    request r;
    char path[4096], cookie[COOKIE], ended[COOKIE];
    long client, same = 0, different = 0, over = 0, back = 0;
    while (next_request(data, &r)) {
        expect(visitor_of(r.client), &r);
    }
    snprintf(path, sizeof path, "%s.cookies", db);
    cookies = open_file(path, "r");
    while (fscanf(cookies, "%ld\t%63s\t%63s", &client, cookie, ended) == 3) {
        take_cookie(visitor_of(client)->cookie, cookie);
        take_cookie(visitor_of(client)->ended, ended);
    }
    for (client = 1; client < visitor_count; client++) {
        const visitor *v = &visitors[client];
        if (is_as_expected(bag, v, client)) {
            same += v->visits > 0;
        } else {
            different++;
            fprintf(stderr, "  the session of visitor %ld is not what it must be\n", client);
        }
        if (v->ended[0] != '\0') {
            if (is_over(bag, v->ended)) { over++; } else { back++; }
        }
    }
    printf("  %ld sessions hold what the traffic says, %ld don't\n", same, different);
    printf("  %ld cookies from before a login or logout are worth nothing, %ld are\n", over, back);
    fclose(cookies);
    fclose(data);
    close_bag(bag);
    return different == 0 && back == 0 && same > 0 ? 0 : 1;
}

static int check_crash(const char *db, const char *log_path)
{
    FILE *log = open_file(log_path, "r");
    holdall *bag = open_bag(db);
    char line[512], what, cookie[COOKIE], ended[COOKIE];
    long client, visits, lines = 0, whole = 0, over = 0, ahead = 0, lost = 0, back = 0;
    while (fgets(line, sizeof line, log) != NULL && strchr(line, '\n') != NULL) {
        if (sscanf(line, "%c\t%ld\t%63s\t%63s\t%ld", &what, &client, cookie, ended, &visits) == 5) {
            visitor *v = visitor_of(client);
            take_cookie(v->cookie, cookie);
            take_cookie(v->ended, ended);
            v->visits = visits;
            lines++;
        }
    }
    for (client = 1; client < visitor_count; client++) {
        const visitor *v = &visitors[client];
        holdall_session *s = NULL;
        if (v->ended[0] != '\0') {
            if (is_over(bag, v->ended)) { over++; } else { back++; }
        }
        if (v->cookie[0] == '\0') { continue; }
        /* The request that the kill interrupted may have been committed, and its answer never given. */
        if (holdall_session_open(bag, v->cookie, strlen(v->cookie), HOLDALL_EXISTING, &s, NULL) != HOLDALL_OK) {
            ahead++;
        } else if (has_number(s, "visits", v->visits)) {
            whole++;
        } else if (has_number(s, "visits", v->visits + 1)) {
            ahead++;
        } else {
            lost++;
        }
        holdall_session_free(s);
    }
    printf("  %ld saves were acknowledged; %ld sessions are as acknowledged, %ld lost something\n", lines, whole, lost);
    printf("  %ld had a request on its way when the process was killed (one can)\n", ahead);
    printf("  %ld cookies from before a login or logout are worth nothing, %ld are back\n", over, back);
    fclose(log);
    close_bag(bag);
    return lost == 0 && back == 0 && ahead <= 1 && whole > 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
    int status = 2;
    const char *mode = count > 1 ? arguments[1] : "";
    if (strcmp(mode, "replay") == 0 && count == 4) {
        status = replay(arguments[2], arguments[3], HOLDALL_DEFAULT, NULL);
    } else if (strcmp(mode, "verify") == 0 && count == 4) {
        status = verify(arguments[2], arguments[3]);
    } else if (strcmp(mode, "crash") == 0 && count == 5) {
        status = replay(arguments[2], arguments[3], HOLDALL_STORED, arguments[4]);
    } else if (strcmp(mode, "check-crash") == 0 && count == 4) {
        status = check_crash(arguments[2], arguments[3]);
    } else {
        fprintf(stderr, "replay DATA DB | verify DATA DB | crash DATA DB LOG | check-crash DB LOG\n");
    }
    free(visitors);
    return status;
}
