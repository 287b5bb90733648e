/* doctor_int.h - The parts of `trustsql doctor`: whom it examines, and what it finds. */
#ifndef TRUSTSQL_CMD_DOCTOR_INT_H
#define TRUSTSQL_CMD_DOCTOR_INT_H

#include "cmd/link.h"

#define DOCTOR_FINDINGS_MAX    128u
#define DOCTOR_TEXT_SIZE       400u
#define DOCTOR_FREE_LOW        (UINT64_C(1) << 30) /* Bytes. */
#define DOCTOR_CLOCK_MS_MAX    500                 /* Blocks are refused beyond it. */
#define DOCTOR_WAITING_MS_MAX  5000u
#define DOCTOR_LAG_MAX         64u
#define DOCTOR_BACKUP_DAYS_MAX 30u

struct finding {
    char node[GENESIS_NAME_MAX + 1];
    char what[DOCTOR_TEXT_SIZE];
    char todo[DOCTOR_TEXT_SIZE]; /* "": nothing can be done about it here. */
};

struct patient { /* One node. */
    char name[GENESIS_NAME_MAX + 1];
    char dir[OS_PATH_MAX];        /* "": elsewhere. */
    char start[OS_PATH_MAX + 64]; /* The command that starts it. */
    uint16_t pg_port;
    int64_t pid;       /* 0: no process, or unknown. */
    bool is_dead;      /* No process runs: known from its directory. */
    bool is_reachable; /* Answered over SQL; the rest is what it said. */
    bool is_silent;    /* Has stopped to answer. */
    PGconn *link;
    uint64_t free_bytes; /* On its disk; 0: unknown. */
    uint64_t height;
    uint64_t view;
    uint64_t leader;
    char leader_name[GENESIS_NAME_MAX + 1];
    uint64_t clock_ms; /* Largest difference to the clock of another node. */
    uint64_t lag;
    uint64_t final_height;
    uint64_t certified_height;
    uint64_t validators;
    uint64_t faults;
    uint64_t quorum;
    uint64_t connected;
    uint64_t epoch;
    char mode[16];
    char mode_decided[64]; /* What comes instead, and when; "": nothing. */
    char mode_return[200]; /* Why it is not FAST, and what the return waits for; "": it is. */
    char digest[80]; /* At the height at which all are compared; at its own when it is alone. */
};

struct doctor {
    const struct command *self;
    struct os *os;
    uint32_t patient_count;
    struct patient patients[LAYOUT_NODES_MAX];
    uint64_t compared_height; /* Executed by all that answered. */
    bool has_compared_programs;
    uint32_t finding_count;
    struct finding findings[DOCTOR_FINDINGS_MAX];
};

/* Note a problem of a node, once; todo[0] == 0: no advice. */
void doctor_find(struct doctor *d, const char *node, const char *todo, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* doctor_files.c: the directory, the disk, the process, the log. Sets name, pid and is_dead. */
void doctor_look_at_files(struct doctor *d, struct patient *p);
void doctor_look_at_process(struct doctor *d, struct patient *p); /* A part of it. */

/* doctor_sql.c: what a node that answers says of itself and of the others. */
void doctor_ask(struct doctor *d, struct patient *p);
/* Compare those that answered. */
void doctor_compare(struct doctor *d);

#endif
