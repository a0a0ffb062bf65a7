// libcurl is loaded when something is fetched: whatever fetches nothing starts without its thirty libraries, and works
// where it is not installed. Its options are set by a variadic function, which Swift cannot call.
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct {
  CURLcode (*global_init)(long flags);
  CURL *(*easy_init)(void);
  void (*easy_reset)(CURL *handle);
  CURLcode (*easy_perform)(CURL *handle);
  void (*easy_cleanup)(CURL *handle);
  const char *(*easy_strerror)(CURLcode code);
  struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
  void (*slist_free_all)(struct curl_slist *list);
  void *easy_setopt;
} curl_functions;

/// Finds libcurl's functions; where it cannot, `reason` says why.
static inline bool curl_load(curl_functions *curl, char *reason, size_t size) {
  // The first name's reason counts: where both are missing, they say the same.
  void *library = dlopen("libcurl.so.4", RTLD_NOW);
  if (!library) {
    snprintf(reason, size, "%s", dlerror());
    library = dlopen("libcurl-gnutls.so.4", RTLD_NOW);
    if (!library) return false;
  }
#define FIND(name) (*(void **)&curl->name = dlsym(library, "curl_" #name))
  if (FIND(global_init) && FIND(easy_init) && FIND(easy_reset) && FIND(easy_perform) && FIND(easy_cleanup) &&
      FIND(easy_strerror) && FIND(slist_append) && FIND(slist_free_all) && FIND(easy_setopt))
    return true;
#undef FIND
  const char *error = dlerror();
  snprintf(reason, size, "%s", error ? error : "a function is missing");
  return false;
}

typedef CURLcode (*curl_setter)(CURL *handle, CURLoption option, ...);

static inline CURLcode curl_set_number(const curl_functions *curl, CURL *handle, CURLoption option, long value) {
  return ((curl_setter)curl->easy_setopt)(handle, option, value);
}

static inline CURLcode curl_set_text(const curl_functions *curl, CURL *handle, CURLoption option, const char *value) {
  return ((curl_setter)curl->easy_setopt)(handle, option, value);
}

static inline CURLcode curl_set_pointer(const curl_functions *curl, CURL *handle, CURLoption option, void *value) {
  return ((curl_setter)curl->easy_setopt)(handle, option, value);
}

/// Allows HTTP and HTTPS, and nothing that a redirect might name besides.
static inline CURLcode curl_set_protocols(const curl_functions *curl, CURL *handle) {
  curl_setter set = (curl_setter)curl->easy_setopt;
  CURLcode code = CURLE_UNKNOWN_OPTION;
#if LIBCURL_VERSION_NUM >= 0x075500
  code = set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
  // What is loaded may be older than 7.85, which brought the names.
  if (code != CURLE_UNKNOWN_OPTION) return code;
  return set(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
}

typedef size_t (*curl_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode curl_set_receiver(
    const curl_functions *curl, CURL *handle, CURLoption option, curl_receiver value) {
  return ((curl_setter)curl->easy_setopt)(handle, option, value);
}
