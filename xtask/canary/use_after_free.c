/* Reads memory that was freed. A checker that lets this pass is not on. */
#include <stdlib.h>

int main(void)
{
    char *volatile bytes = malloc(16); /* volatile, or the compiler itself would complain */
    if (bytes == NULL) return 0;
    bytes[3] = 0;
    free(bytes);
    return bytes[3] == 1;
}
