/* Loses memory. A checker that lets this pass is not on. */
#include <stdlib.h>

static void lose(size_t size)
{
    volatile char *bytes = malloc(size);
    if (bytes != NULL) bytes[0] = 1;
}

int main(void)
{
    for (size_t size = 100; size < 200; size++) lose(size);
    return 0;
}
