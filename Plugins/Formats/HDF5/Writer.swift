import GraftTensors
import OrderedCollections

/// Lays out tensors as a file: the superblock, the headers of all groups and datasets, then the bytes.
///
/// Groups keep their links in their headers, as HDF5 does since 1.8, and datasets are contiguous. A file with
/// a Keras version in its metadata gets the attributes by which Keras 2 finds its layers and their weights, and one of
/// numbered variables the group in which a model's own would be.
struct Writer {
  private static let superblockSize = 48
  private static let undefined = UInt64.max
  private static let kerasVersionKey = "keras_version"
  private static let variables = "vars"
  /// Keras divides longer lists of names.
  static let maximumAttribute = 64_512

  private let root: Node
  private let metadata: [String: String]
  private let heap: GlobalHeapBlock?
  /// Tensors in the order of the tree, and where their bytes begin.
  private(set) var tensors: [(name: String, tensor: LazyTensor, address: Int)] = []
  /// Everything in front of the tensors' bytes.
  private(set) var head: [UInt8] = []

  /// - Throws: ``GraftError`` when a tensor's name is no path, the path of a group or too long for Keras's lists,
  ///   its shape has more extents than HDF5 allows, or the file's version of Keras cannot load its type.
  init(_ weights: Weights) throws {
    metadata = weights.metadata.filter {
      ![HDF5Format.stringsKey, HDF5Format.referencesKey].contains($0.key)
    }
    root = Node()
    let kerasVersion = metadata[Self.kerasVersionKey]
    for (name, tensor) in weights.tensors {
      try Self.check(name, tensor.spec, kerasVersion)
      try root.add(name, tensor)
    }
    // By the numbers of variables: Keras looks for the model's own first, of which there are none.
    let isNumbered = weights.tensors.keys.contains { $0.contains("/\(Self.variables)/") }
    if isNumbered, root.children[Self.variables] == nil { root.children[Self.variables] = Node() }
    let needsHeap = weights.tensors.values.contains { $0.spec.dtype == .bfloat16 }
    heap = needsHeap ? GlobalHeapBlock(address: Self.superblockSize, text: HDF5Message.bfloat16) : nil

    // The sizes of headers do not depend on the addresses in them.
    var end = Self.superblockSize + (heap?.encoded.count ?? 0)
    let nodes = root.nodes
    for node in nodes {
      node.address = end
      end += header(node).count
      end += -end & 7
    }
    for node in nodes {
      guard let (name, tensor) = node.tensor else { continue }
      let (next, overflow) = end.addingReportingOverflow(tensor.spec.byteCount + 7)
      guard !overflow else { throw GraftError(.unsupported, "more tensors than a file can hold") }
      node.dataAddress = end
      tensors.append((name, tensor, end))
      end = next & ~7
    }
    head = superblock(end: tensors.last.map { $0.address + $0.tensor.spec.byteCount } ?? end)
    head += heap?.encoded ?? []
    for node in nodes {
      head += header(node)
      head += [UInt8](repeating: 0, count: -head.count & 7)
    }
  }

  private static func check(_ name: String, _ spec: TensorSpec, _ kerasVersion: String?) throws {
    guard spec.shape.count <= maximumRank else {
      throw GraftError(
        .unsupported, "too many extents for HDF5", subject: "tensor '\(name)'",
        expected: "at most \(maximumRank)", found: "\(spec.shape.count)")
    }
    guard spec.dtype != .bfloat16 || kerasVersion?.hasPrefix("2.") != true else {
      throw GraftError(
        .unsupported, "Keras 2 cannot load bfloat16", subject: "tensor '\(name)'",
        advice: "Convert it to float32 or float16.")
    }
    guard kerasVersion == nil || name.utf8.count <= maximumAttribute else {
      throw GraftError(
        .unsupported, "a name too long for Keras's lists", subject: "tensor '\(name.prefix(40))…'",
        expected: "at most \(maximumAttribute) bytes", found: "\(name.utf8.count)")
    }
  }

  private func superblock(end: Int) -> [UInt8] {
    var bytes = File.signature + [2, 8, 8, 0]
    for address in [0, Self.undefined, UInt64(end), UInt64(root.address)] { bytes.append(integer: address) }
    bytes.append(integer: checksum(bytes))
    return bytes
  }

  /// An object header of version 2.
  private func header(_ node: Node) -> [UInt8] {
    var messages: [UInt8] = []
    for (kind, body) in node.tensor.map({ dataset($0.tensor.spec, node) }) ?? group(node) {
      messages.append(UInt8(kind))
      messages.append(integer: UInt16(body.count))
      messages += [0] + body
    }
    // Flags: the size of the messages takes four bytes.
    var bytes = Array("OHDR".utf8) + [2, 2]
    bytes.append(integer: UInt32(messages.count))
    bytes += messages
    bytes.append(integer: checksum(bytes))
    return bytes
  }

