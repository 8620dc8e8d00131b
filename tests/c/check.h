/* What the test programs share: checks that count, and a line at the end that says how many passed. */
#ifndef CHECK_H
#define CHECK_H

#include "holdall.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed_count, failed_count;

/* Counts one check; says where it failed. Not for several threads: they count for themselves and check at the end. */
static inline int check_(int passes, const char *what, const char *file, int line)
{
    if (passes) {
        passed_count++;
    } else {
        failed_count++;
        printf("%s:%d: FAILED: %s\n", file, line, what);
        fflush(stdout);
    }
    return passes;
}

#define CHECK(condition) check_(!!(condition), #condition, __FILE__, __LINE__)

static inline int check_status_(holdall_status found, holdall_status expected, const char *what, const char *file, int line)
{
    if (!check_(found == expected, what, file, line)) {
        printf("    it answered %s instead of %s\n", holdall_status_name(found), holdall_status_name(expected));
        return 0;
    }
    return 1;
}

/* The call answers this status. */
#define STATUS(expected, call) check_status_((call), (expected), #call, __FILE__, __LINE__)
#define OK(call) STATUS(HOLDALL_OK, call)

/* A string literal as pointer and length. */
#define TEXT(literal) (literal), (sizeof(literal) - 1)

/* Whether a buffer holds exactly this text; frees it. */
static inline int holds(holdall_buf *buf, const char *text)
{
    size_t len = strlen(text);
    int same = buf->ptr != NULL && buf->len == len && memcmp(buf->ptr, text, len) == 0 && buf->ptr[len] == '\0';
    if (!same) {
        printf("    it holds '%s' instead of '%s'\n", buf->ptr != NULL ? buf->ptr : "(nothing)", text);
    }
    holdall_buf_free(buf);
    return same;
}

/* Whether a buffer's text contains another; frees it. */
static inline int contains(holdall_buf *buf, const char *part)
{
    int found = buf->ptr != NULL && strstr(buf->ptr, part) != NULL;
    if (!found) {
        printf("    '%s' is not in '%s'\n", part, buf->ptr != NULL ? buf->ptr : "(nothing)");
    }
    holdall_buf_free(buf);
    return found;
}

/* Opens a bag with default options; ends the program if that fails. */
static inline holdall *must_open(const char *url)
{
    holdall *bag = NULL;
    holdall_error *error = NULL;
    if (holdall_open(url, strlen(url), NULL, &bag, &error) != HOLDALL_OK) {
        printf("%s can't be opened: %s\n0 passed, 1 failed\n", url, holdall_error_message(error));
        exit(1);
    }
    return bag;
}

/* Opens a session, or a new one; ends the program if that fails. */
static inline holdall_session *must_session(holdall *bag, const char *id)
{
    holdall_session *session = NULL;
    holdall_error *error = NULL;
    if (holdall_session_open(bag, id, strlen(id), HOLDALL_STRICT, &session, &error) != HOLDALL_OK) {
        printf("a session can't be opened: %s\n0 passed, 1 failed\n", holdall_error_message(error));
        exit(1);
    }
    return session;
}

/* The line that the runner counts; the program's exit code. */
static inline int finish(void)
{
    printf("%d passed, %d failed\n", passed_count, failed_count);
    return failed_count == 0 ? 0 : 1;
}

#endif
