/* credulous.c - The program with one fault: it believes every signature of a client.
 *
 * The linker puts this function in the place of tx_verify_cached (Makefile), so that nothing else
 * differs: a node that runs it takes a forged transaction, hands it to its peers, and as a leader
 * puts it into a block. For test_forged.py. */
#include "ledger/tx.h"

enum status credulous_verify(const struct tx *t,
                             const struct signer *signer,
                             struct key_cache *cache);

enum status credulous_verify(const struct tx *t,
                             const struct signer *signer,
                             struct key_cache *cache)
{
    (void)t;
    (void)signer;
    (void)cache;
    return ST_OK;
}
