import GraftTensors

/// All groups and datasets of a file.
struct Tree {
  /// The most groups in one another.
  static let maximumDepth = 64
  /// The most bytes of all names: a long one stands in front of all that is in its group.
  private static let maximumPaths = 1 << 26

  private let file: File
  private(set) var weights = Weights()
  /// The paths of datasets that hold texts.
  private var strings: [String] = []
  private var groups: Set<Int> = []
  /// Datasets by address: one may have several names.
  private var datasets: [Int: Dataset] = [:]
  private var storedByteCount = 0
  private var pathByteCount = 0

  /// - Throws: ``GraftError`` naming the group or tensor at fault.
  init(_ file: File) throws {
    self.file = file
    let root = try ObjectHeader(file, at: file.root)
    let attributes = try Attributes(root, file)
    weights.metadata = attributes.texts
    let layers = try visitGroup(root, at: file.root, [])
    // What Keras lists and is not there was lost on the way.
    if let lost = attributes.list("layer_names")?.first(where: { !layers.contains($0) }) {
      throw Self.lost("layer '\(lost)'")
    }
    // One dataset may have any number of names.
    try weights.checkExpansion(of: datasets.values.map(\.spec.byteCount))
    if !strings.isEmpty { weights.metadata[HDF5Format.stringsKey] = strings.joined(separator: ", ") }
  }

  private static func lost(_ subject: String) -> GraftError {
    GraftError(
      .malformed, "the file lists it and does not have it", subject: subject,
      advice: "Copy or download it again.")
  }

  /// - Returns: The names of what is in the group.
  @discardableResult
  private mutating func visitGroup(_ header: ObjectHeader, at address: Int, _ path: [String]) throws -> Set<
    String
  > {
    guard groups.insert(address).inserted else {
      throw GraftError(.unsupported, "a group that is reached by two paths, or contains itself")
    }
    guard path.count < Self.maximumDepth else {
      throw GraftError(.unsupported, "more than \(Self.maximumDepth) groups in one another")
    }
    let links = try Group.links(of: header, in: file)
    for (name, address) in links {
      do {
        try visit(address, path + [name])
      } catch var error as GraftError {
        error.subject = error.subject ?? "'\((path + [name]).joined(separator: "/"))'"
        throw error
      }
    }
    for name in try Attributes(header, file).list("weight_names") ?? [] {
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
    let header = try ObjectHeader(file, at: address)
    if Group.isGroup(header) {
      try visitGroup(header, at: address, path)
      return
    }
    // A type on its own is no tensor.
    guard header.has(ObjectHeader.Kind.layout) else { return }
    guard let dataset = try datasets[address] ?? Dataset(header, in: file) else {
      strings.append(name)
      return
    }
    if datasets.updateValue(dataset, forKey: address) == nil {
      // Datasets that share bytes would let a small file ask for much.
      storedByteCount += dataset.storedByteCount
      guard storedByteCount <= file.content.size else {
        throw GraftError(.malformed, "the datasets together are larger than the file: some overlap")
      }
    }
    guard weights[name] == nil else {
      throw GraftError(.malformed, "another tensor's name has the same characters in another encoding")
    }
    weights[name] = dataset.tensor(name, in: file.content)
  }
}
