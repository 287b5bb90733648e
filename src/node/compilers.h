/* compilers.h - Threads that compile statements for the doors, so that a long one holds nobody up.
 *
 * Which statements come here, and which are compiled on the doors' loop, is said in compiling.c. A
 * job is one statement, or the splitting of a query string. Each class of sizes has a queue and a
 * thread of its own: short texts never wait behind long ones.
 *
 * A job belongs to compilers until it is back on the outbox (FLOW_COMPILED); then it is freed with
 * compile_job_free. Who does not want it any more forgets it, and has nothing to do with it after
 * that. All functions are of the doors' loop.
 *
 * Invariants
 *   C1  A queued job is in exactly one queue; a running one in none; both under the mutex.
 *   C2  owner is of the doors' loop alone, null when the job was forgotten.
 *   C3  job_count counts jobs submitted and not yet freed; text_bytes their texts. */
#ifndef TRUSTSQL_NODE_COMPILERS_H
#define TRUSTSQL_NODE_COMPILERS_H

#include "node/compiled.h"
#include "node/flow.h"
#include "node/queue.h"

#define COMPILERS_JOBS_MAX 1024u
#define COMPILERS_TEXT_MAX (128u << 20) /* Bytes of texts of all jobs. */

struct compile_job {
    struct flow flow; /* FLOW_COMPILED */
    struct compile_job *next;
    void *owner; /* C2 */
    bool is_split;
    bool is_queued;         /* C1 */
    struct compiled *entry; /* The statement; is_split: the query string. */
    struct sql_text *texts; /* is_split: in the memory of entry. */
    uint32_t text_count;
    enum status status;
    struct diag diag;
};

struct compilers;

NODISCARD enum status compilers_new(struct compilers **out, struct mem *mem, struct queue *outbox);
/* No job may be owned any more. Waits for those that run. Null allowed. */
void compilers_free(struct compilers *c);

/* ST_BUSY: too many wait. */
NODISCARD enum status compilers_submit(struct compilers *c,
                                       struct compile_job **out,
                                       const struct compiled_request *request,
                                       bool is_split,
                                       void *owner);

/* Nobody wants it any more. */
void compilers_forget(struct compilers *c, struct compile_job *job);

/* One that came back. */
void compile_job_free(struct compilers *c, struct compile_job *job);

/* No job is under way. */
bool compilers_are_idle(const struct compilers *c);

#endif
