import Glibc

/// Address or Thread Sanitizer, as `make sanitize` builds the tests with.
public enum Sanitizer {
  /// Whether the program has one in it. Then it takes so many addresses that limits on them cannot be tested.
  public static let isLinked = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
}
