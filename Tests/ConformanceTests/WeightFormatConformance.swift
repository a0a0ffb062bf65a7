import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

import GraftPlugins

/// Every weight format in the registry; what is about writing, every one that writes.
@Suite("Every weight format")
struct WeightFormatConformance {
  static let registry = Result { try Registry(builtInPlugins) }
  static let names = (try? registry.get().checkpointFormats.map(\.name)) ?? []

  /// A format that only reads says so of anything.
  static let writable = names.filter { name in
    (try? withTemporaryDirectory { directory in
      try format(name).write(Weights(), to: directory.appendingPathComponent("probe"))
    }) != nil
  }

  static func format(_ name: String) throws -> CheckpointFormat {
    try registry.get().checkpointFormat(name)
  }

  @Test("there are some: an empty list would pass every test below")
  func notEmpty() throws {
    _ = try Self.registry.get()
    #expect(!Self.names.isEmpty && !Self.writable.isEmpty)
  }

  // MARK: What is written is read

  @Test("every element type in every shape is read back bit for bit", arguments: writable)
  func roundTrip(_ name: String) throws {
    var supported = 0
    for dtype in DType.allCases {
      let weights = Self.weights(dtype)
      do {
        try expectRoundTrip(weights, Self.format(name))
        supported += 1
      } catch let error as GraftError where error.kind == .unsupported {
        // A format may lack a type; then it names the tensor that it cannot hold.
        #expect(error.subject?.contains("\(dtype)") == true, "\(error)")
      }
    }
    #expect(supported > 0)
  }

  @Test("element types stand together, and the order is kept", arguments: writable)
  func mixedTypes(_ name: String) throws {
    var weights = Weights()
    for dtype in [DType.uint8, .float32, .int64, .float16, .float64, .int32] where try has(dtype, name) {
      weights.tensors.merge(Self.weights(dtype).tensors) { first, _ in first }
    }
    try expectRoundTrip(weights, Self.format(name))
  }

  /// Whether a format has a type; ``roundTrip(_:)`` looks at what it says when not.
  private func has(_ dtype: DType, _ name: String) throws -> Bool {
    try withTemporaryDirectory { directory in
      do {
        try Self.format(name).write(Self.weights(dtype), to: directory.appendingPathComponent("probe"))
        return true
      } catch let error as GraftError where error.kind == .unsupported {
        return false
      }
    }
  }

  @Test("names may be long, empty of letters, or in any script", arguments: writable)
  func tensorNames(_ name: String) throws {
    let names = [
      "a", "bert.encoder.layer.0.attention.self.query.weight", String(repeating: "x", count: 5000), "größe",
      "e\u{301}", "重み", "🌱", "with space", "with/slash", "with\\backslash", "with\"quote", "with\nline", "..",
      "%s{}",
      "\u{1}\u{7F}",
    ]
    var weights = Weights()
    for (index, tensor) in names.enumerated() { weights[tensor] = LazyTensor([Float(index)], shape: [1]) }
    do {
      try expectRoundTrip(weights, Self.format(name))
    } catch let error as GraftError where error.kind == .unsupported {
      #expect(error.subject != nil, "\(error)")
    }
  }

  @Test("a file without tensors is a file", arguments: writable)
  func noTensors(_ name: String) throws {
    try expectRoundTrip(Weights(), Self.format(name))
  }

