// libcurl is loaded when something is fetched: whatever fetches nothing starts without its thirty libraries, and works
// where it is not installed. Its options are set by a variadic function, which Swift cannot call.
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdbool.h>

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

/// Finds libcurl's functions; false where it is not installed.
static inline bool curl_load(curl_functions *curl) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW);
  if (!library) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW);
  if (!library) return false;
#define FIND(name) (*(void **)&curl->name = dlsym(library, "curl_" #name))
  return FIND(global_init) && FIND(easy_init) && FIND(easy_reset) && FIND(easy_perform) && FIND(easy_cleanup) &&
         FIND(easy_strerror) && FIND(slist_append) && FIND(slist_free_all) && FIND(easy_setopt);
#undef FIND
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

typedef size_t (*curl_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode curl_set_receiver(
    const curl_functions *curl, CURL *handle, CURLoption option, curl_receiver value) {
  return ((curl_setter)curl->easy_setopt)(handle, option, value);
}
