/* The steps that are about a session's handle. */
#include "json.h"
#include "world.h"

#include <string.h>

static span id_of(holdall_session *session) {
    holdall_buf id = {0};
    if (holdall_session_id(session, &id, NULL) != HOLDALL_OK) {
        wrong("the handle doesn't tell its id");
    }
    return take_buf(&id);
}

/* $remembered, "literal", or the name of a handle, which stands for its id. */
static span take_cookie(world *world, line_rest *line) {
    if (!is_at_end(line) && *line->at == '"') {
        return take_word(line);
    }
    span word = take_bare(line);
    return word.ptr[0] == '$' ? find_text(world, word) : id_of(find_session(world, word));
}

static int open_session(world *world, line_rest *line) {
    span name = take_bare(line);
    if (!takes(line, "in")) {
        wrong("say: open NAME in BAG");
    }
    named_bag *bag = find_bag(world, take_bare(line));
    span cookie = {NULL, 0};
    if (takes(line, "with")) {
        cookie = take_cookie(world, line);
    }
    int32_t how = HOLDALL_STRICT;
    int64_t fresh_ms = -1;
    while (!is_at_end(line)) {
        if (takes(line, "existing")) {
            how |= HOLDALL_EXISTING;
        } else if (takes(line, "create")) {
            how |= HOLDALL_CREATE;
        } else if (takes(line, "adopt")) {
            how |= HOLDALL_ADOPT;
        } else if (takes(line, "cached_only")) {
            how |= HOLDALL_CACHED_ONLY;
        } else if (takes(line, "untouched")) {
            how |= HOLDALL_UNTOUCHED;
        } else if (takes(line, "fresh")) {
            fresh_ms = duration_of(take_bare(line));
        } else if (!takes(line, "strict")) {
            need_end(line);
        }
    }
    holdall_session *session = NULL;
    holdall_status status =
        fresh_ms < 0 ? holdall_session_open(bag->bag, cookie.ptr, cookie.len, how, &session, NULL)
                     : holdall_session_open_fresh(bag->bag, cookie.ptr, cookie.len, how, fresh_ms, &session, NULL);
    if (status == HOLDALL_OK) {
        named_session *place = session_place(world, name);
        holdall_session_free(place->session);
        place->session = session;
    }
    return (int)status;
}

static int remember_text(world *world, line_rest *line) {
    span name = take_bare(line);
    span what = take_bare(line);
    holdall_session *session = find_session(world, take_bare(line));
    if (is_word(what, "id")) {
        remember(world, name, id_of(session));
        return HOLDALL_OK;
    }
    if (!is_word(what, "ticket")) {
        wrong("%.*s must be id or ticket", (int)what.len, what.ptr);
    }
    holdall_buf ticket = {0};
    holdall_status status = holdall_session_ticket(session, &ticket, NULL);
    if (status == HOLDALL_OK) {
        remember(world, name, take_buf(&ticket));
    }
    return (int)status;
}

static int compare_id(world *world, line_rest *line) {
    span id = id_of(find_session(world, take_bare(line)));
    bool wanted = takes(line, "is");
    if (!wanted && !takes(line, "is_not")) {
        wrong("say: id HANDLE is COOKIE, or is_not");
    }
    if (same(id, take_cookie(world, line)) != wanted) {
        differs(span_of(wanted ? "the same id" : "another id"), span_of(wanted ? "another id" : "the same id"));
    }
    return HOLDALL_OK;
}

static int save(holdall_session *session, line_rest *line) {
    int32_t how = HOLDALL_DEFAULT;
    while (!is_at_end(line)) {
        if (takes(line, "if_unchanged")) {
            how |= HOLDALL_IF_UNCHANGED;
        } else if (takes(line, "behind")) {
            how |= HOLDALL_BEHIND;
        } else if (takes(line, "stored")) {
            how |= HOLDALL_STORED;
        } else if (takes(line, "journal")) {
            how |= HOLDALL_JOURNAL;
        } else {
            need_end(line);
        }
    }
    return (int)holdall_session_save(session, how, NULL);
}

/* A field that must hold a value of one kind, or "none". */
static int get(holdall_session *session, line_rest *line, int32_t wanted_kind) {
    span field = take_word(line);
    holdall_buf value = {0};
    int32_t kind = 0;
    holdall_status status = holdall_session_get(session, field.ptr, field.len, &kind, &value, NULL);
    if (status != HOLDALL_OK && status != HOLDALL_NOT_FOUND) {
        return (int)status;
    }
    bool is_there = status == HOLDALL_OK && kind == wanted_kind;
    span got = status == HOLDALL_OK ? take_buf(&value) : span_of("");
    if (takes(line, "none")) {
        if (is_there) {
            differs(span_of("none"), got);
        }
        return HOLDALL_OK;
    }
    span wanted = wanted_kind == HOLDALL_JSON ? take_json(line) : take_bytes(line);
    if (!is_there || !same(wanted, got)) {
        differs(wanted, is_there ? got : span_of("none"));
    }
    return HOLDALL_OK;
}

