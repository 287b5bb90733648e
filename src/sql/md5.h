/* md5.h - MD5 (RFC 1321), for PostgreSQL's function md5() only: it protects nothing. Pure. */
#ifndef TRUSTSQL_SQL_MD5_H
#define TRUSTSQL_SQL_MD5_H

#include "base/span.h"

#define MD5_SIZE 16u

void md5_of(uint8_t out[MD5_SIZE], struct span bytes);

#endif
