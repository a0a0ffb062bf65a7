import GraftTensors

/// What a file's names say that it is.
struct Recognition {
  let family: Family
  let dialect: Dialect
  /// What stands before the names that is no dialect's: `net.` of a class around the model; empty for nothing.
  let wrapper: String
}

extension Registry {
  /// The family and the dialect of a file.
  ///
  /// The family is the one that the configuration names: by `model_type`, else by the class in `architectures`.
  /// When it names none, the one whose names most of the tensors have. Where more names are known without a prefix
  /// that most of them share, the prefix is a wrapper's.
  ///
  /// - Throws: `GraftError` when the family is not registered, no dialect knows a name, or several families do
  ///   equally well.
  func recognize(_ stored: Weights, _ configuration: Configuration) throws -> Recognition {
    let named = try namedFamily(configuration).map { [$0] } ?? families.values
    var backbones: [(Family, any Backbone)] = []
    var failures: [any Error] = []
    for family in named {
      do {
        backbones.append((family, try family.makeBackbone(configuration)))
      } catch  where named.count > 1 {
        failures.append(error)
      }
    }
    let names = Array(stored.tensors.keys)
    var (wrapper, best) = ("", bestMatches(of: names, backbones))
    if (best.first?.count ?? 0) * 2 < names.count {
      // An optimizer's state is not behind the model's prefix, and may be most of the file.
      let dropped = dialects.flatMap(\.dialect.dropped)
      let weights = names.filter { name in !dropped.contains { $0.matches(name) { _ in false } } }
      for prefix in Weights.sharedPrefixes(of: weights) {
        let found = bestMatches(of: names.map { $0.withoutPrefix(prefix) }, backbones)
        if found.first?.count ?? 0 > best.first?.count ?? 0 { (wrapper, best) = (prefix, found) }
      }
      if !wrapper.isEmpty, let family = best.first?.family {
        try checkFamily(family, ofNamesBeginningWith: wrapper, configuration)
      }
    }
    guard let first = best.first else {
      // A configuration that no family accepts hides what its tensors are.
      if let failure = failures.first { throw failure }
      try checkNumbering(of: names)
      throw GraftError(
        .unsupported,
        "none of its \(names.count) tensors has a name that a dialect knows",
        found: "'\(names.first ?? "no tensor")' first",
        advice:
          "Known dialects: \(dialects.map { "\($0.family.name)/\($0.dialect.name)" }.joined(separator: ", "))."
      )
    }
    guard best.count == 1 else {
      throw GraftError(
        .mismatch, "its tensors fit several families",
        subject: "key 'model_type' of \(ModelDirectory.configurationName)",
        expected: "one of \(best.map(\.family.name).joined(separator: ", "))", found: "nothing",
        advice: "Say in config.json which one it is.")
    }
    return Recognition(family: first.family, dialect: first.dialect, wrapper: wrapper)
  }

  /// Refuses the names of Keras 2.12 to 2.14, which lists every layer twice and numbers the layers of a class by their
  /// places there.
  private func checkNumbering(of names: [String]) throws {
    guard let name = names.first(where: { $0.contains("_layer_checkpoint_dependencies/") }) else { return }
    throw GraftError(
      .unsupported, "its tensors have the names of Keras 2.12 to 2.14, which are not read",
      found: "'\(name)'",
      advice: "Load it with that Keras, and write model.save_weights('model.h5') beside its config.json.")
  }

  /// Demands that a prefix is no other family's: those have the same names behind it, and compute something else.
  private func checkFamily(
    _ family: Family, ofNamesBeginningWith prefix: String, _ configuration: Configuration
  ) throws {
    let others = families.values.filter { other in
      other.name != family.name && other.dialects.contains { $0.backbonePrefixes.contains(prefix) }
    }
    // Not `model.`, which is both a family's and what many wrappers say.
    let name = prefix.dropLast()
    guard others.contains(where: { $0.name.hasPrefix(name) }),
      !family.dialects.contains(where: { $0.backbonePrefixes.contains(prefix) })
    else { return }
    throw GraftError(
      .mismatch, "its tensors are those of another family",
      subject:
        "key '\(configuration["model_type"] == nil ? "architectures" : "model_type")' of \(ModelDirectory.configurationName)",
      expected: "one of \(others.map(\.name).joined(separator: ", ")), for names that begin with '\(prefix)'",
      found: "'\(family.name)'", advice: "Correct config.json.")
  }

