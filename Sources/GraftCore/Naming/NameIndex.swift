/// Stored names and their places in a list, where a name may have a scope in it or not.
struct NameIndex: Sendable {
  /// Stands in a name for one component that varies by the class that wrote the file, or for none.
  static let scope = "{scope}"

  private var places: [String: Int] = [:]
  /// Names with a scope, written without it.
  private var scoped: [String: Int] = [:]
  /// Which components of those the scope is.
  private var depths: Set<Int> = []

  /// The names in their order; of two that are equal, the first counts.
  init(_ names: [String]) {
    places.reserveCapacity(names.count)
    for (index, name) in names.enumerated() {
      let plain = Self.unscoped(name)
      if places[plain] == nil { places[plain] = index }
      guard plain != name else { continue }
      if let depth = name.split(separator: "/").firstIndex(of: Self.scope[...]) {
        scoped[plain] = scoped[plain] ?? index
        depths.insert(depth)
      }
    }
  }

  subscript(name: String) -> Int? {
    if let place = places[name] { return place }
    guard !depths.isEmpty else { return nil }
    let components = name.split(separator: "/", omittingEmptySubsequences: false)
    for depth in depths where depth < components.count {
      let plain = (components[..<depth] + components[(depth + 1)...]).joined(separator: "/")
      if let place = scoped[plain] { return place }
    }
    return nil
  }

  /// A name without its scope.
  static func unscoped(_ name: String) -> String {
    name.utf8.contains(UInt8(ascii: "{")) ? name.replacing("\(scope)/", with: "") : name
  }
}

extension String {
  /// `BertForMaskedLM` as `bert_for_masked_lm`, the way Keras names what has no name of its own.
  var snakeCased: String {
    let characters = Array(self)
    var result = ""
    for (index, character) in characters.enumerated() {
      let next = characters.indices.contains(index + 1) ? characters[index + 1] : nil
      // A word begins at a capital behind a small letter, or in front of one.
      if index > 0, character.isUppercase,
        !characters[index - 1].isUppercase || next.map({ $0.isLowercase }) == true
      {
        result += "_"
      }
      result += character.lowercased()
    }
    return result
  }
}
