/* Runs scenario files: steps FILE ...; prints what fails, then "N passed, N failed".
 * tests/steps/README.md says what each step means. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a step that failed goes, and what it says. */
static jmp_buf failed;
static char problem[1024];

void wrong(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int used = snprintf(problem, sizeof problem, "the scenario is wrong: ");
    (void)vsnprintf(problem + used, sizeof problem - (size_t)used, format, arguments);
    va_end(arguments);
    longjmp(failed, 1);
}

void differs(span expected, span got) {
    int most = 400;
    int first = expected.len < (size_t)most ? (int)expected.len : most;
    int second = got.len < (size_t)most ? (int)got.len : most;
    (void)snprintf(problem, sizeof problem, "expected: %.*s (%zu bytes)\n  got:      %.*s (%zu bytes)", first,
                   expected.len == 0 ? "" : expected.ptr, expected.len, second, got.len == 0 ? "" : got.ptr, got.len);
    longjmp(failed, 1);
}

void numbers_differ(uint64_t expected, uint64_t got) {
    (void)snprintf(problem, sizeof problem, "expected: %llu\n  got:      %llu", (unsigned long long)expected,
                   (unsigned long long)got);
    longjmp(failed, 1);
}

/* The name of a status without HOLDALL_. */
static span status_word(int status) {
    return span_of(holdall_status_name(status) + strlen("HOLDALL_"));
}

static void do_step(world *world, line_rest *line) {
    span wanted = take_status(line);
    span verb = take_bare(line);
    int status = session_step(world, verb, line);
    if (status < 0) {
        status = bag_step(world, verb, line);
    }
    if (status < 0) {
        wrong("there is no step %.*s", (int)verb.len, verb.ptr);
    }
    if (status == HOLDALL_OK) {
        need_end(line);
    }
    span got = status_word(status);
    if (!same(wanted, got)) {
        differs(wanted, got);
    }
}

/* Does a step; false if it failed, and then the problem is said. */
static bool attempt(world *world, line_rest *line) {
    if (setjmp(failed) != 0) {
        return false;
    }
    do_step(world, line);
    return true;
}

/* Frees the handles and closes the bags that are still open. */
static bool end(world *world) {
    for (size_t place = 0; place < world->sessions; place++) {
        holdall_session_free(world->session[place].session);
    }
    bool all_written = true;
    for (size_t place = 0; place < world->bags; place++) {
        holdall_status status = holdall_close(world->bag[place].bag, PATIENCE_MS, NULL, NULL);
        all_written = all_written && (status == HOLDALL_OK || status == HOLDALL_CLOSED);
        (void)holdall_abandon(world->bag[place].bag, NULL);
    }
    return all_written;
}

static void remove_files(const char *file) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (size_t place = 0; place < 4; place++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s", file, endings[place]);
        (void)remove(name);
    }
}

static line_rest trimmed(char *begin, char *end) {
    while (begin < end && *begin == ' ') {
        begin++;
    }
    while (begin < end && end[-1] == ' ') {
        end--;
    }
    line_rest line = {begin, end};
    return line;
}

/* Runs the scenario on one store; false if it failed, which was said then. */
static bool run(world *world, const char *file, char *text, size_t size) {
    int number = 0;
    for (char *at = text; at < text + size;) {
        char *end = memchr(at, '\n', (size_t)(text + size - at));
        end = end == NULL ? text + size : end;
        number++;
        line_rest line = trimmed(at, end);
        span whole = {line.at, (size_t)(line.end - line.at)};
        at = end + 1;
        if (whole.len == 0 || whole.ptr[0] == '#') {
            continue;
        }
        bool went_well = attempt(world, &line);
        drop_kept();
        if (!went_well) {
            printf("%s:%d: %.*s (%s)\n  %s\n", file, number, (int)whole.len, whole.ptr, world->url, problem);
            return false;
        }
    }
    return true;
}

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    char *text = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        *size = (size_t)ftell(file);
        text = malloc(*size + 1);
        rewind(file);
        if (text != NULL && fread(text, 1, *size, file) != *size) {
            free(text);
            text = NULL;
        }
    }
    (void)fclose(file);
    return text;
}

static bool is_shared(const char *text, size_t size) {
    const char *word = "\nshared\n";
    for (size_t place = 0; place + strlen(word) <= size; place++) {
        if (memcmp(text + place, word, strlen(word)) == 0) {
            return true;
        }
    }
    return false;
}

static bool run_on(const char *path, char *text, size_t size, const char *url, bool shared) {
    world *world = calloc(1, sizeof *world);
    if (world == NULL) {
        return false;
    }
    world->url = url;
    world->is_shared = shared;
    remove_files("steps.db");
    bool passed = run(world, path, text, size);
    if (!end(world) && passed) {
        printf("%s: at its end: not everything could be written (%s)\n", path, url);
        passed = false;
    }
    remove_files("steps.db");
    free(world);
    return passed;
}

int main(int count, char **paths) {
    int passed = 0;
    int failures = 0;
    for (int place = 1; place < count; place++) {
        size_t size = 0;
        char *text = read_file(paths[place], &size);
        if (text == NULL) {
            printf("%s: can't be read\n", paths[place]);
            failures++;
            continue;
        }
        if (!is_shared(text, size)) {
            *(run_on(paths[place], text, size, "memory:", false) ? &passed : &failures) += 1;
        }
        *(run_on(paths[place], text, size, "sqlite:steps.db", true) ? &passed : &failures) += 1;
        free(text);
    }
    printf("%d passed, %d failed\n", passed, failures);
    return failures == 0 && passed > 0 ? 0 : 1;
}