static int keys(holdall_session *session, line_rest *line) {
    holdall_buf json = {0};
    holdall_status status = holdall_session_keys(session, &json, NULL);
    if (status != HOLDALL_OK) {
        return (int)status;
    }
    span all = take_buf(&json);
    span at = all;
    span name = {NULL, 0};
    while (json_next(&at, &name)) {
        span got = json_text(name);
        span wanted = is_at_end(line) ? span_of("no more names") : take_word(line);
        if (!same(wanted, got)) {
            differs(wanted, got);
        }
    }
    if (!is_at_end(line)) {
        differs(take_rest(line), span_of("no more names"));
    }
    return HOLDALL_OK;
}

static int show_json(holdall_session *session, line_rest *line) {
    holdall_buf json = {0};
    holdall_status status = holdall_session_to_json(session, &json, NULL);
    if (status == HOLDALL_OK) {
        span wanted = take_rest(line);
        span got = take_buf(&json);
        if (!same(wanted, got)) {
            differs(wanted, got);
        }
    }
    return (int)status;
}

static int is_new(holdall_session *session, line_rest *line) {
    bool wanted = yes_no(take_bare(line));
    bool got = !wanted;
    holdall_status status = holdall_session_is_new(session, &got, NULL);
    if (status == HOLDALL_OK && got != wanted) {
        differs(span_of(wanted ? "yes" : "no"), span_of(got ? "yes" : "no"));
    }
    return (int)status;
}

/* A text, or none of it. */
static span take_optional(line_rest *line) {
    span none = {NULL, 0};
    return takes(line, "none") ? none : take_word(line);
}

static int change(holdall_session *session, span verb, line_rest *line) {
    if (is_word(verb, "replace_json")) {
        span json = take_rest(line);
        return (int)holdall_session_replace_json(session, json.ptr, json.len, NULL);
    }
    if (is_word(verb, "set_meta")) {
        span meta = take_optional(line);
        return (int)holdall_session_set_meta(session, meta.ptr, meta.len, NULL);
    }
    if (is_word(verb, "set_idle")) {
        return (int)holdall_session_set_idle_timeout(session, duration_of(take_bare(line)), NULL);
    }
    if (is_word(verb, "principal")) {
        span principal = take_optional(line);
        return (int)holdall_session_set_principal(session, principal.ptr, principal.len, NULL);
    }
    span field = take_word(line);
    if (is_word(verb, "set")) {
        span json = take_json(line);
        return (int)holdall_session_set_json(session, field.ptr, field.len, json.ptr, json.len, NULL);
    }
    if (is_word(verb, "set_bytes")) {
        span bytes = take_bytes(line);
        return (int)holdall_session_set_bytes(session, field.ptr, field.len, bytes.ptr, bytes.len, NULL);
    }
    return (int)holdall_session_remove(session, field.ptr, field.len, NULL);
}

static bool is_one_of(span verb, const char *const *words) {
    while (*words != NULL && !is_word(verb, *words)) {
        words++;
    }
    return *words != NULL;
}

int session_step(world *world, span verb, line_rest *line) {
    static const char *const changes[] = {"set",      "set_bytes", "remove",    "replace_json",
                                          "set_meta", "set_idle",  "principal", NULL};
    static const char *const others[] = {"free", "save", "touch", "rotate", "destroy", "get", "get_bytes",
                                         "json", "keys", "is_new", NULL};
    if (is_word(verb, "open")) {
        return open_session(world, line);
    }
    if (is_word(verb, "remember")) {
        return remember_text(world, line);
    }
    if (is_word(verb, "id")) {
        return compare_id(world, line);
    }
    bool changing = is_one_of(verb, changes);
    if (!changing && !is_one_of(verb, others)) {
        return -1;
    }
    span name = take_bare(line);
    holdall_session *session = find_session(world, name);
    if (changing) {
        return change(session, verb, line);
    }
    if (is_word(verb, "free")) {
        holdall_session_free(session);
        return HOLDALL_OK;
    }
    if (is_word(verb, "save")) {
        return save(session, line);
    }
    if (is_word(verb, "touch")) {
        return (int)holdall_session_touch(session, NULL);
    }
    if (is_word(verb, "rotate")) {
        return (int)holdall_session_rotate(session, NULL);
    }
    if (is_word(verb, "destroy")) {
        return (int)holdall_session_destroy(session, NULL);
    }
    if (is_word(verb, "json")) {
        return show_json(session, line);
    }
    if (is_word(verb, "keys")) {
        return keys(session, line);
    }
    if (is_word(verb, "is_new")) {
        return is_new(session, line);
    }
    return get(session, line, is_word(verb, "get") ? HOLDALL_JSON : HOLDALL_BYTES);
}
