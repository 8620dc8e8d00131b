#include "world.h"

#include <string.h>

typedef holdall_status set_ms(holdall_options *, int64_t, holdall_error **);
typedef holdall_status set_size(holdall_options *, size_t, holdall_error **);
typedef holdall_status set_choice(holdall_options *, int32_t, holdall_error **);

static const struct {
    const char *name;
    set_ms *set;
} times[] = {
    {"freshness", holdall_options_set_freshness},
    {"linger", holdall_options_set_linger},
    {"linger_cap", holdall_options_set_linger_cap},
    {"keep", holdall_options_set_keep},
    {"busy_wait", holdall_options_set_busy_wait},
    {"store_timeout", holdall_options_set_store_timeout},
    {"idle", holdall_options_set_idle},
    {"absolute", holdall_options_set_absolute},
    {"touch", holdall_options_set_touch},
    {"sweep_every", holdall_options_set_sweep_every},
    {"dead", holdall_options_set_dead},
    {"retry", holdall_options_set_retry},
    {"retry_cap", holdall_options_set_retry_cap},
    {"max_stale", holdall_options_set_max_stale},
    {"rotation_grace", holdall_options_set_rotation_grace},
};

static const struct {
    const char *name;
    set_size *set;
} sizes[] = {
    {"batch_rows", holdall_options_set_batch_rows},   {"batch_bytes", holdall_options_set_batch_bytes},
    {"memory", holdall_options_set_memory},           {"unsaved", holdall_options_set_unsaved},
    {"value_limit", holdall_options_set_value_limit}, {"session_limit", holdall_options_set_session_limit},
    {"events", holdall_options_set_events},           {"shards", holdall_options_set_shards},
};

/* Words and the numbers that they stand for, by option. */
static const struct {
    const char *name;
    set_choice *set;
    const char *word;
    int32_t number;
} choices[] = {
    {"sharing", holdall_options_set_sharing, "single", HOLDALL_SINGLE},
    {"sharing", holdall_options_set_sharing, "sticky", HOLDALL_STICKY},
    {"sharing", holdall_options_set_sharing, "fleet", HOLDALL_FLEET},
    {"durability", holdall_options_set_durability, "behind", HOLDALL_BEHIND},
    {"durability", holdall_options_set_durability, "stored", HOLDALL_STORED},
    {"durability", holdall_options_set_durability, "journal", HOLDALL_JOURNAL},
    {"adopt", holdall_options_set_adopt, "yes", 1},
    {"adopt", holdall_options_set_adopt, "no", 0},
    {"claim_expired", holdall_options_set_claim_expired, "yes", 1},
    {"claim_expired", holdall_options_set_claim_expired, "no", 0},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static holdall_status set_option(holdall_options *options, span name, span value) {
    for (size_t place = 0; place < COUNT(times); place++) {
        if (is_word(name, times[place].name)) {
            return times[place].set(options, duration_of(value), NULL);
        }
    }
    for (size_t place = 0; place < COUNT(sizes); place++) {
        if (is_word(name, sizes[place].name)) {
            return sizes[place].set(options, (size_t)number_of(value), NULL);
        }
    }
    for (size_t place = 0; place < COUNT(choices); place++) {
        if (is_word(name, choices[place].name) && is_word(value, choices[place].word)) {
            return choices[place].set(options, choices[place].number, NULL);
        }
    }
    if (!is_word(name, "application")) {
        wrong("there is no option %.*s with this value", (int)name.len, name.ptr);
    }
    return holdall_options_set_application(options, value.ptr, value.len, NULL);
}

holdall_options *take_options(line_rest *line, holdall_status *status) {
    holdall_options *options = NULL;
    *status = holdall_options_new(&options, NULL);
    while (*status == HOLDALL_OK && !is_at_end(line)) {
        span word = take_bare(line);
        const char *mark = memchr(word.ptr, '=', word.len);
        if (mark == NULL) {
            wrong("%.*s must be name=value", (int)word.len, word.ptr);
        }
        span name = {word.ptr, (size_t)(mark - word.ptr)};
        span value = {mark + 1, word.len - name.len - 1};
        *status = set_option(options, name, value);
    }
    if (*status == HOLDALL_OK) {
        return options;
    }
    holdall_options_free(options);
    return NULL;
}
