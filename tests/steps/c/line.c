#include "line.h"

#include <stdlib.h>
#include <string.h>

span span_of(const char *text) {
    span whole = {text, strlen(text)};
    return whole;
}

bool same(span one, span other) {
    return one.len == other.len && (one.len == 0 || memcmp(one.ptr, other.ptr, one.len) == 0);
}

bool is_word(span word, const char *text) {
    return same(word, span_of(text));
}

/* What was allocated for this line. */
typedef struct block {
    struct block *next;
} block;

static block *kept;

char *keep(size_t size) {
    block *fresh = malloc(sizeof(block) + size + 1);
    if (fresh == NULL) {
        wrong("no memory");
    }
    fresh->next = kept;
    kept = fresh;
    char *bytes = (char *)(fresh + 1);
    bytes[size] = '\0';
    return bytes;
}

void drop_kept(void) {
    while (kept != NULL) {
        block *next = kept->next;
        free(kept);
        kept = next;
    }
}

static void skip_spaces(line_rest *line) {
    while (line->at < line->end && *line->at == ' ') {
        line->at++;
    }
}

bool is_at_end(const line_rest *line) {
    return line->at == line->end;
}

void need_end(const line_rest *line) {
    if (!is_at_end(line)) {
        wrong("not understood: %.*s", (int)(line->end - line->at), line->at);
    }
}

span take_bare(line_rest *line) {
    if (is_at_end(line)) {
        wrong("a word is missing at the end of the line");
    }
    span word = {line->at, 0};
    while (line->at < line->end && *line->at != ' ') {
        line->at++;
    }
    word.len = (size_t)(line->at - word.ptr);
    skip_spaces(line);
    return word;
}

span take_status(line_rest *line) {
    const char *begin = line->at;
    span word = take_bare(line);
    if (word.len > 1 && word.ptr[word.len - 1] == ':') {
        word.len--;
        return word;
    }
    line->at = begin;
    return span_of("OK");
}

bool takes(line_rest *line, const char *word) {
    const char *begin = line->at;
    if (!is_at_end(line) && is_word(take_bare(line), word)) {
        return true;
    }
    line->at = begin;
    return false;
}

span take_rest(line_rest *line) {
    span rest = {line->at, (size_t)(line->end - line->at)};
    line->at = line->end;
    return rest;
}

uint64_t number_of(span word) {
    uint64_t number = 0;
    for (size_t place = 0; place < word.len; place++) {
        if (word.ptr[place] < '0' || word.ptr[place] > '9') {
            wrong("%.*s is no number", (int)word.len, word.ptr);
        }
        number = number * 10 + (uint64_t)(word.ptr[place] - '0');
    }
    if (word.len == 0) {
        wrong("a number is missing");
    }
    return number;
}

uint64_t take_number(line_rest *line) {
    return number_of(take_bare(line));
}

static int hex_digit(char letter) {
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    if (letter >= 'a' && letter <= 'f') {
        return letter - 'a' + 10;
    }
    wrong("%c is no hex digit", letter);
    return 0;
}

/* One character inside of quotes; `at` is moved behind it. */
static char take_quoted(line_rest *line) {
    if (is_at_end(line)) {
        wrong("the closing quote is missing");
    }
    char letter = *line->at++;
    if (letter != '\\') {
        return letter;
    }
    size_t left = (size_t)(line->end - line->at);
    if (left >= 1 && (*line->at == '"' || *line->at == '\\')) {
        return *line->at++;
    }
    if (left >= 3 && *line->at == 'x') {
        int byte = hex_digit(line->at[1]) * 16 + hex_digit(line->at[2]);
        line->at += 3;
        return (char)byte;
    }
    wrong("after \\ only \", \\ and xHH are known");
    return 0;
}

span take_word(line_rest *line) {
    if (is_at_end(line) || *line->at != '"') {
        return take_bare(line);
    }
    line->at++;
    char *bytes = keep((size_t)(line->end - line->at));
    size_t len = 0;
    while (is_at_end(line) || *line->at != '"') {
        bytes[len++] = take_quoted(line);
    }
    line->at++;
    span word = {bytes, len};
    if (!is_at_end(line) && *line->at == '*') {
        line->at++;
        size_t times = (size_t)take_number(line);
        char *all = keep(len * times);
        for (size_t time = 0; time < times; time++) {
            memcpy(all + time * len, bytes, len);
        }
        word.ptr = all;
        word.len = len * times;
    }
    skip_spaces(line);
    return word;
}

span take_json(line_rest *line) {
    if (!takes(line, "@string")) {
        return take_rest(line);
    }
    size_t size = (size_t)take_number(line);
    need_end(line);
    char *text = keep(size);
    memset(text, 'x', size);
    text[0] = text[size - 1] = '"';
    span json = {text, size};
    return json;
}

span take_bytes(line_rest *line) {
    bool counted = takes(line, "@bytes");
    span word = take_bare(line);
    need_end(line);
    bool empty = !counted && is_word(word, "empty");
    size_t size = counted ? (size_t)number_of(word) : empty ? 0 : word.len / 2;
    if (!counted && !empty && word.len % 2 != 0) {
        wrong("%.*s is not hex", (int)word.len, word.ptr);
    }
    char *bytes = keep(size);
    for (size_t place = 0; place < size; place++) {
        int byte = counted ? (int)(place % 256) : hex_digit(word.ptr[2 * place]) * 16 + hex_digit(word.ptr[2 * place + 1]);
        bytes[place] = (char)byte;
    }
    span all = {bytes, size};
    return all;
}

int64_t duration_of(span word) {
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
    if (is_word(word, "never")) {
        return INT64_MAX;
    }
    size_t digits = 0;
    while (digits < word.len && word.ptr[digits] >= '0' && word.ptr[digits] <= '9') {
        digits++;
    }
    span number = {word.ptr, digits};
    span unit = {word.ptr + digits, word.len - digits};
    for (size_t place = 0; place < sizeof units / sizeof *units; place++) {
        if (is_word(unit, units[place].name)) {
            return (int64_t)number_of(number) * units[place].ms;
        }
    }
    wrong("%.*s is no duration: say 250ms, 10s, 30min, 24h or never", (int)word.len, word.ptr);
    return 0;
}

bool yes_no(span word) {
    if (is_word(word, "yes")) {
        return true;
    }
    if (!is_word(word, "no")) {
        wrong("%.*s must be yes or no", (int)word.len, word.ptr);
    }
    return false;
}
