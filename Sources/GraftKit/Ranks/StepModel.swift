import GraftCompute

/// How long a step of training takes on several ranks, from what one process needs.
///
/// A rank computes its batches as one process does. Its gradients go out in buckets, one after another, each when it is
/// complete; a rank sends and receives what is the others', takes the part of the optimizer's work that is its own, and then
/// all exchange the weights. Only what goes out before the backward pass is over is hidden, and that, too, takes time of the
/// cores. Networks are taken to serve all ranks at once, each at its full rate, and cores to share the work evenly.
public struct StepModel: Sendable, Equatable, Codable {
  /// The gradient of a parameter.
  public struct Gradient: Sendable, Equatable, Codable {
    public var count: Int
    /// When it is complete, in seconds since the step began.
    public var ready: Double

    public init(count: Int, ready: Double) { (self.count, self.ready) = (count, ready) }
  }

  /// What connects the ranks.
  public struct Network: Sendable, Equatable {
    /// Bytes per second that a rank sends while it receives as many.
    public var bandwidth: Double
    /// Seconds until the first byte is there, those included in which a rank looks for it.
    public var latency: Double
    /// Seconds that a message to one rank, and one from it, take of the thread that exchanges.
    public var message: Double
    /// Seconds of that thread for a byte that goes over the network. As it is done while others are on their way, it
    /// limits the bandwidth. Of TCP between two virtual interfaces of one machine.
    public var processing: Double
    /// Seconds of that thread for a byte that is there, to pack it and to add it up.
    public var adding: Double
    /// Seconds of that thread for a number that is sent in bfloat16, to round it and to make it float32 again.
    public var rounding: Double

    public init(
      bandwidth: Double, latency: Double, message: Double = 2e-6, processing: Double = 0.6e-9,
      adding: Double = 0.15e-9, rounding: Double = 1e-9
    ) {
      (self.bandwidth, self.latency, self.message) = (bandwidth, latency, message)
      (self.processing, self.adding, self.rounding) = (processing, adding, rounding)
    }

    /// The network between some ranks, from how fast they send each other gradients and weights.
    ///
    /// - Returns: `nil` for the speed of memory that the ranks share: nothing went over a network.
    public init?(_ speed: RankSpeed, ranks: Int) {
      guard !speed.isShared else { return nil }
      // Each number went to its rank and back, but for the rank's own.
      let others = Double(ranks - 1) / Double(ranks)
      // A number that is added up goes out and back.
      self.init(bandwidth: 1, latency: speed.latency / 2)
      // Of a bucket, that goes out or back.
      let size = Double(4 * GroupReduction.usualBucketSize * (ranks - 1))
      let overhead = latency / Double(SumBuffers.exchangesAtOnce(ranks: ranks)) + Double(ranks - 1) * message
      /// What a number took, of which so many bytes went out and four came back, without what is not for a byte.
      func number(_ bandwidth: Double) -> Double { 4 / max(1, bandwidth) - 8 * others * overhead / size }
      let byte = number(speed.bandwidth[.float32] ?? 0) / (8 * others) - adding
      bandwidth = 1 / max(1e-12, byte)
      let cpu = speed.cpuSecondsPerByte
      processing = min(cpu > 0 ? max(0, cpu - adding) : processing, 1 / bandwidth)
      if let rounded = speed.bandwidth[.bfloat16] {
        rounding = max(0, number(rounded) - 6 * others * (1 / bandwidth + adding))
      }
    }
  }

  /// How a step goes on several ranks.
  public struct Prediction: Sendable, Equatable {
    /// Of a step.
    public var seconds: Double
    /// What there would not be in one process: waiting for others, and the time that exchanging takes of the cores.
    public var exposed: Double
    /// The texts a second of all ranks, as a share of those of one process of as many cores times the ranks.
    public var efficiency: Double
  }

  /// In the order of the model's parameters. They go out in reverse.
  public var gradients: [Gradient]
  /// When the backward pass is over, in seconds since the step began.
  public var backwardEnd: Double
  /// What clipping and the update of all weights take.
  public var update: Double
  /// How many cores computed.
  public var cores: Int
  /// What a gradient is sent in.
  public var precision: Precision

  public init(
    gradients: [Gradient], backwardEnd: Double, update: Double, cores: Int, precision: Precision = .float32
  ) {
    (self.gradients, self.backwardEnd, self.update) = (gradients, backwardEnd, update)
    (self.cores, self.precision) = (cores, precision)
  }

  /// How many times in a step all ranks tell each other a few numbers: lengths, predictions, the loss, the norm.
  private static let sums = 7.0

  /// How a step goes.
  ///
  /// - Parameters:
  ///   - ranks: How many there are, each with a network of its own.
  ///   - cores: How many each has, of the speed of those that were measured.
  public func prediction(ranks: Int, cores: Int, over network: Network) -> Prediction {
    let speed = Double(cores) / Double(self.cores)
    let alone = (backwardEnd + update) / speed
    guard ranks > 1 else { return Prediction(seconds: alone, exposed: 0, efficiency: 1) }
    let others = Double(ranks - 1)
    // Several buckets are on their way at once, and each waits for a part of the time in which the first byte comes.
    let latency = network.latency / Double(SumBuffers.exchangesAtOnce(ranks: ranks))
    // How long some numbers, of which each rank has a share, are exchanged, and what that takes of the cores.
    func exchange(_ count: Int, _ precision: Precision) -> (seconds: Double, work: Double) {
      let size = precision == .bfloat16 ? 2.0 : 4.0
      // What a rank sends, and what it receives.
      let bytes = Double(count) * size * others / Double(ranks)
      let rounding = precision == .bfloat16 ? Double(count) * network.rounding : 0
      let own = others * network.message + bytes * network.adding + rounding
      return (
        latency + own + bytes * max(1 / network.bandwidth, network.processing),
        own + bytes * network.processing
      )
    }
    let buckets = buckets(ranks: ranks)
    var (free, taken) = (0.0, 0.0)
    for bucket in buckets {
      let (seconds, work) = exchange(bucket.count, precision)
      let start = max(free, bucket.ready / speed + taken)
      free = start + seconds
      // Later the cores have nothing else to do.
      if start < backwardEnd / speed + taken { taken += work / Double(cores) }
    }
    let computed = backwardEnd / speed + taken
    let waiting = max(0, free - computed)
    let sums = Self.sums * (network.latency + others * network.message)
    let weights = buckets.reduce(0) { $0 + exchange($1.count, .float32).seconds }
    let seconds = computed + waiting + sums + update / speed / Double(ranks) + weights
    return Prediction(
      seconds: seconds, exposed: taken + waiting + sums + weights, efficiency: alone / seconds)
  }

  /// What goes out together, with when all of it is complete.
  private func buckets(ranks: Int) -> [Gradient] {
    let lengths = gradients.map { ($0.count + ranks - 1) / ranks }
    var ready = 0.0
    return GroupReduction.cut(lengths, GroupReduction.usualBucketSize).map { bucket in
      // None goes out before one that comes first.
      ready = bucket.parts.reduce(ready) { max($0, gradients[$1.index].ready) }
      return Gradient(count: ranks * bucket.parts.reduce(0) { $0 + $1.places.count }, ready: ready)
    }
  }
}
