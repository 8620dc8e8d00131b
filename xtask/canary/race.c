/* Two threads count without a lock. A checker that lets this pass is not on. */
#include <pthread.h>
#include <stddef.h>

static int counter;

static void *count(void *unused)
{
    (void)unused;
    for (int round = 0; round < 100000; round++) counter++;
    return NULL;
}

int main(void)
{
    pthread_t first, second;
    if (pthread_create(&first, NULL, count, NULL) != 0) return 0;
    if (pthread_create(&second, NULL, count, NULL) != 0) return 0;
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    return counter == 0;
}
