/* alarm.h - What an operator must hear of, sent to the address of [alarm] webhook.
 *
 * One thread with a bounded queue: nobody waits for the network. Each alarm is one POST of JSON:
 * {"chain":"…","node":"…","time_ms":…,"text":"…"}. What cannot be delivered is tried ALARM_TRIES
 * times and then left to the log, which has it anyhow. */
#ifndef TRUSTSQL_NODE_ALARM_H
#define TRUSTSQL_NODE_ALARM_H

#include "crypto/hash.h"
#include "crypto/sign.h"
#include "os/os.h"

#define ALARM_QUEUE_MAX  64u
#define ALARM_TRIES      3u
#define ALARM_TIMEOUT_MS 5000u

struct alarm;

struct alarm_config {
    struct os *os;
    struct mem *mem;
    const char *url; /* Outlives it. */
    struct hash chain_id;
    struct public_key node;
    void (*warn)(const char *text); /* That it does not arrive. May be null. */
};

NODISCARD enum status alarm_new(struct alarm **out, const struct alarm_config *config);
void alarm_free(struct alarm *a); /* Sends what waits, once. Null allowed. */
/* Any thread. Null allowed. */
void alarm_raise_text(struct alarm *a, const char *text);

#endif
