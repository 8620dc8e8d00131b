/* The steps that are about a bag. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "json.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int put_bag(world *world, span name, span url, line_rest *line) {
    char said[LONGEST_OPTIONS] = {0};
    span rest = {line->at, (size_t)(line->end - line->at)};
    if (rest.len >= sizeof said) {
        wrong("the options are too long for this runner");
    }
    memcpy(said, rest.ptr, rest.len);
    holdall_status status = HOLDALL_OK;
    holdall_options *options = take_options(line, &status);
    if (options == NULL) {
        (void)take_rest(line);
        return (int)status;
    }
    holdall *bag = NULL;
    status = holdall_open(url.ptr, url.len, options, &bag, NULL);
    holdall_options_free(options);
    if (status != HOLDALL_OK) {
        return (int)status;
    }
    if (world->advanced_ms > 0) {
        status = holdall_advance_clock(bag, world->advanced_ms, NULL);
    }
    named_bag *place = bag_place(world, name);
    place->bag = bag;
    memcpy(place->options, said, sizeof said);
    return (int)status;
}

static int close_bag(named_bag *bag) {
    uint64_t left = 0;
    holdall_status status = holdall_close(bag->bag, PATIENCE_MS, &left, NULL);
    if (status == HOLDALL_PENDING) {
        numbers_differ(0, left);
    }
    return (int)status;
}

static int restart(world *world, line_rest *line) {
    span name = take_bare(line);
    named_bag *bag = find_bag(world, name);
    int status = close_bag(bag);
    if (status != HOLDALL_OK) {
        return status;
    }
    char said[LONGEST_OPTIONS];
    memcpy(said, bag->options, sizeof said);
    line_rest again = {said, said + strlen(said)};
    return put_bag(world, name, span_of(world->url), &again);
}

static int advance(world *world, line_rest *line) {
    int64_t by = duration_of(take_bare(line));
    world->advanced_ms += by;
    for (size_t place = 0; place < world->bags; place++) {
        holdall_status status = holdall_advance_clock(world->bag[place].bag, by, NULL);
        if (status != HOLDALL_OK && status != HOLDALL_CLOSED) {
            return (int)status;
        }
    }
    return HOLDALL_OK;
}

static int flush(holdall *bag) {
    uint64_t left = 0;
    holdall_status status = holdall_flush(bag, PATIENCE_MS, &left, NULL);
    if (status == HOLDALL_PENDING) {
        numbers_differ(0, left);
    }
    return (int)status;
}

static int sweep(holdall *bag, line_rest *line) {
    uint64_t expired = 0;
    uint64_t dead = 0;
    holdall_status status = holdall_sweep(bag, &expired, &dead, NULL);
    while (status == HOLDALL_OK && !is_at_end(line)) {
        span word = take_bare(line);
        bool is_expired = word.len > 8 && memcmp(word.ptr, "expired=", 8) == 0;
        if (!is_expired && (word.len <= 5 || memcmp(word.ptr, "dead=", 5) != 0)) {
            wrong("%.*s must be expired=N or dead=N", (int)word.len, word.ptr);
        }
        size_t skip = is_expired ? 8 : 5;
        span number = {word.ptr + skip, word.len - skip};
        uint64_t got = is_expired ? expired : dead;
        if (number_of(number) != got) {
            numbers_differ(number_of(number), got);
        }
    }
    return (int)status;
}

static int health(holdall *bag, line_rest *line) {
    bool live = false;
    bool ready = false;
    holdall_status status = holdall_health(bag, &live, &ready, NULL, NULL, NULL);
    while (status == HOLDALL_OK && !is_at_end(line)) {
        bool of_live = true;
        bool wanted = takes(line, "live=yes");
        if (!wanted && !takes(line, "live=no")) {
            of_live = false;
            wanted = takes(line, "ready=yes");
            if (!wanted && !takes(line, "ready=no")) {
                need_end(line);
            }
        }
        bool got = of_live ? live : ready;
        if (got != wanted) {
            differs(span_of(wanted ? "yes" : "no"), span_of(got ? "yes" : "no"));
        }
    }
    return (int)status;
}

/* A number of the bag's that a step waits for. */
typedef holdall_status look(holdall *bag, span name, uint64_t *got);

static holdall_status look_at_unsaved(holdall *bag, span name, uint64_t *got) {
    (void)name;
    return holdall_health(bag, NULL, NULL, got, NULL, NULL);
}

