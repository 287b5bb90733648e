/* thread.h - Threads, mutexes and condition variables of the operating system. */
#ifndef TRUSTSQL_OS_THREAD_H
#define TRUSTSQL_OS_THREAD_H

#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"

struct thread;
struct mutex;
struct cond;

/* name: at most 15 characters, shown by top and perf. */
NODISCARD enum status thread_start(struct thread **out,
                                   struct mem *mem,
                                   const char *name,
                                   void (*run)(void *context),
                                   void *context);
void thread_join(struct thread *t);             /* Frees it. Null allowed. */
uint64_t thread_cpu_ns(const struct thread *t); /* CPU time used so far by a running thread. */

uint64_t thread_own_cpu_ns(void); /* That of the calling thread. */

NODISCARD enum status mutex_new(struct mutex **out, struct mem *mem);
void mutex_free(struct mutex *m); /* Null allowed. */
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

NODISCARD enum status cond_new(struct cond **out, struct mem *mem);
void cond_free(struct cond *c);                  /* Null allowed. */
void cond_wait(struct cond *c, struct mutex *m); /* May wake without cause. */
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

#endif
