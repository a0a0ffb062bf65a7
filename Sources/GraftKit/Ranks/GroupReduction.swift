import GraftCompute
import GraftTensors
import OrderedCollections

/// Sums of gradients over the ranks of a group, which go out in buckets while the backward pass goes on.
///
/// A bucket is a run of the parameters in the reverse of their order, which is about that in which they are done. It goes out
/// when its gradients and all buckets before it are done, so that every rank sends the same in the same order. Each rank
/// receives the sums of its share of every parameter. Its optimizer changes these elements, and all ranks exchange what
/// they have changed: the first stage of Rajbhandari et al., "ZeRO", arXiv:1910.02054. For an optimizer that needs whole
/// parameters the sums are exchanged instead.
final class GroupReduction: GradientReduction {
  /// What this rank's optimizer changes: its shares of the parameters, under their names, or the parameters themselves.
  let ownParameters: [Parameter]
  let shares: RankShares
  /// Whether each rank's optimizer has its share alone.
  let dividesOptimizer: Bool
  let group: any ProcessGroup
  /// All that are ever trained, by their names.
  let parameters: OrderedDictionary<String, Parameter>
  private let precision: Precision
  private let kernels: any Kernels
  /// Where the time of the step is counted; `nil` for none.
  var profile: Profile?
  /// How many numbers of each rank go out together: few enough that they stay in a cache, so many that each costs little.
  private let bucketSize: Int
  /// How the names of what is spent waiting for other ranks begin.
  static let spans = "ranks:"
  static let gradientSpan = "\(spans) gradients"
  static let usualBucketSize = 1 << 17
  /// Shares as long as this go out from where they are, others together in a copy.
  private static let longShare = 1 << 14
  /// Where weights are that all ranks see.
  private var sharedWeights: SharedWeights?
  /// Where gradients are that all ranks see.
  private var gradients: SharedGradients?
  /// This rank's share of each parameter.
  private var own: [ObjectIdentifier: Parameter] = [:]

  private var buckets: [Bucket] = []
  /// How many of each bucket's parameters are not done.
  private var open: [Int] = []
  private var bucketsOfParameter: [ObjectIdentifier: [Int]] = [:]
  /// What was begun, and of each bucket the sums of this rank's squares.
  private var pending: [PendingSum] = []
  private var squares: [Squares] = []
  /// What the group's thread had done when the step began.
  private var communicationBefore = Profile.Overlap()
  /// In place of gradients that have not been reached here, and may have been on other ranks.
  private var guests: [ObjectIdentifier: Tensor] = [:]
  /// The parameters that a gradient has reached on some rank, in the order of the parameters.
  private var reached: [Parameter] = []
  private var trained: [Parameter] = []

  /// Parts of every rank's share of some parameters.
  private struct Bucket {
    let parts: [(parameter: Parameter, places: Range<Int>)]
    let isCopied: Bool
  }

  /// The squares of a bucket's sums, by part.
  private final class Squares: @unchecked Sendable {
    // Written by the group's thread before the sum's end, and read after it.
    var sums: [Double]

    init(_ count: Int) { sums = Array(repeating: 0, count: count) }
  }

  /// - Parameters:
  ///   - precision: What gradients are sent in.
  ///   - parameters: All that are ever trained.
  ///   - sharing: Whether the optimizer can change a share of each.
  ///   - kernels: Round what the next step reads rounded.
  ///   - bucketSize: How many numbers of each rank go out together.
  init(
    _ group: any ProcessGroup, _ precision: Precision, _ parameters: [Parameter], sharing: Bool,
    kernels: any Kernels, bucketSize: Int = usualBucketSize, profile: Profile?
  ) {
    self.kernels = kernels
    (self.group, self.precision, self.bucketSize, self.profile) = (group, precision, bucketSize, profile)
    shares = RankShares(rank: group.rank, size: group.size)
    dividesOptimizer = sharing
    self.parameters = OrderedDictionary(parameters.map { ($0.name, $0) }) { first, _ in first }
    guard sharing else {
      ownParameters = parameters
      return
    }
    for parameter in parameters {
      let elements = shares.elements(of: parameter.value.count, on: group.rank)
      guard !elements.isEmpty else { continue }
      let share = Parameter(parameter.name, Tensor(elements, of: parameter.value), decays: parameter.decays)
      share.learningRateScale = parameter.learningRateScale
      own[ObjectIdentifier(parameter)] = share
    }
    ownParameters = parameters.compactMap { [own] in own[ObjectIdentifier($0)] }
  }

