/* backup_common.h - What `trustsql backup` and `trustsql restore` share. */
#ifndef TRUSTSQL_CMD_BACKUP_COMMON_H
#define TRUSTSQL_CMD_BACKUP_COMMON_H

#include "cmd/cmd.h"
#include "node/backup.h"

struct backup_progress {
    struct os *os;
    uint64_t shown_ns;
    bool is_shown;
};

/* For struct backup_config. */
void backup_on_progress(void *context, uint64_t height);
void backup_end_progress(const struct backup_progress *p);

/* From the file, TRUSTSQL_PASSPHRASE or the terminal, in this order. False: complained. Wipe out,
 * of PASSPHRASE_MAX bytes, after use. */
bool backup_passphrase(const struct command *self, const char *file, char *out);

/* {"file":…,"chain_id":…,"height":…,…, more}: more is put before the end, or null. */
void backup_put_json(struct buf *out,
                     const char *file,
                     const struct backup_report *r,
                     const char *more);

/* The exit code of a backup or restore that failed. */
int backup_exit_code(enum status st);

#endif
