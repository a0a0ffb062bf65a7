import Dispatch
import OrderedCollections

/// Where the time of a run goes, by kind of work.
///
/// Spans may be nested; time counts for the innermost. Used by one thread.
///
///     let profile = Profile()
///     let tape = Tape(backend, profile: profile)
///     …
///     for (name, entry) in profile.entries { print(name, entry.seconds) }
public final class Profile {
  /// The time of one kind of work.
  public struct Entry: Sendable, Equatable {
    public var calls = 0
    public var seconds = 0.0
    /// Floating-point operations, where they are counted: those of products.
    public var operations = 0.0
  }

  /// Work of another thread, such as communication, that overlaps with the spans.
  public struct Overlap: Sendable, Equatable {
    /// Wall-clock time in which some of it was under way.
    public var seconds = 0.0
    /// CPU time of its thread.
    public var cpuSeconds = 0.0

    public init(seconds: Double = 0, cpuSeconds: Double = 0) {
      (self.seconds, self.cpuSeconds) = (seconds, cpuSeconds)
    }

    public static func + (first: Overlap, second: Overlap) -> Overlap {
      Overlap(seconds: first.seconds + second.seconds, cpuSeconds: first.cpuSeconds + second.cpuSeconds)
    }

    public static func - (first: Overlap, second: Overlap) -> Overlap {
      Overlap(seconds: first.seconds - second.seconds, cpuSeconds: first.cpuSeconds - second.cpuSeconds)
    }
  }

  public private(set) var entries: OrderedDictionary<String, Entry> = [:]
  /// The matrix products of linear layers, each with its count and its time on all threads.
  public private(set) var products: OrderedDictionary<MatrixProduct, Entry> = [:]

  /// What overlapped with the spans, by kind of work.
  public private(set) var overlapped: OrderedDictionary<String, Overlap> = [:]

  public private(set) var steps = 0
  public private(set) var tokens = 0
  /// How many tokens there would be if every sequence were padded to the longest of its batch.
  public private(set) var paddedTokens = 0
  /// What updates of weights have read and written.
  public private(set) var updatedBytes = 0

  private struct Span {
    let name: String
    let start: UInt64
    /// What spans inside of it took.
    var inner: UInt64 = 0
  }

  private var open: [Span] = []

  public init() {}

  /// The name of the innermost span.
  public var current: String? { open.last?.name }

  public func begin(_ name: String) {
    open.append(Span(name: name, start: DispatchTime.now().uptimeNanoseconds))
  }

  /// Ends the innermost span.
  ///
  /// - Parameter operations: How many floating-point operations it took.
  @discardableResult
  public func end(operations: Double = 0) -> Double {
    guard let span = open.popLast() else { return 0 }
    let elapsed = DispatchTime.now().uptimeNanoseconds - span.start
    if !open.isEmpty { open[open.count - 1].inner += elapsed }
    let seconds = Double(elapsed - min(elapsed, span.inner)) * 1e-9
    entries[span.name, default: Entry()].add(seconds, operations)
    return seconds
  }

  /// Counts a training step.
  ///
  /// - Parameters:
  ///   - batches: What was trained on.
  ///   - updatedBytes: What the update of the weights has read and written.
  public func count(_ batches: [Batch], updatedBytes: Int) {
    steps += 1
    for batch in batches {
      let lengths = zip(batch.offsets, batch.offsets.dropFirst()).map { $1 - $0 }
      tokens += batch.tokenCount
      paddedTokens += lengths.count * (lengths.max() ?? 0)
    }
    self.updatedBytes += updatedBytes
  }

  /// Counts what overlapped with the spans.
  public func count(_ overlap: Overlap, _ name: String) {
    overlapped[name, default: Overlap()] = overlapped[name, default: Overlap()] + overlap
  }

  func count(_ product: MatrixProduct, seconds: Double) {
    products[product, default: Entry()].add(seconds, product.operations)
  }
}

extension Profile.Entry {
  fileprivate mutating func add(_ seconds: Double, _ operations: Double) {
    calls += 1
    self.seconds += seconds
    self.operations += operations
  }
}

extension Optional where Wrapped == Profile {
  /// Runs `body` as a span, when there is a profile.
  ///
  /// - Parameters:
  ///   - name: The kind of work.
  ///   - operations: How many floating-point operations it takes.
  public func measure<Result>(
    _ name: String, operations: Double = 0, _ body: () throws -> Result
  ) rethrows -> Result {
    self?.begin(name)
    defer { self?.end(operations: operations) }
    return try body()
  }
}
