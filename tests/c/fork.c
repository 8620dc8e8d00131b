/* fork: a child answers FORKED and touches nothing; after holdall_prepare_fork both sides go on. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_child;

/* Ends a child by turning it into another program. A checker of memory would report, at its end, what the parent's threads
 * held when it was forked: nobody owns that here. */
static void leave_child(void)
{
    if (is_child) {
        fflush(stdout);
        execl("/bin/sh", "sh", "-c", failed_count == 0 ? "exit 0" : "exit 1", (char *)NULL);
        _exit(2);
    }
}

/* A child reports by its exit code whether its checks passed; it starts counting anew. */
static pid_t start_child(void)
{
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        passed_count = failed_count = 0;
        is_child = 1;
    }
    return child;
}

static int child_succeeded(pid_t child)
{
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void every_call_is_refused(holdall *bag, holdall_session *s)
{
    holdall_session *other = NULL;
    holdall_buf buf = {0};
    bool is_new;
    holdall_error *error = NULL;
    STATUS(HOLDALL_FORKED, holdall_session_open(bag, TEXT(""), HOLDALL_STRICT, &other, &error));
    CHECK(holdall_error_status(error) == HOLDALL_FORKED && strlen(holdall_error_message(error)) > 10);
    holdall_error_free(error);
    STATUS(HOLDALL_FORKED, holdall_flush(bag, 100, NULL, NULL));
    STATUS(HOLDALL_FORKED, holdall_drain(bag, NULL));
    STATUS(HOLDALL_FORKED, holdall_health(bag, NULL, NULL, NULL, NULL, NULL));
    STATUS(HOLDALL_FORKED, holdall_next_event(bag, 100, &buf, NULL));
    STATUS(HOLDALL_FORKED, holdall_stats_json(bag, &buf, NULL));
    STATUS(HOLDALL_FORKED, holdall_sweep(bag, NULL, NULL, NULL));
    STATUS(HOLDALL_FORKED, holdall_list_principal(bag, TEXT("u"), NULL, &buf, NULL));
    STATUS(HOLDALL_FORKED, holdall_destroy_principal(bag, TEXT("u"), NULL));
    STATUS(HOLDALL_FORKED, holdall_prepare_fork(bag, NULL));
    STATUS(HOLDALL_FORKED, holdall_session_get(s, TEXT("n"), NULL, &buf, NULL));
    STATUS(HOLDALL_FORKED, holdall_session_set_json(s, TEXT("n"), TEXT("9"), NULL));
    STATUS(HOLDALL_FORKED, holdall_session_is_new(s, &is_new, NULL));
    STATUS(HOLDALL_FORKED, holdall_session_save(s, HOLDALL_STORED, NULL));
    STATUS(HOLDALL_FORKED, holdall_session_destroy(s, NULL));
    STATUS(HOLDALL_FORKED, holdall_close(bag, 100, NULL, NULL));
    STATUS(HOLDALL_FORKED, holdall_abandon(bag, NULL));
    holdall_session_free(s);
    STATUS(HOLDALL_CLOSED, holdall_session_touch(s, NULL));
}

static int stored_number(const char *url, const char *id, const char *key)
{
    holdall *bag = must_open(url);
    holdall_session *s = NULL;
    holdall_buf buf = {0};
    int number = -1;
    if (holdall_session_open(bag, id, 32, HOLDALL_EXISTING, &s, NULL) == HOLDALL_OK &&
        holdall_session_get_json(s, key, strlen(key), &buf, NULL) == HOLDALL_OK) {
        number = (int)strtol(buf.ptr, NULL, 10);
        holdall_buf_free(&buf);
    }
    holdall_session_free(s);
    OK(holdall_close(bag, 5000, NULL, NULL));
    return number;
}

static void without_preparation(void)
{
    holdall *bag = must_open("sqlite:fork.db");
    holdall_session *s = must_session(bag, "");
    holdall_buf id = {0};
    pid_t child;
    OK(holdall_session_set_json(s, TEXT("n"), TEXT("1"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_id(s, &id, NULL));
    child = start_child();
    if (child == 0) {
        every_call_is_refused(bag, s);
#ifndef __SANITIZE_THREAD__ /* ThreadSanitizer ends a child of several threads that starts one */
        {
            holdall *own = NULL;
            OK(holdall_open(TEXT("memory:"), NULL, &own, NULL));
            OK(holdall_close(own, 1000, NULL, NULL));
        }
#endif
        leave_child();
    }
    CHECK(child_succeeded(child));
    /* The parent noticed nothing. */
    OK(holdall_session_set_json(s, TEXT("n"), TEXT("2"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    holdall_session_free(s);
    OK(holdall_close(bag, 5000, NULL, NULL));
    CHECK(stored_number("sqlite:fork.db", id.ptr, "n") == 2);
    holdall_buf_free(&id);
}

/* A child that ends by exit() runs the handlers of the library's parent; they must leave its bags alone. */
static void child_that_exits(void)
{
    holdall *bag = must_open("sqlite:exit.db");
    holdall_session *s = must_session(bag, "");
    holdall_buf id = {0};
    pid_t child;
    OK(holdall_session_set_json(s, TEXT("n"), TEXT("5"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_id(s, &id, NULL));
    child = start_child();
    if (child == 0) {
        exit(0);
    }
    CHECK(child_succeeded(child));
    holdall_session_free(s);
    OK(holdall_close(bag, 5000, NULL, NULL));
    CHECK(stored_number("sqlite:exit.db", id.ptr, "n") == 5);
    holdall_buf_free(&id);
}

/* A process that ends without closing its bag: what it saved is written on the way out. */
static void exit_without_close(void)
{
    int pipes[2];
    char id[33] = {0};
    pid_t child;
    CHECK(pipe(pipes) == 0);
    child = start_child();
    if (child == 0) {
        holdall *bag = must_open("sqlite:unclosed.db");
        holdall_session *s = must_session(bag, "");
        holdall_buf buf = {0};
        OK(holdall_session_set_json(s, TEXT("n"), TEXT("7"), NULL));
        OK(holdall_session_save(s, HOLDALL_BEHIND, NULL));
        OK(holdall_session_id(s, &buf, NULL));
        CHECK(write(pipes[1], buf.ptr, 32) == 32);
        holdall_buf_free(&buf);
        holdall_session_free(s);
        exit(failed_count);
    }
    CHECK(child_succeeded(child));
    CHECK(read(pipes[0], id, 32) == 32);
    close(pipes[0]);
    close(pipes[1]);
    CHECK(stored_number("sqlite:unclosed.db", id, "n") == 7);
}

/* Saves a field of one's own through a bag that was prepared before the fork. */
static void go_on(holdall *bag, holdall_session *s, const char *id, const char *key, const char *value)
{
    holdall_session *again = NULL;
    OK(holdall_session_set_json(s, key, strlen(key), value, strlen(value), NULL)); /* the handle from before */
    OK(holdall_session_save(s, HOLDALL_STORED, NULL));
    holdall_session_free(s);
    OK(holdall_session_open(bag, id, 32, HOLDALL_EXISTING, &again, NULL));
    holdall_session_free(again);
    OK(holdall_close(bag, 5000, NULL, NULL));
}

static void with_preparation(void)
{
    holdall_options *o = NULL;
    holdall *bag = NULL;
    holdall_session *s;
    holdall_buf id = {0};
    pid_t child;
    OK(holdall_options_new(&o, NULL));
    OK(holdall_options_set_sharing(o, HOLDALL_FLEET, NULL)); /* two processes will share the sessions */
    OK(holdall_open(TEXT("sqlite:prepared.db"), o, &bag, NULL));
    holdall_options_free(o);
    s = must_session(bag, "");
    OK(holdall_session_set_json(s, TEXT("n"), TEXT("1"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_id(s, &id, NULL));
    OK(holdall_prepare_fork(bag, NULL));
    child = start_child();
    if (child == 0) {
        go_on(bag, s, id.ptr, "child", "11");
        leave_child();
    }
    go_on(bag, s, id.ptr, "parent", "12");
    CHECK(child_succeeded(child));
    CHECK(stored_number("sqlite:prepared.db", id.ptr, "n") == 1);
    CHECK(stored_number("sqlite:prepared.db", id.ptr, "child") == 11);
    CHECK(stored_number("sqlite:prepared.db", id.ptr, "parent") == 12);
    holdall_buf_free(&id);
}

/* Forks while other threads are in the middle of calls: the child must not find anything locked. */
static int stop;
static pthread_mutex_t stop_lock = PTHREAD_MUTEX_INITIALIZER;

static int stopped(void)
{
    int answer;
    pthread_mutex_lock(&stop_lock);
    answer = stop;
    pthread_mutex_unlock(&stop_lock);
    return answer;
}

static void *keep_busy(void *argument)
{
    while (!stopped()) {
        holdall_session *s = NULL;
        holdall_buf buf = {0};
        holdall_session_open(argument, NULL, 0, HOLDALL_STRICT, &s, NULL);
        holdall_session_set_json(s, "n", 1, "1", 1, NULL);
        holdall_session_save(s, HOLDALL_DEFAULT, NULL);
        holdall_stats_json(argument, &buf, NULL);
        holdall_buf_free(&buf);
        holdall_session_free(s);
    }
    return NULL;
}

static void in_the_middle_of_calls(void)
{
    holdall *bag = must_open("memory:");
    pthread_t threads[3];
    int at, succeeded = 0;
    for (at = 0; at < 3; at++) {
        CHECK(pthread_create(&threads[at], NULL, keep_busy, bag) == 0);
    }
    for (at = 0; at < 20; at++) {
        holdall_session *s = must_session(bag, "");
        pid_t child = start_child();
        if (child == 0) {
            alarm(20); /* a lock that nobody opens would hang */
            every_call_is_refused(bag, s);
            leave_child();
        }
        succeeded += child_succeeded(child);
        holdall_session_free(s);
    }
    CHECK(succeeded == 20);
    pthread_mutex_lock(&stop_lock);
    stop = 1;
    pthread_mutex_unlock(&stop_lock);
    for (at = 0; at < 3; at++) {
        pthread_join(threads[at], NULL);
    }
    OK(holdall_close(bag, 5000, NULL, NULL));
}

int main(void)
{
    CHECK(atexit(leave_child) == 0); /* before the library's own handler, hence after it */
    exit_without_close(); /* first, while there is no other thread */
    without_preparation();
    child_that_exits();
    with_preparation();
    in_the_middle_of_calls();
    return finish();
}
