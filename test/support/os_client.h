/* os_client.h - A plain blocking TCP client for tests of what listens: the other side of loop.h,
 * made of sockets alone so that it shares no code with the subject.
 *
 * Every wait ends after OS_CLIENT_SECONDS, with failure. For any thread: reports, does not assert.
 */
#ifndef TRUSTSQL_TEST_SUPPORT_OS_CLIENT_H
#define TRUSTSQL_TEST_SUPPORT_OS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OS_CLIENT_SECONDS 20

/* A descriptor connected to 127.0.0.1:port; -1: it could not. receive_bytes: size of the kernel's
 * buffer, small to let the other side feel back-pressure soon; 0: as usual. */
int os_client_connect(uint16_t port, int receive_bytes);
bool os_client_send(int descriptor, const void *bytes, size_t size);
bool os_client_receive(int descriptor, void *to, size_t size);        /* Exactly size. */
size_t os_client_receive_some(int descriptor, void *to, size_t size); /* 0: end or failure. */
bool os_client_at_end(int descriptor); /* Wait for the other side's orderly end of stream. */
void os_client_end(int descriptor);    /* Our end of stream; may still receive. */
void os_client_reset(int descriptor);  /* Close by a reset. */
void os_client_close(int descriptor);

#endif
