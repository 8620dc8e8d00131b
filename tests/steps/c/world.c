#include "world.h"

#include <string.h>

static void set_name(char *place, span name) {
    if (name.len >= LONGEST_NAME) {
        wrong("a name is too long for this runner");
    }
    memcpy(place, name.ptr, name.len);
    place[name.len] = '\0';
}

/* The place of a name in a table whose elements begin with it; `count` if there is none. */
static size_t place_of(const void *table, size_t size, size_t count, span name) {
    size_t place = 0;
    while (place < count && !is_word(name, (const char *)table + place * size)) {
        place++;
    }
    return place;
}

/* The same, made if there is none. */
static size_t make_place(void *table, size_t size, size_t *count, span name) {
    size_t place = place_of(table, size, *count, name);
    if (place == MOST_NAMES) {
        wrong("there are too many names for this runner");
    }
    if (place == *count) {
        memset((char *)table + place * size, 0, size);
        set_name((char *)table + place * size, name);
        (*count)++;
    }
    return place;
}

named_bag *find_bag(world *world, span name) {
    size_t place = place_of(world->bag, sizeof *world->bag, world->bags, name);
    if (place == world->bags) {
        wrong("there is no bag %.*s", (int)name.len, name.ptr);
    }
    return &world->bag[place];
}

named_bag *bag_place(world *world, span name) {
    return &world->bag[make_place(world->bag, sizeof *world->bag, &world->bags, name)];
}

holdall_session *find_session(world *world, span name) {
    size_t place = place_of(world->session, sizeof *world->session, world->sessions, name);
    if (place == world->sessions) {
        wrong("there is no session %.*s", (int)name.len, name.ptr);
    }
    return world->session[place].session;
}

named_session *session_place(world *world, span name) {
    return &world->session[make_place(world->session, sizeof *world->session, &world->sessions, name)];
}

span find_text(world *world, span name) {
    size_t place = place_of(world->text, sizeof *world->text, world->texts, name);
    if (place == world->texts) {
        wrong("nothing is remembered as %.*s", (int)name.len, name.ptr);
    }
    span text = {world->text[place].text, world->text[place].len};
    return text;
}

void remember(world *world, span name, span text) {
    if (name.len < 2 || name.ptr[0] != '$') {
        wrong("the name of what is remembered begins with $");
    }
    if (text.len > LONGEST_TEXT) {
        wrong("what is to be remembered is too long for this runner");
    }
    named_text *place = &world->text[make_place(world->text, sizeof *world->text, &world->texts, name)];
    memcpy(place->text, text.ptr, text.len);
    place->len = text.len;
}

span take_buf(holdall_buf *buf) {
    char *copy = keep(buf->len);
    memcpy(copy, buf->ptr, buf->len);
    span text = {copy, buf->len};
    holdall_buf_free(buf);
    return text;
}
