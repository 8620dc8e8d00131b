/* 16 threads on one bag, and what happens when one of them closes it, or frees or uses what another one is using. */
#include "check.h"
#include <pthread.h>

enum { THREADS = 16, ROUNDS = 60, VISITORS = 8 };

typedef struct {
    holdall *bag;
    int number;
    int made;    /* increments that were saved */
    int refused; /* calls that answered CLOSED */
    int wrong;   /* calls that answered what they must not */
    char (*ids)[33];
    holdall_session *shared;
} worker;

static void run(worker workers[THREADS], void *(*body)(void *))
{
    pthread_t threads[THREADS];
    int at;
    for (at = 0; at < THREADS; at++) {
        if (pthread_create(&threads[at], NULL, body, &workers[at]) != 0) {
            printf("no thread\n0 passed, 1 failed\n");
            exit(1);
        }
    }
    for (at = 0; at < THREADS; at++) {
        pthread_join(threads[at], NULL);
    }
}

static int sum(const worker workers[THREADS], size_t member)
{
    int at, total = 0;
    for (at = 0; at < THREADS; at++) {
        total += *(const int *)(const void *)((const char *)&workers[at] + member);
    }
    return total;
}

#define SUM(member) sum(workers, offsetof(worker, member))

/* A visitor's requests: each thread counts in a field of its own of sessions that all of them share. */
static void *count_visits(void *argument)
{
    worker *w = argument;
    char key[16], value[16];
    int round;
    int key_len = snprintf(key, sizeof key, "t%d", w->number);
    for (round = 0; round < ROUNDS; round++) {
        const char *id = w->ids[(round + w->number) % VISITORS];
        holdall_session *s = NULL;
        holdall_buf buf = {0};
        long count = 0;
        int value_len;
        holdall_status status = holdall_session_open(w->bag, id, 32, HOLDALL_EXISTING, &s, NULL);
        if (status != HOLDALL_OK) {
            w->wrong++;
            continue;
        }
        if (holdall_session_get_json(s, key, (size_t)key_len, &buf, NULL) == HOLDALL_OK) {
            count = strtol(buf.ptr, NULL, 10);
            holdall_buf_free(&buf);
        }
        value_len = snprintf(value, sizeof value, "%ld", count + 1);
        w->wrong += holdall_session_set_json(s, key, (size_t)key_len, value, (size_t)value_len, NULL) != HOLDALL_OK;
        if (holdall_session_save(s, round % 16 == 0 ? HOLDALL_STORED : HOLDALL_DEFAULT, NULL) == HOLDALL_OK) {
            w->made++;
        }
        holdall_session_free(s);
        if (round % 16 == 1) {
            w->wrong += holdall_stats_json(w->bag, &buf, NULL) != HOLDALL_OK;
            holdall_buf_free(&buf);
        }
        if (round % 32 == 2) {
            w->wrong += holdall_health(w->bag, NULL, NULL, NULL, NULL, NULL) != HOLDALL_OK;
            while (holdall_next_event(w->bag, 0, &buf, NULL) == HOLDALL_OK) {
                holdall_buf_free(&buf);
            }
        }
    }
    return NULL;
}

static int tally(holdall *bag, char ids[VISITORS][33])
{
    int visitor, number, total = 0;
    for (visitor = 0; visitor < VISITORS; visitor++) {
        holdall_session *s = NULL;
        if (holdall_session_open(bag, ids[visitor], 32, HOLDALL_EXISTING, &s, NULL) != HOLDALL_OK) {
            return -1;
        }
        for (number = 0; number < THREADS; number++) {
            char key[16];
            holdall_buf buf = {0};
            int key_len = snprintf(key, sizeof key, "t%d", number);
            if (holdall_session_get_json(s, key, (size_t)key_len, &buf, NULL) == HOLDALL_OK) {
                total += (int)strtol(buf.ptr, NULL, 10);
                holdall_buf_free(&buf);
            }
        }
        holdall_session_free(s);
    }
    return total;
}

/* Nothing that one thread saved is lost by what the others saved, neither in memory nor in the file. */
static void many_writers(void)
{
    worker workers[THREADS] = {{0}};
    char ids[VISITORS][33];
    holdall *bag = must_open("sqlite:threads.db");
    int at;
    for (at = 0; at < VISITORS; at++) {
        holdall_session *s = must_session(bag, "");
        holdall_buf id = {0};
        OK(holdall_session_set_json(s, TEXT("begun"), TEXT("true"), NULL));
        OK(holdall_session_save(s, HOLDALL_STORED, NULL));
        OK(holdall_session_id(s, &id, NULL));
        memcpy(ids[at], id.ptr, 33);
        holdall_buf_free(&id);
        holdall_session_free(s);
    }
    for (at = 0; at < THREADS; at++) {
        workers[at].bag = bag;
        workers[at].number = at;
        workers[at].ids = ids;
    }
    run(workers, count_visits);
    CHECK(SUM(wrong) == 0);
    CHECK(SUM(made) == THREADS * ROUNDS);
    CHECK(tally(bag, ids) == THREADS * ROUNDS);
    OK(holdall_close(bag, 20000, NULL, NULL));
    bag = must_open("sqlite:threads.db");
    CHECK(tally(bag, ids) == THREADS * ROUNDS);
    OK(holdall_close(bag, 20000, NULL, NULL));
}

/* BUSY is a right answer too: where the thread that closes gets its turn late (under valgrind), the others fill the
 * memory for unsaved sessions first. */
