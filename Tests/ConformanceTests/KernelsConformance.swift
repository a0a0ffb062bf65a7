import GraftCompute
import GraftTensors
import Testing
import VectorKernels

import GraftPlugins

/// Kernels under test: those of every backend that starts on this machine, and the vector kernels for every
/// instruction set that this CPU has.
struct KernelsCandidate: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let kernels: any Kernels

  static let all: [KernelsCandidate] =
    InstructionSet.allCases.compactMap { set in
      VectorKernels(set).map { KernelsCandidate(testDescription: "VectorKernels for \(set)", kernels: $0) }
    }
    + BackendCandidate.all.compactMap { candidate in
      guard let backend = try? candidate.type.init(threads: 1, precision: candidate.precision),
        // The vector kernels are above.
        backend.precision == candidate.precision, !(backend.kernels is VectorKernels)
      else { return nil }
      return KernelsCandidate(testDescription: candidate.testDescription, kernels: backend.kernels)
    }
}

/// Every kernel against the naive one, over sizes around the width of vectors.
@Suite("Every set of kernels") struct KernelsConformance {
  @Test("there are some: an empty list would pass every test below")
  func notEmpty() throws {
    #expect(!KernelsCandidate.all.isEmpty)
  }

  static let sizes = [1, 3, 4, 15, 16, 17, 31, 33, 49, 64, 130, 515]
  private let reference = ReferenceKernels()

  @Test("addBias, addColumnSums, add and squaredNorm", arguments: KernelsCandidate.all)
  func elementwise(_ candidate: KernelsCandidate) {
    for size in Self.sizes {
      let (rows, bias) = (Samples(3 * size, seed: 1), Samples(size, seed: 2))
      candidate.expectSame(rows, within: 1e-6, "addBias") { kernels, y in
        kernels.addBias(bias.pointer, to: y, rows: 3, columns: size)
      }
      candidate.expectSame(bias, within: 1e-6, "addColumnSums") { kernels, sums in
        kernels.addColumnSums(of: rows.pointer, rows: 3, columns: size, to: sums)
      }
      candidate.expectSame(bias, within: 0, "add") { $0.add(rows.pointer, to: $1, count: size) }
      let norm = reference.squaredNorm(rows.pointer, count: 3 * size)
      #expect(abs(candidate.kernels.squaredNorm(rows.pointer, count: 3 * size) - norm) <= 1e-14 * norm)
    }
  }

  @Test(
    "rounding to bfloat16: six mantissas of every sign and exponent, ties, infinities and NaN",
    arguments: KernelsCandidate.all
  )
  func round(_ candidate: KernelsCandidate) {
    // Upper halves that carry into the exponent, and others; lower halves below, at and above the middle.
    var x: [Float] = []
    for upper in UInt32(0)...0xFFFF where [0, 1, 63, 64, 126, 127].contains(upper & 0x7F) {
      for lower: UInt32 in [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF] {
        x.append(Float(bitPattern: upper << 16 | lower))
      }
    }
    for count in Self.sizes + [x.count] {
      let (start, wall) = (x.count - count, BFloat16(bitPattern: 0x1234))
      var found = [BFloat16](repeating: wall, count: count + 40)
      x.withUnsafeBufferPointer { x in
        found.withUnsafeMutableBufferPointer {
          candidate.kernels.round(x.baseAddress! + start, to: $0.baseAddress!, count: count)
        }
      }
      for i in 0..<count {
        let expected = BFloat16(x[start + i])
        guard found[i] != expected else { continue }
        Issue.record("\(x[start + i]) is rounded to \(Float(found[i])), not \(Float(expected))")
        return
      }
      #expect(found[count...].allSatisfy { $0 == wall }, "writes outside")
    }
  }

  @Test("activations and their gradients", arguments: KernelsCandidate.all, Activation.allCases)
  func activations(_ candidate: KernelsCandidate, _ activation: Activation) {
    for size in Self.sizes {
      let (x, dy) = (Samples(size, seed: 1, scale: 3), Samples(size, seed: 2))
      candidate.expectSame(x, within: 1e-6, "\(activation)") {
        $0.activate(activation, $1, to: $1, count: size)
      }
      candidate.expectSame(dy, within: 1e-6, floor: 0.1, "gradient of \(activation)") {
        $0.activationGradient(activation, x: x.pointer, dy: $1, to: $1, count: size)
      }
    }
    for x: Float in [-1e30, -100, -88.5, -20, -1e-30, 0, 1e-30, 20, 88.5, 100, 1e10] {
      let x = Samples([x])
      candidate.expectSame(x, within: 1e-6, "\(activation) of \(x.values)") {
        $0.activate(activation, $1, to: $1, count: 1)
      }
      candidate.expectSame(Samples([1]), within: 1e-6, "gradient of \(activation) at \(x.values)") {
        $0.activationGradient(activation, x: x.pointer, dy: $1, to: $1, count: 1)
      }
    }
  }

