import GraftTensors

/// All groups and datasets of a file.
struct Tree {
  /// The most groups in one another.
  static let maximumDepth = 64
  /// The most bytes of all names: a long one stands in front of all that is in its group.
  private static let maximumPaths = 1 << 26

  private let source: any ObjectSource
  private let file: RandomAccessFile
  private(set) var weights = Weights()
  /// The paths of datasets that hold texts.
  private var strings: [String] = []
  /// Those of datasets that hold references to others.
  private var references: [String] = []
  private var groups: Set<Int> = []
  /// Datasets by address: one may have several names.
  private var datasets: [Int: any StoredDataset] = [:]
  private var storedByteCount = 0
  private var pathByteCount = 0

  /// - Throws: ``GraftError`` naming the group or tensor at fault.
  init(_ source: any ObjectSource, in file: RandomAccessFile) throws {
    (self.source, self.file) = (source, file)
    let root = try source.object(at: source.root)
    let attributes = try root.attributes()
    weights.metadata = attributes.texts
    let layers = try visitGroup(root, at: source.root, [])
    // What Keras lists and is not there was lost on the way. Shards of transformers' list tensors.
    if let lost = attributes.list("layer_names")?.first(where: { !layers.contains($0) && weights[$0] == nil })
    {
      throw Self.lost("layer '\(lost)'")
    }
    // One dataset may have any number of names.
    try weights.checkExpansion(of: datasets.values.map(\.spec.byteCount))
    for (key, names) in [(HDF5Format.stringsKey, strings), (HDF5Format.referencesKey, references)]
    where !names.isEmpty {
      weights.metadata[key] = names.joined(separator: ", ")
    }
  }

  private static func lost(_ subject: String) -> GraftError {
    GraftError(
      .malformed, "the file lists it and does not have it", subject: subject,
      advice: "Copy or download it again.")
  }

  /// - Returns: The names of what is in the group.
  @discardableResult
  private mutating func visitGroup(
    _ group: any StoredObject, at address: Int, _ path: [String]
  ) throws -> Set<String> {
    guard groups.insert(address).inserted else {
      throw GraftError(.unsupported, "a group that is reached by two paths, or contains itself")
    }
    guard path.count < Self.maximumDepth else {
      throw GraftError(.unsupported, "more than \(Self.maximumDepth) groups in one another")
    }
    let links = try group.links()
    for (name, address) in links {
      func named(_ error: GraftError) -> GraftError {
        var error = error
        error.subject = error.subject ?? "'\((path + [name]).joined(separator: "/"))'"
        return error
      }
      do {
        try visit(address, path + [name])
      } catch let error as GraftError {
        throw named(error)
      } catch let unknown as UnknownStructure {
        throw UnknownStructure(named(unknown.error))
      }
    }
    for name in try group.attributes().list("weight_names") ?? [] {
      let tensor = (path + [name]).joined(separator: "/")
      if weights[tensor] == nil { throw Self.lost("tensor '\(tensor)'") }
    }
    return Set(links.map(\.name))
  }

  private mutating func visit(_ address: Int, _ path: [String]) throws {
    let name = path.joined(separator: "/")
    pathByteCount += name.utf8.count
    guard pathByteCount <= Self.maximumPaths else {
      throw GraftError(.malformed, "the names are too long", expected: "at most \(Self.maximumPaths) bytes")
    }
    let object = try source.object(at: address)
    switch object.kind {
    case .group: try visitGroup(object, at: address, path)
    case .dataset: try visitDataset(object, at: address, name)
    // A type on its own is no tensor.
    case .other: break
    }
  }

  private mutating func visitDataset(_ object: any StoredObject, at address: Int, _ name: String) throws {
    let dataset: any StoredDataset
    switch try datasets[address].map(DatasetContent.tensor) ?? object.dataset() {
    case .tensor(let tensor): dataset = tensor
    case .texts:
      strings.append(name)
      return
    case .references:
      references.append(name)
      return
    }
    if datasets.updateValue(dataset, forKey: address) == nil {
      // Datasets that share bytes would let a small file ask for much.
      storedByteCount += dataset.storedByteCount
      guard storedByteCount <= file.size else {
        throw GraftError(.malformed, "the datasets together are larger than the file: some overlap")
      }
    }
    guard weights[name] == nil else {
      throw GraftError(.malformed, "another tensor's name has the same characters in another encoding")
    }
    weights[name] = dataset.tensor(name, in: file)
  }
}
