import Foundation
import OrderedCollections

/// A model spread over several weight files with an index that says which tensor is where, as
/// `transformers` writes it: `model.safetensors.index.json` with a `weight_map`.
public struct ShardIndex: Sendable {
  /// The file name of each tensor, in the index's order.
  public var files: OrderedDictionary<String, String>
  public var metadata: OrderedDictionary<String, JSON>

  /// Reads an index.
  ///
  /// - Throws: ``GraftError`` when it is not JSON, has no `weight_map`, or names a file outside its folder.
  public init(_ url: URL) throws {
    do {
      try self.init(parsing: RandomAccessFile(url).bytesOfWholeFile(limit: 256 << 20))
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }

  /// Reads an index from memory.
  ///
  /// - Throws: As ``init(_:)``, without the file's name.
  package init(parsing bytes: [UInt8]) throws {
    let json = try JSON(parsing: bytes)
    guard let map = json["weight_map"]?.object else {
      throw GraftError(.malformed, "the index has no 'weight_map'")
    }
    guard !map.isEmpty else { throw GraftError(.malformed, "the index lists no tensor") }
    files = try OrderedDictionary(
      uniqueKeysWithValues: map.map { name, file in
        guard let path = file.string, let inside = Self.inside(path) else {
          throw GraftError(
            .malformed,
            "not a file beside the index or in a folder there",
            subject: "tensor '\(name)'",
            found: file.kind
          )
        }
        return (name, inside)
      }
    )
    metadata = json["metadata"]?.object ?? [:]
  }

  /// A path below the index's folder, without detours; `nil` for one that leads elsewhere.
  private static func inside(_ path: String) -> String? {
    let parts = path.split(separator: "/").filter { $0 != "." }
    guard !path.hasPrefix("/"), !path.contains("\0"), !parts.isEmpty, !parts.contains("..") else {
      return nil
    }
    return parts.joined(separator: "/")
  }

  /// Opens every shard and joins them: first the tensors in the index's order, then those that it does not list.
  ///
  /// As in transformers, the index says which files there are, and the files what is in them. Where it says otherwise,
  /// that is noted.
  ///
  /// - Parameters:
  ///   - directory: The folder of the index.
  ///   - open: Opens one shard.
  /// - Throws: ``GraftError`` when a shard is missing, or two have one tensor.
  public func open(in directory: URL, with open: (URL) throws -> Weights) throws -> Weights {
    var shards: OrderedDictionary<String, Weights> = [:]
    for file in files.values where shards[file] == nil {
      let url = directory.appendingPathComponent(file)
      guard FileManager.default.fileExists(atPath: url.path) else {
        throw GraftError(
          .missing,
          "this shard is missing",
          file: url.path,
          found: "\(files.values.count { $0 != file }) of \(files.count) tensors in other shards",
          advice: "Download the whole model again."
        )
      }
      shards[file] = try open(url)
    }
    var joined = Weights(metadata: shards.values.first?.metadata ?? [:])
    joined.notes = shards.values.flatMap(\.notes)
    var places: [String: String] = [:]
    for (file, shard) in shards {
      for name in shard.tensors.keys {
        if let other = places.updateValue(file, forKey: name) {
          throw GraftError(
            .malformed, "two shards have this tensor",
            file: directory.appendingPathComponent(file).path, subject: "tensor '\(name)'",
            found: "also in \(other)")
        }
      }
    }
    for name in files.keys { joined[name] = places[name].flatMap { shards[$0]?[name] } }
    for shard in shards.values { joined.tensors.merge(shard.tensors) { listed, _ in listed } }
    joined.notes += notes(on: places)
    try joined.checkSize()
    return joined
  }

  /// What the index says otherwise than the shards.
  ///
  /// - Parameter places: The shard of each tensor.
  private func notes(on places: [String: String]) -> [String] {
    let missing = files.keys.filter { places[$0] == nil }
    let elsewhere = files.filter { name, file in places[name] != nil && places[name] != file }.keys
    let unlisted = places.keys.filter { files[$0] == nil }.sorted()
    func note(_ names: some Collection<String>, _ what: String) -> [String] {
      guard let first = names.first else { return [] }
      return [
        "the index of the shards \(what) '\(first)'" + (names.count > 1 ? " and \(names.count - 1) more" : "")
      ]
    }
    return note(missing, "lists what no shard has:") + note(unlisted, "does not list")
      + note(elsewhere, "has another shard for")
  }

  /// The most bytes in one file that transformers writes.
  public static let usualLimit = 5_000_000_000

  /// Writes tensors to as many files as needed, and an index when there is more than one.
  ///
  /// Shards are called `NAME-00001-of-00003.EXT`. A tensor larger than the limit gets a shard of its own.
  ///
  /// - Parameters:
  ///   - weights: The tensors, in the order they are laid down.
  ///   - url: The file for the unsharded case, such as `…/model.safetensors`.
  ///   - limit: The most bytes of tensors in one file; `nil` is ``usualLimit``.
  ///   - format: The weight format of each file.
  public static func write(_ weights: Weights, to url: URL, limit: Int?, format: any WeightFormat) throws {
    let sharing = type(of: format).sharesTensors
    let shards = split(weights, limit: limit ?? usualLimit, sharing: sharing)
    guard shards.count > 1 else { return try format.write(weights, to: url) }

    let directory = url.deletingLastPathComponent()
    let stem = url.deletingPathExtension().lastPathComponent
    var map: OrderedDictionary<String, JSON> = [:]
    for (index, shard) in shards.enumerated() {
      let name = "\(stem)-\(padded(index + 1))-of-\(padded(shards.count)).\(url.pathExtension)"
      try format.write(shard, to: directory.appendingPathComponent(name))
      for tensor in shard.tensors.keys { map[tensor] = .string(name) }
    }
    let stored = sharing ? weights.withoutSharedNames : weights
    let index: JSON = [
      "metadata": ["total_parameters": JSON(stored.elementCount), "total_size": JSON(stored.byteCount)],
      "weight_map": .object(map),
    ]
    try FileWriter.write(
      directory.appendingPathComponent(url.lastPathComponent + ".index.json"),
      text: index.text(.sorted) + "\n"
    )
  }

  /// The tensors of each file, in their order.
  ///
  /// - Parameters:
  ///   - weights: The tensors to split.
  ///   - limit: The most bytes of tensors in one file, unless a single tensor is larger.
  ///   - sharing: Whether names of one tensor go into one file, and count once.
  public static func split(_ weights: Weights, limit: Int, sharing: Bool = false) -> [Weights] {
    var shards = [Weights(metadata: weights.metadata)]
    var size = 0
    var places: [SharedTensor: Int] = [:]
    for (name, tensor) in weights.tensors {
      if sharing, let place = places[SharedTensor(tensor)] {
        shards[place][name] = tensor
        continue
      }
      if size > 0, size + tensor.spec.byteCount > limit {
        shards.append(Weights(metadata: weights.metadata))
        size = 0
      }
      shards[shards.count - 1][name] = tensor
      places[SharedTensor(tensor)] = shards.count - 1
      size += tensor.spec.byteCount
    }
    return shards
  }

  private static func padded(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.count)) + text
  }
}
