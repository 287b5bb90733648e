/* credulous.c - The program with one fault: it believes every signature of a client.
 *
 * Linked with --wrap=tx_verify_cached (Makefile), so that nothing else differs: a node that runs it
 * takes a forged transaction, hands it to its peers, and as a leader puts it into a block. For
 * test_forged.py. */
#include "ledger/tx.h"

/* The name is the linker's.
 * NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
enum status __wrap_tx_verify_cached(const struct tx *t,
                                    const struct signer *signer,
                                    struct key_cache *cache);

enum status __wrap_tx_verify_cached(const struct tx *t,
                                    const struct signer *signer,
                                    struct key_cache *cache)
{
    (void)t;
    (void)signer;
    (void)cache;
    return ST_OK;
}
