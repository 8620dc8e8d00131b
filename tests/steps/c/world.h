/* What a scenario has made so far: its bags, handles and remembered texts. */
#ifndef STEPS_WORLD_H
#define STEPS_WORLD_H

#include "line.h"

#include "holdall.h"

enum { MOST_NAMES = 32, LONGEST_NAME = 24, LONGEST_TEXT = 512, LONGEST_OPTIONS = 256 };

/* How long a step waits for what comes about on its own, in milliseconds. */
enum { PATIENCE_MS = 10000 };

typedef struct {
    char name[LONGEST_NAME];
    holdall *bag;
    /* The options as the line said them, to open the bag again. */
    char options[LONGEST_OPTIONS];
} named_bag;

typedef struct {
    char name[LONGEST_NAME];
    holdall_session *session;
} named_session;

typedef struct {
    char name[LONGEST_NAME];
    char text[LONGEST_TEXT];
    size_t len;
} named_text;

typedef struct {
    const char *url;
    bool is_shared;
    int64_t advanced_ms;
    size_t bags, sessions, texts;
    named_bag bag[MOST_NAMES];
    named_session session[MOST_NAMES];
    named_text text[MOST_NAMES];
} world;

named_bag *find_bag(world *world, span name);
named_bag *bag_place(world *world, span name);
holdall_session *find_session(world *world, span name);
named_session *session_place(world *world, span name);
span find_text(world *world, span name);
void remember(world *world, span name, span text);

/* The text of a buffer, kept until the next line; the buffer is freed. */
span take_buf(holdall_buf *buf);

/* Each does a step and answers its status; -1 if it is no step of theirs. */
int bag_step(world *world, span verb, line_rest *line);
int session_step(world *world, span verb, line_rest *line);
/* The options of the rest of the line; NULL with the status of the setter that refused one. */
holdall_options *take_options(line_rest *line, holdall_status *status);

#endif
