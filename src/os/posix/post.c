/* post.c - http_post with libcurl: see os/post.h. */
#include "os/post.h"

#include <curl/curl.h>
#include <stdio.h>

#define CONNECT_MS 5000L

/* The answer says nothing that matters. */
static size_t ignore(void *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static enum status run(CURL *curl, char *why)
{
    char error[CURL_ERROR_SIZE] = "";
    long code = 0;
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    const CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK) {
        const char *text = error[0] != 0 ? error : curl_easy_strerror(result);
        (void)snprintf(why, POST_WHY_MAX, "%.*s", (int)POST_WHY_MAX - 1, text);
        return result == CURLE_OUT_OF_MEMORY ? ST_NO_MEMORY : ST_UNREACHABLE;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    if (code >= 200 && code < 300) return ST_OK;
    (void)snprintf(why, POST_WHY_MAX, "the answer was %ld", code);
    return ST_REJECTED;
}

enum status http_post(const char *url, struct span body, uint32_t timeout_ms, char *why)
{
    why[0] = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    enum status st = curl == NULL || headers == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) {
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
        (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
        st = run(curl, why);
    }
    curl_slist_free_all(headers);
    if (curl != NULL) curl_easy_cleanup(curl);
    return st;
}
