/* thread.c - thread.h over POSIX threads.
 *
 * What can only fail through a bug of ours (a lock of a mutex that is none) is asserted; only the
 * making of things returns a status. */
#include "os/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/must.h"

#define NAME_MAX_KERNEL 15u
#define STACK_BYTES     ((size_t)8 << 20) /* Not what the shell's limit happens to be. */

struct thread {
    struct mem *mem;
    pthread_t handle;
    void (*run)(void *context);
    void *context;
    _Atomic uint64_t cpu_ns_final; /* Set as the last thing; 0: it still runs. */
    char name[NAME_MAX_KERNEL + 1];
};

struct mutex {
    struct mem *mem;
    pthread_mutex_t handle;
};

struct cond {
    struct mem *mem;
    pthread_cond_t handle;
};

static void *thread_main(void *argument);
static uint64_t nanoseconds(struct timespec t);

enum status thread_start(struct thread **out,
                         struct mem *mem,
                         const char *name,
                         void (*run)(void *context),
                         void *context)
{
    must(strlen(name) <= NAME_MAX_KERNEL);
    struct thread *t = mem_alloc_zero(mem, 1, sizeof(*t));
    if (t == NULL) return ST_NO_MEMORY;
    t->mem = mem;
    t->run = run;
    t->context = context;
    memcpy(t->name, name, strlen(name) + 1);

    pthread_attr_t attributes;
    must(pthread_attr_init(&attributes) == 0);
    must(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0);
    int error = pthread_create(&t->handle, &attributes, thread_main, t);
    must(pthread_attr_destroy(&attributes) == 0);
    if (error != 0) {
        mem_free(mem, t);
        return ST_LIMIT; /* EAGAIN: threads or memory of the system are used up. */
    }
    *out = t;
    return ST_OK;
}

void thread_join(struct thread *t)
{
    if (t == NULL) return;
    must(!pthread_equal(t->handle, pthread_self()));
    must(pthread_join(t->handle, NULL) == 0);
    mem_free(t->mem, t);
}

uint64_t thread_cpu_ns(const struct thread *t)
{
    clockid_t clock;
    struct timespec used = {0};
    bool is_alive =
        pthread_getcpuclockid(t->handle, &clock) == 0 && clock_gettime(clock, &used) == 0;
    return is_alive ? nanoseconds(used) : atomic_load(&t->cpu_ns_final);
}

uint64_t thread_own_cpu_ns(void)
{
    struct timespec used = {0};
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0 ? nanoseconds(used) : 0;
}

enum status mutex_new(struct mutex **out, struct mem *mem)
{
    struct mutex *m = mem_alloc_zero(mem, 1, sizeof(*m));
    if (m == NULL) return ST_NO_MEMORY;
    m->mem = mem;
    must(pthread_mutex_init(&m->handle, NULL) == 0);
    *out = m;
    return ST_OK;
}

void mutex_free(struct mutex *m)
{
    if (m == NULL) return;
    must(pthread_mutex_destroy(&m->handle) == 0); /* Fails when it is still locked. */
    mem_free(m->mem, m);
}

void mutex_lock(struct mutex *m)
{
    must(pthread_mutex_lock(&m->handle) == 0);
}

void mutex_unlock(struct mutex *m)
{
    must(pthread_mutex_unlock(&m->handle) == 0);
}

enum status cond_new(struct cond **out, struct mem *mem)
{
    struct cond *c = mem_alloc_zero(mem, 1, sizeof(*c));
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    must(pthread_cond_init(&c->handle, NULL) == 0);
    *out = c;
    return ST_OK;
}

void cond_free(struct cond *c)
{
    if (c == NULL) return;
    must(pthread_cond_destroy(&c->handle) == 0);
    mem_free(c->mem, c);
}

void cond_wait(struct cond *c, struct mutex *m)
{
    must(pthread_cond_wait(&c->handle, &m->handle) == 0);
}

void cond_signal(struct cond *c)
{
    must(pthread_cond_signal(&c->handle) == 0);
}

void cond_broadcast(struct cond *c)
{
    must(pthread_cond_broadcast(&c->handle) == 0);
}

static void *thread_main(void *argument)
{
    struct thread *t = argument;
    (void)prctl(PR_SET_NAME, t->name); /* Only for people; may be refused. */
    t->run(t->context);
    struct timespec used;
    must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0);
    atomic_store(&t->cpu_ns_final, nanoseconds(used));
    return NULL;
}

static uint64_t nanoseconds(struct timespec t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
