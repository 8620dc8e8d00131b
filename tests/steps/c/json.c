#include "json.h"

#include <string.h>

static bool is_space(char letter) {
    return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r';
}

/* Moves over spaces and the given mark. */
static void skip(span *at, const char *marks) {
    while (at->len > 0 && (is_space(*at->ptr) || strchr(marks, *at->ptr) != NULL)) {
        at->ptr++;
        at->len--;
    }
}

static void step(span *at, size_t bytes) {
    at->ptr += bytes;
    at->len -= bytes;
}

static size_t string_length(span at) {
    size_t place = 1;
    while (place < at.len && at.ptr[place] != '"') {
        place += at.ptr[place] == '\\' ? 2 : 1;
    }
    return place + 1;
}

/* How long the value at the beginning of `at` is. */
static size_t value_length(span at) {
    size_t depth = 0;
    size_t place = 0;
    while (place < at.len) {
        char letter = at.ptr[place];
        if (letter == '"') {
            span rest = {at.ptr + place, at.len - place};
            place += string_length(rest);
        } else if (letter == '{' || letter == '[') {
            depth++;
            place++;
        } else if ((letter == '}' || letter == ']') && depth > 0) {
            depth--;
            place++;
        } else if (depth == 0 && (letter == ',' || letter == '}' || letter == ']' || is_space(letter))) {
            break;
        } else {
            place++;
            continue;
        }
        if (depth == 0) {
            break;
        }
    }
    return place;
}

static span take_value(span *at) {
    span value = {at->ptr, value_length(*at)};
    step(at, value.len);
    return value;
}

span json_member(span object, const char *name) {
    span at = object;
    skip(&at, "{");
    while (at.len > 0 && *at.ptr == '"') {
        span key = take_value(&at);
        skip(&at, ":");
        span value = take_value(&at);
        if (is_word(json_text(key), name)) {
            return value;
        }
        skip(&at, ",");
    }
    span none = {NULL, 0};
    return none;
}

bool json_next(span *at, span *element) {
    if (at->len > 0 && *at->ptr == '[') {
        step(at, 1);
    }
    skip(at, ",");
    if (at->len == 0 || *at->ptr == ']') {
        return false;
    }
    *element = take_value(at);
    return true;
}

static unsigned hex4(const char *digits) {
    unsigned number = 0;
    for (int place = 0; place < 4; place++) {
        char digit = digits[place];
        unsigned value = digit <= '9' ? (unsigned)(digit - '0') : (unsigned)((digit | 32) - 'a' + 10);
        number = number * 16 + value;
    }
    return number;
}

/* The library writes \u only for control characters, which take one byte. */
span json_text(span string) {
    if (string.len < 2 || string.ptr[0] != '"') {
        wrong("%.*s is no JSON string", (int)string.len, string.ptr);
    }
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char *text = keep(string.len);
    size_t len = 0;
    for (size_t place = 1; place + 1 < string.len; place++) {
        char letter = string.ptr[place];
        if (letter != '\\') {
            text[len++] = letter;
            continue;
        }
        letter = string.ptr[++place];
        if (letter == 'u') {
            text[len++] = (char)hex4(string.ptr + place + 1);
            place += 4;
        } else {
            const char *found = strchr(letters, letter);
            text[len++] = found == NULL ? '?' : meanings[found - letters];
        }
    }
    span all = {text, len};
    return all;
}
