/* One line of a scenario: words, quoted words, and the rest. Nothing is allocated: words lie in the line itself or in a
 * buffer that is kept until the next line. */
#ifndef STEPS_LINE_H
#define STEPS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text or bytes with their length. */
typedef struct {
    const char *ptr;
    size_t len;
} span;

/* What is left of a line. */
typedef struct {
    const char *at;
    const char *end;
} line_rest;

span span_of(const char *text);
bool same(span one, span other);
bool is_word(span word, const char *text);

/* Ends the scenario: the scenario itself makes no sense. Does not return. */
void wrong(const char *format, ...);
/* Ends the scenario: something else was got than expected. Does not return. */
void differs(span expected, span got);
void numbers_differ(uint64_t expected, uint64_t got);

/* The status before the colon, if the line begins with one; else OK. */
span take_status(line_rest *line);
/* The next word as it stands. */
span take_bare(line_rest *line);
/* The next word; in quotes it may hold anything, and be repeated. */
span take_word(line_rest *line);
/* Takes the word if it is the next one. */
bool takes(line_rest *line, const char *word);
span take_rest(line_rest *line);
uint64_t take_number(line_rest *line);
bool is_at_end(const line_rest *line);
void need_end(const line_rest *line);

/* The rest of the line as JSON text, or @string N. */
span take_json(line_rest *line);
/* The rest of the line as bytes: hex digits, empty, or @bytes N. */
span take_bytes(line_rest *line);
/* A number with its unit, in milliseconds. */
int64_t duration_of(span word);
uint64_t number_of(span word);
bool yes_no(span word);

/* Memory that is kept until the next line begins. */
char *keep(size_t size);
void drop_kept(void);

#endif