  @Test("a tensor larger than the window streams through it, read once", arguments: writable)
  func window(_ name: String) throws {
    let count = 3 * LazyTensor.windowSize / 4 + 5
    let spec = TensorSpec(.float32, [count])
    let calls = Counter()
    let source = LazyTensor(spec) { consume in
      calls.add()
      let chunk = (0..<1000).map { Float($0) }
      var left = count
      while left > 0 {
        try chunk.withUnsafeBytes {
          try consume(UnsafeRawBufferPointer(rebasing: $0[..<(min(left, chunk.count) * 4)]))
        }
        left -= min(left, chunk.count)
      }
    }
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      try Self.format(name).write(Weights(["large": source]), to: url)
      #expect(calls.count == 1)
      let tensor = try #require(try Self.format(name).open(url)["large"])
      var (position, largest, wrong) = (0, 0, 0)
      try tensor.stream { chunk in
        largest = max(largest, chunk.count)
        let floats = chunk.bindMemory(to: Float.self)
        for index in stride(from: 0, to: floats.count, by: 97)
        where floats[index] != Float((position + index) % 1000) {
          wrong += 1
        }
        #expect(chunk.count % 4 == 0)
        position += floats.count
      }
      #expect(position == count && wrong == 0)
      #expect(largest <= LazyTensor.windowSize)
    }
  }

  @Test("from any format to any other and back, float32 ends bit for bit the same", arguments: writable)
  func thereAndBack(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let first = directory.appendingPathComponent("first")
      try Self.format(name).write(Self.weights(.float32), to: first)
      for other in Self.writable {
        let (second, third) = (
          directory.appendingPathComponent(other), directory.appendingPathComponent("third")
        )
        try Self.format(other).write(Self.format(name).open(first), to: second)
        try Self.format(name).write(Self.format(other).open(second), to: third)
        try expect(Self.format(name).open(third), equals: Self.weights(.float32))
      }
    }
  }

  // MARK: Atomicity

  struct Interruption: Error {}

  @Test("a source that fails leaves no file, and an older one as it was", arguments: writable)
  func failingSource(_ name: String) throws {
    let failing = LazyTensor(TensorSpec(.float32, [600_000])) { consume in
      try [UInt8](repeating: 0, count: 1 << 20).withUnsafeBytes(consume)
      throw Interruption()
    }
    let weights = Weights(["whole": LazyTensor([1, 2] as [Float], shape: [2]), "failing": failing])
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      #expect(throws: Interruption.self) { try Self.format(name).write(weights, to: url) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])

      let older = Data("what was here before".utf8)
      try older.write(to: url)
      #expect(throws: Interruption.self) { try Self.format(name).write(weights, to: url) }
      #expect(try Data(contentsOf: url) == older)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["file"])
    }
  }

  @Test("a file may be rewritten from its own tensors", arguments: writable)
  func rewriting(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      let format = try Self.format(name)
      try format.write(Self.weights(.float32), to: url)
      try format.write(format.open(url), to: url)
      try expect(format.open(url), equals: Self.weights(.float32))
    }
  }

  // MARK: Recognition

  @Test("it recognises its own files, and nobody else does", arguments: writable)
  func recognition(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("misleading.txt")
      for weights in [Weights(), Self.weights(.float32), Self.weights(.int64)] {
        try Self.format(name).write(weights, to: url)
        let file = try RandomAccessFile(url)
        #expect(try Self.names.filter { try Self.format($0).open(file) != nil } == [name])
        let (opened, format) = try Self.registry.get().openWeights(url)
        #expect(format == name)
        #expect(opened.tensors.keys == weights.tensors.keys)
      }
    }
  }

  @Test("it recognises neither nothing nor the usual accidents", arguments: names)
  func accidents(_ name: String) throws {
    let format = try Self.format(name)
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      for text in [
        "", "version https://git-lfs.github.com/spec/v1\n", "<!DOCTYPE html>", "{\"weight_map\": {", "\0",
      ] {
        try Data(text.utf8).write(to: url)
        #expect(try format.open(RandomAccessFile(url)) == nil, "\(text)")
      }
    }
  }

  // MARK: What opening reads

  @Test("opening reads a table of contents, and of the tensors next to nothing", arguments: writable)
  func opening(_ name: String) throws {
    let format = try Self.format(name)
    let spec = TensorSpec(.float32, [256, 512])
    var weights = Weights()
    for index in 0..<48 {
      weights["layers.\(index).weight"] = LazyTensor(spec) { buffer, _ in
        buffer.initializeMemory(as: UInt8.self, repeating: 0x3C)
      }
    }
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      try format.write(weights, to: url)
      let file = try RandomAccessFile(url)
      let opened = try #require(try format.open(file)).weights
      #expect(opened.tensors.count == weights.tensors.count)
      // 24 MB of tensors; the end of a zip is looked for in its last 64 KB.
      let files = [file] + opened.tensors.values.compactMap(\.origin.file).filter { $0 !== file }
      let read = files.reduce(0) { $0 + $1.bytesRead }
      #expect(read < 160_000, "\(read) bytes")
      #expect(opened.tensors.values.allSatisfy { $0.origin.file != nil })
      let origins = Set(opened.tensors.values.map(\.origin))
      #expect(origins.count == weights.tensors.count, "each stands at a place of its own")
    }
  }

  // MARK: Broken files

  /// Opens a file and reads every tensor: an error has to be Graft's own.
  private func readAll(_ url: URL, _ format: CheckpointFormat) throws {
    for (_, tensor) in try format.open(url).tensors { try tensor.stream { _ in } }
  }

  /// Writes a small file, and opens it for changes.
  private func withSmallFile(_ format: CheckpointFormat, _ body: (URL, FileHandle) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      let weights = Weights([
        "weight": LazyTensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]),
        "ids": LazyTensor([7, 8] as [Int64], shape: [2]),
      ])
      try format.write(weights, to: url)
      let file = try FileHandle(forUpdating: url)
      try body(url, file)
      try file.close()
    }
  }

  @Test("every truncation is an error that names the file", arguments: writable)
  func truncation(_ name: String) throws {
    let format = try Self.format(name)
    try withSmallFile(format) { url, file in
      for count in try (0..<Data(contentsOf: url).count).reversed() {
        try file.truncate(atOffset: UInt64(count))
        let error = #expect(throws: GraftError.self) { try readAll(url, format) }
        #expect(error?.file == url.path, "\(count) bytes")
      }
    }
  }

  @Test("no change of a byte crashes", arguments: writable)
  func mutation(_ name: String) throws {
    let format = try Self.format(name)
    try withSmallFile(format) { url, file in
      func put(_ byte: UInt8, at position: Int) throws {
        try file.seek(toOffset: UInt64(position))
        try file.write(contentsOf: [byte])
      }
      for (position, byte) in try Data(contentsOf: url).enumerated() {
        for value in Set([0, 0x7F, 0xFF, byte ^ 1, byte &+ 1]) where value != byte {
          try put(value, at: position)
          do { try readAll(url, format) } catch is GraftError {}
        }
        try put(byte, at: position)
      }
      try readAll(url, format)
    }
  }

  // MARK: -

  /// Tensors of one type in the shapes that go wrong: scalar, empty, odd, many extents.
  static func weights(_ dtype: DType) -> Weights {
    var generator = RandomKey(seed: 3).generator
    var weights = Weights()
    for shape in [[], [0], [3, 0, 2], [1], [7], [5, 3], [1, 1, 1, 1], [2, 3, 1, 5], [257, 33]] {
      let spec = TensorSpec(dtype, shape)
      // Every bit pattern is a value, NaNs included; of a bool only two are.
      let bytes = (0..<spec.byteCount).map { _ in
        dtype == .bool ? UInt8(generator.nextWord() & 1) : UInt8(truncatingIfNeeded: generator.nextWord())
      }
      weights["\(dtype) \(shape)"] = LazyTensor(spec, bytes: bytes)
    }
    return weights
  }

  private func expectRoundTrip(_ weights: Weights, _ format: CheckpointFormat) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      try format.write(weights, to: url)
      try expect(format.open(url), equals: weights)
    }
  }

  private func expect(_ read: Weights, equals weights: Weights) throws {
    #expect(read.tensors.keys.map { Array($0.utf8) } == weights.tensors.keys.map { Array($0.utf8) })
    for (name, tensor) in weights.tensors {
      #expect(read[name]?.spec == tensor.spec)
      #expect(try read[name]?.bytes() == tensor.bytes(), "\(name)")
    }
  }
}

extension CheckpointFormat {
  /// The tensors of a file that has to be in this format.
  fileprivate func open(_ url: URL) throws -> Weights {
    let file = try RandomAccessFile(url)
    guard let model = try open(file) else { throw try type.mismatch(file) }
    return model.weights
  }

  fileprivate func write(_ weights: Weights, to url: URL) throws { try write(ModelFile(weights), to: url) }
}

/// Counts calls from a closure that may run anywhere.
private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var value = 0
  var count: Int { lock.withLock { value } }
  func add() { lock.withLock { value += 1 } }
}
