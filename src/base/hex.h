/* hex.h - Bytes as lower-case hexadecimal text. Pure. */
#ifndef TRUSTSQL_BASE_HEX_H
#define TRUSTSQL_BASE_HEX_H

#include "base/span.h"
#include "base/status.h"

/* 2 × bytes.size characters and a terminating 0 into out. */
void hex_encode(char *out, struct span bytes);

/* Exactly size bytes from 2 × size digits of either case; ST_INVALID otherwise. */
NODISCARD enum status hex_decode(uint8_t *out, size_t size, struct span text);

#endif
