import GraftCompute
import OrderedCollections

/// Where the time of training steps went, compared with what the machine can do.
public struct TrainingProfile: Sendable {
  /// One kind of work.
  public struct Row: Sendable {
    public let name: String
    public let calls: Int
    public let seconds: Double
    /// Of the time of all steps.
    public let share: Double
    /// Floating-point operations per second, where they are counted.
    public let rate: Double?
  }

  /// The matrix products of linear layers together, with what is done to a product's tile while it is in the
  /// cache: bias, activation, rounding, the sum of squares.
  public struct Products: Sendable {
    public let seconds: Double
    public let share: Double
    /// Floating-point operations per second.
    public let rate: Double
    /// What a product of each layer's extents and a middling number of tokens reaches when it is repeated with
    /// nothing in between and nothing done to its tiles.
    public let rateAlone: Double
  }

  /// The update of the weights.
  public struct Update: Sendable {
    public let seconds: Double
    /// Bytes read and written per second.
    public let bandwidth: Double
    /// What copying memory reaches.
    public let copyBandwidth: Double
  }

  /// What ranks exchange, in seconds of all steps.
  public struct Exchange: Sendable {
    /// In which nothing else was done: the work whose names begin with `ranks:`.
    public let waiting: Double
    /// The communication that overlaps with the backward pass.
    public let hidden: Double
    /// By how much it slows that pass down: the CPU time of the thread that communicates, shared by all threads.
    public let slowdown: Double
    /// What a step would take less without other ranks, but for what is not counted: the CPU time of threads that the
    /// transport has of its own, and of the kernel for what arrives.
    public var exposed: Double { waiting + slowdown }
  }

  public let steps: Int
  public let seconds: Double
  public let tokens: Int
  /// How many there would be if every text were padded to the longest of its batch.
  public let paddedTokens: Int
  /// Longest first.
  public let rows: [Row]
  public let products: Products
  public let update: Update?
  public let exchange: Exchange?
  /// What the backend reaches at best, in floating-point operations per second.
  public let peak: Double

  /// Measures for about two seconds what the machine can do.
  ///
  /// - Parameters:
  ///   - profile: Of the steps.
  ///   - backend: What they ran on.
  public init(_ profile: Profile, on backend: any ComputeBackend) {
    let total = profile.entries.values.reduce(0) { $0 + $1.seconds }
    func share(_ seconds: Double) -> Double { total > 0 ? seconds / total : 0 }
    steps = profile.steps
    seconds = total
    tokens = profile.tokens
    paddedTokens = profile.paddedTokens
    rows = profile.entries.map { name, entry in
      Row(
        name: name, calls: entry.calls, seconds: entry.seconds, share: share(entry.seconds),
        rate: entry.operations > 0 ? entry.operations / entry.seconds : nil)
    }.sorted { $0.seconds > $1.seconds }

    let kinds = Dictionary(grouping: profile.products, by: { Kind($0.key) })
    var (spent, alone, operations) = (0.0, 0.0, 0.0)
    for (_, shapes) in kinds {
      let sum = shapes.reduce(0) { $0 + $1.value.operations }
      spent += shapes.reduce(0) { $0 + $1.value.seconds }
      operations += sum
      let middle = shapes.map(\.key).sorted { $0.operations < $1.operations }[shapes.count / 2]
      alone += sum / MachineSpeed.rate(of: middle, on: backend, for: 0.1)
    }
    products = Products(
      seconds: spent, share: share(spent), rate: spent > 0 ? operations / spent : 0,
      rateAlone: alone > 0 ? operations / alone : 0)
    update = profile.entries[TrainingStep.updateSpan].flatMap { entry in
      guard profile.updatedBytes > 0, entry.seconds > 0 else { return nil }
      return Update(
        seconds: entry.seconds, bandwidth: Double(profile.updatedBytes) / entry.seconds,
        copyBandwidth: MachineSpeed.copyBandwidth(backend.threads, for: 0.3))
    }
    exchange = profile.overlapped[GroupReduction.gradientSpan].map { overlap in
      Exchange(
        waiting: profile.entries.filter { $0.key.hasPrefix(GroupReduction.spans) }.values.reduce(0) {
          $0 + $1.seconds
        },
        hidden: overlap.seconds, slowdown: overlap.cpuSeconds / Double(backend.threads.count))
    }
    peak = MachineSpeed.rate(of: MachineSpeed.standardProduct, on: backend, for: 0.5)
  }

  /// Products that differ in the number of tokens alone, which is another in each batch.
  private struct Kind: Hashable {
    let transposesA: Bool
    let transposesB: Bool
    let extents: [Int]

    init(_ product: MatrixProduct) {
      transposesA = product.transposesA
      transposesB = product.transposesB
      // A weight's gradient sums over the tokens; in the other products they are the rows.
      extents = product.transposesA ? [product.m, product.n] : [product.n, product.k]
    }
  }
}
