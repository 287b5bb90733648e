/* wire.h - What a client may say in the PostgreSQL protocol, version 3: pure decoder.
 *
 *   first packets      u32 size, u32 code, rest         no type byte; size counts itself
 *   messages           u8 type, u32 size, body          size counts itself, not the type
 *   integers           big-endian
 *   string             bytes, 0
 *
 *   code 196608 + m    StartupMessage 3.m: (string name, string value)*, 0
 *   code 80877102      CancelRequest: u32 process, u32 secret
 *   code 80877103      SSLRequest
 *   code 80877104      GSSENCRequest
 *
 *   Q Query            string text
 *   P Parse            string name, string text, u16 n, n × u32 type
 *   B Bind             string portal, string statement, u16 n, n × u16 format,
 *                      u16 n, n × (i32 size or −1 for null, bytes), u16 n, n × u16 format
 *   D Describe         u8 'S' or 'P', string name
 *   C Close            u8 'S' or 'P', string name
 *   E Execute          string portal, u32 rows at most, 0: all
 *   H Flush, S Sync, X Terminate, c CopyDone           empty
 *   p password         bytes: SASLInitialResponse or SASLResponse, as the exchange demands
 *   d CopyData         bytes
 *   f CopyFail         string reason
 *   F FunctionCall     bytes (never looked into)
 *
 * Nothing is allocated; spans are borrowed from the input. Every message is checked whole, to its
 * last byte, before it is given out. Pure; thread-safe. */
#ifndef TRUSTSQL_PG_WIRE_H
#define TRUSTSQL_PG_WIRE_H

#include <stdbool.h>

#include "base/span.h"
#include "base/status.h"

#define WIRE_STARTUP_MAX 10000u /* Bytes of a first packet, as in PostgreSQL. */
#define WIRE_EARLY_MAX   4096u  /* Bytes of a message before authentication. */
#define WIRE_MESSAGE_MAX                                                                           \
    (17u << 20)               /* Bytes of a message: a transaction of 16 MiB and its frame. */
#define WIRE_HEAD_SIZE     5u /* Type and size. */
#define WIRE_FORMAT_TEXT   0u
#define WIRE_FORMAT_BINARY 1u

enum wire_first_kind { WIRE_STARTUP, WIRE_CANCEL, WIRE_SSL, WIRE_GSS };

struct wire_first {
    enum wire_first_kind kind;
    uint16_t major; /* WIRE_STARTUP: any; parameters only when it is 3. */
    uint16_t minor;
    struct span parameters; /* For wire_next_parameter. */
    uint32_t process;       /* WIRE_CANCEL. */
    uint32_t secret;
};

enum wire_kind {
    WIRE_BIND = 'B',
    WIRE_CLOSE = 'C',
    WIRE_DESCRIBE = 'D',
    WIRE_EXECUTE = 'E',
    WIRE_FUNCTION = 'F',
    WIRE_FLUSH = 'H',
    WIRE_PARSE = 'P',
    WIRE_QUERY = 'Q',
    WIRE_SYNC = 'S',
    WIRE_TERMINATE = 'X',
    WIRE_COPY_DONE = 'c',
    WIRE_COPY_DATA = 'd',
    WIRE_COPY_FAIL = 'f',
    WIRE_PASSWORD = 'p'
};

struct wire_formats { /* As sent: none (all text), one for all, or one each. */
    struct span codes;
    uint16_t count;
};

struct wire_message {
    enum wire_kind kind;
    bool is_portal;     /* Describe, Close: a portal, else a statement. */
    struct span name;   /* Parse, Describe, Close, Execute; Bind: the statement. */
    struct span portal; /* Bind. */
    struct span text;   /* Query, Parse; CopyFail; password: the body. */
    struct span types;  /* Parse: for wire_type. */
    uint16_t type_count;
    struct wire_formats formats; /* Bind: of the values. */
    struct span values;          /* Bind: for wire_next_value. */
    uint16_t value_count;
    struct wire_formats result_formats; /* Bind. */
    uint32_t row_max;                   /* Execute; 0: all. */
};

/* Size of the first packet or message that bytes begin with. ST_TRUNCATED: not known yet;
 * ST_INVALID: no such type, or smaller than it can be; ST_LIMIT: more than size_max. */
NODISCARD enum status wire_first_size(struct span bytes, size_t *size);
NODISCARD enum status wire_message_size(struct span bytes, size_t size_max, size_t *size);

/* bytes: exactly one packet or message. ST_INVALID: malformed. */
NODISCARD enum status wire_first_decode(struct wire_first *out, struct span bytes);
NODISCARD enum status wire_message_decode(struct wire_message *out, struct span bytes);

/* Take the next pair from first.parameters; false at the end. */
bool wire_next_parameter(struct span *at, struct span *name, struct span *value);

/* Declared type (OID) of parameter index < type_count. */
uint32_t wire_type(const struct wire_message *m, uint16_t index);

/* Take the next value from message.values; a null one has *is_null. Call value_count times. */
void wire_next_value(struct span *at, struct span *value, bool *is_null);

/* Format of item index: WIRE_FORMAT_TEXT or WIRE_FORMAT_BINARY. */
uint16_t wire_format(const struct wire_formats *f, uint16_t index);

/* Body of the first 'p' message of an exchange: string mechanism, i32 size or −1, bytes. */
NODISCARD enum status wire_sasl_initial(struct span body,
                                        struct span *mechanism,
                                        struct span *data);

#endif
