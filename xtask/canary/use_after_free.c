/* Reads memory that was freed. A checker that lets this pass is not on. */
#include <stdlib.h>

int main(void)
{
    volatile char *bytes = malloc(16);
    if (bytes == NULL) return 0;
    bytes[3] = 0;
    free((void *)bytes);
    return bytes[3] == 1;
}
