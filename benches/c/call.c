/* Measures calls of the C library, as a C host makes them.
 *
 * call SESSIONS CALLS, with the JSON of a session on the input. Prints the thread's own nanoseconds of one get of an
 * open session's field, and of one cached get (open, get 1, free). */
#define _POSIX_C_SOURCE 200809L
#include <holdall.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIELD "email", 5

static double nanos(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void need(holdall_status status, const char *what) {
    if (status != HOLDALL_OK) {
        fprintf(stderr, "%s answered %d\n", what, (int)status);
        exit(1);
    }
}

/* Numbers that look random and are the same in each run. */
static unsigned long long next(unsigned long long *state) {
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 33;
}

static void get(holdall_session *session) {
    holdall_buf value = {0};
    need(holdall_session_get_json(session, FIELD, &value, NULL), "holdall_session_get_json");
    holdall_buf_free(&value);
}

static double time_gets(holdall *bag, const holdall_buf *id, size_t calls) {
    holdall_session *session;
    need(holdall_session_open(bag, id->ptr, id->len, HOLDALL_EXISTING, &session, NULL), "holdall_session_open");
    double start = nanos();
    for (size_t call = 0; call < calls; call++) {
        get(session);
    }
    double taken = nanos() - start;
    holdall_session_free(session);
    return taken / (double)calls;
}

static double time_cached_gets(holdall *bag, const holdall_buf *ids, size_t sessions, size_t calls) {
    unsigned long long state = 1;
    double start = nanos();
    for (size_t call = 0; call < calls; call++) {
        const holdall_buf *id = &ids[next(&state) % sessions];
        holdall_session *session;
        need(holdall_session_open(bag, id->ptr, id->len, HOLDALL_STRICT, &session, NULL), "holdall_session_open");
        get(session);
        holdall_session_free(session);
    }
    return (nanos() - start) / (double)calls;
}

static void make(holdall *bag, const char *json, size_t json_len, holdall_buf *id) {
    holdall_session *session;
    need(holdall_session_open(bag, NULL, 0, HOLDALL_STRICT, &session, NULL), "holdall_session_open");
    need(holdall_session_replace_json(session, json, json_len, NULL), "holdall_session_replace_json");
    need(holdall_session_save(session, HOLDALL_DEFAULT, NULL), "holdall_session_save");
    need(holdall_session_id(session, id, NULL), "holdall_session_id");
    holdall_session_free(session);
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: call SESSIONS CALLS < session.json\n");
        return 1;
    }
    size_t sessions = strtoul(arguments[1], NULL, 10), calls = strtoul(arguments[2], NULL, 10);
    char json[65536];
    size_t json_len = fread(json, 1, sizeof json, stdin);
    holdall_buf *ids = calloc(sessions, sizeof *ids);
    if (sessions == 0 || calls == 0 || ids == NULL) {
        return 1;
    }
    holdall *bag;
    need(holdall_open("memory:", strlen("memory:"), NULL, &bag, NULL), "holdall_open");
    for (size_t number = 0; number < sessions; number++) {
        make(bag, json, json_len, &ids[number]);
    }
    need(holdall_flush(bag, 60000, NULL, NULL), "holdall_flush");
    time_cached_gets(bag, ids, sessions, calls / 10 + 1);
    double gets = time_gets(bag, &ids[0], calls);
    printf("%.2f %.2f\n", gets, time_cached_gets(bag, ids, sessions, calls));
    for (size_t number = 0; number < sessions; number++) {
        holdall_buf_free(&ids[number]);
    }
    free(ids);
    need(holdall_close(bag, 60000, NULL, NULL), "holdall_close");
    return 0;
}
