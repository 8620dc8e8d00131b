/* Overflows a signed number. A checker that lets this pass is not on. */
#include <limits.h>

int main(int count, char **arguments)
{
    volatile int number = INT_MAX;
    (void)arguments;
    number = number + count;
    return number == 0;
}
