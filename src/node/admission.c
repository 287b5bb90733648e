/* I1 a place is used only with account and key that were together in the chain's accounts. */
#include "node/admission.h"

#include "base/endian.h"
#include "base/must.h"

#define ADMISSION_PLACES 4096u

struct known { /* I1 */
    bool is_used;
    struct account_id account;
    struct public_key key;
};

struct admission {
    struct mem *mem;
    struct db *db;
    sqlite3 *reader;
    struct known places[ADMISSION_PLACES]; /* Direct-mapped by address. */
};

enum status admission_new(struct admission **out, struct mem *mem, struct exec *exec)
{
    struct admission *a = mem_alloc_zero(mem, 1, sizeof *a);
    if (a == NULL) return ST_NO_MEMORY;
    a->mem = mem;
    a->db = exec_db(exec);
    enum status st = db_reader_open(a->db, &a->reader);
    if (st != ST_OK) {
        mem_free(mem, a);
        return st;
    }
    *out = a;
    return ST_OK;
}

void admission_free(struct admission *a)
{
    if (a == NULL) return;
    db_reader_close(a->db, a->reader);
    mem_free(a->mem, a);
}

static void refuse(const struct tx *tx, bool is_known, struct diag *d)
{
    char text[ACCOUNT_TEXT_MAX];
    account_id_text(text, &tx->account);
    if (is_known)
        diag_set(d, "28000", "the signing key is not the key of account %s", text);
    else
        diag_set(d, "28000", "account %s does not exist", text);
    diag_hint(d,
              "An administrator makes accounts: CALL trustsql.create_account(name, public key).");
}

enum status admission_check(struct admission *a, const struct tx *tx, struct diag *d)
{
    must(tx->signer_count > 0);
    struct known *place = &a->places[get_u32_le(tx->account.bytes) % ADMISSION_PLACES];
    bool is_remembered = place->is_used && account_id_equal(&place->account, &tx->account) &&
                         public_key_equal(&place->key, &tx->signers[0]);
    if (is_remembered) return ST_OK;
    struct exec_account account;
    enum status st = db_view(a->db, a->reader, 0);
    if (st == ST_OK) st = exec_account_by_address(a->reader, &tx->account, &account);
    if (st != ST_OK && st != ST_NOT_FOUND) return ST_OK;
    bool is_known = st == ST_OK;
    if (is_known && public_key_equal(&account.key, &tx->signers[0])) {
        *place = (struct known){.is_used = true, .account = tx->account, .key = tx->signers[0]};
        return ST_OK;
    }
    refuse(tx, is_known, d);
    return ST_DENIED;
}
