/* As much of reading JSON as the answers of the library need: what it gives out is known to be JSON. */
#ifndef STEPS_JSON_H
#define STEPS_JSON_H

#include "line.h"

/* The raw text of a member of an object; `ptr` is NULL if there is none. */
span json_member(span object, const char *name);
/* The raw text of the next element of an array; `at` begins as the whole array. False at its end. */
bool json_next(span *at, span *element);
/* The text that a JSON string stands for. */
span json_text(span string);

#endif
