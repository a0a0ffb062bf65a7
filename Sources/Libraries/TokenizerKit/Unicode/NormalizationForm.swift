/// The normalization forms of Unicode, with the tables that `tokenizers` has.
///
/// Reference: Unicode Standard Annex #15.
public enum NormalizationForm: String, Sendable, CaseIterable {
  case nfd = "NFD"
  case nfc = "NFC"
  case nfkd = "NFKD"
  case nfkc = "NFKC"

  var isCompatible: Bool { self == .nfkd || self == .nfkc }
  var composes: Bool { self == .nfc || self == .nfkc }

  /// The properties of the scalars that may become others or come to stand elsewhere.
  var affected: ScalarFlags {
    var flags: ScalarFlags = composes ? .unstable : [.decomposes, .combining]
    if isCompatible { flags.insert(.decomposesCompatibly) }
    return flags
  }
}

extension AlignedText {
  /// Brings the text into a normalization form.
  public mutating func normalize(_ form: NormalizationForm) {
    guard contains(form.affected), form.composes || !decomposeInOrder(isCompatible: form.isCompatible) else {
      return
    }
    let parts = decompositions(isCompatible: form.isCompatible)
    transform(form.composes ? Self.composed(parts) : parts)
  }

  /// Decomposes the text where that puts no marks out of canonical order.
  ///
  /// - Returns: Whether it could; where not, nothing is changed.
  private mutating func decomposeInOrder(isCompatible: Bool) -> Bool {
    let properties = UnicodeProperties.shared
    var lastClass: UInt32 = 0
    var isInOrder = true
    var result = AlignedText(expecting: bytes.count * 2, origin: origin)
    forEachScalar { scalar, index in
      func append(_ part: UInt32) {
        let combiningClass = properties.combiningClass(of: part)
        if combiningClass != 0, combiningClass < lastClass { isInOrder = false }
        lastClass = combiningClass
        result.append(part, at: index, of: self)
      }
      if isCompatible {
        properties.decomposeCompatibly(scalar, append)
      } else {
        properties.decompose(scalar, append)
      }
    }
    if isInOrder { self = result }
    return isInOrder
  }

  /// The scalars of the decomposition in canonical order. Those that a decomposition adds count as added, wherever the
  /// order brings them.
  private func decompositions(isCompatible: Bool) -> [Change] {
    let properties = UnicodeProperties.shared
    var changes: [Change] = []
    changes.reserveCapacity(bytes.count)
    // Where the marks begin that are not in order yet, and their classes.
    var first = 0
    var classes: [UInt32] = []
    func order() {
      if classes.count > 1 {
        let marks = changes[first...]
        let sorted = classes.indices.sorted { (classes[$0], $0) < (classes[$1], $1) }
        changes.replaceSubrange(first..., with: sorted.map { marks[first + $0] })
      }
      classes.removeAll(keepingCapacity: true)
    }
    forEachScalar { scalar, _ in
      var isFirst = true
      func append(_ part: UInt32) {
        let combiningClass = properties.combiningClass(of: part)
        if combiningClass == 0 {
          order()
        } else if classes.isEmpty {
          first = changes.count
        }
        if combiningClass != 0 { classes.append(combiningClass) }
        changes.append(Change(part, isFirst ? 0 : 1))
        isFirst = false
      }
      if isCompatible {
        properties.decomposeCompatibly(scalar, append)
      } else {
        properties.decompose(scalar, append)
      }
    }
    order()
    return changes
  }

  /// Composes what can be composed. A composite replaces all that it is composed of.
  private static func composed(_ parts: [Change]) -> [Change] {
    let properties = UnicodeProperties.shared
    var changes: [Change] = []
    changes.reserveCapacity(parts.count)
    /// The place in `changes` of the starter that marks may join, and the class of the last one that did not.
    var starter: Int?
    var lastClass: UInt32?
    for part in parts {
      let combiningClass = properties.combiningClass(of: part.scalar)
      if let place = starter, lastClass.map({ $0 < combiningClass }) ?? true,
        let composite = properties.compose(changes[place].scalar, part.scalar)
      {
        changes[place] = Change(composite, changes[place].change + part.change - 1)
        continue
      }
      if combiningClass == 0 {
        starter = changes.count
        lastClass = nil
      } else if starter != nil {
        lastClass = combiningClass
      }
      changes.append(part)
    }
    return changes
  }
}
