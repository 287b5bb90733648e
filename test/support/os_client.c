/* os_client.c - See os_client.h. */
#include "os_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int os_client_connect(uint16_t port, int receive_bytes)
{
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0) return -1;
    struct timeval limit = {.tv_sec = OS_CLIENT_SECONDS};
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (receive_bytes > 0) {
        (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    }
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return descriptor;
    (void)close(descriptor);
    return -1;
}

bool os_client_send(int descriptor, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t n = send(descriptor, at, size, MSG_NOSIGNAL);
        if (n <= 0) return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool os_client_receive(int descriptor, void *to, size_t size)
{
    uint8_t *at = to;
    while (size > 0) {
        size_t n = os_client_receive_some(descriptor, at, size);
        if (n == 0) return false;
        at += n;
        size -= n;
    }
    return true;
}

size_t os_client_receive_some(int descriptor, void *to, size_t size)
{
    ssize_t n = recv(descriptor, to, size, 0);
    return n > 0 ? (size_t)n : 0;
}

bool os_client_at_end(int descriptor)
{
    uint8_t byte;
    return recv(descriptor, &byte, 1, 0) == 0;
}

void os_client_end(int descriptor)
{
    (void)shutdown(descriptor, SHUT_WR);
}

void os_client_reset(int descriptor)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(descriptor);
}

void os_client_close(int descriptor)
{
    (void)close(descriptor);
}
