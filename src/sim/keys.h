/* keys.h - Keys of the simulated nodes and clients, and the signer that all of them share.
 *
 * The cheap signer is a keyed hash: a signature is a hash of the public key and what is signed.
 * Nobody in the simulation can make one but through sign_hash with the secret key, so it is as good
 * as a signature there, and costs a hundredth. */
#ifndef TRUSTSQL_SIM_KEYS_H
#define TRUSTSQL_SIM_KEYS_H

#include "crypto/sign.h"

/* is_real: Ed25519 and secp256k1 as a node uses them. */
struct signer *keys_signer(bool is_real);

enum keys_role { KEYS_NODE = 1, KEYS_CLIENT = 2 };

/* Key number of a role; the same for all runs. */
struct secret_key keys_secret(const struct signer *s, enum keys_role role, uint32_t number);

#endif
