/* queue.h - Bounded hand-over of pointers between threads, in chunks.
 *
 * Any thread may push; one thread takes. The taker either waits (a thread of its own) or is
 * notified (a loop): notify is called when the queue stops being empty, outside the lock. A full
 * queue refuses: whoever pushes tells its client to try again. */
#ifndef TRUSTSQL_NODE_QUEUE_H
#define TRUSTSQL_NODE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"

struct queue;

/* notify may be null. */
NODISCARD enum status queue_new(struct queue **out,
                                struct mem *mem,
                                uint32_t count_max,
                                void (*notify)(void *context),
                                void *context);
void queue_free(struct queue *q); /* Null allowed; items left in it are the caller's loss. */

/* ST_BUSY: full. ST_CLOSED: after queue_close. */
NODISCARD enum status queue_push(struct queue *q, void *item);

/* Up to max items in order, without waiting. */
uint32_t queue_take(struct queue *q, void **items, uint32_t max);

/* As queue_take, but waits for the first item. 0: closed and empty. */
uint32_t queue_wait(struct queue *q, void **items, uint32_t max);

/* No more pushes; waiters return once it is empty. */
void queue_close(struct queue *q);

#endif
