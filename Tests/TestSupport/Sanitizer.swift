import Glibc

/// Address or Thread Sanitizer, as `make sanitize` builds the tests with.
public enum Sanitizer {
  /// Whether the program has one in it. Then it takes so many addresses that limits on them cannot be tested.
  public static let isLinked = ["__asan_init", "__tsan_init"].contains { dlsym(nil, $0) != nil }
}