  private func dataset(_ spec: TensorSpec, _ node: Node) -> [(Int, [UInt8])] {
    var layout: [UInt8] = [3, 1]
    layout.append(integer: spec.byteCount == 0 ? Self.undefined : UInt64(node.dataAddress))
    layout.append(integer: UInt64(spec.byteCount))
    var messages = [
      (ObjectHeader.Kind.dataspace, HDF5Message.dataspace(spec.shape)),
      (ObjectHeader.Kind.datatype, HDF5Message.datatype(spec.dtype)),
      // The default value, for what is allocated late.
      (ObjectHeader.Kind.fillValue, [3, 0x0A]), (ObjectHeader.Kind.layout, layout),
    ]
    if spec.dtype == .bfloat16, let heap {
      messages.append((ObjectHeader.Kind.attribute, HDF5Message.attribute("dtype", heap.reference)))
    }
    return messages
  }

  private func group(_ node: Node) -> [(Int, [UInt8])] {
    var info: [UInt8] = [0, 0]
    for _ in 0..<2 { info.append(integer: Self.undefined) }
    var messages = [(ObjectHeader.Kind.linkInfo, info), (ObjectHeader.Kind.groupInfo, [0, 0])]
    messages += node.children.map { name, child in
      // Flags: a length of two bytes, and a set of characters, UTF-8.
      var link: [UInt8] = [1, 0x11, 1]
      link.append(integer: UInt16(name.utf8.count))
      link += name.utf8
      link.append(integer: UInt64(child.address))
      return (ObjectHeader.Kind.link, link)
    }
    return messages + attributes(node).map { (ObjectHeader.Kind.attribute, $0) }
  }

  /// The metadata at the root, and Keras's lists.
  private func attributes(_ node: Node) -> [[UInt8]] {
    var attributes: [[UInt8]] = []
    let isRoot = node === root
    if isRoot {
      attributes = metadata.sorted { $0.key < $1.key }
        .filter { $0.key.utf8.count + $0.value.utf8.count < Self.maximumAttribute }
        .map { HDF5Message.attribute($0.key, text: $0.value) }
    }
    guard metadata[Self.kerasVersionKey] != nil else { return attributes }
    let groups = root.children.filter { $0.value.tensor == nil }
    if isRoot {
      attributes += HDF5Message.attributes("layer_names", Array(groups.keys))
    } else if let (layer, _) = groups.first(where: { $0.value === node }) {
      let names = node.nodes.compactMap { $0.tensor?.name.dropFirst(layer.count + 1) }
      attributes += HDF5Message.attributes("weight_names", names.map(String.init))
    }
    return attributes
  }
}

/// A group, or a tensor.
private final class Node {
  /// What a link message leaves for a name.
  private static let maximumName = 65_000

  var children: OrderedDictionary<String, Node> = [:]
  var tensor: (name: String, tensor: LazyTensor)?
  var address = 0
  var dataAddress = 0

  /// This node and all below, groups before what is in them.
  var nodes: [Node] { [self] + children.values.flatMap(\.nodes) }

  func add(_ path: String, _ tensor: LazyTensor) throws {
    let names = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    var node = self
    func refusal(_ problem: String) -> GraftError {
      GraftError(.unsupported, problem, subject: "tensor '\(path)'")
    }
    guard names.count <= Tree.maximumDepth,
      names.allSatisfy({
        !$0.isEmpty && $0 != "." && $0.utf8.count <= Self.maximumName && !$0.utf8.contains(0)
      })
    else { throw refusal("HDF5 takes a name for a path, and this is none") }
    for name in names {
      guard node.tensor == nil else { throw refusal("another tensor has the name of a part of its path") }
      let next = node.children[name] ?? Node()
      node.children[name] = next
      node = next
    }
    guard node.tensor == nil, node.children.isEmpty else {
      throw refusal("other tensors have this name as a part of their paths")
    }
    node.tensor = (path, tensor)
  }
}

/// A heap with one text, which attributes refer to.
private struct GlobalHeapBlock {
  private static let size = 4096

  let encoded: [UInt8]
  /// An attribute's element that is the text.
  let reference: [UInt8]

  init(address: Int, text: String) {
    var bytes = Array("GCOL".utf8) + [1, 0, 0, 0]
    bytes.append(integer: UInt64(Self.size))
    bytes += [1, 0, 1, 0, 0, 0, 0, 0]
    bytes.append(integer: UInt64(text.utf8.count))
    bytes += Array(text.utf8) + [UInt8](repeating: 0, count: -text.utf8.count & 7)
    // Number 0 is the space that is left, its own head included.
    let left = Self.size - bytes.count
    bytes += [UInt8](repeating: 0, count: 8)
    bytes.append(integer: UInt64(left))
    encoded = bytes + [UInt8](repeating: 0, count: Self.size - bytes.count)
    var reference: [UInt8] = []
    reference.append(integer: UInt32(text.utf8.count))
    reference.append(integer: UInt64(address))
    reference.append(integer: UInt32(1))
    self.reference = reference
  }
}
