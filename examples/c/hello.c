/* The shortest real program: one visitor, two requests.
 *
 *     cc hello.c $(pkg-config --cflags --libs holdall) -o hello && ./hello
 */
#include "holdall.h"
#include <stdio.h>

int main(void)
{
    holdall *bag = NULL;
    holdall_session *s = NULL;
    holdall_error *error = NULL;
    holdall_buf cookie = {0}, cart = {0};

    if (holdall_open("sqlite:hello.db", 15, NULL, &bag, &error) != HOLDALL_OK) {
        fprintf(stderr, "%s\n", holdall_error_message(error));
        holdall_error_free(error);
        return 1;
    }
    /* The first request has no cookie: it gets a new session. */
    holdall_session_open(bag, "", 0, HOLDALL_STRICT, &s, NULL);
    holdall_session_set_json(s, "cart", 4, "[\"3 socks\"]", 11, NULL);
    holdall_session_save(s, HOLDALL_DEFAULT, NULL);
    holdall_session_id(s, &cookie, NULL);
    holdall_session_free(s);

    /* The second one sends the cookie that the first one was given. */
    holdall_session_open(bag, cookie.ptr, cookie.len, HOLDALL_STRICT, &s, NULL);
    if (holdall_session_get_json(s, "cart", 4, &cart, NULL) == HOLDALL_OK) {
        printf("in the cart: %s\n", cart.ptr);
    }
    holdall_session_free(s);
    holdall_buf_free(&cart);
    holdall_buf_free(&cookie);

    /* Writes what is unsaved. */
    return holdall_close(bag, 5000, NULL, NULL) == HOLDALL_OK ? 0 : 1;
}