  /// Moves the weights to memory that all ranks see, where there is such; they are those of rank 0 then. No rank may change
  /// them from now on, but in steps, while another one may read them.
  ///
  /// - Parameter withRounded: Whether products read them rounded.
  /// - Throws: What went wrong between ranks.
  func shareWeights(withRounded: Bool) throws {
    guard dividesOptimizer,
      let sharedWeights = try SharedWeights(parameters.values.elements, withRounded: withRounded, in: group)
    else { return }
    for parameter in parameters.values {
      let elements = shares.elements(of: parameter.value.count, on: group.rank)
      own[ObjectIdentifier(parameter)]?.value.move(
        to: parameter.value.pointer + elements.lowerBound, of: parameter.value, isCopied: false)
    }
    self.sharedWeights = sharedWeights
  }

  /// Has gradients in memory that all ranks see, where there is such and they would be sent in float32: bfloat16 would give
  /// other sums.
  ///
  /// - Throws: What went wrong between ranks.
  func shareGradients() throws {
    guard precision == .float32 else { return }
    let lengths = parameters.values.map { shares.length(of: $0.value.count) }
    let long = zip(parameters.values, lengths).filter { Self.isLong($0.1, bucketSize) }.map(\.0)
    let short = lengths.filter { !Self.isLong($0, bucketSize) }.reduce(0, +)
    gradients = try SharedGradients(long: long, copyCount: short * group.size, in: group)
  }

  /// Gives that memory up, when no step is to come.
  func releaseGradients() {
    gradients?.release()
    gradients = nil
  }

  /// Whether what one rank changes of a parameter is changed for all.
  func isInSharedMemory(_ parameter: Parameter) -> Bool { sharedWeights?.contains(parameter) == true }

  var shareOfUpdate: Double { dividesOptimizer ? 1 / Double(group.size) : 1 }

  func total(_ counts: [Double]) throws -> [Double] {
    try profile.measure("\(Self.spans) predictions") { try group.sum(counts) }
  }

  // MARK: Gradients

  func begin(_ parameters: [Parameter]) {
    (buckets, bucketsOfParameter, guests, pending, squares) = ([], [:], [:], [], [])
    (trained, reached) = (parameters, [])
    // A step that failed may have left some.
    for share in own.values { share.clearGradient() }
    buckets = Self.cut(parameters.map { shares.length(of: $0.value.count) }, bucketSize).map { bucket in
      Bucket(parts: bucket.parts.map { (parameters[$0.index], $0.places) }, isCopied: bucket.isCopied)
    }
    for (index, bucket) in buckets.enumerated() {
      for part in bucket.parts {
        bucketsOfParameter[ObjectIdentifier(part.parameter), default: []].append(index)
      }
    }
    open = buckets.map(\.parts.count)
    gradients?.begin()
    communicationBefore = group.communication
  }

  /// Whether a share goes out from where it is.
  private static func isLong(_ length: Int, _ bucketSize: Int) -> Bool {
    length >= min(longShare, bucketSize)
  }