  @Test("layerNorm and its gradient", arguments: KernelsCandidate.all)
  func layerNorm(_ candidate: KernelsCandidate) {
    for columns in Self.sizes where columns > 1 {
      let rows = 3
      let x = Samples(rows * columns, seed: 1, scale: 2, offset: 3)
      let (weight, bias) = (Samples(columns, seed: 2), Samples(columns, seed: 3))
      let statistics = Samples(rows * 2, seed: 4)
      candidate.expectSame(x, within: 2e-6, floor: 0.1, "layerNorm of \(columns)") {
        $0.layerNorm(
          $1, weight: weight.pointer, bias: bias.pointer, epsilon: 1e-12, to: $1,
          statistics: statistics.pointer,
          rows: rows, columns: columns)
      }
      let y = Samples(rows * columns, seed: 6)
      candidate.expectSame(statistics, within: 1e-6, "statistics of \(columns)") {
        $0.layerNorm(
          x.pointer, weight: weight.pointer, bias: bias.pointer, epsilon: 1e-12, to: y.pointer,
          statistics: $1,
          rows: rows, columns: columns)
      }
      reference.layerNorm(
        x.pointer, weight: weight.pointer, bias: bias.pointer, epsilon: 1e-12, to: y.pointer,
        statistics: statistics.pointer, rows: rows, columns: columns)
      // dx, dWeight and dBias one after another.
      let gradients = Samples((rows + 2) * columns, seed: 5)
      candidate.expectSame(gradients, within: 1e-5, floor: 0.1, "gradient of layerNorm of \(columns)") {
        let dWeight = $1 + rows * columns
        $0.layerNormGradient(
          x: x.pointer, weight: weight.pointer, statistics: statistics.pointer, dy: $1, to: $1,
          dWeight: dWeight,
          dBias: dWeight + columns, rows: rows, columns: columns)
      }
    }
  }

  @Test("softmax and its gradient", arguments: KernelsCandidate.all)
  func softmax(_ candidate: KernelsCandidate) {
    for columns in Self.sizes {
      let x = Samples(3 * columns, seed: 1, scale: 20, offset: 500)
      candidate.expectSame(x, within: 3e-6, "softmax of \(columns)") {
        $0.softmax($1, scale: 0.25, rows: 3, columns: columns)
      }
      let (p, dp) = (Samples(3 * columns, seed: 2), Samples(3 * columns, seed: 3))
      reference.softmax(p.pointer, scale: 1, rows: 3, columns: columns)
      candidate.expectSame(dp, within: 2e-6, floor: 0.1, "gradient of softmax of \(columns)") {
        $0.softmaxGradient(p: p.pointer, dp: $1, scale: 0.25, rows: 3, columns: columns)
      }
    }
  }

  @Test("attention, over the edges of vectors, blocks and stretches")
  func attention() {
    var shapes: [(length: Int, width: Int, window: Int?)] = []
    for length in [1, 5, 6, 7, 16, 17, 63, 65] {
      for width in [16, 80] { shapes += [nil, 0, 3, 64].map { (length, width, $0) } }
    }
    shapes += [(97, 32, nil), (97, 32, 64), (513, 16, nil), (530, 16, 3), (9, 24, nil), (9, 24, 2)]
    for (length, width, window) in shapes {
      // Other heads stand beside this one, and are left alone.
      let stride = 2 * width + 3
      let x = (1...3).map { Samples(length * stride, seed: $0, scale: 1.5) }
      KernelsCandidate.all.expectSame(
        Samples(length * stride, seed: 4), within: 3e-6, floor: 1, "\(length) tokens, \(width) wide"
      ) { kernels, y in
        let scratch = kernels.attentionScratch(length: length, width: width)
        let room = Samples([Float](repeating: .nan, count: scratch))
        kernels.attend(
          AttentionHead(
            query: x[0].pointer + width, key: x[1].pointer + width, value: x[2].pointer + width,
            result: y + width, stride: stride, length: length, width: width, scale: 0.3, window: window,
            scratch: room.pointer))
        #expect(room.wallStands, "writes outside the scratch")
      }
    }
  }

  @Test("attention: what is no number spreads to the rows that see it", arguments: KernelsCandidate.all)
  func attentionOfNoNumbers(_ candidate: KernelsCandidate) {
    let (length, width, stray) = (40, 16, 20)
    let x = (1...3).map { Samples(length * width, seed: $0) }
    x[1].pointer[stray * width] = .nan
    let room = Samples(candidate.kernels.attentionScratch(length: length, width: width), seed: 4)
    let y = Samples(length * width, seed: 5)
    candidate.kernels.attend(
      AttentionHead(
        query: x[0].pointer, key: x[1].pointer, value: x[2].pointer, result: y.pointer, stride: width,
        length: length, width: width, scale: 1, window: 4, scratch: room.pointer))
    for row in 0..<length {
      #expect(y.pointer[row * width].isNaN == (abs(row - stray) <= 4), "row \(row)")
    }
  }