static holdall_status look_at_stat(holdall *bag, span name, uint64_t *got) {
    holdall_buf json = {0};
    holdall_status status = holdall_stats_json(bag, &json, NULL);
    if (status == HOLDALL_OK) {
        char *text = keep(name.len);
        memcpy(text, name.ptr, name.len);
        span value = json_member(take_buf(&json), text);
        if (value.ptr == NULL) {
            wrong("there is no statistic %s", text);
        }
        *got = number_of(value);
    }
    return status;
}

static int wait_for(look *look, holdall *bag, span name, uint64_t wanted) {
    struct timespec pause = {0, 1000000};
    uint64_t got = 0;
    for (int time = 0; time < PATIENCE_MS; time++) {
        holdall_status status = look(bag, name, &got);
        if (status != HOLDALL_OK || got == wanted) {
            return (int)status;
        }
        nanosleep(&pause, NULL);
    }
    numbers_differ(wanted, got);
    return HOLDALL_OK;
}

static int event(holdall *bag, line_rest *line) {
    span name = take_bare(line);
    span json = {NULL, 0};
    do {
        holdall_buf buf = {0};
        holdall_status status = holdall_next_event(bag, PATIENCE_MS, &buf, NULL);
        if (status == HOLDALL_NOT_FOUND) {
            differs(name, span_of("no such event"));
        }
        if (status != HOLDALL_OK) {
            return (int)status;
        }
        json = take_buf(&buf);
    } while (!same(json_text(json_member(json, "event")), name));
    while (!is_at_end(line)) {
        span word = take_bare(line);
        const char *mark = memchr(word.ptr, '=', word.len);
        if (mark == NULL) {
            wrong("%.*s must be member=value", (int)word.len, word.ptr);
        }
        size_t length = (size_t)(mark - word.ptr);
        char *member = keep(length);
        memcpy(member, word.ptr, length);
        span wanted = {mark + 1, word.len - length - 1};
        span got = json_member(json, member);
        if (!same(wanted, got)) {
            differs(wanted, got);
        }
    }
    return HOLDALL_OK;
}

static int no_event(holdall *bag, line_rest *line) {
    span name = take_bare(line);
    for (;;) {
        holdall_buf buf = {0};
        holdall_status status = holdall_next_event(bag, 0, &buf, NULL);
        if (status != HOLDALL_OK) {
            return status == HOLDALL_NOT_FOUND ? HOLDALL_OK : (int)status;
        }
        span json = take_buf(&buf);
        if (same(json_text(json_member(json, "event")), name)) {
            differs(span_of("no such event"), json);
        }
    }
}

static holdall_status list(holdall *bag, span principal, holdall_session *current, span *json) {
    holdall_buf buf = {0};
    holdall_status status = holdall_list_principal(bag, principal.ptr, principal.len, current, &buf, NULL);
    if (status == HOLDALL_OK) {
        *json = take_buf(&buf);
    }
    return status;
}

static int count_list(world *world, holdall *bag, line_rest *line) {
    span principal = take_word(line);
    uint64_t wanted = take_number(line);
    holdall_session *current = takes(line, "current") ? find_session(world, take_bare(line)) : NULL;
    span at = {NULL, 0};
    holdall_status status = list(bag, principal, current, &at);
    if (status != HOLDALL_OK) {
        return (int)status;
    }
    uint64_t count = 0;
    uint64_t marked = 0;
    span element = {NULL, 0};
    while (json_next(&at, &element)) {
        count++;
        marked += is_word(json_member(element, "current"), "true") ? 1 : 0;
    }
    if (count != wanted) {
        numbers_differ(wanted, count);
    }
    if (marked != (current == NULL ? 0 : 1)) {
        numbers_differ(current == NULL ? 0 : 1, marked);
    }
    return HOLDALL_OK;
}

/* The meta text of a listed session; "none" if it has none. */
static span meta_of(span element) {
    span meta = json_member(element, "meta");
    return meta.ptr == NULL || is_word(meta, "null") ? span_of("none") : json_text(meta);
}

