/* expect.c - The end of an interactive transaction: its results must be what its client has seen.
 *
 * The client saw results that a private copy of one height gave (desk.c). The transaction says
 * their hash in its last operation; when the operations give anything else here, because of what
 * was executed in between, it fails with 40001 and changes nothing. That makes it serializable: it
 * has the results that it would have had if it had run at this place, alone. */
#include "exec/exec_int.h"

#include "base/must.h"
#include "codec/cbor.h"

static void could_not_serialize(struct job *j)
{
    diag_set(&j->diag, "40001", "could not serialize access due to concurrent changes");
    diag_hint(&j->diag, "The transaction might succeed if retried.");
}

bool expect_is_operation(const struct tx_op *op, uint32_t exec_version)
{
    return exec_version >= EXEC_EXPECT_SINCE && op->kind == TX_OP_MODULE &&
           span_equal(op->text, span_text(EXEC_EXPECT));
}

bool expect_is_made(const struct job *j)
{
    must(j->tx->op_count > 0);
    return expect_is_operation(&j->tx->ops[j->tx->op_count - 1], j->block->header->exec_version);
}

enum status expect_check(struct job *j, const struct tx_op *op)
{
    struct hash expected;
    bool is_formed = op->param_count == 1 && op->auth_count == 0 && j->op + 1 == j->tx->op_count &&
                     op->params[0].type == (uint32_t)SQL_BYTEA;
    if (is_formed) {
        struct cbor in = cbor_of(op->params[0].value);
        cbor_get_fixed(&in, expected.bytes, HASH_SIZE);
        is_formed = cbor_end(&in) == ST_OK;
    }
    if (!is_formed) {
        diag_set(&j->diag, "22023", "\"%s\" is the last operation and takes one hash", EXEC_EXPECT);
        return ST_REJECTED;
    }
    const struct hash found = op_results_hash(j->ops, j->op);
    if (hash_equal(&found, &expected)) {
        j->ops[j->op] = (struct op_result){0};
        if (j->out != NULL) j->rows[j->op] = (struct exec_rows){.tag = "COMMIT"};
        return ST_OK;
    }
    could_not_serialize(j);
    diag_detail(&j->diag, "What the transaction has read or changed was changed in between.");
    return ST_REJECTED;
}

void expect_explain(struct job *j)
{
    const struct diag found = j->diag;
    if (memcmp(found.sqlstate, "40001", 5) == 0) return; /* It is explained. */
    if (expect_is_operation(&j->tx->ops[j->op], j->block->header->exec_version)) return;
    could_not_serialize(j);
    diag_detail(&j->diag, "Statement %u fails now: %s (%s)", j->op + 1, found.message,
                found.sqlstate);
}