static int is_served_or_closed(worker *w, holdall_status status)
{
    w->refused += status == HOLDALL_CLOSED;
    w->wrong += status != HOLDALL_OK && status != HOLDALL_CLOSED && status != HOLDALL_BUSY;
    return status == HOLDALL_OK;
}

/* Works until the bag is closed; the last of the threads closes it after a while. */
static void *use_until_closed(void *argument)
{
    worker *w = argument;
    int round;
    for (round = 0; w->refused == 0 && round < 1000000; round++) {
        holdall_session *s = NULL;
        holdall_buf buf = {0};
        if (w->number == THREADS - 1 && round == 20) {
            is_served_or_closed(w, holdall_close(w->bag, 20000, NULL, NULL));
        }
        if (w->number == 0) { /* waits inside; closing wakes it up */
            holdall_status status = holdall_next_event(w->bag, 60000, &buf, NULL);
            holdall_buf_free(&buf);
            is_served_or_closed(w, status);
            continue;
        }
        if (is_served_or_closed(w, holdall_session_open(w->bag, "", 0, HOLDALL_STRICT, &s, NULL))) {
            is_served_or_closed(w, holdall_session_set_json(s, "n", 1, "1", 1, NULL));
            is_served_or_closed(w, holdall_session_save(s, HOLDALL_DEFAULT, NULL));
        }
        holdall_session_free(s);
    }
    return NULL;
}

static void close_while_in_use(const char *url)
{
    worker workers[THREADS] = {{0}};
    holdall *bag = must_open(url);
    int at;
    for (at = 0; at < THREADS; at++) {
        workers[at].bag = bag;
        workers[at].number = at;
    }
    run(workers, use_until_closed);
    CHECK(SUM(wrong) == 0);
    CHECK(SUM(refused) >= THREADS); /* all have heard of it */
}

/* One session handle in all threads at once: a host's mistake. Some calls answer BUSY, none does harm. */
static void *share_a_handle(void *argument)
{
    worker *w = argument;
    int round;
    for (round = 0; round < ROUNDS * 5; round++) {
        holdall_buf buf = {0};
        holdall_status set = holdall_session_set_json(w->shared, "n", 1, "[1,2,3]", 7, NULL);
        holdall_status got = holdall_session_to_json(w->shared, &buf, NULL);
        w->wrong += set != HOLDALL_OK && set != HOLDALL_BUSY && set != HOLDALL_CLOSED;
        w->wrong += got != HOLDALL_OK && got != HOLDALL_BUSY && got != HOLDALL_CLOSED;
        holdall_buf_free(&buf);
        if (w->number == 3 && round == ROUNDS * 4) {
            holdall_session_free(w->shared); /* in the middle of the others' calls */
        }
    }
    return NULL;
}

static void one_handle_for_all(void)
{
    worker workers[THREADS] = {{0}};
    holdall *bag = must_open("memory:");
    holdall_session *s = must_session(bag, "");
    int at;
    for (at = 0; at < THREADS; at++) {
        workers[at].bag = bag;
        workers[at].number = at;
        workers[at].shared = s;
    }
    run(workers, share_a_handle);
    CHECK(SUM(wrong) == 0);
    STATUS(HOLDALL_CLOSED, holdall_session_touch(s, NULL));
    OK(holdall_close(bag, 1000, NULL, NULL));
}

/* Handles opened in one thread and freed in another, while slots are reused all the time. */
static void *open_and_free(void *argument)
{
    worker *w = argument;
    holdall_session *held[8] = {NULL};
    int round, at;
    for (round = 0; round < ROUNDS * 4; round++) {
        at = (round * 7 + w->number) % 8;
        holdall_session_free(held[at]);
        w->wrong += holdall_session_open(w->bag, NULL, 0, HOLDALL_STRICT, &held[at], NULL) != HOLDALL_OK;
        w->wrong += holdall_session_set_json(held[at], "n", 1, "1", 1, NULL) != HOLDALL_OK;
    }
    for (at = 0; at < 8; at++) {
        holdall_session_free(held[at]);
    }
    return NULL;
}

static void many_openers(void)
{
    worker workers[THREADS] = {{0}};
    holdall *bag = must_open("memory:");
    int at;
    for (at = 0; at < THREADS; at++) {
        workers[at].bag = bag;
        workers[at].number = at;
    }
    run(workers, open_and_free);
    CHECK(SUM(wrong) == 0);
    OK(holdall_close(bag, 1000, NULL, NULL));
}

/* Each thread has bags of its own. */
static void *own_bags(void *argument)
{
    worker *w = argument;
    int round;
    for (round = 0; round < 3; round++) {
        holdall *bag = NULL;
        holdall_session *s = NULL;
        w->wrong += holdall_open("memory:", 7, NULL, &bag, NULL) != HOLDALL_OK;
        w->wrong += holdall_session_open(bag, NULL, 0, HOLDALL_STRICT, &s, NULL) != HOLDALL_OK;
        w->wrong += holdall_close(bag, 5000, NULL, NULL) != HOLDALL_OK;
        w->wrong += holdall_session_touch(s, NULL) != HOLDALL_CLOSED;
        holdall_session_free(s);
    }
    return NULL;
}

static void many_bags(void)
{
    worker workers[THREADS] = {{0}};
    int at;
    for (at = 0; at < THREADS; at++) {
        workers[at].number = at;
    }
    run(workers, own_bags);
    CHECK(SUM(wrong) == 0);
}

int main(void)
{
    many_writers();
    close_while_in_use("memory:");
    close_while_in_use("sqlite:closed.db");
    one_handle_for_all();
    many_openers();
    many_bags();
    return finish();
}