  /// What goes out together: long shares in runs, short ones several at once.
  ///
  /// - Parameters:
  ///   - lengths: Of a rank's share of each parameter, in their order.
  ///   - size: How many numbers of a rank go out together.
  /// - Returns: The last parameters first.
  static func cut(
    _ lengths: [Int], _ size: Int
  ) -> [(parts: [(index: Int, places: Range<Int>)], isCopied: Bool)] {
    var buckets: [(parts: [(index: Int, places: Range<Int>)], isCopied: Bool)] = []
    var (short, count) = ([(index: Int, places: Range<Int>)](), 0)
    func close() {
      if !short.isEmpty { buckets.append((short, true)) }
      (short, count) = ([], 0)
    }
    for (index, length) in lengths.enumerated().reversed() {
      if !isLong(length, size) {
        short.append((index, 0..<length))
        count += length
        if count >= size { close() }
      } else {
        for start in stride(from: 0, to: length, by: size) {
          buckets.append(([(index, start..<min(length, start + size))], false))
        }
      }
    }
    close()
    return buckets
  }

  func complete(_ parameter: Parameter) {
    for index in bucketsOfParameter.removeValue(forKey: ObjectIdentifier(parameter)) ?? [] {
      open[index] -= 1
    }
    while squares.count < buckets.count, open[squares.count] == 0 { send(buckets[squares.count]) }
  }

  private func send(_ bucket: Bucket) {
    let parts = bucket.parts.map { (tensor: $0.parameter.gradient ?? guest($0.parameter), places: $0.places) }
    let (memory, others) = memory(of: bucket, parts)
    let squares = Squares(parts.count)
    for rank in 0..<group.size { memory.pack(rank) }
    self.squares.append(squares)
    // The tensors are complete and nobody else's until the sum is over.
    let (rank, kernels) = (group.rank, kernels)
    @Sendable func done() {
      memory.unpack(rank)
      // While they are in the cache.
      memory.forEach(of: rank) { index, elements in
        squares.sums[index] = kernels.squaredNorm(
          parts[index].tensor.pointer + elements.lowerBound, count: elements.count)
      }
    }
    pending.append(
      group.start(
        others.map { RankSum(memory.numbers, shared: $0, done: done) }
          ?? RankSum(in: precision, memory.numbers, done: done)))
    guard !dividesOptimizer else { return }
    pending.append(group.start(RankSpread(in: precision, memory.numbers, done: memory.unpack)))
  }

  /// Where a bucket's numbers are, and where this rank finds another one's of its own part, if ranks share memory.
  private func memory(
    of bucket: Bucket, _ parts: [BucketMemory.Part]
  ) -> (memory: BucketMemory, others: (@Sendable (Int) -> UnsafeMutablePointer<Float>)?) {
    guard let gradients else { return (BucketMemory(parts, shares, isCopied: bucket.isCopied), nil) }
    if bucket.isCopied {
      var place = 0
      let memory = BucketMemory(parts, shares, isCopied: true) { shape in
        let copy = gradients.copy(shape)
        place = copy.place + self.group.rank * shape[1]
        return copy.tensor
      }
      return (memory, { [place] in gradients.numbers(at: place, on: $0) })
    }
    let memory = BucketMemory(parts, shares, isCopied: false)
    let (part, tensor) = (bucket.parts[0], parts[0].tensor)
    guard let place = gradients.place(of: part.parameter) else { return (memory, nil) }
    let buffer = gradients.numbers(at: place, on: group.rank)
    if tensor.pointer != buffer {
      // An op has given a tensor of its own.
      for rank in 0..<group.size {
        let elements = shares.elements(of: tensor.count, on: rank, at: part.places)
        (buffer + elements.lowerBound).update(
          from: tensor.pointer + elements.lowerBound, count: elements.count)
      }
    }
    let first = shares.elements(of: tensor.count, on: group.rank, at: part.places).lowerBound
    return (memory, { gradients.numbers(at: place + first, on: $0) })
  }

  private func guest(_ parameter: Parameter) -> Tensor {
    let id = ObjectIdentifier(parameter)
    if let guest = guests[id] { return guest }
    let tensor = parameter.slot.sharedBuffer ?? Tensor(uninitialized: parameter.shape)
    tensor.clear()
    guests[id] = tensor
    return tensor
  }