  @Test("cross-entropy, of 30,522 classes too", arguments: KernelsCandidate.all)
  func crossEntropy(_ candidate: KernelsCandidate) {
    for columns in Self.sizes + [30522] {
      let logits = Samples(3 * columns, seed: 1, scale: 4, offset: -30)
      let classes: [Int32] = [Int32(columns / 2), -100, Int32(columns - 1)]
      var (found, statistics) = ([Double](repeating: 0, count: 6), [Double](repeating: 0, count: 6))
      candidate.kernels.softmaxStatistics(logits.pointer, to: &found, rows: 3, columns: columns)
      if columns > 5000 {
        // The first stretches of a row may have nothing to add up.
        for column in 0..<5000 { logits.pointer[column] = -.infinity }
        candidate.kernels.softmaxStatistics(logits.pointer, to: &found, rows: 3, columns: columns)
      }
      reference.softmaxStatistics(logits.pointer, to: &statistics, rows: 3, columns: columns)
      for (found, expected) in zip(found, statistics) {
        #expect(abs(found - expected) <= 1e-6 * abs(expected), "softmaxStatistics of \(columns)")
      }
      candidate.expectSame(logits, within: 2e-6, "gradient of \(columns)") {
        $0.crossEntropyGradient(
          $1, classes: classes, statistics: statistics, scale: 0.3, to: $1, rows: 3, columns: columns)
      }
    }
  }

  @Test("dropout draws the same numbers everywhere", arguments: KernelsCandidate.all)
  func dropout(_ candidate: KernelsCandidate) {
    let key = RandomKey(seed: 0x1234_5678_9ABC_DEF0, step: 0x1_0000_0007, place: 3)
    for size in Self.sizes {
      for probability: Float in [0, 0.1, 0.5] {
        // The last start is where the stream's 32-bit block numbers wrap.
        for start in [0, 4, 4 * 0xFFFF_FFFE] {
          candidate.expectSame(Samples(size, seed: 1), within: 0, "dropout of \(size)") {
            $0.dropout($1, to: $1, count: size, probability: probability, key: key, start: start)
          }
        }
      }
    }
  }

  @Test("dropout drops as often as it should", arguments: KernelsCandidate.all)
  func dropoutRate(_ candidate: KernelsCandidate) {
    let ones = Samples([Float](repeating: 1, count: 40000))
    candidate.kernels.dropout(
      ones.pointer, to: ones.pointer, count: ones.count, probability: 0.1, key: RandomKey(seed: 5), start: 0)
    let dropped = ones.values.count { $0 == 0 }
    // Five standard deviations.
    #expect(abs(dropped - 4000) < 300)
    #expect(ones.values.allSatisfy { $0 == 0 || $0 == 1 / 0.9 })
  }

  @Test("a row's result does not depend on the other rows", arguments: KernelsCandidate.all)
  func rows(_ candidate: KernelsCandidate) {
    let (rows, columns) = (7, 49)
    let x = Samples(rows * columns, seed: 1, scale: 3)
    let (weight, bias) = (Samples(columns, seed: 2), Samples(columns, seed: 3))
    let statistics = Samples(2 * rows, seed: 4)
    let classes = [Int32](repeating: 5, count: rows)
    candidate.expectSplittable(x, rows: rows) { kernels, y, range in
      kernels.softmax(y, scale: 0.5, rows: range.count, columns: columns)
      kernels.layerNorm(
        y, weight: weight.pointer, bias: bias.pointer, epsilon: 1e-5, to: y, statistics: statistics.pointer,
        rows: range.count, columns: columns)
      kernels.activate(.gelu, y, to: y, count: range.count * columns)
      kernels.activationGradient(
        .geluTanh, x: x.pointer + range.lowerBound * columns, dy: y, to: y, count: range.count * columns)
      var sums = [Double](repeating: 0, count: 2 * range.count)
      kernels.softmaxStatistics(y, to: &sums, rows: range.count, columns: columns)
      kernels.crossEntropyGradient(
        y, classes: classes, statistics: sums, scale: 0.1, to: y, rows: range.count,
        columns: columns)
    }
  }

  @Test(
    "exp, Φ and tanh are exact to 1e-6 at 50,000 points", arguments: InstructionSet.allCases,
    VectorKernels.Function.allCases)
  func accuracy(_ set: InstructionSet, _ function: VectorKernels.Function) throws {
    guard let kernels = VectorKernels(set) else { try Test.cancel("this CPU has no \(set)") }
    let (range, exact) = function.truth
    let count = 50_000
    let x = (0...count).map {
      range.lowerBound + (range.upperBound - range.lowerBound) * Float($0) / Float(count)
    }
    var (worst, place) = (0.0, Float(0))
    for (x, y) in zip(x, kernels.evaluate(function, x)) {
      let truth = exact(Double(x))
      let error = abs(Double(y) - truth) / max(abs(truth), Double(Float.leastNormalMagnitude))
      if error > worst { (worst, place) = (error, x) }
    }
    #expect(worst < 1e-6, "at \(place)")
  }
}
