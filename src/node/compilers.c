#include "node/compilers.h"

#include "base/must.h"
#include "os/thread.h"

#define CLASSES 3u

/* Texts of up to so many bytes. */
static const size_t class_max[CLASSES] = {4u << 10, 64u << 10, SQL_TEXT_MAX};

struct compiler { /* One class: its queue and its thread. */
    struct compilers *compilers;
    struct thread *thread;
    struct cond *wanted;
    struct compile_job *first; /* C1 */
    struct compile_job *last;
};

struct compilers {
    struct mem *mem;
    struct queue *outbox;
    struct mutex *mutex;
    struct compiler classes[CLASSES];
    bool is_closing; /* Under the mutex. */
    uint32_t job_count;
    size_t text_bytes; /* C3 */
};

static void run(void *context);

enum status compilers_new(struct compilers **out, struct mem *mem, struct queue *outbox)
{
    struct compilers *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    c->outbox = outbox;
    enum status st = mutex_new(&c->mutex, mem);
    for (uint32_t i = 0; i < CLASSES && st == ST_OK; i++) {
        c->classes[i].compilers = c;
        st = cond_new(&c->classes[i].wanted, mem);
        if (st == ST_OK)
            st = thread_start(&c->classes[i].thread, mem, "compile", run, &c->classes[i]);
    }
    if (st != ST_OK) {
        compilers_free(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

void compilers_free(struct compilers *c)
{
    if (c == NULL) return;
    must(c->job_count == 0);
    if (c->mutex != NULL) {
        mutex_lock(c->mutex);
        c->is_closing = true;
        mutex_unlock(c->mutex);
    }
    for (uint32_t i = 0; i < CLASSES; i++) {
        if (c->classes[i].thread != NULL) cond_broadcast(c->classes[i].wanted);
        thread_join(c->classes[i].thread);
        cond_free(c->classes[i].wanted);
    }
    mutex_free(c->mutex);
    mem_free(c->mem, c);
}

bool compilers_are_idle(const struct compilers *c)
{
    return c->job_count == 0;
}

/* --- queues ----------------------------------------------------------------------------------- */

static struct compiler *class_of(struct compilers *c, size_t size)
{
    uint32_t i = 0;
    while (i + 1 < CLASSES && size > class_max[i])
        i++;
    return &c->classes[i];
}

enum status compilers_submit(struct compilers *c,
                             struct compile_job **out,
                             const struct compiled_request *request,
                             bool is_split,
                             void *owner)
{
    if (c->job_count >= COMPILERS_JOBS_MAX) return ST_BUSY;
    if (request->text.size > COMPILERS_TEXT_MAX - c->text_bytes) return ST_BUSY;
    struct compile_job *job = mem_alloc_zero(c->mem, 1, sizeof *job);
    if (job == NULL) return ST_NO_MEMORY;
    job->flow.kind = FLOW_COMPILED;
    job->owner = owner;
    job->is_split = is_split;
    job->is_queued = true;
    enum status st = compiled_new(&job->entry, c->mem, request);
    if (st != ST_OK) {
        mem_free(c->mem, job);
        return st;
    }
    c->job_count++; /* C3 */
    c->text_bytes += job->entry->text.size;
    struct compiler *to = class_of(c, request->text.size);
    mutex_lock(c->mutex);
    if (to->last == NULL)
        to->first = job;
    else
        to->last->next = job;
    to->last = job;
    cond_signal(to->wanted);
    mutex_unlock(c->mutex);
    *out = job;
    return ST_OK;
}

/* Under the mutex. */
static void unlink_job(struct compiler *from, struct compile_job *job)
{
    struct compile_job *previous = NULL;
    struct compile_job **at = &from->first;
    for (; *at != job; at = &(*at)->next)
        previous = *at;
    *at = job->next;
    if (from->last == job) from->last = previous;
    job->next = NULL;
    job->is_queued = false;
}

void compilers_forget(struct compilers *c, struct compile_job *job)
{
    must(job->owner != NULL); /* C2 */
    job->owner = NULL;
    mutex_lock(c->mutex);
    const bool was_queued = job->is_queued;
    if (was_queued) unlink_job(class_of(c, job->entry->text.size), job);
    mutex_unlock(c->mutex);
    if (was_queued) compile_job_free(c, job); /* Else it comes back. */
}

void compile_job_free(struct compilers *c, struct compile_job *job)
{
    must(!job->is_queued);
    must(c->job_count > 0);
    c->job_count--;
    c->text_bytes -= job->entry->text.size;
    compiled_unref(job->entry);
    mem_free(c->mem, job);
}

/* --- a thread --------------------------------------------------------------------------------- */

static struct compile_job *take(struct compiler *from)
{
    struct compilers *c = from->compilers;
    mutex_lock(c->mutex);
    while (from->first == NULL && !c->is_closing)
        cond_wait(from->wanted, c->mutex);
    struct compile_job *job = from->first;
    if (job != NULL) unlink_job(from, job);
    mutex_unlock(c->mutex);
    return job;
}

static void run(void *context)
{
    struct compiler *own = context;
    struct compile_job *job = NULL;
    while ((job = take(own)) != NULL) {
        if (job->is_split)
            job->status = sql_split(&job->entry->arena, job->entry->text, &job->texts,
                                    &job->text_count, &job->diag);
        else
            job->status = compiled_make(job->entry, &job->diag);
        must(queue_push(own->compilers->outbox, job) == ST_OK); /* It holds all that may come. */
    }
}