  /// The dialect of each family that knows most of some names, of those families that know the most.
  private func bestMatches(
    of names: [String], _ backbones: [(family: Family, backbone: any Backbone)]
  ) -> [(family: Family, dialect: Dialect, count: Int)] {
    let matches = backbones.compactMap { family, backbone in
      var best: (family: Family, dialect: Dialect, count: Int)?
      // No other dialect knows more names than all.
      for dialect in family.dialects where (best?.count ?? 0) < names.count {
        let table = NameTable(dialect, on: backbone, heads: dialect.heads.keys.sorted())
        let count = table.matches(names)
        if count > best?.count ?? 0 { best = (family, dialect, count) }
      }
      return best
    }
    let largest = matches.map(\.count).max()
    return matches.filter { $0.count == largest }
  }

  /// The family that a configuration's `model_type` names.
  ///
  /// - Throws: `GraftError` when it names none, or one that is not known.
  public func family(of configuration: Configuration) throws -> Family {
    guard configuration["model_type"] != nil else {
      throw GraftError(
        .missing, "is missing", file: ModelDirectory.configurationName, subject: "key 'model_type'",
        expected: "the name of a family")
    }
    return try families.find(configuration.string("model_type", default: ""))
  }

  /// The family that a configuration names.
  private func namedFamily(_ configuration: Configuration) throws -> Family? {
    if configuration["model_type"] != nil {
      do {
        return try family(of: configuration)
      } catch var error as GraftError {
        error.subject = "key 'model_type' of \(ModelDirectory.configurationName)"
        throw error
      }
    }
    guard let name = configuration["architectures"]?.array?.first?.string else { return nil }
    return families.values.filter { family in
      let rest = name.dropFirst(family.classPrefix.count)
      return name.hasPrefix(family.classPrefix) && (rest == "Model" || rest.hasPrefix("For"))
    }.max { $0.classPrefix.count < $1.classPrefix.count }
  }
}

extension Weights {
  /// The prefixes, of whole components between dots or slashes, that at least half of some names have; shorter ones
  /// first.
  fileprivate static func sharedPrefixes(of names: [String]) -> [String] {
    var counts: [String: Int] = [:]
    for name in names {
      // Wrappers stand in wrappers, but not in many.
      for end in name.indices.lazy.filter({ name[$0] == "." || name[$0] == "/" }).prefix(4) {
        counts[String(name[...end]), default: 0] += 1
      }
    }
    return counts.filter { $0.value * 2 >= names.count }.keys.sorted {
      ($0.utf8.count, $0) < ($1.utf8.count, $1)
    }
  }

  /// The same tensors without a prefix of those names that have it.
  ///
  /// - Throws: `GraftError` when two names become one.
  func withoutPrefix(_ prefix: String) throws -> Weights {
    prefix.isEmpty ? self : try renamed { $0.withoutPrefix(prefix) }
  }

  /// The tensors whose names have a prefix, and the others.
  func divided(by prefix: String) -> (with: Weights, without: Weights) {
    var (with, without) = (self, Weights())
    with.tensors.removeAll { !$0.key.hasPrefix(prefix) }
    without.tensors = tensors.filter { !$0.key.hasPrefix(prefix) }
    return (with, without)
  }

  /// What PyTorch's wrappers of modules call what they wrap, wherever in a model that is: FSDP, activation checkpointing,
  /// `torch.compile`.
  private static let wrapperParts: [Substring] = [
    "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_orig_mod",
  ]

  /// The same tensors without such parts of their names.
  ///
  /// - Returns: The tensors, and which parts were taken off.
  /// - Throws: `GraftError` when two names become one.
  func withoutWrapperParts() throws -> (weights: Weights, parts: [Substring]) {
    func parts(_ name: String) -> [Substring] {
      name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Substring($0) }
    }
    let all = Set(tensors.keys.flatMap { parts($0).dropLast() })
    let wrappers = Self.wrapperParts.filter(all.contains)
    guard !wrappers.isEmpty else { return (self, []) }
    let weights = try renamed { name in
      parts(name).filter { !wrappers.contains($0) }.joined(separator: ".")
    }
    return (weights, wrappers)
  }

  private func renamed(_ rename: (String) -> String) throws -> Weights {
    var weights = Weights(metadata: metadata)
    for (name, tensor) in tensors {
      let new = rename(name)
      guard weights.tensors.updateValue(tensor, forKey: new) == nil else {
        let other = tensors.keys.first { rename($0) == new } ?? new
        throw GraftError(
          .malformed, "two tensors are the same parameter", subject: "tensor '\(name)'",
          found: "also '\(other)'")
      }
    }
    weights.assumed = Set(assumed.map(rename))
    return weights
  }
}

extension String {
  fileprivate func withoutPrefix(_ prefix: String) -> String {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
  }
}