  func reduce(_ parameters: [Parameter], loss: Double) throws -> Double {
    for parameter in parameters { complete(parameter) }
    profile?.count(group.communication - communicationBefore, Self.gradientSpan)
    try profile.measure(Self.gradientSpan) {
      // Nobody gives up gradients that the group's thread still has.
      let ends = pending.map { sum in Result { try sum.wait() } }
      for end in ends { try end.get() }
    }
    let sums = try profile.measure("\(Self.spans) predictions") {
      try group.sum([loss] + parameters.map { $0.gradient == nil ? 0 : 1 })
    }
    var squaresOfParameter: [ObjectIdentifier: Double] = [:]
    for (bucket, squares) in zip(buckets, squares) {
      for (part, sum) in zip(bucket.parts, squares.sums) {
        squaresOfParameter[ObjectIdentifier(part.parameter), default: 0] += sum
      }
    }
    for (parameter, count) in zip(parameters, sums.dropFirst()) where count > 0 {
      let (slot, id) = (parameter.slot, ObjectIdentifier(parameter))
      reached.append(parameter)
      slot.gradientDidChange()
      if let guest = guests[id] { slot.take(guest) }
      guard let share = own[id], let gradient = slot.gradient else { continue }
      let elements = shares.elements(of: gradient.count, on: group.rank)
      share.slot.take(Tensor(elements, of: gradient), squaredNorm: squaresOfParameter[id])
      share.shareRounded(elements, of: parameter)
    }
    (pending, guests) = ([], [:])
    return sums[0]
  }

  // MARK: The update

  func norm(_ own: Double) throws -> Double {
    guard dividesOptimizer else { return own }
    return try profile.measure("\(Self.spans) predictions") { try group.sum([own * own])[0].squareRoot() }
  }

  func exchangeWeights() throws {
    guard dividesOptimizer else { return }
    defer { for parameter in trained { parameter.clearGradient() } }
    let sent = Set(reached.filter { !isInSharedMemory($0) }.map { ObjectIdentifier($0) })
    try profile.measure("\(Self.spans) weights") {
      for bucket in buckets {
        let parts = bucket.parts.filter { sent.contains(ObjectIdentifier($0.parameter)) }
        guard !parts.isEmpty else { continue }
        let memory = BucketMemory(
          parts.map { ($0.parameter.value, $0.places) }, shares, isCopied: bucket.isCopied)
        memory.pack(group.rank)
        let (rounded, kernels, ownRank) = (parts.map(\.parameter.rounded), kernels, group.rank)
        let isRounded = parts.map { own[ObjectIdentifier($0.parameter)]?.isRoundedCurrent == true }
        pending.append(
          group.start(
            RankSpread(in: .float32, memory.numbers) { rank in
              memory.unpack(rank)
              // What the next step reads rounded, while it is in the cache.
              memory.forEach(of: rank) { index, elements in
                guard let rounded = rounded[index], rank != ownRank || !isRounded[index] else { return }
                kernels.round(
                  memory.parts[index].tensor.pointer + elements.lowerBound,
                  to: rounded.pointer + elements.lowerBound, count: elements.count)
              }
            }))
      }
      for exchange in pending { try exchange.wait() }
      guard let sharedWeights else { return }
      for parameter in reached where sharedWeights.containsRounded(parameter) {
        guard let share = own[ObjectIdentifier(parameter)], !share.isRoundedCurrent else { continue }
        share.rounded.map { kernels.round(share.value.pointer, to: $0.pointer, count: share.value.count) }
      }
      try group.meet()
    }
    pending = []
    for parameter in reached
    where !isInSharedMemory(parameter) || sharedWeights?.containsRounded(parameter) == true {
      parameter.roundedDidChange()
    }
  }
}