static int compare_spans(const void *one, const void *other) {
    const span *left = one;
    const span *right = other;
    size_t shorter = left->len < right->len ? left->len : right->len;
    int order = memcmp(left->ptr, right->ptr, shorter);
    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

static int list_meta(holdall *bag, line_rest *line) {
    span at = {NULL, 0};
    holdall_status status = list(bag, take_word(line), NULL, &at);
    if (status != HOLDALL_OK) {
        return (int)status;
    }
    span metas[MOST_NAMES];
    size_t count = 0;
    span element = {NULL, 0};
    while (count < MOST_NAMES && json_next(&at, &element)) {
        metas[count++] = meta_of(element);
    }
    qsort(metas, count, sizeof *metas, compare_spans);
    for (size_t place = 0; place < count; place++) {
        span wanted = is_at_end(line) ? span_of("no more sessions") : take_word(line);
        if (!same(wanted, metas[place])) {
            differs(wanted, metas[place]);
        }
    }
    if (!is_at_end(line)) {
        differs(take_rest(line), span_of("no more sessions"));
    }
    return HOLDALL_OK;
}

static int remember_reference(world *world, line_rest *line) {
    span name = take_bare(line);
    holdall *bag = find_bag(world, take_bare(line))->bag;
    span principal = take_word(line);
    span meta = take_word(line);
    span at = {NULL, 0};
    holdall_status status = list(bag, principal, NULL, &at);
    if (status != HOLDALL_OK) {
        return (int)status;
    }
    span element = {NULL, 0};
    while (json_next(&at, &element)) {
        if (same(meta_of(element), meta)) {
            remember(world, name, json_text(json_member(element, "reference")));
            return HOLDALL_OK;
        }
    }
    wrong("the principal has no session with this meta text");
    return HOLDALL_OK;
}

static int destroy_principal(world *world, holdall *bag, line_rest *line) {
    span principal = take_word(line);
    if (takes(line, "all")) {
        return (int)holdall_destroy_principal(bag, principal.ptr, principal.len, NULL);
    }
    if (takes(line, "all_but")) {
        holdall_session *kept = find_session(world, take_bare(line));
        return (int)holdall_destroy_principal_but(bag, principal.ptr, principal.len, kept, NULL);
    }
    if (!takes(line, "one")) {
        wrong("say all, all_but or one");
    }
    span reference = take_word(line);
    if (reference.len > 0 && reference.ptr[0] == '$') {
        reference = find_text(world, reference);
    }
    return (int)holdall_destroy_principal_one(bag, principal.ptr, principal.len, reference.ptr, reference.len, NULL);
}

/* A step that begins with a bag's name. */
static int on_bag(world *world, span verb, line_rest *line) {
    named_bag *named = find_bag(world, take_bare(line));
    holdall *bag = named->bag;
    if (is_word(verb, "close")) {
        return close_bag(named);
    }
    if (is_word(verb, "abandon")) {
        return (int)holdall_abandon(bag, NULL);
    }
    if (is_word(verb, "flush")) {
        return flush(bag);
    }
    if (is_word(verb, "drain")) {
        return (int)holdall_drain(bag, NULL);
    }
    if (is_word(verb, "sweep")) {
        return sweep(bag, line);
    }
    if (is_word(verb, "prepare_fork")) {
        return (int)holdall_prepare_fork(bag, NULL);
    }
    if (is_word(verb, "unsaved")) {
        return wait_for(look_at_unsaved, bag, span_of(""), take_number(line));
    }
    if (is_word(verb, "stat")) {
        span name = take_bare(line);
        return wait_for(look_at_stat, bag, name, take_number(line));
    }
    if (is_word(verb, "health")) {
        return health(bag, line);
    }
    if (is_word(verb, "event")) {
        return event(bag, line);
    }
    if (is_word(verb, "no_event")) {
        return no_event(bag, line);
    }
    if (is_word(verb, "list")) {
        return count_list(world, bag, line);
    }
    if (is_word(verb, "list_meta")) {
        return list_meta(bag, line);
    }
    if (is_word(verb, "destroy_principal")) {
        return destroy_principal(world, bag, line);
    }
    return -1;
}

int bag_step(world *world, span verb, line_rest *line) {
    if (is_word(verb, "shared")) {
        if (!world->is_shared) {
            wrong("this scenario needs a store that bags can share");
        }
        return HOLDALL_OK;
    }
    if (is_word(verb, "bag")) {
        span name = take_bare(line);
        return put_bag(world, name, span_of(world->url), line);
    }
    if (is_word(verb, "bag_at")) {
        span name = take_bare(line);
        span url = take_word(line);
        return put_bag(world, name, url, line);
    }
    if (is_word(verb, "restart")) {
        return restart(world, line);
    }
    if (is_word(verb, "advance")) {
        return advance(world, line);
    }
    if (is_word(verb, "reference")) {
        return remember_reference(world, line);
    }
    return on_bag(world, verb, line);
}
