import GraftTensors

/// ggml's `Q8_0`: a float16 factor, then 32 eight-bit integers that it multiplies.
///
/// The factor is the largest magnitude over 127; integers are rounded half away from zero, by the factor before it is
/// rounded to float16. `quantize_row_q8_0_ref` in ggml-quants.c does the same, bit for bit.
enum Q8Block {
  static let elementCount = 32
  static let byteCount = 34

  /// Writes the block of 32 numbers.
  ///
  /// - Throws: ``GraftError`` when one is NaN, infinite, or too large for the factor.
  static func quantize(_ values: UnsafePointer<Float>, to block: UnsafeMutableRawPointer) throws {
    var largest: Float = 0
    var isNumber = true
    for index in 0..<elementCount {
      let magnitude = values[index].magnitude
      isNumber = isNumber && !magnitude.isNaN
      largest = max(largest, magnitude)
    }
    let factor = largest / 127
    let stored = Float16(factor)
    guard isNumber, stored.isFinite else {
      throw GraftError(
        .unsupported, "NaN, infinity or a number too large for blocks of eight bits",
        advice: "Export it as float16 or float32.")
    }
    let inverse = 1 / factor
    let scale = inverse.isFinite ? inverse : 0
    block.storeBytes(of: stored.bitPattern.littleEndian, as: UInt16.self)
    for index in 0..<elementCount {
      let quotient = (values[index] * scale).rounded(.toNearestOrAwayFromZero)
      block.storeBytes(of: Int8(quotient), toByteOffset: 2 + index, as: Int8.self)
    }
  }

  /// Reads the 32 numbers of a block.
  static func dequantize(_ block: UnsafeRawPointer, to values: UnsafeMutablePointer<Float>) {
    let bits = UInt16(littleEndian: block.loadUnaligned(as: UInt16.self))
    let factor = Float(Float16(bitPattern: bits))
    for index in 0..<elementCount {
      values[index] = Float(block.load(fromByteOffset: 2 + index, as: Int8.self)) * factor
    }
  }

  /// As many blocks as fill the window with their numbers.
  static let blocksPerWindow = LazyTensor.windowSize / (elementCount * MemoryLayout<Float>.size)
}

extension LazyTensor {
  /// A float32 tensor that stands in a file in blocks.
  ///
  /// - Precondition: the rows divide into blocks, which lie within the file.
  init(blocksOf spec: TensorSpec, in file: RandomAccessFile, at offset: Int) {
    let count = spec.elementCount / Q8Block.elementCount
    let origin = TensorOrigin(
      file, at: offset, byteCount: count * Q8Block.byteCount, encoding: StorageType.q8_0.name)
    self.init(spec, origin: origin) { consume in
      guard count > 0 else { return }
      let step = min(count, Q8Block.blocksPerWindow)
      var numbers = [Float](repeating: 0, count: step * Q8Block.elementCount)
      for start in stride(from: 0, to: count, by: step) {
        let blocks = min(step, count - start)
        let first = offset + start * Q8Block.byteCount
        let bytes = try file.bytes(first..<(first + blocks * Q8Block.byteCount))
        try bytes.withUnsafeBytes { bytes in
          try numbers.withUnsafeMutableBufferPointer { numbers in
            guard let source = bytes.baseAddress, let target = numbers.baseAddress else { return }
            for block in 0..<blocks {
              Q8Block.dequantize(
                source + block * Q8Block.byteCount, to: target + block * Q8Block.elementCount)
            }
            try consume(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(numbers)[..<(blocks * 128)]))
          }
        }
      }
    }
  }

  /// Streams a float32 tensor as blocks.
  ///
  /// - Throws: what reading and `consume` throw, or ``GraftError`` for a number that blocks cannot hold.
  func streamBlocks(_ consume: Consumer) throws {
    let capacity = Q8Block.blocksPerWindow * Q8Block.elementCount
    var numbers = [Float](repeating: 0, count: capacity)
    var blocks = [UInt8](repeating: 0, count: Q8Block.blocksPerWindow * Q8Block.byteCount)
    var filled = 0
    func flush() throws {
      let count = filled / Q8Block.elementCount
      try numbers.withUnsafeBufferPointer { numbers in
        try blocks.withUnsafeMutableBytes { blocks in
          guard let source = numbers.baseAddress, let target = blocks.baseAddress else { return }
          for block in 0..<count {
            try Q8Block.quantize(
              source + block * Q8Block.elementCount, to: target + block * Q8Block.byteCount)
          }
          try consume(
            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(blocks)[..<(count * Q8Block.byteCount)]))
        }
      }
      filled = 0
    }
    try stream { chunk in
      var rest = chunk.bindMemory(to: Float.self)[...]
      while !rest.isEmpty {
        let part = rest.prefix(capacity - filled)
        numbers.withUnsafeMutableBufferPointer { numbers in
          _ = UnsafeMutableBufferPointer(rebasing: numbers[filled...]).update(fromContentsOf: part)
        }
        filled += part.count
        rest = rest.dropFirst(part.count)
        if filled == capacity { try flush() }
      }
    }
    if filled > 0 { try flush() }
  }
}
