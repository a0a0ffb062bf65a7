import Foundation

/// How often, and after which delays, a request is repeated after a temporary failure.
public struct RetryPolicy: Sendable {
  /// How many failures in a row are retried.
  public var retries: Int
  /// Seconds before the first retry; each further one waits twice as long.
  public var firstDelay: Double
  /// The most seconds that a server may ask to wait.
  public var longestDelay: Double

  public init(retries: Int = 5, firstDelay: Double = 0.5, longestDelay: Double = 120) {
    self.retries = retries
    self.firstDelay = firstDelay
    self.longestDelay = longestDelay
  }
}

/// The failures in a row so far.
struct Attempts {
  private let retryPolicy: RetryPolicy
  private var failures = 0

  init(_ retryPolicy: RetryPolicy) { self.retryPolicy = retryPolicy }

  /// Waits as long as is polite.
  ///
  /// - Parameter response: What the server said; its `Retry-After` is heeded.
  /// - Returns: Whether to try again.
  mutating func wait(_ response: HTTPResponse? = nil) -> Bool {
    guard failures < retryPolicy.retries else { return false }
    // A little apart from others that failed at the same moment.
    let delay = retryPolicy.firstDelay * Double(1 << min(failures, 10)) * Double.random(in: 0.75...1.25)
    let asked = response?.headers["retry-after"].flatMap { Double($0) } ?? 0
    guard asked <= retryPolicy.longestDelay else { return false }
    failures += 1
    Thread.sleep(forTimeInterval: min(max(delay, asked), retryPolicy.longestDelay))
    return true
  }

  /// Something went forward: failures before it do not count.
  mutating func succeed() { failures = 0 }
}

extension HTTPResponse {
  /// Whether the same request may succeed later.
  var isTemporaryFailure: Bool { [408, 429, 500, 502, 503, 504].contains(status) }
}
